//! The contract of every engine, as a test.
//!
//! ```
//! use segue::{engines::MemoryStore, testing::check_store};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! check_store(MemoryStore::new()).await;
//! # });
//! ```

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::{SignedDuration, Timestamp};

use crate::key::SessionKey;
use crate::store::{AnyStore, Record, Replaced, SessionStore};

/// How many writers meet in a race, and how often each writes.
const WRITERS: usize = 8;
const WRITES: usize = 10;

/// Checks that an engine keeps the contract of [`SessionStore`], and panics where it does not.
///
/// The store may hold other sessions; live ones stay as they are, and expired ones are cleared.
/// It must be called within a tokio runtime.
///
/// # Panics
/// When the contract is broken, with the sentence that is not true.
pub async fn check_store(store: impl SessionStore) {
    let store = AnyStore::new(store);
    what_is_created_is_there(&store).await;
    what_is_not_there_is_not_made(&store).await;
    only_the_seen_record_is_replaced(&store).await;
    a_touch_moves_the_deadline_alone(&store).await;
    what_has_expired_is_absent(&store).await;
    what_is_deleted_stays_deleted(&store).await;
    the_expired_are_cleared(&store).await;
    no_write_is_lost_in_a_race(&store).await;
    no_race_brings_a_deleted_record_back(&store).await;
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

fn an_hour_ago() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(1)
}

async fn load(store: &AnyStore, key: &SessionKey) -> Option<Record> {
    store.load(key).await.expect("load answers")
}

async fn create(store: &AnyStore, payload: &[u8]) -> SessionKey {
    store.create(payload, in_an_hour()).await.expect("create answers")
}

async fn replace(store: &AnyStore, key: &SessionKey, seen: &Record, payload: &[u8]) -> Replaced {
    store.replace(key, seen, payload, in_an_hour()).await.expect("replace answers")
}

async fn touch(
    store: &AnyStore,
    key: &SessionKey,
    seen: &Record,
    expires_at: Timestamp,
) -> Replaced {
    store.touch(key, seen, expires_at).await.expect("touch answers")
}

async fn what_is_created_is_there(store: &AnyStore) {
    let long = "0123456789".repeat(10_000);
    let deadline = in_an_hour();
    for payload in ["p", "eyJhIjoxfQ:1r31eq:mvqAFpOL1fZXbE9_M4qDR7eYKgZG", long.as_str()] {
        let key = store.create(payload.as_bytes(), deadline).await.expect("create answers");
        let record = load(store, &key).await.expect("a created record is there");
        assert_eq!(record.payload(), payload.as_bytes(), "a payload comes back as it was");
        let off = record.expires_at().duration_since(deadline).abs();
        assert!(off <= SignedDuration::from_secs(1), "a deadline comes back to the second");
        assert_ne!(create(store, payload.as_bytes()).await, key, "two records have two keys");
    }
}

async fn what_is_not_there_is_not_made(store: &AnyStore) {
    let key = SessionKey::generate().expect("the system has random bytes");
    let seen = Record::new(*b"p", in_an_hour());
    assert_eq!(load(store, &key).await, None, "an unknown key has no record");
    assert_eq!(replace(store, &key, &seen, b"q").await, Replaced::Gone, "replace makes nothing");
    assert_eq!(
        touch(store, &key, &seen, in_an_hour()).await,
        Replaced::Gone,
        "touch makes nothing"
    );
    store.delete(&key).await.expect("to delete what is not there is success");
    assert_eq!(load(store, &key).await, None, "an unknown key still has no record");
}

async fn only_the_seen_record_is_replaced(store: &AnyStore) {
    let key = create(store, b"one").await;
    let first = load(store, &key).await.expect("it is there");
    let saved = replace(store, &key, &first, b"two").await;
    assert_eq!(saved, Replaced::Saved(key.clone()), "the seen record is replaced");
    assert_eq!(replace(store, &key, &first, b"three").await, Replaced::Conflict, "an older is not");
    let second = load(store, &key).await.expect("it is there");
    assert_eq!(second.payload(), b"two", "a refused write has written nothing");
    // As after a save, when the store's own version is not known.
    let seen = Record::new(*b"two", second.expires_at());
    let saved = replace(store, &key, &seen, b"four").await;
    assert_eq!(saved, Replaced::Saved(key), "the payload is enough to compare");
}

