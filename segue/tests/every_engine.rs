//! What Django and others get wrong, tried on every engine and server that can do better.

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

use common::matrix;
use segue::{Session, SessionErrorKind, SessionKey, Sessions};

async fn open(sessions: &Sessions, key: &SessionKey) -> Session {
    sessions.open(Some(key.clone())).load().await.unwrap()
}

/// A stored session, and its key.
async fn stored(sessions: &Sessions) -> SessionKey {
    let session = sessions.open(None).load().await.unwrap();
    session.insert("user", "manish").unwrap();
    session.save().await.unwrap();
    session.key().unwrap()
}

/// Django's `cache` engine gets and then sets: a logout in between is undone.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_save_does_not_undo_a_logout() {
    for engine in matrix::engines() {
        let (site, name) = (engine.open().await, engine.name);
        let sessions = site.sessions();
        let key = stored(sessions).await;
        let late = open(sessions, &key).await;
        late.insert("late", true).unwrap();
        let logout = open(sessions, &key).await;
        logout.flush();
        logout.save().await.unwrap();
        let error = late.save().await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Interrupted, "{name}");
        assert!(open(sessions, &key).await.is_empty(), "{name}");
        assert!(!sessions.exists(&key).await.unwrap(), "{name}");
        site.close().await;
    }
}

/// However often savers and a logout meet, the logout has the last word.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn savers_and_a_logout_at_once() {
    for engine in matrix::engines() {
        let (site, name) = (engine.open().await, engine.name);
        for _ in 0..5 {
            let key = stored(site.sessions()).await;
            let savers: Vec<_> = (0..8)
                .map(|number| {
                    let (sessions, key) = (site.sessions().clone(), key.clone());
                    tokio::spawn(async move {
                        loop {
                            let session = open(&sessions, &key).await;
                            if session.is_empty() {
                                return;
                            }
                            session.insert(&format!("saver {number}"), true).unwrap();
                            if session.save().await.is_err() {
                                return;
                            }
                        }
                    })
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(5)).await;
            let session = open(site.sessions(), &key).await;
            session.flush();
            session.save().await.unwrap();
            for saver in savers {
                saver.await.unwrap();
            }
            assert!(open(site.sessions(), &key).await.is_empty(), "{name}");
        }
        site.close().await;
    }
}

/// Fixation: whoever knew the key before a login knows nothing afterwards, and the data are kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_ends_the_old_one() {
    for engine in matrix::engines() {
        let (site, name) = (engine.open().await, engine.name);
        let sessions = site.sessions();
        let old = stored(sessions).await;
        let session = open(sessions, &old).await;
        session.cycle_key();
        session.save().await.unwrap();
        let new = session.key().unwrap();
        assert_ne!(new, old, "{name}");
        assert!(open(sessions, &old).await.is_empty(), "{name}");
        let user: Option<String> = open(sessions, &new).await.get("user").unwrap();
        assert_eq!(user.as_deref(), Some("manish"), "{name}");
        site.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_never_adopted() {
    for engine in matrix::engines() {
        let (site, name) = (engine.open().await, engine.name);
        let invented = SessionKey::generate().unwrap();
        let session = open(site.sessions(), &invented).await;
        assert!(session.is_empty(), "{name}");
        session.insert("user", "mallory").unwrap();
        session.save().await.unwrap();
        assert_ne!(session.key().unwrap(), invented, "{name}");
        assert!(open(site.sessions(), &invented).await.is_empty(), "{name}");
        site.close().await;
    }
}

/// The deadline is kept by the store too, not by the cookie alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_at_its_deadline() {
    for engine in matrix::engines() {
        let (site, name) = (engine.open().await, engine.name);
        let key = stored(site.sessions()).await;
        let session = open(site.sessions(), &key).await;
        session.set_expiry(1);
        session.save().await.unwrap();
        let late = open(site.sessions(), &key).await;
        // Caches count in whole seconds, and round up.
        tokio::time::sleep(Duration::from_millis(2300)).await;
        assert!(open(site.sessions(), &key).await.is_empty(), "{name}");
        late.insert("late", true).unwrap();
        let error = late.save().await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Interrupted, "{name}: nobody revives it");
        site.close().await;
    }
}
