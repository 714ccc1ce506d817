//! The engines under requests: what the browser gets, keeps and loses.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Path;
use axum::routing::get as route;
use http::StatusCode;
use segue::settings::SessionEngine;
use segue::{
    AnyStore, Clock, Session, SessionError, SessionErrorKind, SessionLayer, SessionStore as _,
    Sessions, Settings, SignedDuration, Site,
};

use crate::common::{Answer, Log, clock, get, settings};
use crate::{random_text, stores};

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn read(session: Session) -> Result<String, SessionError> {
    Ok(session.get::<u64>("n")?.map_or("nothing".to_owned(), |n| n.to_string()))
}

async fn write(session: Session) -> Result<String, SessionError> {
    session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).map(|n| n.to_string())
}

async fn set(session: Session, Path(key): Path<String>) -> Result<String, SessionError> {
    session.insert(&key, true)?;
    Ok(session.keys().join(" "))
}

async fn too_much(session: Session) -> Result<(), SessionError> {
    session.insert("n", 999)?;
    session.insert("secret", random_text(10_000))
}

async fn too_much_by_hand(session: Session) -> Result<&'static str, SessionError> {
    session.insert("before", true)?;
    session.save().await?;
    too_much(session.clone()).await?;
    let refused = session.save().await.expect_err("it does not fit");
    assert_eq!(refused.kind(), SessionErrorKind::TooLarge);
    session.remove("secret");
    Ok("saved the rest")
}

async fn log_out_500(session: Session) -> StatusCode {
    session.flush();
    StatusCode::INTERNAL_SERVER_ERROR
}

fn app(store: AnyStore, settings: &Settings, clock: &Clock) -> Router {
    let sessions = Sessions::with_clock(store, settings, clock.clone()).unwrap();
    Router::new()
        .route("/untouched", route(|| async { "hello" }))
        .route("/read", route(read))
        .route("/write", route(write))
        .route("/set/{key}", route(set))
        .route("/cycle", route(|session: Session| async move { session.cycle_key() }))
        .route("/flush", route(|session: Session| async move { session.flush() }))
        .route("/flush-500", route(log_out_500))
        .route("/too-much", route(too_much))
        .route("/too-much-by-hand", route(too_much_by_hand))
        .layer(SessionLayer::from_sessions(sessions, settings).unwrap())
}

/// A site on each of the engines.
fn apps(settings: &Settings, clock: &Clock) -> [(&'static str, Router); 2] {
    stores(settings, clock).map(|(name, store)| (name, app(store, settings, clock)))
}

/// What the cookie says after this answer; the answer must set it.
fn cookie(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.set_cookie.len()), (StatusCode::OK, 1), "{answer:?}");
    answer.cookie()
}

fn removes(answer: &Answer) -> bool {
    answer.set_cookie.len() == 1 && answer.set_cookie[0].starts_with("sessionid=\"\"; expires=Thu")
}

#[tokio::test]
async fn a_session_is_found_again_and_costs_a_cookie_only_when_it_changes() {
    for (name, app) in apps(&settings(), &clock()) {
        let written = get(&app, "/write", None).await;
        let cookie = cookie(&written);
        let attributes = "; expires=Tue, 28 Nov 2023 22:13:20 GMT; HttpOnly; Max-Age=1209600; \
                          Path=/; SameSite=Lax";
        assert_eq!(written.set_cookie[0], format!("{cookie}{attributes}"), "{name}");
        let answer = get(&app, "/read", Some(&cookie)).await;
        assert_eq!((answer.body.as_str(), answer.vary.as_deref()), ("1", Some("Cookie")), "{name}");
        assert!(answer.set_cookie.is_empty(), "{name}: reading sets no cookie");
        let answer = get(&app, "/untouched", Some(&cookie)).await;
        assert_eq!((answer.set_cookie.len(), answer.vary), (0, None), "{name}");
        let next = get(&app, "/write", Some(&cookie)).await;
        assert_eq!(next.body, "2", "{name}");
        assert_eq!(get(&app, "/read", Some(&next.cookie())).await.body, "2", "{name}");
    }
}

