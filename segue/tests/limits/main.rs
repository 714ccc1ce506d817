//! The time limits that Django lacks: sessions that nobody uses, and logins that are old.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

#[path = "../common/mod.rs"]
mod common;
mod engines;
mod races;

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get as route;
use common::{Answer, Calls, KEY, Log, TestStore, clock, get, key, keys, layer, settings};
use http::StatusCode;
use segue::engines::{EncryptedCookieStore, SignedCookieStore};
use segue::{
    Codec, Session, SessionData, SessionError, SessionHandle, SessionLayer, Sessions, Settings,
    SignedDuration, Timestamp,
};

const IDLE: i64 = 600;
const ABSOLUTE: i64 = 3600;
const TWO_WEEKS: i64 = 1_209_600;

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn limited(idle: Option<i64>, absolute: Option<i64>) -> Settings {
    let limit = |seconds: i64| Duration::from_secs(seconds.unsigned_abs());
    let mut settings = settings();
    settings.session.idle_timeout = idle.map(limit);
    settings.session.absolute_timeout = absolute.map(limit);
    settings
}

async fn read(session: Session) -> String {
    let visible = session.items().into_iter().filter(|(key, _)| !key.starts_with("_segue"));
    visible.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

async fn set(session: Session, Path(key): Path<String>) -> Result<(), SessionError> {
    session.insert(&key, true)
}

/// What Django's login does to an anonymous session.
async fn login(session: Session) -> Result<(), SessionError> {
    session.cycle_key();
    session.insert("_auth_user_id", "7")
}

fn routes() -> Router {
    Router::new()
        .route("/untouched", route(|| async {}))
        .route("/read", route(read))
        .route(
            "/modified",
            route(|session: Session| async move { session.is_modified().to_string() }),
        )
        .route("/set/{key}", route(set))
        .route("/login", route(login))
        .route("/logout", route(|session: Session| async move { session.flush() }))
        .route("/cycle", route(|session: Session| async move { session.cycle_key() }))
        .route("/clear", route(|session: Session| async move { session.clear() }))
        .route(
            "/error",
            route(|session: Session| async {
                (StatusCode::INTERNAL_SERVER_ERROR, read(session).await)
            }),
        )
}

struct Site {
    app: Router,
    store: TestStore,
    sessions: Sessions,
}

impl Site {
    fn new(settings: &Settings) -> Self {
        Self::with(settings, Router::new())
    }

    fn with(settings: &Settings, more: Router) -> Self {
        let store = TestStore::new(clock());
        let layer = layer(&store, settings);
        let sessions = layer.sessions().clone();
        Self { app: routes().merge(more).layer(layer), store, sessions }
    }

    fn wait(&self, span: i64) {
        self.store.clock().advance(seconds(span));
    }

    /// A session that somebody else made.
    fn plant(&self, json: &str) -> String {
        let data = SessionData::parse(json).unwrap();
        let payload = Codec::signed_json(&keys(), self.store.clock()).encode(&data).unwrap();
        self.store.plant(key(), &payload, self.store.clock().now() + seconds(TWO_WEEKS));
        format!("sessionid={KEY}")
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        get(&self.app, path, Some(cookie)).await
    }

    /// What the only session in the store holds.
    fn stored(&self) -> SessionData {
        let records = self.store.records();
        assert_eq!(records.len(), 1);
        self.sessions.codec().decode(records.values().next().unwrap().payload()).unwrap()
    }

    fn deadline(&self) -> Timestamp {
        self.store.records().values().next().unwrap().expires_at()
    }

    /// The stamps of the only session, in seconds from the beginning.
    fn stamps(&self) -> (Option<i64>, Option<i64>) {
        let data = self.stored();
        let stamp = |key| Some(data.get(key)?.parse::<i64>().unwrap() / 1000 - 1_700_000_000);
        (stamp("_segue_last_used"), stamp("_segue_logged_in"))
    }
}

fn removes(answer: &Answer) -> bool {
    answer.set_cookie.len() == 1 && answer.set_cookie[0].starts_with("sessionid=\"\"; expires=Thu")
}

#[tokio::test]
async fn what_nobody_uses_ends_whatever_the_other_settings_say() {
    for save_every_request in [false, true] {
        let mut settings = limited(Some(IDLE), None);
        settings.session.save_every_request = save_every_request;
        let site = Site::new(&settings);
        let cookie = get(&site.app, "/set/cart", None).await.cookie();
        for _ in 0..5 {
            site.wait(IDLE - 1);
            assert_eq!(site.get("/read", &cookie).await.body, "cart=true", "it is used");
        }
        site.wait(IDLE);
        let log = Log::start();
        let answer = site.get("/read", &cookie).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (200, ""),
            "a new empty session"
        );
        assert!(removes(&answer), "{:?}", answer.set_cookie);
        assert!(site.store.records().is_empty(), "the record is gone");
        let log = log.take();
        let line = log.lines().find(|line| line.contains("time limit")).unwrap();
        assert!(line.contains("INFO") && line.contains("SESSION_IDLE_TIMEOUT"), "{line}");
        assert!(!log.contains(cookie.split_once('=').unwrap().1), "{log}");
    }
}

