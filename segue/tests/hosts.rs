//! `ALLOWED_HOSTS`: a request for another host gets no further than the outermost layer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use common::{Answer, HOST, Log, TestStore, clock, settings};
use http::{Request, Response};
use segue::host::{AllowedHostsLayer, DisallowedHost};
use segue::{ConfigError, Session, SessionError, Settings, Site};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Nothing but this host, whatever it is.
fn request(host: &str) -> Request<()> {
    let host = http::HeaderValue::from_bytes(host.as_bytes()).unwrap();
    Request::get("/").header("host", host).body(()).unwrap()
}

/// The status, the page, and what the layer says why; the service behind it counts.
async fn ask(settings: &Settings, request: Request<()>) -> (u16, String, Option<DisallowedHost>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let handler = service_fn(|_: Request<()>| {
        calls.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(Response::new(Body::from("served"))) }
    });
    let service = AllowedHostsLayer::new(settings).unwrap().layer(handler);
    let mut response = service.oneshot(request).await.unwrap();
    let why = response.extensions_mut().remove::<DisallowedHost>();
    assert_eq!(calls.load(Ordering::Relaxed), usize::from(why.is_none()));
    if why.is_some() {
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        assert_eq!(response.headers().len(), 1);
    }
    let answer = Answer::of(response.map(Body::new)).await;
    (answer.status.as_u16(), answer.body, why)
}

/// The attack: a link in a mail that leads to a site of the attacker's.
#[tokio::test]
async fn a_poisoned_host_reaches_no_handler() {
    let settings = settings();
    assert_eq!(ask(&settings, request(HOST)).await, (200, "served".to_owned(), None));
    let long = "a".repeat(100_000);
    for host in ["evil.example", "example.com@evil.example", "example.com, evil.example", "", &long]
    {
        let (status, page, why) = ask(&settings, request(host)).await;
        assert_eq!(status, 400, "{host}");
        assert_eq!(page, "Bad request: this host is not served here.", "nothing is given away");
        assert!(why.is_some());
    }
    let (status, ..) = ask(&settings, Request::new(())).await;
    assert_eq!(status, 400, "no host at all");
    let mut forwarded = request(HOST);
    forwarded.headers_mut().insert("x-forwarded-host", "evil.example".parse().unwrap());
    assert_eq!(ask(&settings, forwarded).await.0, 200, "nobody looks at it");
}

#[tokio::test]
async fn a_developer_is_told_what_to_add() {
    let mut settings = settings();
    settings.debug = true;
    let (_, page, why) = ask(&settings, request("Other.Example:8000")).await;
    let expected = "Bad request: the host \"Other.Example:8000\" is not in ALLOWED_HOSTS. You may \
                    need to add \"other.example\" to ALLOWED_HOSTS.";
    assert_eq!(page, expected);
    assert_eq!(why.unwrap().to_string(), "the host \"Other.Example:8000\" is not in ALLOWED_HOSTS");
    let (_, page, _) = ask(&settings, request("<script>alert(1)</script>")).await;
    assert_eq!(page, "Bad request: \"<script>alert(1)</script>\" is no host name.");
    let (_, page, _) = ask(&settings, Request::new(())).await;
    assert_eq!(page, "Bad request: the request names no host.");
}

/// What passes is passed on as it is: the body, whatever its type, and the failure.
#[tokio::test]
async fn whatever_is_inside_is_passed_on() {
    let layer = AllowedHostsLayer::new(&settings()).unwrap();
    let fails = service_fn(|_: Request<()>| async { Err::<Response<u8>, _>("broken") });
    assert_eq!(layer.layer(fails).oneshot(request(HOST)).await.unwrap_err(), "broken");
    let numbers = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(7_u8)) });
    assert_eq!(layer.layer(numbers).oneshot(request(HOST)).await.unwrap().status(), 200);
}

async fn visit(session: Session) -> Result<&'static str, SessionError> {
    session.insert("n", 1)?;
    Ok("served")
}

/// In a `Site` it stands around everything else: no session is looked for, no cookie set.
#[tokio::test]
async fn a_site_asks_for_the_host_first() {
    let store = TestStore::new(clock());
    let routes = Router::new().route("/", get(visit));
    let app = Site::with_store(&settings(), store.clone(), routes).unwrap().into_router();
    let cookie = format!("sessionid={}", common::KEY);
    let ask = async |host: &str, path: &str| {
        let request = Request::get(path).header("host", host).header("cookie", &cookie);
        let request = request.body(Body::empty()).unwrap();
        Answer::of(app.clone().oneshot(request).await.unwrap()).await
    };
    for path in ["/", "/nowhere"] {
        let answer = ask("evil.example", path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!((answer.set_cookie.len(), answer.vary), (0, None), "{path}");
    }
    assert_eq!(store.calls().total(), 0, "the store was not asked");
    assert_eq!(ask(HOST, "/nowhere").await.status, 404);
    let answer = ask(HOST, "/").await;
    assert_eq!((answer.status.as_u16(), answer.set_cookie.len()), (200, 1));

    // Within another session layer its own one complains: after the host.
    let app = app.clone().layer(common::layer(&store, &settings()));
    for (host, status) in [("evil.example", 400), (HOST, 500)] {
        let request = Request::get("/").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status, "{host}");
    }
}

/// Django's `runserver` refuses as well.
#[tokio::test]
async fn without_names_a_site_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new("secret");
    settings.database_url = segue::settings::DatabaseUrl::default_in(folder.path());
    let refused = [
        Site::new(settings.clone(), Router::new()).await.map(drop),
        Site::with_store(&settings, TestStore::new(clock()), Router::new()).map(drop),
        AllowedHostsLayer::new(&settings).map(drop),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert!(matches!(error, ConfigError::Missing { setting: "ALLOWED_HOSTS", .. }), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was opened");
    settings.debug = true;
    assert!(Site::new(settings, Router::new()).await.is_ok());
}

/// The log is read on terminals and by programs: nobody writes lines or colours into it.
#[tokio::test]
async fn the_log_has_one_short_line_of_it() {
    let log = Log::start();
    let mut settings = Settings::new("secret");
    settings.allowed_hosts.push("example.com".to_owned());
    let served = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())));
    let service = AllowedHostsLayer::new(&settings).unwrap().layer(served);
    let ask = async |host: &str| {
        let mut request = Request::new(());
        request
            .headers_mut()
            .insert("host", http::HeaderValue::from_bytes(host.as_bytes()).unwrap());
        service.clone().oneshot(request).await.unwrap().status()
    };

    assert_eq!(ask("example.com").await, 200);
    assert_eq!(log.take(), "", "what is served is no news");
    assert_eq!(ask("evil.example").await, 400);
    let text = log.take();
    assert!(text.contains("refused: the host \"evil.example\" is not in ALLOWED_HOSTS"), "{text}");
    assert_eq!(ask(&format!("evil\t\u{9b}31mé{}", "a".repeat(100_000))).await, 400);
    let text = log.take();
    assert!(text.contains(" WARN ") && text.contains("refused: \"evil\\t"), "{text}");
    assert_eq!(text.lines().count(), 1);
    assert!(text.len() < 500 && text.contains('…'), "{text}");
    assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
}
