//! `CSRF_USE_SESSIONS`: the secret is in the session.

use axum::http::header::COOKIE;
use axum::http::{HeaderValue, StatusCode};
use segue::engines::MemoryStore;
use segue::{Clock, CsrfLayer, SessionError, SessionLayer, Sessions, Settings};

use crate::common::TestStore;
use crate::site::{SECRET, Site, TOKEN, form, with};

fn settings() -> Settings {
    with(|s| s.csrf.use_sessions = true)
}

/// A site with sessions, and the sessions.
fn site() -> (Site, Sessions) {
    let csrf = CsrfLayer::new(&settings()).unwrap();
    let layer = SessionLayer::new(MemoryStore::new(), &settings()).unwrap();
    let sessions = layer.sessions().clone();
    (Site::with_routes(|routes| routes.layer(csrf).layer(layer)), sessions)
}

async fn post(site: &Site, cookie: &str, token: &str) -> String {
    let mut request = form(None, format!("csrfmiddlewaretoken={token}"));
    request.headers_mut().insert(COOKIE, HeaderValue::from_str(cookie).unwrap());
    site.send(request).await.verdict()
}

/// The page that begins the session has a token already, and it is good.
#[tokio::test]
async fn the_first_page_has_a_token_that_works() {
    let (site, _) = site();
    let answer = site.get("/token", None).await;
    assert!(answer.cookie().starts_with("sessionid="), "the one cookie is the session's");
    assert_eq!(answer.vary.as_deref(), Some("Cookie"));
    assert_eq!(post(&site, answer.cookie(), answer.text()).await, "accept");
    let again = site.get("/token", Some(answer.cookie())).await;
    assert_eq!(again.cookies.len(), 0, "it is not stored again");
    assert_eq!(post(&site, answer.cookie(), again.text()).await, "accept");
}

#[tokio::test]
async fn a_token_is_that_of_its_session() {
    let (site, _) = site();
    let (one, other) = (site.get("/token", None).await, site.get("/token", None).await);
    let wrong = "403: CSRF token from POST incorrect.";
    assert_eq!(post(&site, one.cookie(), other.text()).await, wrong);
    let none = "403: CSRF cookie not set.";
    assert_eq!(post(&site, "a=b", one.text()).await, none);
    // The other kind of cookie is not looked at.
    assert_eq!(post(&site, &format!("csrftoken={SECRET}"), TOKEN).await, none);
}

#[tokio::test]
async fn a_page_without_a_token_begins_no_session() {
    let (site, _) = site();
    let answer = site.get("/", None).await;
    assert_eq!((answer.cookies.len(), answer.vary), (0, None));
}

#[tokio::test]
async fn a_rotated_secret_is_stored_and_the_old_tokens_are_worthless() {
    let (site, sessions) = site();
    let first = site.get("/token", None).await;
    let rotated = site.get("/rotate", Some(first.cookie())).await;
    assert_eq!(rotated.cookies.len(), 1, "the session was saved");
    let wrong = "403: CSRF token from POST incorrect.";
    assert_eq!(post(&site, first.cookie(), first.text()).await, wrong);
    let key = segue::SessionKey::parse(first.cookie().strip_prefix("sessionid=").unwrap());
    let session = sessions.open(key).load().await.unwrap();
    let secret: String = session.get("_csrftoken").unwrap().unwrap();
    assert_eq!(post(&site, first.cookie(), &secret).await, "accept");
}

#[tokio::test]
async fn what_is_no_secret_in_the_session_is_replaced() {
    let (site, sessions) = site();
    for json in ["7", "null", "\"abc\"", "[]", "\"é\""] {
        let session = sessions.open(None).load().await.unwrap();
        session.insert_raw("_csrftoken", json).unwrap();
        session.save().await.unwrap();
        let cookie = format!("sessionid={}", session.key().unwrap().expose());
        assert_eq!(post(&site, &cookie, TOKEN).await, "403: CSRF cookie not set.", "{json}");
        let page = site.get("/token", Some(&cookie)).await;
        assert_eq!(post(&site, &cookie, page.text()).await, "accept", "{json}");
    }
}

#[tokio::test]
async fn a_masked_secret_of_an_old_django_is_taken() {
    let (site, sessions) = site();
    let session = sessions.open(None).load().await.unwrap();
    session.insert("_csrftoken", TOKEN).unwrap();
    session.save().await.unwrap();
    let cookie = format!("sessionid={}", session.key().unwrap().expose());
    assert_eq!(post(&site, &cookie, SECRET).await, "accept");
}

#[tokio::test]
async fn without_sessions_around_it_says_what_to_do() {
    let site = Site::with_layer(CsrfLayer::new(&settings()).unwrap());
    let answer = site.get("/token", None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.text().contains("CSRF_USE_SESSIONS is on, and no `SessionLayer` stands"));
    let answer = site.send(form(None, format!("csrfmiddlewaretoken={TOKEN}"))).await;
    assert_eq!((answer.status.as_u16(), answer.runs), (500, 0), "{}", answer.text());
    assert!(answer.text().contains(".layer(csrf).layer(sessions)"));
}

/// A store that is down is no reason to believe a token, nor to say that it was wrong.
#[tokio::test]
async fn a_store_that_is_down_is_a_503_with_the_page_of_the_sessions() {
    let csrf = CsrfLayer::new(&settings()).unwrap();
    let store = TestStore::new(Clock::system());
    store.set_down(true);
    let layer = SessionLayer::new(store, &settings()).unwrap().on_error(|error: &SessionError| {
        let mut response = axum::http::Response::new(format!("sorry: {error}"));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
    });
    let site = Site::with_routes(|routes| routes.layer(csrf).layer(layer));
    let mut request = form(None, format!("csrfmiddlewaretoken={TOKEN}"));
    let cookie = format!("sessionid={}", "a".repeat(32));
    request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
    let answer = site.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.runs), (503, 0));
    assert_eq!(answer.text(), "sorry: the session store failed");
    assert_eq!(answer.cookies.len(), 0);
}