/// The session's own expiry and its clear do not go around the limit.
#[tokio::test]
async fn a_session_cannot_opt_out() {
    let forever = Router::new().route(
        "/forever",
        route(|session: Session| async move { session.set_expiry(Timestamp::MAX) }),
    );
    let site = Site::with(&limited(Some(IDLE), None), forever);
    let cookie = get(&site.app, "/set/cart", None).await.cookie();
    site.get("/forever", &cookie).await;
    site.get("/clear", &cookie).await;
    site.get("/set/cart", &cookie).await;
    site.wait(IDLE);
    assert_eq!(site.get("/read", &cookie).await.body, "");
}

#[tokio::test]
async fn a_use_is_written_once_in_a_tenth_and_an_untouched_session_costs_nothing() {
    let site = Site::new(&limited(Some(IDLE), None));
    let cookie = get(&site.app, "/set/cart", None).await.cookie();
    assert_eq!(site.store.calls(), Calls { create: 1, ..Calls::default() });
    let deadline = site.deadline();
    // Every second for ten minutes: a tenth is a minute.
    let mut all = Calls::default();
    for second in 1..=600 {
        site.wait(1);
        let answer = site.get("/read", &cookie).await;
        assert!(answer.set_cookie.is_empty(), "whoever only reads gets no cookie");
        let calls = site.store.calls();
        assert_eq!(calls.replace, u32::from(second % 60 == 0), "second {second}");
        all.load += calls.load;
        all.replace += calls.replace;
        assert_eq!(calls.total(), calls.load + calls.replace);
    }
    assert_eq!((all.load, all.replace), (600, 10));
    assert_eq!(site.deadline(), deadline, "a stamp makes no session live longer");

    site.wait(IDLE - 1);
    let answer = site.get("/untouched", &cookie).await;
    assert_eq!((answer.set_cookie.len(), answer.vary), (0, None));
    assert_eq!(site.store.calls(), Calls::default());
    site.wait(1);
    assert_eq!(site.get("/read", &cookie).await.body, "", "a page that does not look is no use");
}

