//! `CSRF_USE_SESSIONS` while the session changes: logins, logouts, stores that fail half-way.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use axum::routing::{get, post};
use segue::{Clock, CsrfFailure, CsrfLayer, CsrfToken, Session, SessionLayer};
use tower::ServiceExt as _;

use crate::bodies::FIELD;
use crate::common::TestStore;
use crate::site::{FORM, request, with};

async fn page(token: CsrfToken) -> String {
    token.get()
}

/// A logout whose page has a form again.
async fn logout(token: CsrfToken, session: Session) -> String {
    let token = token.get();
    session.flush();
    token
}

/// A login as it should be: key and secret are new.
async fn login(token: CsrfToken, session: Session) -> String {
    session.cycle_key();
    token.rotate();
    token.get()
}

async fn cycle(token: CsrfToken, session: Session) -> String {
    session.cycle_key();
    token.get()
}

async fn broken(token: CsrfToken) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, token.get())
}

/// A site, and its store.
fn site() -> (Router, TestStore) {
    let settings = with(|s| s.csrf.use_sessions = true);
    let store = TestStore::new(Clock::system());
    let app = Router::new()
        .route("/", get(page).post(|| async { "served" }))
        .route("/logout", post(logout))
        .route("/login", post(login))
        .route("/cycle", post(cycle))
        .route("/broken", get(broken))
        .layer(CsrfLayer::new(&settings).unwrap())
        .layer(SessionLayer::new(store.clone(), &settings).unwrap());
    (app, store)
}

/// What a visitor has: the cookie, and the token of the page that was shown last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Visitor {
    cookie: String,
    token: String,
}

/// The status or why it was refused, and what the visitor has afterwards.
async fn send(app: &Router, visitor: &Visitor, request: Request<Body>) -> (String, Visitor) {
    let response = app.clone().oneshot(request).await.unwrap();
    let failure = response.extensions().get::<CsrfFailure>().map(ToString::to_string);
    let status = response.status().as_u16().to_string();
    let mut after = visitor.clone();
    if let Some(cookie) = response.headers().get(SET_COOKIE) {
        after.cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
    }
    let page = to_bytes(response.into_body(), 10_000).await.unwrap();
    if page.len() == 64 {
        after.token = String::from_utf8(page.to_vec()).unwrap();
    }
    (failure.unwrap_or(status), after)
}

async fn open(app: &Router, visitor: &Visitor, path: &str) -> (String, Visitor) {
    let mut request = request(Method::GET, path);
    request.headers_mut().insert(COOKIE, HeaderValue::from_str(&visitor.cookie).unwrap());
    send(app, visitor, request).await
}

async fn submit(app: &Router, visitor: &Visitor, path: &str) -> (String, Visitor) {
    let mut request = request(Method::POST, path);
    let headers = request.headers_mut();
    headers.insert(COOKIE, HeaderValue::from_str(&visitor.cookie).unwrap());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    *request.body_mut() = Body::from(format!("{FIELD}={}", visitor.token));
    send(app, visitor, request).await
}

async fn visitor(app: &Router) -> Visitor {
    let nobody = Visitor { cookie: "a=b".to_owned(), token: String::new() };
    let (status, visitor) = open(app, &nobody, "/").await;
    assert_eq!(status, "200");
    visitor
}

const NONE: &str = "CSRF cookie not set.";
const WRONG: &str = "CSRF token from POST incorrect.";

/// The page that comes with a logout, a login or a new key works, and the old cookie is dead.
#[tokio::test]
async fn a_form_on_the_page_of_a_changed_session_works() {
    let (app, store) = site();
    for path in ["/logout", "/login", "/cycle"] {
        let before = visitor(&app).await;
        let (status, after) = submit(&app, &before, path).await;
        assert_eq!(status, "200", "{path}");
        assert_ne!(after.cookie, before.cookie, "{path}");
        assert_eq!(submit(&app, &after, "/").await.0, "200", "{path}");
        // A form from before is good with the new cookie, except over a login.
        let old_page = Visitor { token: before.token.clone(), ..after.clone() };
        let expected = if path == "/login" { WRONG } else { "200" };
        assert_eq!(submit(&app, &old_page, "/").await.0, expected, "{path}");
        let records = store.records().len();
        for token in [&before.token, &after.token] {
            let old_cookie = Visitor { token: token.clone(), ..before.clone() };
            let (status, kept) = submit(&app, &old_cookie, "/").await;
            assert_eq!((status.as_str(), kept.token), (NONE, token.clone()), "{path}");
        }
        assert_eq!(store.records().len(), records, "a refused request makes no session");
    }
}

/// Whoever gives the visitor a session of their own, whose secret they know, knows nothing any more
/// once the visitor has logged in.
#[tokio::test]
async fn a_planted_session_is_worthless_after_the_login() {
    let (app, _) = site();
    let attacker = visitor(&app).await;
    let (status, victim) = submit(&app, &attacker, "/login").await;
    assert_eq!(status, "200");
    let forged = Visitor { token: attacker.token.clone(), ..victim };
    assert_eq!(submit(&app, &forged, "/").await.0, WRONG);
    assert_eq!(submit(&app, &attacker, "/").await.0, NONE);
}

/// A logout in another tab, between the page and its form.
#[tokio::test]
async fn a_form_of_an_ended_session_is_refused() {
    let (app, store) = site();
    let one_tab = visitor(&app).await;
    let (_, other_tab) = submit(&app, &one_tab, "/logout").await;
    let records = store.records().len();
    assert_eq!(submit(&app, &one_tab, "/").await.0, NONE);
    assert_eq!(store.records().len(), records);
    assert_eq!(submit(&app, &other_tab, "/").await.0, "200");
}

/// A token that could not be stored is on no page: the visitor would fill in a form in vain.
#[tokio::test]
async fn a_store_that_fails_half_way_shows_no_page_with_a_token() {
    let (app, store) = site();
    store.set_down(true);
    // There is no cookie, so nothing is loaded, and the save is what fails.
    let nobody = Visitor { cookie: "a=b".to_owned(), token: "none".to_owned() };
    assert_eq!(open(&app, &nobody, "/").await, ("503".to_owned(), nobody.clone()));
    store.set_down(false);
    let before = visitor(&app).await;
    store.set_down(true);
    assert_eq!(submit(&app, &before, "/").await, ("503".to_owned(), before.clone()));
    store.set_down(false);
    assert_eq!(submit(&app, &before, "/").await.0, "200", "nothing was lost");
}

/// As in Django a session is not saved with an error of the server, so the form on such a page has
/// no secret behind it. An older one stays as it is.
#[tokio::test]
async fn the_page_of_an_error_takes_nothing_away() {
    let (app, store) = site();
    let nobody = Visitor { cookie: "a=b".to_owned(), token: String::new() };
    let (status, shown) = open(&app, &nobody, "/broken").await;
    assert_eq!((status.as_str(), shown.cookie.as_str()), ("500", "a=b"));
    assert_eq!(store.records().len(), 0);
    let before = visitor(&app).await;
    let (_, shown) = open(&app, &before, "/broken").await;
    assert_eq!(submit(&app, &shown, "/").await.0, "200");
}