#[tokio::test]
async fn a_cookie_that_does_not_open_is_a_new_session() {
    let clock = clock();
    for (name, app) in apps(&settings(), &clock) {
        let good = cookie(&get(&app, "/write", None).await);
        clock.advance(DAY * 14);
        let long = format!("sessionid={}", "a".repeat(1_000_000));
        for bad in [good.as_str(), "sessionid=forged", "sessionid=e30:1r31eq:x", &long] {
            let answer = get(&app, "/untouched", Some(bad)).await;
            assert!(answer.set_cookie.is_empty(), "{name}: nobody looked at it");
            let answer = get(&app, "/read", Some(bad)).await;
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "nothing"), "{name}");
            assert!(removes(&answer), "{name}: {:?}", answer.set_cookie);
            let answer = get(&app, "/write", Some(bad)).await;
            assert_eq!(answer.body, "1", "{name}");
            assert_ne!(cookie(&answer), good, "{name}");
        }
        clock.advance(DAY * -14);
    }
}

#[tokio::test]
async fn a_logout_takes_the_cookie_and_cannot_take_its_copies() {
    for (name, app) in apps(&settings(), &clock()) {
        for path in ["/flush", "/flush-500"] {
            let cookie = cookie(&get(&app, "/write", None).await);
            let answer = get(&app, path, Some(&cookie)).await;
            assert!(removes(&answer), "{name} {path}: {:?}", answer.set_cookie);
            // That is what docs/security.md says of these engines.
            assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "1", "{name} {path}");
        }
    }
}

#[tokio::test]
async fn of_two_requests_at_once_the_last_one_wins() {
    for (name, app) in apps(&settings(), &clock()) {
        let first = cookie(&get(&app, "/write", None).await);
        get(&app, "/set/a", Some(&first)).await;
        let last = get(&app, "/set/b", Some(&first)).await;
        assert_eq!(last.body, "n b", "{name}: each began with the same cookie");
        assert_eq!(get(&app, "/set/c", Some(&last.cookie())).await.body, "n b c", "{name}");
    }
}

#[tokio::test]
async fn a_new_key_keeps_the_data_and_disturbs_nobody() {
    let log = Log::start();
    let clock = clock();
    for (name, app) in apps(&settings(), &clock) {
        let old = cookie(&get(&app, "/write", None).await);
        let answer = get(&app, "/cycle", Some(&old)).await;
        let new = cookie(&answer);
        // Django's signed cookie has nothing that could differ within a second.
        assert_eq!(new == old, name == "signed", "{name}");
        assert_eq!(get(&app, "/read", Some(&new)).await.body, "1", "{name}");
        clock.advance(DAY);
        assert_ne!(cookie(&get(&app, "/cycle", Some(&old)).await), old, "{name}");
        clock.advance(-DAY);
    }
    assert_eq!(log.take(), "", "nothing went wrong");
}

#[tokio::test]
async fn save_every_request_renews_the_cookie() {
    let mut settings = settings();
    settings.session.save_every_request = true;
    let clock = clock();
    for (name, app) in apps(&settings, &clock) {
        let mut cookie = cookie(&get(&app, "/write", None).await);
        for _ in 0..3 {
            clock.advance(DAY * 10);
            let answer = get(&app, "/untouched", Some(&cookie)).await;
            assert_ne!(self::cookie(&answer), cookie, "{name}");
            cookie = answer.cookie();
        }
        assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "1", "{name}");
        clock.advance(DAY * 14);
        assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "nothing", "{name}");
        clock.advance(DAY * -44);
    }
}

