//! Server errors that handlers answer with themselves.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use base64::Engine as _;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::Frame;
use sha2::Digest as _;

use super::Pages;

/// An error type of the project's own.
struct AppError(&'static str);

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("failed: {}", self.0)).into_response()
    }
}

fn routes() -> Router {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    Router::new()
        .route("/own", get(|| async { AppError("<b>the printer</b>") }))
        .route("/json", get(move || async move { (unavailable, Json("no <paper>")) }))
        .route("/empty", get(move || async move { unavailable }))
        .route("/html", get(move || async move { (unavailable, Html("<h1>Back soon</h1>")) }))
        .route("/large", get(move || async move { (unavailable, "x".repeat(100_000)) }))
        .route("/stream", get(move || async move { (unavailable, stream()) }))
        .route(
            "/zip",
            get(|| async { (StatusCode::BAD_GATEWAY, [("content-encoding", "gzip")], "z") }),
        )
        .route("/extension", get(|Extension(n): Extension<u8>| async move { n.to_string() }))
        .route("/refused", get(|| async { (StatusCode::FORBIDDEN, "You may not do this.") }))
}

/// A body whose length nobody knows.
struct Stream(std::vec::IntoIter<&'static str>);

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(|part| Ok(Frame::data(part.into()))))
    }
}

fn stream() -> Body {
    Body::new(Stream(vec!["a", "b"].into_iter()))
}

#[tokio::test]
async fn the_developer_sees_what_was_answered() {
    let pages = Pages::new(true, routes());
    let page = pages.open("/own").await;
    page.shows(500, &["A handler answered with a server error", "500 Internal Server Error"]);
    page.has(&["<pre>failed: &lt;b&gt;the printer&lt;/b&gt;</pre>", "GET /own"]);
    assert!(!page.text.contains("<b>the printer"), "{}", page.text);
    pages.open("/json").await.shows(503, &["&quot;no &lt;paper&gt;&quot;"]);
    pages.open("/empty").await.shows(503, &["<pre>Nothing.</pre>"]);
    pages.open("/extension").await.shows(500, &["Missing request extension"]);
}

/// What the project made for its visitors or its scripts on purpose is left alone, and so is what
/// cannot be read at once.
#[tokio::test]
async fn what_was_made_for_somebody_stays() {
    let pages = Pages::new(true, routes());
    pages.open("/html").await.is(503, "<h1>Back soon</h1>");
    pages.open("/large").await.is(503, &"x".repeat(100_000));
    pages.open("/stream").await.is(503, "ab");
    pages.open("/zip").await.is(502, "z");
    pages.open("/refused").await.is(403, "You may not do this.");
    for (path, text) in [("/own", "failed: <b>the printer</b>"), ("/json", "\"no <paper>\"")] {
        let page = pages.send(Method::GET, path, &[("accept", "application/json")]).await;
        assert_eq!(page.text, text);
    }
}

/// A refused form has a page of its own, with or without `DEBUG`, and so has a host.
#[tokio::test]
async fn a_refusal_keeps_its_page() {
    let routes = Router::new().route("/form", axum::routing::post(|| async {}));
    let pages = Pages::with(&super::settings(true), routes.clone(), |site| site);
    let page = pages.send(Method::POST, "/form", &[("accept", "text/html")]).await;
    assert_eq!(page.status, 403);
    page.has(&["CSRF cookie not set."]);
    assert!(!page.headers.contains_key("content-security-policy"), "{page:?}");
    let pages = Pages::with(&super::settings(true), routes, |site| {
        site.on_csrf_failure(|_, _| {
            let response = http::Response::builder().status(503);
            response.body("ours".to_owned()).unwrap()
        })
    });
    pages.send(Method::POST, "/form", &[("accept", "text/html")]).await.is(503, "ours");
}

/// Whoever leads a developer's browser here under another name sees nothing of the inside.
#[tokio::test]
async fn another_host_sees_no_error() {
    let pages = Pages::new(true, routes());
    let request = http::Request::get("/own").header("accept", "text/html");
    let request = request.header("host", "evil.example").body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(pages.router.clone(), request).await.unwrap();
    assert_eq!(response.status(), 400);
    let text = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(text.starts_with("Bad request: ") && !text.contains("printer"), "{text}");
}

#[tokio::test]
async fn without_debug_every_answer_is_the_handlers() {
    let (with, without) = (Pages::new(true, routes()), Pages::new(false, routes()));
    for (path, text) in [
        ("/own", "failed: <b>the printer</b>"),
        ("/json", "\"no <paper>\""),
        ("/empty", ""),
        ("/html", "<h1>Back soon</h1>"),
    ] {
        let page = without.open(path).await;
        assert_eq!(page.text, text);
        assert_eq!(page.status, with.open(path).await.status);
        assert!(!page.headers.contains_key("content-security-policy"), "{page:?}");
    }
}

/// The page loads and runs nothing, and its one style is the one that is allowed.
#[tokio::test]
async fn the_page_is_safe_to_show() {
    let page = Pages::new(true, routes()).open("/own").await;
    let style = page.text.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert!(
        page.headers
            .get("content-length")
            .is_none_or(|length| { length.to_str().unwrap() == page.text.len().to_string() })
    );
    for outside in ["src=", "href=", "url(", "http:", "https:", "<script", " style="] {
        assert!(!page.text.contains(outside), "{outside} is in {}", page.text);
    }
}
