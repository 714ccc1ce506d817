//! One visitor at a time: makes sessions, looks whether a server does what it should. The load comes
//! from `wrk`.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Hyper, Error};
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

use crate::Result;

/// Longer than any answer takes, also under `strace`.
const PATIENCE: Duration = Duration::from_secs(20);

const IDLE: Duration = Duration::from_secs(2);

/// So many make sessions at once: a database on a disk takes as long for several.
const AT_ONCE: usize = 8;

#[derive(Debug)]
pub(crate) struct Client {
    runtime: Runtime,
    hyper: Hyper<HttpConnector, Body>,
    origin: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: String,
    /// As a `Cookie` header has it.
    pub(crate) cookie: Option<String>,
}

impl Client {
    pub(crate) fn new(port: u16) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Servers close what idles for some seconds, and this one would only notice when it asks.
        let mut hyper = Hyper::builder(TokioExecutor::new());
        let hyper = hyper.pool_idle_timeout(IDLE).build_http();
        Ok(Self { runtime, hyper, origin: format!("http://127.0.0.1:{port}") })
    }

    pub(crate) fn get(&self, path: &str, cookie: Option<&str>) -> Result<Answer> {
        self.runtime.block_on(get(&self.hyper, &format!("{}{path}", self.origin), cookie))
    }

    /// Somebody asks so often at once; how often the answer was the right one.
    pub(crate) fn at_once(&self, path: &str, cookie: &str, count: usize) -> usize {
        let url = format!("{}{path}", self.origin);
        self.runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..count {
                let (hyper, url, cookie) = (self.hyper.clone(), url.clone(), cookie.to_owned());
                tasks.spawn(async move { get(&hyper, &url, Some(&cookie)).await.is_ok() });
            }
            tasks.join_all().await.into_iter().filter(|&is_right| is_right).count()
        })
    }

    /// As many sessions, as their cookies.
    pub(crate) fn sessions(&self, path: &str, count: usize) -> Result<Vec<String>> {
        let url = format!("{}{path}", self.origin);
        self.runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for part in 0..AT_ONCE {
                let (hyper, url) = (self.hyper.clone(), url.clone());
                let many = (count + part) / AT_ONCE;
                tasks.spawn(async move {
                    let mut cookies = Vec::new();
                    for _ in 0..many {
                        let answer = get(&hyper, &url, None).await?;
                        cookies.push(answer.cookie.ok_or("a new session came without a cookie")?);
                    }
                    Result::Ok(cookies)
                });
            }
            let mut cookies = Vec::new();
            while let Some(done) = tasks.join_next().await {
                cookies.extend(done??);
            }
            Ok(cookies)
        })
    }
}

async fn get(
    hyper: &Hyper<HttpConnector, Body>,
    url: &str,
    cookie: Option<&str>,
) -> Result<Answer> {
    let ask = async || {
        let mut request = Request::get(url);
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let answer: std::result::Result<_, Error> =
            hyper.request(request.body(Body::empty())?).await;
        Result::Ok(answer?)
    };
    let answer = tokio::time::timeout(PATIENCE, ask()).await;
    let (parts, body) =
        answer.map_err(|_| format!("{url}: no answer in {PATIENCE:?}"))??.into_parts();
    let body = to_bytes(Body::new(body), 1_000_000).await?;
    let body = String::from_utf8_lossy(&body).into_owned();
    if parts.status != StatusCode::OK {
        let start: String = body.chars().take(300).collect();
        return Err(format!("{url} was answered with {}: {start}", parts.status).into());
    }
    let cookies: Vec<&str> = parts
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        // One that is taken back is empty.
        .filter(|pair| pair.split_once('=').is_some_and(|(_, value)| !value.is_empty()))
        .collect();
    Ok(Answer { body, cookie: (!cookies.is_empty()).then(|| cookies.join("; ")) })
}