#[tokio::test]
async fn a_session_that_is_too_large_is_an_error_and_the_one_before_stays() {
    let log = Log::start();
    for (name, app) in apps(&settings(), &clock()) {
        let cookie = cookie(&get(&app, "/write", None).await);
        for (path, before) in [("/too-much", None), ("/too-much", Some(cookie.as_str()))] {
            let answer = get(&app, path, before).await;
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{name}");
            assert!(answer.set_cookie.is_empty(), "{name}: nothing is half saved");
            assert_eq!(answer.body, "Internal server error.", "{name}");
            let text = log.take();
            for part in ["the session is too large", "sessionid", "4096", "SESSION_ENGINE"] {
                assert!(text.contains(part), "{name}: {part} is not in {text}");
            }
            assert!(text.len() < 1_000, "{name}: the log holds no session: {text}");
            let value = cookie.strip_prefix("sessionid=").unwrap();
            assert!(!text.contains(value) && !text.contains("secret"), "{name}: {text}");
        }
        assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "1", "{name}");

        // What was saved before that is sent, and what fits afterwards.
        let answer = get(&app, "/too-much-by-hand", Some(&cookie)).await;
        assert_eq!(answer.body, "saved the rest", "{name}");
        let answer = get(&app, "/set/x", Some(&self::cookie(&answer))).await;
        assert_eq!(answer.body, "n before x", "{name}");
        log.take();
    }
}

/// A stream or a WebSocket: no header can be sent any more, and nobody may believe it was saved.
#[tokio::test]
async fn what_comes_after_the_response_is_refused_aloud() {
    let settings = settings();
    for (name, store) in stores(&settings, &clock()) {
        let kept: Arc<Mutex<Option<Session>>> = Arc::default();
        let keep = Arc::clone(&kept);
        let handler = move |session: Session| async move {
            session.insert("n", 1).unwrap();
            *keep.lock().unwrap() = Some(session);
        };
        let sessions = Sessions::with_clock(store, &settings, clock()).unwrap();
        let layer = SessionLayer::from_sessions(sessions.clone(), &settings).unwrap();
        let app = Router::new().route("/", route(handler)).layer(layer);
        cookie(&get(&app, "/", None).await);
        let session = kept.lock().unwrap().take().unwrap();
        session.save().await.expect("there is nothing to save");
        for change in [|s: &Session| s.insert("n", 2).unwrap(), Session::flush, Session::cycle_key]
        {
            change(&session);
            let error = session.save().await.expect_err("the response has gone");
            let text = segue::describe(&error);
            assert!(text.contains("the response that sets it has gone"), "{name}: {text}");
            session.save().await.expect("it is given up");
            if session.key().is_none() {
                break;
            }
        }
        // Without a response there is the key.
        let session = sessions.open(None).load().await.unwrap();
        session.insert("n", 3).unwrap();
        session.save().await.unwrap();
        let again = sessions.open(session.key()).load().await.unwrap();
        assert_eq!(again.get("n").unwrap(), Some(3), "{name}");
    }
}

/// A cookie of exactly the greatest length goes there and back.
#[tokio::test]
async fn the_longest_cookie_comes_back() {
    let settings = settings();
    let [_, (_, store)] = stores(&settings, &clock());
    let json = format!(r#"{{"n":7,"a":"{}"}}"#, "a".repeat(3016 - 14));
    let deadline = clock().now() + DAY;
    let key = store.create(json.as_bytes(), deadline).await.unwrap();
    let cookie = format!("sessionid={}", key.expose());
    assert_eq!(cookie.len(), 4096 + 1, "the equals sign does not count");
    let app = app(store, &settings, &clock());
    assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "7");
}

#[tokio::test]
async fn the_setting_chooses_the_engine() {
    for engine in [SessionEngine::SignedCookies, SessionEngine::EncryptedCookies] {
        let mut settings = settings();
        settings.session.engine = engine;
        settings.auth.backends.clear();
        let site = Site::new(settings, Router::new().route("/", route(write))).await.unwrap();
        assert!(site.sessions().store().guarantees().in_cookie);
        assert!(site.database().is_none());
        let app = site.into_router();
        let cookie = cookie(&get(&app, "/", None).await);
        assert_eq!(get(&app, "/", Some(&cookie)).await.body, "2");
        let readable = cookie.starts_with("sessionid=eyJuIjoxfQ:");
        assert_eq!(readable, engine == SessionEngine::SignedCookies);
    }
}