#[tokio::test]
async fn a_stamp_is_no_change_of_the_handlers() {
    let site = Site::new(&limited(Some(IDLE), Some(ABSOLUTE)));
    let cookie = site.plant(r#"{"_auth_user_id":"7"}"#);
    assert_eq!(site.get("/modified", &cookie).await.body, "false");
    assert_eq!(site.stamps(), (Some(0), Some(0)));
    site.wait(IDLE);
    assert_eq!(site.get("/modified", &cookie).await.body, "false", "and an end is none either");
}

/// Without a limit the session is Django's to the byte.
#[tokio::test]
async fn nothing_is_written_where_there_is_no_limit() {
    let site = Site::new(&settings());
    let cookie = get(&site.app, "/login", None).await.cookie();
    site.get("/read", &cookie).await;
    assert_eq!(site.stored().to_json(), r#"{"_auth_user_id":"7"}"#);
}

#[tokio::test]
async fn a_login_ends_however_much_it_is_used() {
    let site = Site::new(&limited(None, Some(ABSOLUTE)));
    let cookie = get(&site.app, "/set/cart", None).await.cookie();
    site.wait(99 * ABSOLUTE);
    assert_eq!(site.get("/read", &cookie).await.body, "cart=true", "anonymous: no end");
    assert_eq!(site.stamps(), (None, None));

    let mut cookie = site.get("/login", &cookie).await.cookie();
    let login = 99 * ABSOLUTE;
    assert_eq!(site.stamps(), (None, Some(login)));
    for _ in 0..3 {
        site.wait(ABSOLUTE / 4);
        site.get("/set/more", &cookie).await;
        cookie = site.get("/cycle", &cookie).await.cookie();
        assert_eq!(site.stamps(), (None, Some(login)), "a new key is no new login");
    }
    site.wait(ABSOLUTE / 4 - 1);
    assert!(site.get("/read", &cookie).await.body.contains("_auth_user_id"));
    site.wait(1);
    let log = Log::start();
    let answer = site.get("/read", &cookie).await;
    assert_eq!(answer.body, "");
    assert!(removes(&answer) && site.store.records().is_empty());
    assert!(log.take().contains("SESSION_ABSOLUTE_TIMEOUT"));
}

#[tokio::test]
async fn a_logout_takes_the_time_of_the_login_along() {
    let site = Site::new(&limited(None, Some(ABSOLUTE)));
    let cookie = get(&site.app, "/login", None).await.cookie();
    site.get("/logout", &cookie).await;
    assert!(site.store.records().is_empty());

    // By hand, as some do it: the next login is a new one all the same.
    let by_hand = Router::new().route(
        "/forget",
        route(|session: Session| async move { session.remove("_auth_user_id").to_string() }),
    );
    let site = Site::with(&limited(None, Some(ABSOLUTE)), by_hand);
    let cookie = get(&site.app, "/login", None).await.cookie();
    site.wait(ABSOLUTE - 1);
    site.get("/forget", &cookie).await;
    let cookie = site.get("/login", &cookie).await.cookie();
    site.wait(ABSOLUTE - 1);
    assert!(site.get("/read", &cookie).await.body.contains("_auth_user_id"));
}

/// Made by Django, or before the setting was switched on.
#[tokio::test]
async fn a_session_without_stamps_counts_from_the_first_load() {
    let site = Site::new(&limited(Some(IDLE), Some(ABSOLUTE)));
    let cookie = site.plant(r#"{"_auth_user_id":"7"}"#);
    site.wait(10 * ABSOLUTE);
    assert_eq!(site.get("/read", &cookie).await.body, "_auth_user_id=\"7\"");
    assert_eq!(site.stamps(), (Some(10 * ABSOLUTE), Some(10 * ABSOLUTE)));
    site.wait(IDLE);
    assert_eq!(site.get("/read", &cookie).await.body, "");
}

#[tokio::test]
async fn a_server_error_writes_no_stamp_and_an_end_is_one_whatever_the_status() {
    let site = Site::new(&limited(Some(IDLE), Some(ABSOLUTE)));
    let cookie = site.plant(r#"{"cart":true}"#);
    assert_eq!(site.get("/error", &cookie).await.body, "cart=true");
    assert_eq!(site.store.calls(), Calls { load: 1, ..Calls::default() });
    assert_eq!(site.stamps(), (None, None));
    site.get("/read", &cookie).await;
    site.wait(IDLE);
    let answer = site.get("/error", &cookie).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (500, ""));
    assert!(removes(&answer) && site.store.records().is_empty());
}

#[tokio::test]
async fn what_is_begun_after_the_end_is_a_new_session() {
    let site = Site::new(&limited(Some(IDLE), None));
    let cookie = get(&site.app, "/set/cart", None).await.cookie();
    site.wait(IDLE);
    let answer = site.get("/set/fresh", &cookie).await;
    assert_ne!(answer.cookie(), cookie);
    assert_eq!(site.get("/read", &answer.cookie()).await.body, "fresh=true");
    assert_eq!(site.store.records().len(), 1, "the old record is gone");
}

#[tokio::test]
async fn a_store_in_trouble_ends_nothing() {
    let site = Site::new(&limited(Some(IDLE), None));
    let cookie = get(&site.app, "/set/cart", None).await.cookie();
    site.wait(IDLE - 1);
    site.store.set_down(true);
    let answer = site.get("/read", &cookie).await;
    assert_eq!((answer.status.as_u16(), answer.set_cookie.len()), (503, 0));
    site.store.set_down(false);
    assert_eq!(site.get("/read", &cookie).await.body, "cart=true");
}

#[tokio::test]
async fn a_clock_that_goes_back_ends_nothing_and_saves_nobody() {
    let site = Site::new(&limited(Some(IDLE), Some(ABSOLUTE)));
    let cookie = get(&site.app, "/login", None).await.cookie();
    site.wait(-99 * ABSOLUTE);
    let now = -99 * ABSOLUTE;
    assert!(site.get("/read", &cookie).await.body.contains("_auth_user_id"));
    assert_eq!(site.stamps(), (Some(now), Some(now)), "it counts from now on");
    site.wait(IDLE);
    assert_eq!(site.get("/read", &cookie).await.body, "");
}

/// Two machines whose clocks differ by a few seconds do not write in turns.
#[tokio::test]
async fn a_clock_that_is_ahead_a_little_writes_nothing() {
    let site = Site::new(&limited(Some(IDLE), Some(ABSOLUTE)));
    let cookie = get(&site.app, "/login", None).await.cookie();
    site.store.calls();
    for step in [-30, 30, -30, 30] {
        site.wait(step);
        site.get("/read", &cookie).await;
        assert_eq!(site.store.calls(), Calls { load: 1, ..Calls::default() });
    }
}

/// A request that takes longer than the limit is not cut, and is a use until its end.
#[tokio::test]
async fn a_long_request_is_a_use_until_its_end() {
    let clock = clock();
    let hours = clock.clone();
    let long = move |_: Session| {
        let hours = hours.clone();
        async move { hours.advance(seconds(10 * IDLE)) }
    };
    let store = TestStore::new(clock);
    let layer = layer(&store, &limited(Some(IDLE), None));
    let app = routes().route("/long", route(long)).layer(layer);
    let cookie = get(&app, "/set/cart", None).await.cookie();
    get(&app, "/long", Some(&cookie)).await;
    assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "cart=true");
}

#[tokio::test]
async fn outside_of_requests_the_limits_hold_too() {
    let site = Site::new(&limited(Some(IDLE), None));
    let cookie = get(&site.app, "/set/cart", None).await.cookie();
    let key = segue::SessionKey::parse(cookie.split_once('=').unwrap().1).unwrap();
    let open = || {
        let handle: SessionHandle = site.sessions.open(Some(key.clone()));
        async move { handle.load().await.unwrap() }
    };
    site.wait(IDLE - 1);
    assert!(open().await.contains_key("cart") && site.sessions.exists(&key).await.unwrap());
    site.wait(1);
    let log = Log::start();
    let session = open().await;
    assert!(session.is_empty() && session.key().is_none());
    assert!(!site.sessions.exists(&key).await.unwrap());
    drop(session);
    assert!(!log.take().contains("never saved"), "nobody changed anything");
    assert_eq!(site.store.records().len(), 1, "only a save writes");
    open().await.save().await.unwrap();
    assert!(site.store.records().is_empty());
}

#[tokio::test]
async fn sessions_in_cookies_are_limited_too() {
    let settings = limited(Some(IDLE), Some(ABSOLUTE));
    let clock = clock();
    let signed = SignedCookieStore::with_clock(&settings, clock.clone()).unwrap();
    let encrypted = EncryptedCookieStore::with_clock(&settings, clock.clone()).unwrap();
    for store in [segue::AnyStore::new(signed), segue::AnyStore::new(encrypted)] {
        let sessions = Sessions::with_clock(store, &settings, clock.clone()).unwrap();
        let app = routes().layer(SessionLayer::from_sessions(sessions, &settings).unwrap());
        let first = get(&app, "/login", None).await.cookie();
        let mut cookie = first.clone();
        for _ in 0..5 {
            clock.advance(seconds(IDLE - 1));
            let answer = get(&app, "/read", Some(&cookie)).await;
            assert!(answer.body.contains("_auth_user_id"));
            cookie = answer.cookie();
        }
        let old = get(&app, "/read", Some(&first)).await;
        assert_eq!(old.body, "", "an old copy of the cookie was not used since");
        clock.advance(seconds(ABSOLUTE - 5 * (IDLE - 1)));
        let answer = get(&app, "/read", Some(&cookie)).await;
        assert_eq!(answer.body, "", "the login is too old");
        assert!(removes(&answer));
    }
}
