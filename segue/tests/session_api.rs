//! What handlers can do with a session, with the edge cases that Django's own tests have.

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
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{TestStore, clock, settings};
use segue::engines::MemoryStore;
use segue::{Expiry, Session, SessionErrorKind, Sessions, SignedDuration, Timestamp};

struct Bench {
    store: TestStore,
    sessions: Sessions,
}

fn bench() -> Bench {
    let store = TestStore::new(clock());
    let sessions = Sessions::with_clock(store.clone(), &settings(), store.clock().clone()).unwrap();
    Bench { store, sessions }
}

impl Bench {
    async fn new_session(&self) -> Session {
        self.sessions.open(None).load().await.unwrap()
    }

    async fn again(&self, session: &Session) -> Session {
        self.sessions.open(session.key()).load().await.unwrap()
    }
}

/// One that has sessions in memory never has to wait, so nobody would come between.
#[tokio::test]
async fn who_asks_on_and_on_lets_others_have_their_turn() {
    const MOST: usize = 10_000;
    let sessions = Sessions::new(MemoryStore::new(), &settings()).unwrap();
    let session = sessions.open(None).load().await.unwrap();
    session.insert("a", 1).unwrap();
    session.save().await.unwrap();
    let has_come = Arc::new(AtomicBool::new(false));
    let other = {
        let has_come = Arc::clone(&has_come);
        tokio::spawn(async move { has_come.store(true, Ordering::Relaxed) })
    };
    let mut asked = 0;
    while !has_come.load(Ordering::Relaxed) && asked < MOST {
        assert!(sessions.exists(&session.key().unwrap()).await.unwrap());
        asked += 1;
    }
    other.await.unwrap();
    assert!(asked < MOST, "it had to wait for {asked} answers");
}

#[tokio::test]
async fn a_new_session_is_empty_and_unmodified() {
    let bench = bench();
    let handle = bench.sessions.open(None);
    assert!(!handle.is_accessed());
    let session = handle.load().await.unwrap();
    assert!(handle.is_accessed());
    assert!(!session.is_modified() && session.is_empty() && session.key().is_none());
    session.save().await.unwrap();
    assert!(bench.store.records().is_empty(), "an empty session is not stored");
}

#[tokio::test]
async fn every_kind_of_access() {
    let bench = bench();
    let session = bench.new_session().await;
    session.insert("some key", "exists").unwrap();
    assert!(session.is_modified());
    assert_eq!(session.get::<String>("some key").unwrap().as_deref(), Some("exists"));
    assert_eq!(session.get::<String>("other").unwrap(), None);
    assert!(session.contains_key("some key") && !session.contains_key("other"));
    assert_eq!(session.pop::<String>("some key").unwrap().as_deref(), Some("exists"));
    assert_eq!(session.pop::<String>("some key").unwrap(), None);
    assert_eq!(session.get_or_insert("foo", "bar".to_owned()).unwrap(), "bar");
    assert_eq!(session.get_or_insert("foo", "baz".to_owned()).unwrap(), "bar");
    session.extend([("a", 1), ("b", 2)]).unwrap();
    assert_eq!(session.keys(), ["foo", "a", "b"]);
    assert_eq!(session.values(), ["\"bar\"", "1", "2"]);
    let first = ("foo".to_owned(), "\"bar\"".to_owned());
    assert_eq!(session.items()[0], first);
    assert!(session.remove("a") && !session.remove("a"));
    session.save().await.unwrap();
    assert!(!session.is_modified());
    assert_eq!(bench.again(&session).await.keys(), ["foo", "b"]);
}

#[tokio::test]
async fn what_changes_nothing_does_not_modify() {
    let bench = bench();
    let session = bench.new_session().await;
    session.insert("a", 1).unwrap();
    session.save().await.unwrap();
    let session = bench.again(&session).await;
    bench.store.calls();
    session.pop::<u8>("missing").unwrap();
    session.remove("missing");
    session.get_or_insert("a", 2).unwrap();
    session.delete_test_cookie();
    assert!(session.get::<String>("a").is_err());
    assert!(!session.is_modified());
    session.save().await.unwrap();
    assert_eq!(bench.store.calls().total(), 0);
    session.mark_modified();
    assert!(session.is_modified());
    session.save().await.unwrap();
    assert_eq!(bench.store.calls().replace, 1, "signed anew, as Django does");
}

