//! What somebody else has locked is waited for by those who need it, and by nobody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::databases;
use segue::database::Database;
use segue::engines::{DatabaseStore, NearStore};
use segue::settings::{DatabaseOptions, DatabaseUrl};
use segue::{Clock, Record, Replaced, SessionKey, SessionStore, SignedDuration, Timestamp};
use sqlx::Connection as _;
use tokio::task::JoinSet;

fn tomorrow() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24)
}

async fn created(store: &impl SessionStore) -> (SessionKey, Record) {
    let key = store.create(b"old", tomorrow()).await.unwrap();
    let seen = store.load(&key).await.unwrap().unwrap();
    (key, seen)
}

/// A page asks ten times at once, and its session is locked; there are four connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_locked_session_leaves_connections_to_the_others() {
    for place in databases::servers() {
        place.store().await;
        let url = format!("{}?max_connections=4&timeout=20", place.url);
        let store = DatabaseStore::from_url(&url).await.unwrap();
        let (locked, (other, seen)) = (created(&store).await, created(&store).await);
        let holder = place.hold_the_row(&locked.0).await;
        let mut waiting = JoinSet::new();
        for number in 0..10 {
            let (store, (key, seen)) = (store.clone(), locked.clone());
            waiting.spawn(async move {
                if number == 9 {
                    store.delete(&key).await.map(|()| Replaced::Gone)
                } else {
                    store.replace(&key, &seen, b"new", tomorrow()).await
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let in_time = tokio::time::timeout(Duration::from_secs(8), async {
            assert_eq!(store.load(&other).await.unwrap().unwrap().payload(), b"old");
            let saved = store.replace(&other, &seen, b"new", tomorrow()).await.unwrap();
            assert_eq!(saved, Replaced::Saved(other.clone()));
        });
        in_time.await.unwrap_or_else(|_| panic!("{place:?}: there is no connection left"));
        assert!(waiting.try_join_next().is_none(), "or this test shows nothing");
        drop(holder);
        let done: Vec<_> = waiting.join_all().await.into_iter().map(Result::unwrap).collect();
        let saved = done.iter().filter(|done| matches!(done, Replaced::Saved(_))).count();
        assert!(saved <= 1, "{place:?}: {done:?}");
        assert!(
            store.load(&locked.0).await.unwrap().is_none_or(|record| record.payload() == b"new")
        );
    }
}

/// Also where one batch is on its way at a time: who waits behind such a save goes on without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_save_that_waits_for_a_lock_holds_up_no_other() {
    for place in databases::servers() {
        place.store().await;
        let mut options = DatabaseOptions::default();
        options.batches = 1;
        let url = format!("{}?timeout=20", place.url);
        let url = DatabaseUrl::parse(&url, Path::new("")).unwrap();
        let database = Database::connect_with(&url, options).await.unwrap();
        let store = DatabaseStore::new(database, Clock::system());
        let ((locked, before), (other, mut seen)) = (created(&store).await, created(&store).await);
        let holder = place.hold_the_row(&locked).await;
        let waiting = {
            let (store, locked) = (store.clone(), locked.clone());
            tokio::spawn(async move { store.replace(&locked, &before, b"new", tomorrow()).await })
        };
        tokio::time::sleep(Duration::from_millis(500)).await;
        for payload in ["1", "2", "3"] {
            let saving = store.replace(&other, &seen, payload.as_bytes(), tomorrow());
            let saved = tokio::time::timeout(Duration::from_secs(8), saving).await;
            let saved = saved.unwrap_or_else(|_| panic!("{place:?}: {payload} waits for the lock"));
            assert_eq!(saved.unwrap(), Replaced::Saved(other.clone()));
            seen = store.load(&other).await.unwrap().unwrap();
        }
        assert!(!waiting.is_finished(), "{place:?}: or this test shows nothing");
        drop(holder);
        assert_eq!(waiting.await.unwrap().unwrap(), Replaced::Saved(locked), "{place:?}");
    }
}

/// A transaction that somebody forgot has written to the table, and a process wants to make its trigger
/// there: whoever writes meanwhile, Django too, waits for neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_trigger_that_cannot_be_made_yet_holds_up_nobody() {
    let place = databases::postgres();
    let (store, another) = (place.store().await, place.store().await);
    let ((key, seen), (forgotten, _)) = (created(&store).await, created(&store).await);
    let mut connection = sqlx::PgConnection::connect(&place.url).await.unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut connection).await.unwrap();
    let update = "UPDATE django_session SET session_data = 'new' WHERE session_key = $1";
    sqlx::query(update).bind(forgotten.expose()).execute(&mut connection).await.unwrap();

    let near = NearStore::new(another, 100).with_staleness(Duration::from_secs(1));
    near.load(&key).await.unwrap().unwrap();
    let waits = "SELECT count(*)::text FROM pg_stat_activity \
                 WHERE datname = current_database() AND query LIKE '%CREATE TRIGGER%' AND pid <> pg_backend_pid()";
    let mut seen = seen;
    for round in 0..20 {
        let payload = round.to_string();
        let saving = store.replace(&key, &seen, payload.as_bytes(), tomorrow());
        let saved = tokio::time::timeout(Duration::from_secs(3), saving).await;
        let saved = saved.unwrap_or_else(|_| panic!("{round}: it waits for the trigger"));
        assert_eq!(saved.unwrap(), Replaced::Saved(key.clone()));
        seen = Record::new(payload.as_bytes(), tomorrow());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let waits = place.rows(waits).await;
    assert!([["0"], ["1"]].contains(&[waits[0][0].as_str()]), "they pile up: {waits:?}");
    sqlx::raw_sql("COMMIT").execute(&mut connection).await.unwrap();
    for _ in 0..1000 {
        let (one, two) = (near.load(&key).await.unwrap(), near.load(&key).await.unwrap());
        if std::ptr::eq(one.unwrap().payload(), two.unwrap().payload()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was never made");
}

/// What is in memory is not worth a wait on the thread of a request, of which there is one here.
#[tokio::test]
async fn a_file_that_cannot_be_asked_is_no_reason_to_wait() {
    let place = databases::sqlite();
    let (key, _) = created(&place.store().await).await;
    let store = NearStore::new(DatabaseStore::from_url(&place.url).await.unwrap(), 100);
    let mut other = sqlx::SqliteConnection::connect(&place.url).await.unwrap();
    let lock = "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE";
    // The first store's connections are closed when its thread comes to it.
    let begun = std::time::Instant::now();
    while let Err(error) = sqlx::raw_sql(lock).execute(&mut other).await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let started = std::time::Instant::now();
    let waiting = tokio::spawn({
        let (store, key) = (store.clone(), key.clone());
        async move { store.load(&key).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished() && started.elapsed() < Duration::from_secs(4));
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().unwrap().payload(), b"old");
}
