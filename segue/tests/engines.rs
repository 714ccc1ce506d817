//! Every engine keeps the contract.

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

use segue::engines::{DatabaseStore, MemoryStore};
use segue::testing::check_store;
use segue::{Clock, SessionStore as _, SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    check_store(MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_from_a_url() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let store = DatabaseStore::from_url(&url).await.unwrap();
    store.database().migrate().await.unwrap();
    check_store(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_from_a_pool() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("db.sqlite3"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(5));
    let pool = SqlitePoolOptions::new().max_connections(3).connect_with(options).await.unwrap();
    let store = DatabaseStore::from_pool(pool);
    store.database().migrate().await.unwrap();
    check_store(store).await;
}

/// The store that the other tests turn knobs on is an honest one until they do.
#[tokio::test(flavor = "multi_thread")]
async fn the_tests_own_store() {
    check_store(common::TestStore::new(Clock::system())).await;
}

/// A check that passes everything would be worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_compare_fails_the_check() {
    let store = common::TestStore::new(Clock::system());
    store.set_compares(false);
    let checked = tokio::spawn(check_store(store)).await;
    assert!(checked.unwrap_err().is_panic());
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_lets_writers_in_between_the_batches() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let store = DatabaseStore::from_url(&url).await.unwrap();
    store.database().migrate().await.unwrap();
    let past = Timestamp::now() - SignedDuration::from_hours(1);
    let live = store.create(b"live", Timestamp::now() + SignedDuration::from_hours(1)).await;
    let live = live.unwrap();
    for _ in 0..1700 {
        store.create(b"dead", past).await.unwrap();
    }
    let reports = std::sync::Mutex::new(Vec::new());
    let on_batch = |cleared| reports.lock().unwrap().push(cleared);
    let clearing = store.clear_expired(&on_batch);
    let writing = async {
        let mut seen = store.load(&live).await.unwrap().unwrap();
        let mut writes = 0;
        // Stops by itself: the batches are many more than the writes.
        while reports.lock().unwrap().len() < 3 {
            let next = format!("live {writes}");
            let deadline = seen.expires_at();
            let done = store.replace(&live, &seen, next.as_bytes(), deadline).await.unwrap();
            assert_eq!(done, segue::Replaced::Saved(live.clone()));
            seen = segue::Record::new(next.into_bytes(), deadline);
            writes += 1;
        }
        writes
    };
    let (removed, writes) = tokio::join!(clearing, writing);
    assert_eq!(removed.unwrap(), 1700);
    assert!(writes > 0);
    let reports = reports.into_inner().unwrap();
    let seen: Vec<u64> = reports.iter().map(|report| report.removed).collect();
    assert_eq!(seen, [500, 1000, 1500, 1700], "four batches, each reported");
    assert!(reports.iter().all(|report| report.expected == Some(1700)));
}
