//! `APPEND_SLASH`.

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use http::{Method, StatusCode};
use segue::{Session, SessionError};

use super::{Page, Pages, settings};

fn routes() -> Router {
    Router::new()
        .route("/", get(|| async { "front" }))
        .route("/set/", get(|| async { "set" }))
        .route("/both", get(|| async { StatusCode::NOT_FOUND }))
        .route("/both/", get(|| async { "both/" }))
        .route("/two//", get(|| async { "two" }))
        .route("/form/", post(|| async { "sent" }))
        .route("/{a}/in/", get(|| async { "in" }))
        .route("/{a}/{b}/{c}/", get(|| async { "three" }))
}

fn location(page: &Page) -> &str {
    assert_eq!(page.status, 301, "{page:?}");
    assert_eq!(page.text, "");
    page.headers["location"].to_str().unwrap()
}

#[tokio::test]
async fn who_forgets_the_slash_is_sent_on() {
    for debug in [false, true] {
        let pages = Pages::new(debug, routes());
        assert_eq!(location(&pages.open("/set").await), "/set/");
        let page = pages.open("/set?a=1&b=%2F/x").await;
        assert_eq!(location(&page), "/set/?a=1&b=%2F/x");
        assert!(!page.headers.contains_key("content-type"), "{page:?}");
        assert_eq!(location(&pages.send(Method::HEAD, "/set", &[]).await), "/set/");
        // Whether the method is right is said there.
        assert_eq!(location(&pages.open("/form").await), "/form/");
        pages.open("/set/").await.is(200, "set");
    }
}

#[tokio::test]
async fn nobody_else_is() {
    let pages = Pages::new(false, routes());
    pages.open("/both").await.is(404, "");
    pages.open("/nowhere").await.is(404, "");
    pages.open("/nowhere/").await.is(404, "");
    pages.open("/two/").await.is(404, "");
    let token = "abcdefghijklmnopqrstuvwxyzABCDEF";
    let cookie = format!("csrftoken={token}");
    let headers = [("cookie", cookie.as_str()), ("x-csrftoken", token)];
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        pages.send(method, "/set", &headers).await.is(404, "");
    }
    pages.send(Method::OPTIONS, "/set", &[]).await.is(404, "");
    let mut settings = settings(false);
    settings.append_slash = false;
    Pages::with(&settings, routes(), |site| site).open("/set").await.is(404, "");
}

/// The path is whoever's made the link.
#[tokio::test]
async fn nobody_is_sent_to_another_host() {
    let pages = Pages::new(false, routes());
    assert_eq!(location(&pages.open("/\\evil.example/in").await), "/%5Cevil.example/in/");
    assert_eq!(location(&pages.open("/a/%2F/é").await), "/a/%2F/%C3%A9/");
    for path in ["//evil.example/in", "///evil.example/in", "//evil.example", "/%0d%0aX:%20y/in"] {
        let page = pages.open(path).await;
        let location = page.headers.get("location").map(|to| to.to_str().unwrap());
        assert!(location.is_none_or(|to| !to.starts_with("//")), "{path}: {location:?}");
        assert!(!page.headers.contains_key("x"), "{page:?}");
    }
}

#[tokio::test]
async fn the_fallback_comes_first() {
    let routes = routes().fallback(|| async { "another site" });
    Pages::new(false, routes).open("/set").await.is(200, "another site");
    async fn counts(session: Session) -> Result<impl IntoResponse, SessionError> {
        session.insert("lost", 1)?;
        Ok((StatusCode::NOT_FOUND, [("x-own", "kept")], Html("ours")))
    }
    let pages = Pages::new(false, self::routes().fallback(counts));
    pages.open("/nowhere").await.is(404, "ours");
    let page = pages.open("/set").await;
    assert_eq!(location(&page), "/set/");
    assert!(page.headers.contains_key("set-cookie"), "what it saved is saved: {page:?}");
    assert_eq!(page.headers["x-own"], "kept");
    assert!(!page.headers.contains_key("content-type"), "{page:?}");
}

#[tokio::test]
async fn exempt_and_nested_routes_are_routes() {
    let hooks = Router::new().nest("/hooks", Router::new().route("/paid/", post(|| async {})));
    let nested = Router::new().route("/login/", get(|| async { "login" }));
    let pages = Pages::with(&settings(false), routes().nest("/accounts", nested), |site| {
        site.csrf_exempt(hooks)
    });
    assert_eq!(location(&pages.open("/hooks/paid").await), "/hooks/paid/");
    assert_eq!(location(&pages.open("/accounts/login?next=/").await), "/accounts/login/?next=/");
}
