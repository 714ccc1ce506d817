//! A path that has no page, and a project that has none yet.

use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{Method, StatusCode};

use super::{Pages, settings};

const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;

fn routes() -> Router {
    Router::new()
        .route("/", get(|| async { "front" }))
        .route("/about", get(|| async { "about" }))
        .route("/set/", post(|| async { "set" }))
        .route("/student/{id}", get(|| async { (NOT_FOUND, "no student <7>") }))
        .route("/bare/{id}", get(|| async { NOT_FOUND }))
        .route("/api/{id}", get(|| async { (NOT_FOUND, Json("none")) }))
        .route("/own/{id}", get(|| async { (NOT_FOUND, Html("<h1>No such student</h1>")) }))
}

const CSRF: [(&str, &str); 3] = [
    ("accept", "text/html"),
    ("cookie", "csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF"),
    ("x-csrftoken", "abcdefghijklmnopqrstuvwxyzABCDEF"),
];

#[tokio::test]
async fn the_path_is_named_and_what_is_like_it() {
    let pages = Pages::new(true, routes());
    let page = pages.open("/nowhere%3Cb%3E").await;
    page.shows(
        404,
        &["Page not found", "<code>/nowhere%3Cb%3E</code>", "<code>src/urls.rs</code>"],
    );
    assert!(!page.text.contains("has a route"), "{}", page.text);
    pages.open("/about/").await.shows(404, &["<code>/about</code> has a route. Ask for that"]);
    let page = pages.send(Method::POST, "/set", &CSRF).await;
    page.shows(404, &["<code>/set/</code> has a route. Send the form there."]);
    let page = pages.open("/\"'&amp;").await;
    page.shows(404, &["<code>/&quot;&#x27;&amp;amp;</code>"]);
}

#[tokio::test]
async fn a_handler_that_finds_nothing_is_told_apart() {
    let pages = Pages::new(true, routes());
    let page = pages.open("/student/7").await;
    page.shows(404, &["The handler of <code>/student/7</code>", "no student &lt;7&gt;"]);
    assert!(!page.text.contains("urls.rs"), "{}", page.text);
    pages.open("/bare/7").await.shows(404, &["The handler of <code>/bare/7</code>"]);
}

#[tokio::test]
async fn what_was_made_for_somebody_stays() {
    let pages = Pages::new(true, routes());
    pages.open("/own/7").await.is(404, "<h1>No such student</h1>");
    pages.open("/api/7").await.is(404, "\"none\"");
    let plain = pages.send(Method::GET, "/student/7", &[("accept", "*/*")]).await;
    plain.is(404, "no student <7>");
    let page = pages.send(Method::GET, "/nowhere", &[("accept", "*/*")]).await;
    page.tells(404, &["Page not found\nNo route has the path `/nowhere`."]);
    let own = Pages::new(true, routes().fallback(|| async { (NOT_FOUND, Html("ours")) }));
    own.open("/nowhere").await.is(404, "ours");
}

#[tokio::test]
async fn without_debug_it_is_what_it_was() {
    let pages = Pages::new(false, routes());
    pages.open("/nowhere").await.is(404, "");
    pages.open("/about/").await.is(404, "");
    pages.open("/student/7").await.is(404, "no student <7>");
    Pages::new(false, Router::new()).open("/").await.is(404, "");
}

#[tokio::test]
async fn a_new_project_is_welcomed() {
    for routes in [Router::new(), Router::new().route("/other/", get(|| async { "other" }))] {
        let pages = Pages::new(true, routes);
        let page = pages.open("/").await;
        assert_eq!(page.status, 200);
        assert!(page.headers["content-security-policy"].to_str().unwrap().contains("sha256-"));
        page.has(&[
            "<h1>It works</h1>",
            "<code>cargo run -- startapp NAME --register</code>",
            "adds it to <code>src/lib.rs</code>",
            "Write a view <code>index</code> in <code>src/NAME/views.rs</code>",
            "<code>src/urls.rs</code>",
        ]);
        let page = pages.send(Method::GET, "/", &[]).await;
        page.has(&["It works.", "cargo run -- startapp NAME --register"]);
        assert!(!page.text.contains('<'), "{}", page.text);
        pages.open("/else").await.shows(404, &["Page not found"]);
        assert_eq!(pages.send(Method::POST, "/", &CSRF).await.status, 404);
    }
}

/// Who has a page of some kind there is not welcomed in its place.
#[tokio::test]
async fn a_front_page_is_not_hidden() {
    Pages::new(true, routes()).open("/").await.is(200, "front");
    let routes = Router::new().route("/", get(|| async { NOT_FOUND }));
    Pages::new(true, routes).open("/").await.shows(404, &["The handler of <code>/</code>"]);
    let routes = Router::new().fallback(|| async { (NOT_FOUND, Html("ours")) });
    Pages::new(true, routes).open("/").await.is(404, "ours");
    let routes = Router::new().fallback(|| async { "another site" });
    Pages::new(true, routes).open("/").await.is(200, "another site");
    let exempt = Router::new().route("/", get(|| async { "hook" }));
    let pages = Pages::with(&settings(true), Router::new(), |site| site.csrf_exempt(exempt));
    pages.open("/").await.is(200, "hook");
}
