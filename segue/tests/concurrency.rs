//! No lost update: 200 requests of one session at once, in one process and in two.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path as Segment;
use axum::routing::get as route;
use common::{TestStore, get, matrix, settings};
use segue::engines::MemoryStore;
use segue::{Clock, Session, SessionError, SessionLayer, Sessions};

/// Of each kind: `update("n", +1)`, and a key of the request's own.
const REQUESTS: usize = 100;

/// In a process of its own the test binary finds the database and the cookie here.
const WORKER: &str = "SEGUE_TEST_WORKER";

async fn increment(session: Session) -> Result<&'static str, SessionError> {
    // Others come in between the load and the save.
    tokio::task::yield_now().await;
    session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok("ok")
}

async fn own_key(
    Segment(key): Segment<String>,
    session: Session,
) -> Result<&'static str, SessionError> {
    tokio::task::yield_now().await;
    session.insert(&key, true)?;
    Ok("ok")
}

async fn start(session: Session) -> Result<&'static str, SessionError> {
    session.insert("started", true)?;
    Ok("ok")
}

fn app(sessions: &Sessions) -> (Router, Sessions) {
    let sessions = sessions.clone();
    let layer = SessionLayer::from_sessions(sessions.clone(), &settings()).unwrap();
    let app = Router::new()
        .route("/start", route(start))
        .route("/increment", route(increment))
        .route("/key/{key}", route(own_key))
        .layer(layer);
    (app, sessions)
}

/// Sends the requests from this to that number, all at once, and each must be answered with 200.
async fn crowd(app: &Router, cookie: &str, numbers: std::ops::Range<usize>) {
    let requests: Vec<_> = numbers
        .flat_map(|n| ["/increment".to_owned(), format!("/key/k{n}")])
        .map(|path| {
            let (app, cookie) = (app.clone(), cookie.to_owned());
            tokio::spawn(async move { get(&app, &path, Some(&cookie)).await.status })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
}

/// How many of the updates and of the keys are there.
async fn survivors(sessions: &Sessions, cookie: &str) -> (usize, usize) {
    let key = segue::SessionKey::parse(cookie.split_once('=').unwrap().1);
    let session = sessions.open(key).load().await.unwrap();
    let keys = (0..REQUESTS).filter(|n| session.contains_key(&format!("k{n}"))).count();
    (session.get("n").unwrap().unwrap_or(0), keys)
}

/// Half of the requests come to another process, wherever that finds the same sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_on_any_engine_from_two_processes() {
    for engine in matrix::engines() {
        let site = engine.open().await;
        let (app, sessions) = app(site.sessions());
        let cookie = get(&app, "/start", None).await.cookie();
        let half = if engine.shared { REQUESTS / 2 } else { REQUESTS };
        let other = engine.shared.then(|| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "a_worker_in_another_process", "--nocapture"])
                .env(WORKER, format!("{} {cookie} {half}", engine.file().display()))
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        });
        crowd(&app, &cookie, 0..half).await;
        if let Some(mut other) = other {
            let ended = tokio::task::spawn_blocking(move || other.wait()).await.unwrap().unwrap();
            assert!(ended.success(), "{}: the other process got 200 each time", engine.name);
        }
        let ended = Instant::now();
        loop {
            let must_be_there = ended.elapsed() >= engine.late;
            let found = survivors(&sessions, &cookie).await;
            if must_be_there || found == (REQUESTS, REQUESTS) {
                assert_eq!(found, (REQUESTS, REQUESTS), "{}", engine.name);
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        site.close().await;
    }
}

/// The other process of the test above; by itself it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_worker_in_another_process() {
    let Ok(task) = std::env::var(WORKER) else { return };
    let task: Vec<&str> = task.split(' ').collect();
    let site = matrix::open(std::path::Path::new(task[0])).await;
    let (app, _) = app(site.sessions());
    crowd(&app, task[1], task[2].parse().unwrap()..REQUESTS).await;
}

/// The negative control: the same requests on a store that does not compare lose changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_the_comparison_changes_are_lost() {
    let store = TestStore::new(Clock::system());
    store.set_compares(false);
    let (app, sessions) = app(&Sessions::new(store, &settings()).unwrap());
    let cookie = get(&app, "/start", None).await.cookie();
    crowd(&app, &cookie, 0..REQUESTS).await;
    let (updates, keys) = survivors(&sessions, &cookie).await;
    assert!(updates < REQUESTS && keys < REQUESTS, "{updates} updates and {keys} keys survived");
}

/// And with it, on the same store.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_the_comparison_they_are_not() {
    let store = TestStore::new(Clock::system());
    let (app, sessions) = app(&Sessions::new(store, &settings()).unwrap());
    let cookie = get(&app, "/start", None).await.cookie();
    crowd(&app, &cookie, 0..REQUESTS).await;
    assert_eq!(survivors(&sessions, &cookie).await, (REQUESTS, REQUESTS));
}

/// Explicit saves of one request's session by many of its tasks do not get in each other's way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_tasks_of_one_request_share_the_session() {
    let sessions = Sessions::new(MemoryStore::new(), &settings()).unwrap();
    let session = sessions.open(None).load().await.unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move {
                session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).unwrap();
                session.save().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let again = sessions.open(session.key()).load().await.unwrap();
    assert_eq!(again.get("n").unwrap(), Some(50));
}
