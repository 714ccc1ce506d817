//! A logout is never undone, and a new key loses nothing: races, server errors, clients that leave.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::routing::get as route;
use common::{TestStore, clock, get, layer, settings};
use http::StatusCode;
use segue::{Session, SessionError, SessionErrorKind, SessionKey, Sessions};
use tokio::sync::Notify;

/// Lets a test hold a request in its handler: `arrived` tells that it is there, `go` lets it go.
#[derive(Clone, Default)]
struct Gate {
    arrived: Arc<Notify>,
    go: Arc<Notify>,
}

struct Site {
    app: Router,
    store: TestStore,
    sessions: Sessions,
    gate: Gate,
}

fn site() -> Site {
    let store = TestStore::new(clock());
    let layer = layer(&store, &settings());
    let sessions = layer.sessions().clone();
    let gate = Gate::default();
    let slow = {
        let gate = gate.clone();
        move |session: Session| {
            let gate = gate.clone();
            async move {
                gate.arrived.notify_one();
                gate.go.notified().await;
                session.insert("slow", true)?;
                Ok::<_, SessionError>("slow")
            }
        }
    };
    let app = Router::new()
        .route("/login", route(login))
        .route("/logout", route(logout))
        .route(
            "/logout-500",
            route(|session| async { (StatusCode::INTERNAL_SERVER_ERROR, logout(session).await) }),
        )
        .route("/cycle", route(cycle))
        .route(
            "/cycle-500",
            route(|session| async { (StatusCode::INTERNAL_SERVER_ERROR, cycle(session).await) }),
        )
        .route("/restart", route(restart))
        .route("/slow", route(slow))
        .route("/who", route(who))
        .layer(layer);
    Site { app, store, sessions, gate }
}

async fn login(session: Session) -> Result<&'static str, SessionError> {
    session.insert("user", "ada")?;
    Ok("in")
}

async fn logout(session: Session) -> &'static str {
    session.flush();
    "out"
}

async fn cycle(session: Session) -> Result<&'static str, SessionError> {
    session.insert("before", true)?;
    session.cycle_key();
    session.insert("after", true)?;
    Ok("cycled")
}

async fn restart(session: Session) -> Result<&'static str, SessionError> {
    session.flush();
    session.insert("user", "grace")?;
    Ok("restarted")
}

async fn who(session: Session) -> String {
    format!("{:?}", session.keys())
}

impl Site {
    /// Sends a request to `/slow`, does something else while it is in its handler, and gives its
    /// answer.
    async fn during_a_slow_request(
        &self,
        cookie: &str,
        act: impl Future<Output = ()>,
    ) -> common::Answer {
        let slow = get(&self.app, "/slow", Some(cookie));
        let meanwhile = async {
            self.gate.arrived.notified().await;
            act.await;
            self.gate.go.notify_one();
        };
        tokio::join!(slow, meanwhile).0
    }

    async fn who(&self, cookie: &str) -> String {
        get(&self.app, "/who", Some(cookie)).await.body
    }
}

#[tokio::test]
async fn a_slow_request_does_not_undo_a_logout() {
    let site = site();
    let cookie = get(&site.app, "/login", None).await.cookie();
    let answer = site
        .during_a_slow_request(&cookie, async {
            assert_eq!(get(&site.app, "/logout", Some(&cookie)).await.status, 200);
        })
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.set_cookie.is_empty(), "no cookie: the visitor may have logged in again since");
    assert!(site.store.records().is_empty(), "no row");
    assert_eq!(site.who(&cookie).await, "[]", "the old cookie is dead");
}

#[tokio::test]
async fn the_logout_removes_the_cookie() {
    let site = site();
    let cookie = get(&site.app, "/login", None).await.cookie();
    for path in ["/logout", "/logout-500"] {
        let cookie = if path == "/logout" {
            cookie.clone()
        } else {
            get(&site.app, "/login", None).await.cookie()
        };
        let answer = get(&site.app, path, Some(&cookie)).await;
        assert!(answer.set_cookie[0].starts_with("sessionid=\"\"; expires=Thu, 01 Jan 1970"));
        assert!(site.store.records().is_empty(), "{path}: a logout holds whatever the status");
    }
}

#[tokio::test]
async fn a_session_after_a_flush_has_another_key_and_nothing_of_the_old() {
    let site = site();
    let cookie = get(&site.app, "/login", None).await.cookie();
    let answer = get(&site.app, "/restart", Some(&cookie)).await;
    assert_ne!(answer.cookie(), cookie);
    assert_eq!(site.who(&cookie).await, "[]");
    assert_eq!(site.store.records().len(), 1);
}

