//! `SESSION_TOUCH_THRESHOLD`: a session that is only used is renewed now and then, and the cookie
//! and the record end together all the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::time::Duration;

use axum::Router;
use axum::routing::get as route;
use common::{Answer, Calls, KEY, TestStore, clock, get, key, keys, layer, settings};
use segue::engines::SignedCookieStore;
use segue::{
    Codec, Record, Session, SessionData, SessionError, SessionLayer, Sessions, Settings,
    SignedDuration, Timestamp,
};

/// Two weeks, the life of a session, and a tenth of it.
const LIFE: i64 = 1_209_600;
const TENTH: i64 = LIFE / 10;

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn renewing(threshold: f64) -> Settings {
    let mut settings = settings();
    settings.session.save_every_request = true;
    settings.session.touch_threshold = threshold;
    settings
}

async fn read(session: Session) -> Result<String, SessionError> {
    Ok(session.get::<u64>("n")?.map_or("nothing".to_owned(), |n| n.to_string()))
}

async fn write(session: Session) -> Result<String, SessionError> {
    session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).map(|n| n.to_string())
}

fn routes() -> Router {
    Router::new()
        .route("/untouched", route(|| async {}))
        .route("/read", route(read))
        .route("/write", route(write))
        .route("/mark", route(|session: Session| async move { session.mark_modified() }))
        .route("/flush", route(|session: Session| async move { session.flush() }))
}

struct Site {
    app: Router,
    store: TestStore,
}

impl Site {
    fn new(settings: &Settings) -> Self {
        Self::on(&TestStore::new(clock()), settings)
    }

    fn on(store: &TestStore, settings: &Settings) -> Self {
        Self { app: routes().layer(layer(store, settings)), store: store.clone() }
    }

    /// A session that was saved just now.
    fn plant(&self, json: &str) -> &Self {
        let data = SessionData::parse(json).unwrap();
        let payload = Codec::signed_json(&keys(), self.store.clock()).encode(&data).unwrap();
        self.store.plant(key(), &payload, self.now() + seconds(LIFE));
        self
    }

    fn now(&self) -> Timestamp {
        self.store.clock().now()
    }

    fn wait(&self, span: i64) {
        self.store.clock().advance(seconds(span));
    }

    fn record(&self) -> Record {
        self.store.records()[&key()].clone()
    }

    /// Seconds until the record ends.
    fn left(&self) -> i64 {
        self.record().expires_at().duration_since(self.now()).as_secs()
    }

    async fn get(&self, path: &str) -> (Calls, Answer) {
        self.store.calls();
        let answer = get(&self.app, path, Some(&format!("sessionid={KEY}"))).await;
        assert_eq!(answer.status, 200);
        (self.store.calls(), answer)
    }

    /// A request that renews nothing: one call, no cookie, the deadline where it was.
    async fn stays(&self, path: &str) {
        let before = self.record();
        let (calls, answer) = self.get(path).await;
        assert_eq!(calls, Calls { load: 1, ..Calls::default() }, "{path}");
        assert!(answer.set_cookie.is_empty(), "{path}: {:?}", answer.set_cookie);
        assert_eq!(self.record(), before, "{path}");
    }

    /// One that renews.
    async fn renews(&self, path: &str, life: i64) {
        let (calls, answer) = self.get(path).await;
        assert_eq!(calls, Calls { load: 1, touch: 1, ..Calls::default() }, "{path}");
        assert_eq!((max_age(&answer), self.left()), (Some(life), life), "{path}");
    }
}

fn max_age(answer: &Answer) -> Option<i64> {
    let cookie = answer.set_cookie.first()?;
    let (_, age) = cookie.split_once("Max-Age=")?;
    age.split(';').next()?.parse().ok()
}

