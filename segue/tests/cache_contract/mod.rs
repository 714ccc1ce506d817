//! What every cache must do, whichever it is.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use segue::{
    AnyCache, Cache, Record, SessionKey, SignedDuration, StoreError, StoreErrorKind, Swapped,
    Timestamp, describe,
};

/// How far a deadline may be off, for caches that count in whole seconds.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

pub fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

fn an_hour_ago() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(1)
}

/// A name that nobody has.
pub fn fresh_name() -> String {
    format!(":1:contract{}", SessionKey::generate().unwrap().expose())
}

/// A record as it is known after a save: without the version that the cache gave it.
pub fn seen(value: &[u8]) -> Record {
    Record::new(value, Timestamp::UNIX_EPOCH)
}

pub async fn value_of(cache: &impl Cache, name: &str) -> Option<Vec<u8>> {
    cache.get(name).await.unwrap().map(|record| record.payload().to_vec())
}

pub async fn check_cache(cache: impl Cache) {
    let cache = AnyCache::new(cache);
    what_is_added_is_there(&cache).await;
    what_is_known_at_once_is_what_it_says(&cache).await;
    a_value_may_be_anything(&cache).await;
    a_name_is_added_once(&cache).await;
    only_what_was_seen_is_swapped(&cache).await;
    a_renewal_elsewhere_is_no_conflict(&cache).await;
    a_deadline_in_the_past_is_an_end(&cache).await;
    what_has_expired_is_absent(&cache).await;
    what_is_deleted_is_absent(&cache).await;
    of_many_adds_one_wins(&cache).await;
    of_many_swaps_none_is_lost(&cache).await;
    a_deleted_value_does_not_come_back(&cache).await;
}

async fn what_is_added_is_there(cache: &AnyCache) {
    let (name, deadline) = (fresh_name(), in_an_hour());
    assert_eq!(cache.get(&name).await.unwrap(), None);
    assert!(cache.add(&name, b"one", deadline).await.unwrap());
    let record = cache.get(&name).await.unwrap().unwrap();
    assert_eq!(record.payload(), b"one");
    assert!(record.expires_at().duration_since(deadline).abs() <= TOLERANCE, "{record:?}");

    // More than 30 days is another way of counting to memcached.
    let (name, deadline) = (fresh_name(), Timestamp::now() + SignedDuration::from_hours(24 * 45));
    assert!(cache.add(&name, b"one", deadline).await.unwrap());
    let record = cache.get(&name).await.unwrap().unwrap();
    // Its clock counts from its start, rounds that, and ticks when it has time.
    let tolerance = TOLERANCE + SignedDuration::from_secs(2);
    assert!(record.expires_at().duration_since(deadline).abs() <= tolerance, "{record:?}");

    // As Django's `TIMEOUT = None`.
    let name = fresh_name();
    assert!(cache.add(&name, b"one", Timestamp::MAX).await.unwrap());
    let endless = cache.get(&name).await.unwrap().unwrap();
    assert_eq!(endless.expires_at(), Timestamp::MAX);
    assert_eq!(cache.swap(&name, &endless, b"two", in_an_hour()).await.unwrap(), Swapped::Stored);
    let record = cache.get(&name).await.unwrap().unwrap();
    assert!(record.expires_at() < in_an_hour() + TOLERANCE, "{record:?}");
    assert_eq!(cache.swap(&name, &record, b"3", Timestamp::MAX).await.unwrap(), Swapped::Stored);
    assert_eq!(cache.get(&name).await.unwrap().unwrap().expires_at(), Timestamp::MAX);
}

/// Where anything is.
async fn what_is_known_at_once_is_what_it_says(cache: &AnyCache) {
    let name = fresh_name();
    let at_once = async || {
        let before = cache.get_now(&name);
        let record = cache.get(&name).await.unwrap();
        for now in [before, cache.get_now(&name)].into_iter().flatten() {
            assert_eq!(now.unwrap(), record);
        }
        record.map(|record| record.payload().to_vec())
    };
    assert_eq!(at_once().await, None);
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    assert_eq!(at_once().await.as_deref(), Some(&b"one"[..]));
    assert_eq!(
        cache.swap(&name, &seen(b"one"), b"two", in_an_hour()).await.unwrap(),
        Swapped::Stored
    );
    assert_eq!(at_once().await.as_deref(), Some(&b"two"[..]));
    cache.delete(&name).await.unwrap();
    assert_eq!(at_once().await, None);
}