async fn a_touch_moves_the_deadline_alone(store: &AnyStore) {
    let key = create(store, b"p").await;
    let later = in_an_hour() + SignedDuration::from_hours(5);
    let seen = load(store, &key).await.expect("it is there");
    let touched = touch(store, &key, &seen, later).await;
    assert_eq!(touched, Replaced::Saved(key.clone()), "a live record is touched");
    let record = load(store, &key).await.expect("it is there");
    assert_eq!(record.payload(), b"p", "a touch keeps the payload");
    let off = record.expires_at().duration_since(later).abs();
    assert!(off <= SignedDuration::from_secs(1), "a touch moves the deadline");
    let saved = replace(store, &key, &record, b"q").await;
    assert_eq!(saved, Replaced::Saved(key.clone()), "a touched record is replaced");
    let touched = touch(store, &key, &record, later).await;
    assert_eq!(touched, Replaced::Conflict, "who changed it may have set another deadline");
}

async fn what_has_expired_is_absent(store: &AnyStore) {
    let dead = store.create(b"p", an_hour_ago()).await.expect("create answers");
    let touched = create(store, b"p").await;
    let seen = load(store, &touched).await.expect("it is there");
    let done = touch(store, &touched, &seen, an_hour_ago()).await;
    assert_eq!(done, Replaced::Saved(touched.clone()), "a touch may end a record");
    let replaced = create(store, b"p").await;
    let seen = load(store, &replaced).await.expect("it is there");
    let ended = store.replace(&replaced, &seen, b"p", an_hour_ago()).await.expect("it answers");
    assert_eq!(ended, Replaced::Saved(replaced.clone()), "a deadline in the past is a valid one");
    for key in [dead, touched, replaced] {
        assert_eq!(load(store, &key).await, None, "what has expired is absent");
        assert_eq!(replace(store, &key, &seen, b"q").await, Replaced::Gone, "and not replaced");
        assert_eq!(touch(store, &key, &seen, in_an_hour()).await, Replaced::Gone, "nor touched");
        assert_eq!(load(store, &key).await, None, "it does not come back");
    }
}

async fn what_is_deleted_stays_deleted(store: &AnyStore) {
    let key = create(store, b"p").await;
    let seen = load(store, &key).await.expect("it is there");
    store.delete(&key).await.expect("delete answers");
    assert_eq!(load(store, &key).await, None, "what is deleted is absent");
    assert_eq!(replace(store, &key, &seen, b"q").await, Replaced::Gone, "and not replaced");
    assert_eq!(touch(store, &key, &seen, in_an_hour()).await, Replaced::Gone, "nor touched");
    assert_eq!(load(store, &key).await, None, "it does not come back");
}

async fn the_expired_are_cleared(store: &AnyStore) {
    let live = create(store, b"p").await;
    for _ in 0..3 {
        store.create(b"p", an_hour_ago()).await.expect("create answers");
    }
    let last = std::sync::Mutex::new(0);
    let report = |cleared: crate::Cleared| *last.lock().unwrap() = cleared.removed;
    let removed = store.clear_expired(&report).await.expect("clear_expired answers");
    assert!(removed >= 3, "the expired are cleared, and counted");
    assert_eq!(*last.lock().unwrap(), removed, "the last report has them all");
    assert_eq!(store.clear_expired(&|_| {}).await.expect("it answers"), 0, "none is left");
    assert!(load(store, &live).await.is_some(), "a live record is not cleared");
}

async fn no_write_is_lost_in_a_race(store: &AnyStore) {
    let key = create(store, b"0").await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move {
                for _ in 0..WRITES {
                    increment(&store, &key).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    let record = load(store, &key).await.expect("it is there");
    let total = (WRITERS * WRITES).to_string();
    assert_eq!(record.payload(), total.as_bytes(), "no write is lost in a race");
}

async fn increment(store: &AnyStore, key: &SessionKey) {
    loop {
        let seen = load(store, key).await.expect("it is there");
        let count: u64 = std::str::from_utf8(seen.payload()).unwrap().parse().unwrap();
        let next = (count + 1).to_string();
        match replace(store, key, &seen, next.as_bytes()).await {
            Replaced::Saved(_) => return,
            Replaced::Conflict => tokio::task::yield_now().await,
            Replaced::Gone => unreachable!("nobody deletes it"),
        }
    }
}

async fn no_race_brings_a_deleted_record_back(store: &AnyStore) {
    let key = create(store, b"0").await;
    let writer = tokio::spawn({
        let (store, key) = (store.clone(), key.clone());
        async move {
            let mut writes = 0_u32;
            while let Some(seen) = load(&store, &key).await {
                writes += 1;
                let payload = writes.to_string();
                if replace(&store, &key, &seen, payload.as_bytes()).await == Replaced::Gone {
                    break;
                }
                let _ = touch(&store, &key, &seen, in_an_hour()).await;
            }
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    store.delete(&key).await.expect("delete answers");
    writer.await.expect("the writer sees that it is gone");
    assert_eq!(load(store, &key).await, None, "a deleted record does not come back");
}
