//! A handler that panics.

use axum::Router;
use axum::routing::get;
use http::Method;
use segue::{Session, SessionError};

use super::{Pages, settings};
use crate::common::{Log, clock};

const KEY: &str = crate::common::KEY;

/// The line is looked for by the tests.
fn deep_inside(text: Option<&str>) -> usize {
    text.expect("no <name> in \u{1b}[31m`form`").len()
}

async fn broken() -> String {
    deep_inside(std::env::var("SEGUE_NOT_SET").ok().as_deref()).to_string()
}

/// Panics before there is a future.
fn at_once() -> std::future::Ready<&'static str> {
    panic!("at once");
}

async fn half_done(session: Session) -> Result<String, SessionError> {
    session.insert("half", "done")?;
    panic!("in the middle");
}

async fn while_it_updates(session: Session) -> Result<String, SessionError> {
    session.update("n", |_: Option<u32>| -> u32 { panic!("in a step") })?;
    Ok(String::new())
}

async fn after_a_logout(session: Session) -> Result<String, SessionError> {
    session.insert("half", "done")?;
    session.flush();
    panic!("after a logout");
}

async fn count(session: Session) -> Result<String, SessionError> {
    let n = session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1)?;
    Ok(format!("{n} {:?}", session.keys()))
}

fn routes() -> Router {
    Router::new()
        .route("/broken", get(broken))
        .route("/at-once", get(at_once))
        .route("/half", get(half_done))
        .route("/update", get(while_it_updates))
        .route("/logout", get(after_a_logout))
        .route("/count", get(count))
        .route("/ok", get(|| async { "ok" }))
}

#[tokio::test]
async fn a_visitor_gets_a_500_that_says_nothing() {
    let log = Log::start();
    let pages = Pages::new(false, routes());
    for path in ["/broken", "/at-once", "/half", "/update", "/logout"] {
        let page = pages.open(path).await;
        page.is(500, "Internal server error.");
        assert_eq!(page.headers["content-type"], "text/plain; charset=utf-8");
        assert!(!page.headers.contains_key("content-security-policy"));
    }
    pages.open("/ok").await.is(200, "ok");
    let log = log.take();
    assert!(log.contains("a handler panicked") && log.contains("path=\"/broken\""), "{log}");
    assert!(log.contains(r"no <name> in \u{1b}[31m`form`"), "{log}");
    assert!(!log.contains('\u{1b}'), "what a visitor may have written is no order: {log}");
}

#[tokio::test]
async fn a_developer_sees_what_and_where() {
    let pages = Pages::new(true, routes());
    let page = pages.open("/broken").await;
    page.shows(500, &["A handler panicked", "no &lt;name&gt; in", "GET /broken"]);
    assert!(!page.text.contains("<name>"), "escaped: {}", page.text);

    let source = std::fs::read_to_string(file!().replace("segue/", "")).unwrap();
    let line = source.lines().position(|line| line.contains(".expect(\"no <name>")).unwrap() + 1;
    page.has(&[&format!("{}, line {line}", file!())]);
    // The line itself, and the calls that led there, but not those of axum and of Segue.
    page.has(&[&format!("<mark><b>{line:>4}</b>"), "deep_inside", "broken::{{closure}}"]);
    for frame in ["axum::", "tokio::", "core::panicking", "segue::panics"] {
        assert!(!page.text.contains(&format!("<code>{frame}")), "{frame} is in {}", page.text);
    }
    pages.open("/at-once").await.shows(500, &["at once", "at_once"]);
    pages.open("/update").await.shows(500, &["in a step"]);
}

#[tokio::test]
async fn scripts_and_terminals_get_the_same_as_text() {
    let pages = Pages::new(true, routes());
    for headers in [&[("accept", "application/json")][..], &[("accept", "*/*")], &[]] {
        let page = pages.send(Method::GET, "/broken", headers).await;
        page.tells(500, &["A handler panicked\nno <name> in", "Request: GET /broken", file!()]);
        page.has(&[">    ", "somewhere/settings.toml"]);
        assert!(!page.text.contains('\u{1b}'), "it moves no cursor: {}", page.text);
        assert!(!page.text.contains("<!DOCTYPE"));
    }
    let navigation = [("sec-fetch-mode", "navigate")];
    pages.send(Method::GET, "/broken", &navigation).await.shows(500, &["A handler panicked"]);
}

/// As with every server error: what the handler changed is not kept, an end of the session is.
#[tokio::test]
async fn its_changes_of_the_session_are_not_saved() {
    for debug in [false, true] {
        let pages = Pages::new(debug, routes());
        let cookie = format!("sessionid={KEY}");
        let cookie = [("cookie", cookie.as_str())];
        let live = clock().now() + segue::SignedDuration::from_secs(60);
        let codec = segue::Codec::signed_json(&crate::common::keys(), &clock());
        let payload = codec.encode(&segue::SessionData::parse("{\"n\":5}").unwrap()).unwrap();
        pages.store.plant(crate::common::key(), &payload, live);

        for path in ["/half", "/update"] {
            let page = pages.send(Method::GET, path, &cookie).await;
            assert_eq!(page.status, 500);
            assert!(!page.headers.contains_key("set-cookie"), "{page:?}");
        }
        pages.send(Method::GET, "/count", &cookie).await.is(200, "6 [\"n\"]");
        assert_eq!(pages.send(Method::GET, "/logout", &cookie).await.status, 500);
        assert!(pages.store.records().is_empty(), "who logged out is out");
    }
}

/// Panics of one thread are not mixed up, and those that a handler catches are none of ours.
#[tokio::test]
async fn each_panic_is_its_own() {
    async fn caught() -> Result<&'static str, axum::http::StatusCode> {
        let _ = std::panic::catch_unwind(|| panic!("kept to itself"));
        Err(axum::http::StatusCode::BAD_GATEWAY)
    }
    let pages = Pages::new(true, routes().route("/caught", get(caught)));
    for _ in 0..3 {
        let caught = pages.open("/caught").await;
        caught.shows(502, &["A handler answered with a server error"]);
        assert!(!caught.text.contains("kept to itself"), "{}", caught.text);
        pages.open("/at-once").await.shows(500, &["at once", "at_once"]);
        pages.open("/broken").await.shows(500, &["deep_inside"]);
    }
}

/// The project's own code runs around the session layer, too.
#[tokio::test]
async fn a_page_of_the_projects_own_may_panic() {
    let log = Log::start();
    for debug in [false, true] {
        let pages = Pages::with(&settings(debug), routes(), |site| {
            site.on_session_error(|_| panic!("in the page of an error"))
        });
        pages.store.set_down(true);
        let cookie = format!("sessionid={KEY}");
        let page = pages.send(Method::GET, "/count", &[("cookie", &cookie)]).await;
        if debug {
            page.tells(500, &["in the page of an error"]);
        } else {
            page.is(500, "Internal server error.");
        }
        let log = log.take();
        assert!(log.contains("ERROR") && log.contains("panic=\"in the page of"), "{log}");
    }
}