#[tokio::test]
async fn a_session_is_renewed_when_that_share_has_passed() {
    for path in ["/untouched", "/read"] {
        let site = Site::new(&renewing(0.1));
        site.plant(r#"{"n":1}"#);
        for _ in 0..3 {
            site.stays(path).await;
            site.wait(TENTH - 1);
            site.stays(path).await;
            site.wait(1);
            site.renews(path, LIFE).await;
        }
    }
}

#[tokio::test]
async fn without_it_each_request_renews() {
    let site = Site::new(&renewing(0.0));
    site.plant(r#"{"n":1}"#);
    for _ in 0..3 {
        site.renews("/untouched", LIFE).await;
        site.renews("/read", LIFE).await;
        site.wait(1);
    }
}

#[tokio::test]
async fn without_renewals_it_does_nothing() {
    let mut settings = renewing(0.1);
    settings.session.save_every_request = false;
    let site = Site::new(&settings);
    site.plant(r#"{"n":1}"#).wait(LIFE - 1);
    site.stays("/read").await;
}

#[tokio::test]
async fn what_is_changed_is_saved_at_once() {
    let site = Site::new(&renewing(0.5));
    site.plant(r#"{"n":1}"#);
    for path in ["/write", "/mark"] {
        site.wait(60);
        let (calls, answer) = site.get(path).await;
        assert_eq!(calls, Calls { load: 1, replace: 1, ..Calls::default() }, "{path}");
        assert_eq!((max_age(&answer), site.left()), (Some(LIFE), LIFE), "{path}");
        site.stays("/read").await;
    }
    let (calls, answer) = site.get("/flush").await;
    assert_eq!(calls, Calls { load: 1, delete: 1, ..Calls::default() });
    assert_eq!(max_age(&answer), Some(0));
}

/// What the session says of its own life counts.
#[tokio::test]
async fn it_is_a_share_of_the_sessions_own_life() {
    let site = Site::new(&renewing(0.1));
    site.plant(r#"{"n":1,"_session_expiry":1000}"#);
    site.renews("/read", 1000).await;
    site.wait(99);
    site.stays("/read").await;
    site.wait(1);
    site.renews("/read", 1000).await;

    // A date stays where it is, so there is nothing to move.
    let until = site.now() + seconds(5000);
    site.plant(&format!(r#"{{"_session_expiry":"{until}"}}"#));
    site.renews("/read", 5000).await;
    site.wait(4999);
    site.stays("/read").await;
    site.wait(1);
    assert_eq!(site.get("/read").await.1.body, "nothing");
}

/// A shorter `SESSION_COOKIE_AGE` must not wait until the old one has nearly passed, and another
/// machine's clock may be ahead of ours without a write at each request.
#[tokio::test]
async fn a_deadline_too_far_ahead_is_moved_back() {
    let store = TestStore::new(clock());
    let site = Site::on(&store, &renewing(0.1));
    site.plant(r#"{"n":1}"#);
    site.wait(-1);
    site.stays("/read").await;

    let mut shorter = renewing(0.1);
    shorter.session.cookie_age = 3600;
    Site::on(&store, &shorter).renews("/untouched", 3600).await;
    site.renews("/untouched", LIFE).await;
}

/// A browser with its cookie, and the record, over many visits: neither outlives the other.
#[tokio::test]
async fn cookie_and_record_end_together() {
    for threshold in [0.0, 0.01, 0.1, 0.5, 0.9, 0.999] {
        let site = Site::new(&renewing(threshold));
        site.plant(r#"{"n":1}"#);
        let mut cookie_ends = site.now() + seconds(LIFE);
        let mut renewed = 0;
        for visit in 1..300_i64 {
            site.wait(visit * 7919 % 90_000);
            let path = if visit % 50 == 0 { "/write" } else { "/read" };
            let (_, answer) = site.get(path).await;
            assert_ne!(answer.body, "nothing", "{threshold}: a visitor every day stays");
            if let Some(age) = max_age(&answer) {
                cookie_ends = site.now() + seconds(age);
                renewed += 1;
            }
            assert_eq!(site.record().expires_at(), cookie_ends, "{threshold}, visit {visit}");
            assert!(site.left() >= LIFE - (LIFE as f64 * threshold) as i64 - 1, "{threshold}");
            if threshold > 0.9 {
                // Somebody who comes too seldom for such a share would be gone.
                site.plant(r#"{"n":1}"#);
                cookie_ends = site.now() + seconds(LIFE);
            }
        }
        assert!(renewed > 4, "{threshold}: {renewed}");
    }
}

/// The time of the last use is written as before, and the deadline with it, which costs nothing more.
#[tokio::test]
async fn a_time_limit_is_kept_as_before() {
    let mut settings = renewing(0.5);
    settings.session.idle_timeout = Some(Duration::from_secs(600));
    let site = Site::new(&settings);
    site.plant(r#"{"n":1}"#);
    for _ in 0..3 {
        let (calls, answer) = site.get("/read").await;
        assert_eq!(calls, Calls { load: 1, replace: 1, ..Calls::default() });
        assert_eq!((max_age(&answer), site.left()), (Some(LIFE), LIFE));
        site.wait(59);
        site.stays("/read").await;
        site.wait(1);
    }
    site.wait(600);
    assert_eq!(site.get("/read").await.1.body, "nothing");
}

/// The cookie is the session, and is signed anew.
#[tokio::test]
async fn a_signed_cookie_is_renewed_when_that_share_has_passed() {
    let (settings, clock) = (renewing(0.1), clock());
    let store = SignedCookieStore::with_clock(&settings, clock.clone()).unwrap();
    let sessions = Sessions::with_clock(store, &settings, clock.clone()).unwrap();
    let app = routes().layer(SessionLayer::from_sessions(sessions, &settings).unwrap());
    let mut cookie = get(&app, "/write", None).await.cookie();
    for _ in 0..20 {
        clock.advance(seconds(TENTH - 1));
        assert!(get(&app, "/read", Some(&cookie)).await.set_cookie.is_empty());
        clock.advance(seconds(1));
        let answer = get(&app, "/untouched", Some(&cookie)).await;
        assert_eq!(max_age(&answer), Some(LIFE));
        cookie = answer.cookie();
    }
    assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "1");
}
