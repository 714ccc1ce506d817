//! How fast another page answers while a hundred people log in.

use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

use crate::Result;
use crate::report::table::Table;
use crate::site::{HOST, PASSWORD, login, site};
use crate::statistics::quantile;

const LOGINS: usize = 100;

/// Between two questions for the other page.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) async fn run() -> Result<String> {
    let mut table =
        Table::new(&["passwords at once", "median", "p99", "most", "asked", "all are in after"]);
    for (name, limit) in [("as set by default", None), ("all: no bound", Some(LOGINS))] {
        table.row(measure(name, limit).await?);
    }
    let text = table.into_text();
    Ok(format!("## Another page while {LOGINS} people log in at once\n\n{text}\n"))
}

async fn measure(name: &str, limit: Option<usize>) -> Result<[String; 6]> {
    let (app, _folder) = site(1, |settings| {
        if let Some(limit) = limit {
            settings.passwords.hashing_limit = limit;
        }
    })
    .await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();

    let started = Instant::now();
    let logins: Vec<_> = (0..LOGINS)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let (mut parts, body) = login("user0", PASSWORD)?.into_parts();
                parts.uri = format!("http://{address}/accounts/login/").parse()?;
                let answer = client.request(Request::from_parts(parts, body)).await?;
                match answer.status().as_u16() {
                    302 => Ok(()),
                    status => Err(format!("a login was answered with {status}").into()),
                }
            })
        })
        .collect();
    let all = tokio::spawn(async move {
        for login in logins {
            let done: Result = login.await?;
            done?;
        }
        Result::Ok(started.elapsed())
    });
    let mut waited = Vec::new();
    while !all.is_finished() {
        let asked = Instant::now();
        let page = Request::get(format!("http://{address}/plain")).header("host", HOST);
        let answer = client.request(page.body(Body::empty())?).await?;
        to_bytes(Body::new(answer.into_body()), 100).await?;
        waited.push(asked.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    let took = all.await??;
    server.abort();
    let asked = waited.len();
    let [median, p99, most] = [0.5, 0.99, 1.0].map(|share| quantile(&mut waited, share));
    let times = [median, p99, most, took].map(|time| format!("{time:.1?}"));
    let [median, p99, most, took] = times;
    Ok([name.to_owned(), median, p99, most, asked.to_string(), took])
}
