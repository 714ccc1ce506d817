//! A session store that fails, and a database of users.

use axum::Router;
use axum::routing::get;
use http::{Method, Response};
use segue::{
    AuthError, AuthErrorKind, Session, SessionError, Settings, Site, StoreError, StoreErrorKind,
};

use super::{Pages, settings};
use crate::common::KEY;

async fn read(session: Session) -> String {
    format!("{:?}", session.keys())
}

async fn wrong_type(session: Session) -> Result<String, SessionError> {
    session.insert("n", "no number")?;
    session.get::<u32>("n")?;
    Ok(String::new())
}

async fn nobody() -> Result<String, AuthError> {
    let cause = StoreError::new(StoreErrorKind::Refused, "there is no table <auth_user>");
    Err(AuthError::from(cause))
}

async fn busy() -> Result<String, AuthError> {
    Err(AuthError::new(AuthErrorKind::Busy, "all places are taken"))
}

fn routes() -> Router {
    Router::new()
        .route("/", get(read))
        .route("/wrong", get(wrong_type))
        .route("/nobody", get(nobody))
        .route("/busy", get(busy))
}

const COOKIE: [(&str, &str); 2] =
    [("cookie", "sessionid=abcdefghijklmnopqrstuvwxyz012345"), ("accept", "text/html")];

#[tokio::test]
async fn the_store_is_named_with_what_it_said_and_the_mend() {
    let pages = Pages::new(true, routes());
    pages.store.set_down(true);
    let page = pages.send(Method::GET, "/", &COOKIE).await;
    page.shows(503, &["The session store failed", "the test store was told to fail", "TestStore"]);
    page.has(&["<code>cargo run -- check</code>", "How to mend it"]);
    assert!(!page.text.contains(KEY), "{}", page.text);

    let page = pages.send(Method::GET, "/", &COOKIE[..1]).await;
    page.tells(
        503,
        &[
            "The session store failed",
            "The session store failed\nthe test store was told to fail\n",
        ],
    );
    let quiet = Pages::new(false, routes());
    quiet.store.set_down(true);
    let page = quiet.send(Method::GET, "/", &COOKIE).await;
    page.is(503, "The service cannot reach its session store. Please try again in a moment.");
}

/// The whole way: the settings name a database that is there without its tables.
#[tokio::test]
async fn a_table_that_is_missing_is_said_of_the_settings_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(true);
    settings.base_dir = folder.path().to_owned();
    settings.database_url = segue::settings::DatabaseUrl::default_in(folder.path());
    let site = Site::new(settings, routes()).await.unwrap();
    let store = crate::common::TestStore::new(crate::common::clock());
    let pages = Pages { router: site.into_router(), store };
    let page = pages.send(Method::GET, "/", &COOKIE).await;
    page.shows(503, &["SESSION_ENGINE = &quot;db&quot;: the database ", "db.sqlite3"]);
    page.has(&["run <code>migrate</code>", "<code>cargo run -- migrate</code>"]);
}

#[tokio::test]
async fn what_a_session_is_asked_wrongly_is_told() {
    let pages = Pages::new(true, routes());
    let page = pages.open("/wrong").await;
    page.shows(500, &["A value of the session is of another type", "session.insert"]);
    assert!(!page.text.contains("no number"), "values are not shown: {}", page.text);
    Pages::new(false, routes()).open("/wrong").await.is(500, "Internal server error.");
}

#[tokio::test]
async fn users_that_cannot_be_asked_are_told_of() {
    let pages = Pages::new(true, routes());
    let page = pages.open("/nobody").await;
    page.shows(503, &["It cannot be told who the visitor is", "no table &lt;auth_user&gt;"]);
    page.has(&["<code>cargo run -- migrate</code>"]);
    let page = pages.open("/busy").await;
    page.shows(503, &["all places are taken", "PASSWORD_HASHING_LIMIT"]);
    assert_eq!(page.headers["retry-after"], "5", "what a program reads stays");
    let page = Pages::new(false, routes()).open("/nobody").await;
    page.is(503, "The service cannot look up its users. Please try again in a moment.");
}

/// As Django's `handler500`: the page of the project's own is for visitors.
#[tokio::test]
async fn the_projects_page_is_shown_without_debug() {
    let own = |settings: &Settings, kind: &'static str| {
        let pages = Pages::with(settings, routes(), |site| {
            site.on_session_error(move |_| {
                let response = Response::builder().status(503).header("content-type", kind);
                response.body("<h1>Sorry</h1>".to_owned()).unwrap()
            })
        });
        pages.store.set_down(true);
        pages
    };
    let pages = own(&settings(false), "text/html");
    pages.send(Method::GET, "/", &COOKIE).await.is(503, "<h1>Sorry</h1>");
    let pages = own(&settings(true), "text/html");
    pages.send(Method::GET, "/", &COOKIE).await.shows(503, &["The session store failed"]);
    // What was made for a script stays for it.
    let pages = own(&settings(true), "application/json");
    pages.send(Method::GET, "/", &COOKIE[..1]).await.is(503, "<h1>Sorry</h1>");
}

/// A new key was saved before it went wrong: the browser must get it with this page, too.
#[tokio::test]
async fn a_cookie_goes_out_with_the_page() {
    async fn cycle(session: Session) -> Result<String, SessionError> {
        session.insert("n", 1)?;
        session.save().await?;
        session.cycle_key();
        panic!("too late");
    }
    let pages = Pages::new(true, Router::new().route("/", get(cycle)));
    let page = pages.open("/").await;
    page.shows(500, &["too late"]);
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("sessionid="), "{cookie}");
    assert_eq!(page.headers["vary"], "Cookie");
    let key = cookie.split(['=', ';']).nth(1).unwrap();
    assert!(!page.text.contains(key), "and not on the page");
}
