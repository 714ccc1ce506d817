//! What one file with one writer has of its own.

use std::time::Duration;

use segue::engines::DatabaseStore;
use segue::{Replaced, SessionStore as _};
use tokio::task::JoinSet;

use crate::common::databases;
use crate::{create, lock, seen, tomorrow};

/// All who wait for a lock that somebody holds for long are told at the same time, and not one after the
/// other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lock_is_waited_for_once() {
    let place = databases::sqlite();
    let store = place.store().await;
    let keys = create(&store, 20).await;
    let before = seen(&store, &keys).await;
    let held = lock(&place).await;
    let mut saves = JoinSet::new();
    for (key, before) in std::iter::zip(keys.clone(), before.clone()) {
        let store = store.clone();
        saves.spawn(async move { store.replace(&key, &before, b"new", tomorrow()).await });
    }
    let all = tokio::time::timeout(Duration::from_secs(20), saves.join_all());
    for saved in all.await.expect("each of twenty who waits five seconds would take longer") {
        let error = saved.unwrap_err();
        assert!(error.to_string().contains("was locked for 5 s"), "{error}");
    }
    drop(held);
    assert_eq!(seen(&store, &keys).await, before, "nothing was done");
}

/// In Django's journal mode, which a file may have been given back to, a writer locks readers out: they
/// wait elsewhere, and the thread of the request goes on.
#[tokio::test]
async fn a_reader_that_has_to_wait_holds_up_nobody() {
    use sqlx::Connection as _;
    let place = databases::sqlite();
    let keys = create(&place.store().await, 1).await;
    let store = DatabaseStore::from_url(&place.url).await.unwrap();
    let mut other = sqlx::SqliteConnection::connect(&place.url).await.unwrap();
    let lock = "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let waiting = tokio::spawn({
        let (store, key) = (store.clone(), keys[0].clone());
        async move { store.load(&key).await }
    });
    // There is one thread: it comes here while the reader waits.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().unwrap().payload(), b"0:0");
}

/// A read that waits for nothing is no reason to keep the thread: there is one, and another task wants it.
#[tokio::test]
async fn who_reads_again_and_again_lets_others_have_their_turn() {
    let place = databases::sqlite();
    let store = place.store().await;
    let key = create(&store, 1).await.remove(0);
    let other = tokio::spawn(async {});
    for _ in 0..10_000 {
        store.load(&key).await.unwrap().unwrap();
        if other.is_finished() {
            return;
        }
    }
    panic!("the other task had no turn");
}

/// What waits leaves as one: a hundred saves are two transactions, the one that was under way and the one
/// of all the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_is_one_transaction() {
    let place = databases::sqlite();
    let store = place.store().await;
    let keys = create(&store, 100).await;
    let before = seen(&store, &keys).await;
    place.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let held = lock(&place).await;
    let mut saves = JoinSet::new();
    for (key, before) in std::iter::zip(keys, before) {
        let store = store.clone();
        saves.spawn(async move { store.replace(&key, &before, b"new", tomorrow()).await });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(held);
    for saved in saves.join_all().await {
        assert!(matches!(saved.unwrap(), Replaced::Saved(_)));
    }
    // Each transaction writes the pages that it changed: of a hundred, each would write several.
    let log = format!("{}-wal", place.url.trim_start_matches("sqlite://"));
    let pages = std::fs::metadata(log).unwrap().len() / 4096;
    assert!(0 < pages && pages < 60, "{pages} pages were written");
}