#[tokio::test]
async fn a_new_key_keeps_the_data_and_ends_the_old_key() {
    let site = site();
    let cookie = get(&site.app, "/login", None).await.cookie();
    let answer = get(&site.app, "/cycle", Some(&cookie)).await;
    assert_ne!(answer.cookie(), cookie);
    assert_eq!(site.who(&answer.cookie()).await, r#"["user", "before", "after"]"#);
    assert_eq!(site.who(&cookie).await, "[]");
    assert_eq!(site.store.records().len(), 1);
}

/// Elsewhere the old record was deleted and the new one never made.
#[tokio::test]
async fn a_new_key_survives_a_server_error() {
    let site = site();
    let cookie = get(&site.app, "/login", None).await.cookie();
    let answer = get(&site.app, "/cycle-500", Some(&cookie)).await;
    assert_eq!(answer.status, 500);
    assert_ne!(answer.cookie(), cookie, "the browser learns the new key");
    let keys = site.who(&answer.cookie()).await;
    assert_eq!(keys, r#"["user", "before"]"#, "as Django: with the data it had when it was cycled");
    assert_eq!(site.who(&cookie).await, "[]");
}

/// A save under the old key either comes along or is refused; it is never accepted and lost.
#[tokio::test]
async fn a_new_key_loses_no_change_of_a_concurrent_request() {
    let site = site();
    let cookie = get(&site.app, "/login", None).await.cookie();
    let key = SessionKey::parse(cookie.split_once('=').unwrap().1);
    // The request that cycles has loaded before the other one saves.
    let cycling = site.sessions.open(key).load().await.unwrap();
    cycling.cycle_key();
    site.gate.go.notify_one();
    assert_eq!(get(&site.app, "/slow", Some(&cookie)).await.status, 200);
    cycling.save().await.unwrap();
    let moved = site.sessions.open(cycling.key()).load().await.unwrap();
    assert_eq!(moved.keys(), ["user", "slow"]);
    assert_eq!(site.store.records().len(), 1);

    // The other way round: saved after the move, it is refused.
    let cookie = format!("sessionid={}", moved.key().unwrap().expose());
    let answer = site
        .during_a_slow_request(&cookie, async {
            get(&site.app, "/cycle", Some(&cookie)).await;
        })
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_new_key_does_not_undo_a_logout() {
    let site = site();
    let cookie = get(&site.app, "/login", None).await.cookie();
    let key = SessionKey::parse(cookie.split_once('=').unwrap().1);
    let cycling = site.sessions.open(key).load().await.unwrap();
    cycling.cycle_key();
    get(&site.app, "/logout", Some(&cookie)).await;
    assert_eq!(cycling.save().await.unwrap_err().kind(), SessionErrorKind::Interrupted);
    assert!(site.store.records().is_empty(), "neither the old nor a new session is there");
}

/// However far the move to the new key has come: what another request was told is saved under the
/// old key is in the new session.
#[tokio::test]
async fn whatever_is_acknowledged_during_a_move_comes_along() {
    let mut accepted = 0;
    let mut refused = 0;
    for polls in 0..12 {
        let site = site();
        let cookie = get(&site.app, "/login", None).await.cookie();
        let key = SessionKey::parse(cookie.split_once('=').unwrap().1);
        let other = site.sessions.open(key.clone()).load().await.unwrap();
        other.insert("other", true).unwrap();
        let cycling = site.sessions.open(key).load().await.unwrap();
        cycling.cycle_key();
        let mut moving = Box::pin(cycling.save());
        let moved = poll_times(moving.as_mut(), polls).await;
        match other.save().await {
            Ok(()) => accepted += 1,
            Err(error) => {
                assert_eq!(error.kind(), SessionErrorKind::Interrupted);
                refused += 1;
                other.flush();
                continue;
            }
        }
        match moved {
            Some(moved) => moved.unwrap(),
            None => moving.await.unwrap(),
        }
        let after = site.sessions.open(cycling.key()).load().await.unwrap();
        assert_eq!(after.keys(), ["user", "other"], "after {polls} polls");
    }
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
}

/// A flush that comes while the session is being saved still wins, whenever it comes.
#[tokio::test]
async fn a_flush_during_a_save_wins() {
    for polls in 0..6 {
        let site = site();
        let session = site.sessions.open(None).load().await.unwrap();
        session.insert("user", "ada").unwrap();
        let mut saving = Box::pin(session.save());
        let saved = poll_times(saving.as_mut(), polls).await;
        session.flush();
        match saved {
            Some(saved) => saved.unwrap(),
            None => saving.await.unwrap(),
        }
        session.save().await.unwrap();
        assert!(site.store.records().is_empty(), "after {polls} polls");
        assert!(session.is_empty());
    }
}

/// Lets a future come so far and no further; its output, if it came to its end.
async fn poll_times<F: Future>(
    mut future: std::pin::Pin<&mut F>,
    polls: usize,
) -> Option<F::Output> {
    for _ in 0..polls {
        let polled = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
    }
    None
}

/// The client goes away at each point at which a request waits: the stored session stays whole,
/// and a later logout works.
#[tokio::test]
async fn a_client_that_leaves_breaks_nothing() {
    for path in ["/login", "/cycle", "/logout", "/restart"] {
        for polls in 1..12 {
            let site = site();
            let cookie = get(&site.app, "/login", None).await.cookie();
            let mut request = Box::pin(get(&site.app, path, Some(&cookie)));
            poll_times(request.as_mut(), polls).await;
            drop(request);
            let live = site.store.clock().now();
            let records = site.store.records().clone();
            for record in records.values().filter(|record| record.expires_at() > live) {
                assert!(site.sessions.codec().decode(record.payload()).is_ok(), "{path} {polls}");
            }
            get(&site.app, "/logout", Some(&cookie)).await;
            assert_eq!(site.who(&cookie).await, "[]", "{path} {polls}");
        }
    }
}

/// A new key that is asked for while the session is being saved is not forgotten.
#[tokio::test]
async fn a_new_key_asked_for_during_a_save_comes_with_the_next() {
    for polls in 1..6 {
        let site = site();
        let cookie = get(&site.app, "/login", None).await.cookie();
        let key = SessionKey::parse(cookie.split_once('=').unwrap().1);
        let session = site.sessions.open(key.clone()).load().await.unwrap();
        session.insert("x", 1).unwrap();
        let mut saving = Box::pin(session.save());
        let saved = poll_times(saving.as_mut(), polls).await;
        session.cycle_key();
        match saved {
            Some(saved) => saved.unwrap(),
            None => saving.await.unwrap(),
        }
        session.save().await.unwrap();
        assert_ne!(session.key(), key, "after {polls} polls");
        assert_eq!(site.store.records().len(), 1);
    }
}

/// What was saved before it went wrong reaches the browser all the same.
#[tokio::test]
async fn a_new_key_survives_a_store_that_fails_afterwards() {
    let store = TestStore::new(clock());
    let layer = layer(&store, &settings());
    let down = store.clone();
    let handler = move |session: Session| async move {
        session.cycle_key();
        session.save().await?;
        session.insert("late", true)?;
        down.set_down(true);
        Ok::<_, SessionError>("never sent")
    };
    let app = Router::new()
        .route("/login", route(login))
        .route("/move", route(handler))
        .route("/who", route(who))
        .layer(layer);
    let cookie = get(&app, "/login", None).await.cookie();
    let answer = get(&app, "/move", Some(&cookie)).await;
    assert_eq!((answer.status.as_u16(), answer.vary.as_deref()), (503, Some("Cookie")));
    store.set_down(false);
    assert_eq!(get(&app, "/who", Some(&answer.cookie())).await.body, r#"["user"]"#);
}

/// After a server error a task that goes on with the session saves its own changes only.
#[tokio::test]
async fn what_a_server_error_dropped_does_not_come_back() {
    let store = TestStore::new(clock());
    let kept: Arc<std::sync::Mutex<Option<Session>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let handler = move |session: Session| async move {
        session.insert("bad", true).unwrap();
        *keep.lock().unwrap() = Some(session);
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let app = Router::new()
        .route("/login", route(login))
        .route("/fail", route(handler))
        .route("/who", route(who))
        .layer(layer(&store, &settings()));
    let cookie = get(&app, "/login", None).await.cookie();
    assert_eq!(get(&app, "/fail", Some(&cookie)).await.status, 500);
    let task = kept.lock().unwrap().take().unwrap();
    task.insert("job", true).unwrap();
    task.save().await.unwrap();
    assert_eq!(get(&app, "/who", Some(&cookie)).await.body, r#"["user", "job"]"#);
}