async fn a_value_may_be_anything(cache: &AnyCache) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let crlf = b"\r\nEN\r\nHD\r\nVA 1\r\n".to_vec();
    for value in [Vec::new(), every_byte, crlf, vec![b'x'; 700_000], vec![0x80, 5, b'}', b'.']] {
        let name = fresh_name();
        assert!(cache.add(&name, &value, in_an_hour()).await.unwrap());
        assert!(value_of(cache, &name).await.unwrap() == value, "{} bytes", value.len());
        let swapped = cache.swap(&name, &seen(&value), b"next", in_an_hour()).await.unwrap();
        assert_eq!(swapped, Swapped::Stored);
        let swapped = cache.swap(&name, &seen(b"next"), &value, in_an_hour()).await.unwrap();
        assert_eq!(swapped, Swapped::Stored);
        assert!(value_of(cache, &name).await.unwrap() == value, "{} bytes", value.len());
    }
}

async fn a_name_is_added_once(cache: &AnyCache) {
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    assert!(!cache.add(&name, b"two", in_an_hour()).await.unwrap());
    assert!(!cache.add(&name, b"two", an_hour_ago()).await.unwrap());
    assert_eq!(value_of(cache, &name).await.unwrap(), b"one");
}

async fn only_what_was_seen_is_swapped(cache: &AnyCache) {
    let name = fresh_name();
    let swap = async |seen: &Record, value: &[u8]| {
        cache.swap(&name, seen, value, in_an_hour()).await.unwrap()
    };
    assert_eq!(swap(&seen(b"one"), b"two").await, Swapped::Gone);
    assert_eq!(cache.get(&name).await.unwrap(), None, "a swap makes nothing");
    cache.add(&name, b"one", in_an_hour()).await.unwrap();
    let one = cache.get(&name).await.unwrap().unwrap();
    assert_eq!(swap(&one, b"two").await, Swapped::Stored);
    assert_eq!(swap(&one, b"three").await, Swapped::Conflict);
    assert_eq!(swap(&seen(b"one"), b"three").await, Swapped::Conflict);
    assert_eq!(value_of(cache, &name).await.unwrap(), b"two");
    assert_eq!(swap(&seen(b"two"), b"three").await, Swapped::Stored, "its bytes are enough");
    assert_eq!(value_of(cache, &name).await.unwrap(), b"three");
}

async fn a_renewal_elsewhere_is_no_conflict(cache: &AnyCache) {
    let name = fresh_name();
    cache.add(&name, b"one", in_an_hour()).await.unwrap();
    let before = cache.get(&name).await.unwrap().unwrap();
    let later = in_an_hour() + SignedDuration::from_hours(1);
    assert_eq!(cache.swap(&name, &before, b"one", later).await.unwrap(), Swapped::Stored);
    let renewed = cache.get(&name).await.unwrap().unwrap();
    assert!(renewed.expires_at().duration_since(later).abs() <= TOLERANCE, "{renewed:?}");
    assert_eq!(cache.swap(&name, &before, b"two", later).await.unwrap(), Swapped::Stored);
}

async fn a_deadline_in_the_past_is_an_end(cache: &AnyCache) {
    let name = fresh_name();
    assert!(cache.add(&name, b"one", an_hour_ago()).await.unwrap(), "the name was free");
    assert_eq!(cache.get(&name).await.unwrap(), None);
    let end = async |seen: &Record| cache.swap(&name, seen, b"", an_hour_ago()).await.unwrap();
    assert_eq!(end(&seen(b"one")).await, Swapped::Gone);
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    let one = cache.get(&name).await.unwrap().unwrap();
    assert_eq!(end(&seen(b"other")).await, Swapped::Conflict);
    assert_eq!(value_of(cache, &name).await.unwrap(), b"one");
    assert_eq!(end(&one).await, Swapped::Stored);
    assert_eq!(cache.get(&name).await.unwrap(), None);
    assert_eq!(end(&one).await, Swapped::Gone);
}

async fn what_has_expired_is_absent(cache: &AnyCache) {
    let (added, swapped) = (fresh_name(), fresh_name());
    let soon = || Timestamp::now() + SignedDuration::from_millis(1100);
    cache.add(&added, b"one", soon()).await.unwrap();
    cache.add(&swapped, b"zero", in_an_hour()).await.unwrap();
    let outcome = cache.swap(&swapped, &seen(b"zero"), b"one", soon()).await.unwrap();
    assert_eq!(outcome, Swapped::Stored);
    assert_eq!(value_of(cache, &added).await.unwrap(), b"one", "not before its time");
    // memcached rounds up, and ticks once a second.
    tokio::time::sleep(Duration::from_millis(3200)).await;
    for name in [added, swapped] {
        assert_eq!(cache.get(&name).await.unwrap(), None);
        let outcome = cache.swap(&name, &seen(b"one"), b"two", in_an_hour()).await.unwrap();
        assert_eq!(outcome, Swapped::Gone);
        assert!(cache.add(&name, b"new", in_an_hour()).await.unwrap(), "the name is free again");
        assert_eq!(value_of(cache, &name).await.unwrap(), b"new");
    }
}