#[tokio::test]
async fn clear_keeps_the_key_and_flush_does_not() {
    let bench = bench();
    let session = bench.new_session().await;
    session.insert("a", 1).unwrap();
    session.save().await.unwrap();
    let key = session.key().unwrap();
    session.clear();
    assert!(session.is_modified() && !session.is_empty(), "a key is not nothing");
    session.save().await.unwrap();
    assert_eq!(session.key(), Some(key.clone()));
    let stored = bench.store.records()[&key].payload().to_vec();
    assert_eq!(bench.sessions.codec().decode(&stored).unwrap().to_json(), "{}");
    assert!(bench.sessions.exists(&key).await.unwrap());
    session.flush();
    assert!(session.is_empty() && session.is_modified());
    session.save().await.unwrap();
    assert!(!bench.sessions.exists(&key).await.unwrap());
}

#[tokio::test]
async fn a_session_that_was_deleted_is_not_saved_again() {
    let bench = bench();
    let session = bench.new_session().await;
    session.insert("a", 1).unwrap();
    session.save().await.unwrap();
    bench.sessions.delete(&session.key().unwrap()).await.unwrap();
    session.insert("a", 2).unwrap();
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Interrupted);
    assert!(bench.store.records().is_empty());
    session.flush();
}

#[tokio::test]
async fn cycling_the_key_keeps_data_and_ends_the_old_one() {
    let bench = bench();
    let session = bench.new_session().await;
    session.cycle_key();
    session.insert("a", 1).unwrap();
    session.save().await.unwrap();
    let before = session.key().unwrap();
    bench.again(&session).await.cycle_key();
    let session = bench.again(&session).await;
    session.cycle_key();
    session.save().await.unwrap();
    let after = session.key().unwrap();
    assert_ne!(before, after);
    assert!(!bench.sessions.exists(&before).await.unwrap());
    assert_eq!(bench.again(&session).await.get("a").unwrap(), Some(1));
}

#[tokio::test]
async fn each_form_of_expiry() {
    let bench = bench();
    let now = bench.store.clock().now();
    let session = bench.new_session().await;
    let age = |session: &Session| (session.expiry_age(), session.expires_at_browser_close());
    assert_eq!(age(&session), (1_209_600, false));
    session.set_expiry(10);
    assert_eq!(age(&session), (10, false));
    assert_eq!(session.expiry_date(), now + SignedDuration::from_secs(10));
    session.set_expiry(0);
    assert_eq!(age(&session), (1_209_600, true));
    session.set_expiry(Duration::from_secs(90));
    assert_eq!(age(&session), (90, false));
    session.set_expiry(now + SignedDuration::from_secs(70));
    assert_eq!(age(&session), (70, false));
    bench.store.clock().advance(SignedDuration::from_secs(20));
    assert_eq!(age(&session), (50, false), "a date does not slide");
    session.set_expiry(Expiry::Default);
    assert!(!session.contains_key("_session_expiry"));
    assert_eq!(age(&session), (1_209_600, false));
    session.set_expiry(-5);
    assert_eq!(session.expiry_age(), -5);
    session.set_expiry(Timestamp::MAX);
    assert!(session.expiry_age() > 0);
    session.set_expiry(Duration::MAX);
    assert!(session.expiry_age() > 0);
}

#[tokio::test]
async fn a_session_of_its_own_age_expires_at_it() {
    let bench = bench();
    let session = bench.new_session().await;
    session.insert("a", 1).unwrap();
    session.set_expiry(60);
    session.save().await.unwrap();
    bench.store.clock().advance(SignedDuration::from_secs(59));
    assert_eq!(bench.again(&session).await.get("a").unwrap(), Some(1));
    bench.store.clock().advance(SignedDuration::from_secs(1));
    assert!(bench.again(&session).await.is_empty());
    assert_eq!(bench.sessions.clear_expired().await.unwrap(), 1);
}