async fn what_is_deleted_is_absent(cache: &AnyCache) {
    let name = fresh_name();
    cache.delete(&name).await.unwrap();
    cache.add(&name, b"one", in_an_hour()).await.unwrap();
    let one = cache.get(&name).await.unwrap().unwrap();
    cache.delete(&name).await.unwrap();
    assert_eq!(cache.get(&name).await.unwrap(), None);
    assert_eq!(cache.swap(&name, &one, b"two", in_an_hour()).await.unwrap(), Swapped::Gone);
    assert_eq!(cache.get(&name).await.unwrap(), None);
}

async fn of_many_adds_one_wins(cache: &AnyCache) {
    for _ in 0..20 {
        let name: Arc<str> = fresh_name().into();
        let adds: Vec<_> = (0..8_u8)
            .map(|n| {
                let (cache, name) = (cache.clone(), name.clone());
                let add = async move { cache.add(&name, &[n], in_an_hour()).await.unwrap() };
                tokio::spawn(add)
            })
            .collect();
        let mut winners = Vec::new();
        for (n, add) in (0..8_u8).zip(adds) {
            if add.await.unwrap() {
                winners.push(n);
            }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(value_of(cache, &name).await.unwrap(), winners);
    }
}

async fn of_many_swaps_none_is_lost(cache: &AnyCache) {
    let name: Arc<str> = fresh_name().into();
    cache.add(&name, b"0", in_an_hour()).await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (cache, name) = (cache.clone(), name.clone());
            tokio::spawn(async move {
                for _ in 0..25 {
                    loop {
                        let record = cache.get(&name).await.unwrap().unwrap();
                        let text = std::str::from_utf8(record.payload()).unwrap();
                        let next = (text.parse::<u32>().unwrap() + 1).to_string();
                        let swap = cache.swap(&name, &record, next.as_bytes(), in_an_hour());
                        match swap.await.unwrap() {
                            Swapped::Stored => break,
                            Swapped::Conflict => tokio::task::yield_now().await,
                            Swapped::Gone => panic!("nobody deletes it"),
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(value_of(cache, &name).await.unwrap(), b"200");
}

async fn a_deleted_value_does_not_come_back(cache: &AnyCache) {
    for round in 0..30_u64 {
        let name: Arc<str> = fresh_name().into();
        cache.add(&name, b"0", in_an_hour()).await.unwrap();
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let (cache, name) = (cache.clone(), name.clone());
                tokio::spawn(async move {
                    while let Some(record) = cache.get(&name).await.unwrap() {
                        let swap = cache.swap(&name, &record, record.payload(), in_an_hour());
                        if swap.await.unwrap() == Swapped::Gone {
                            break;
                        }
                        // A cache in memory never waits, and timers need their turn.
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(300 * round)).await;
        cache.delete(&name).await.unwrap();
        assert_eq!(cache.get(&name).await.unwrap(), None, "directly after");
        for writer in writers {
            let ended = tokio::time::timeout(Duration::from_secs(10), writer).await;
            ended.expect("the writers see that it is gone").unwrap();
        }
        assert_eq!(cache.get(&name).await.unwrap(), None, "and later");
    }
}

/// Until a replica has what was written to its master, it is none yet that confirms.
pub fn until_it_follows(master: &servers::Redis, replica: &servers::Redis) {
    master.cli(&["SET", "first", "1"]).unwrap();
    let started = std::time::Instant::now();
    while replica.cli(&["GET", "first"]).unwrap().trim() != "1" {
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "it follows");
    }
}

/// What each operation says where none can succeed, and how long the slowest took.
pub async fn errors(cache: &impl Cache, name: &str) -> ([StoreError; 5], Duration) {
    let mut slowest = Duration::ZERO;
    let mut started = Instant::now();
    let mut lap = || {
        slowest = slowest.max(started.elapsed());
        started = Instant::now();
    };
    let get = cache.get(name).await.expect_err("get fails");
    lap();
    let add = cache.add(name, b"x", in_an_hour()).await.expect_err("add fails");
    lap();
    let past = cache.add(name, b"x", Timestamp::UNIX_EPOCH).await.expect_err("add fails");
    lap();
    let swap = cache.swap(name, &seen(b"y"), b"z", in_an_hour()).await.expect_err("swap fails");
    lap();
    let delete = cache.delete(name).await.expect_err("delete fails");
    lap();
    ([get, add, past, swap, delete], slowest)
}

/// That all of them are of this kind, have these words, and show no secret.
pub fn assert_all(errors: &[StoreError], kind: StoreErrorKind, words: &[&str], secrets: &[&str]) {
    for error in errors {
        assert_eq!(error.kind(), kind, "{error:?}");
        let text = format!("{} {error:?}", describe(error));
        for word in words {
            assert!(error.to_string().contains(word), "{error} has no {word:?}");
        }
        for secret in secrets {
            assert!(!text.contains(secret), "{text} shows {secret:?}");
        }
    }
}