#[tokio::test]
async fn the_test_cookie() {
    let bench = bench();
    let session = bench.new_session().await;
    assert!(!session.test_cookie_worked());
    session.set_test_cookie();
    session.save().await.unwrap();
    let session = bench.again(&session).await;
    assert!(session.test_cookie_worked());
    session.delete_test_cookie();
    assert!(!session.test_cookie_worked());
    session.save().await.unwrap();
}

#[tokio::test]
async fn raw_values_are_checked_and_kept_as_they_are() {
    let bench = bench();
    let session = bench.new_session().await;
    let raw = r#"[1.0,-0.0,NaN,1e+16,1000000000000000000000000000000,"\ud800"]"#;
    session.insert_raw("raw", raw).unwrap();
    session.insert_raw("float", "-Infinity").unwrap();
    for bad in ["", "{", "'a'", "1,2", "nan", "\u{0}"] {
        assert_eq!(session.insert_raw("bad", bad).unwrap_err().kind(), SessionErrorKind::Value);
    }
    session.save().await.unwrap();
    let again = bench.again(&session).await;
    assert_eq!(again.get_raw("raw").as_deref(), Some(raw));
    assert_eq!(again.get::<f64>("float").unwrap(), Some(f64::NEG_INFINITY));
    assert_eq!(again.keys(), ["raw", "float"]);
}

/// A value that JSON cannot hold is an error, and the session stays as it was.
#[tokio::test]
async fn what_json_cannot_hold_is_refused() {
    let bench = bench();
    let session = bench.new_session().await;
    let no_text_keys = std::collections::HashMap::from([(vec![1_u8], 1)]);
    assert_eq!(session.insert("a", no_text_keys).unwrap_err().kind(), SessionErrorKind::Value);
    session.insert("text", "no number").unwrap();
    let error = session.update("text", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Value);
    assert_eq!(session.items(), [("text".to_owned(), "\"no number\"".to_owned())]);
    session.flush();
}

/// A float that JSON does not know is written as Python writes it, not lost as `null`.
#[tokio::test]
async fn floats_that_are_no_numbers_are_kept() {
    let bench = bench();
    let session = bench.new_session().await;
    session.insert("nan", f64::NAN).unwrap();
    session.insert("list", vec![1.0, f64::INFINITY, f64::NEG_INFINITY]).unwrap();
    assert_eq!(session.values(), ["NaN", "[1.0,Infinity,-Infinity]"]);
    assert!(session.get::<f64>("nan").unwrap().unwrap().is_nan());
    assert_eq!(session.get::<Vec<f64>>("list").unwrap().unwrap()[1], f64::INFINITY);
    let updated = session.update("list", |_: Option<Vec<f64>>| vec![f64::INFINITY]).unwrap();
    assert_eq!(session.get("list").unwrap(), Some(updated));
    session.flush();
}

thread_local! {
    /// What another task of the request does while a value is being read.
    static MEANWHILE: std::cell::RefCell<Option<Session>> = const { std::cell::RefCell::new(None) };
}

/// A value in whose reading somebody else is faster.
#[derive(Debug, PartialEq)]
struct Raced(u8);

impl<'de> serde::Deserialize<'de> for Raced {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if let Some(session) = MEANWHILE.take() {
            session.remove("token");
        }
        u8::deserialize(deserializer).map(Self)
    }
}

/// Of the tasks of one request one gets a value that is there once.
#[tokio::test]
async fn a_value_is_popped_once() {
    let bench = bench();
    let session = bench.new_session().await;
    session.insert("token", 1).unwrap();
    MEANWHILE.set(Some(session.clone()));
    assert_eq!(session.pop::<Raced>("token").unwrap(), None, "the other one has it");
    session.insert("token", 2).unwrap();
    assert_eq!(session.pop::<Raced>("token").unwrap(), Some(Raced(2)));
    session.flush();
}

/// A session that could not be read again is not written either.
#[tokio::test]
async fn a_session_that_is_too_large_is_refused() {
    let bench = bench();
    let mut data = segue::SessionData::new();
    data.set("x", format!("\"{}\"", "x".repeat(64 * 1024 * 1024)));
    assert!(bench.sessions.codec().encode(&data).is_err());
}
