//! One session that a crowd changes at once: each change is there, nobody gets an error, and nobody waits for
//! more changes of others than there are others.

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
use std::sync::atomic::{AtomicU32, Ordering};

use common::databases;
use segue::{SessionKey, Sessions, Settings};
use tokio::task::JoinSet;

/// More than there are connections.
const CROWD: u32 = 64;

/// So many changes for each, on average.
const TURNS: u32 = 12;

async fn count(sessions: &Sessions, key: &SessionKey) {
    let session = sessions.open(Some(key.clone())).load().await.unwrap();
    session.update("count", |count: Option<u32>| count.unwrap() + 1).unwrap();
    session.save().await.unwrap();
}

/// A crowd in each of two processes, as far as the database can tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_of_a_crowd_gets_a_turn() {
    for place in databases::all() {
        for processes in [1, 2] {
            let settings = Settings::new("a hot session");
            let mut sites = Vec::new();
            for _ in 0..processes {
                sites.push(Sessions::new(place.store().await, &settings).unwrap());
            }
            let session = sites[0].open(None).load().await.unwrap();
            session.insert("count", 0).unwrap();
            session.save().await.unwrap();
            let key = session.key().unwrap();

            let (begun, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
            let mut crowd = JoinSet::new();
            for number in 0..CROWD {
                let sessions = sites[usize::try_from(number).unwrap() % sites.len()].clone();
                let (key, begun, ended) = (key.clone(), Arc::clone(&begun), Arc::clone(&ended));
                crowd.spawn(async move {
                    let mut longest = 0;
                    while begun.fetch_add(1, Ordering::SeqCst) < CROWD * TURNS {
                        let before = ended.load(Ordering::SeqCst);
                        count(&sessions, &key).await;
                        longest = longest.max(ended.fetch_add(1, Ordering::SeqCst) - before);
                    }
                    longest
                });
            }
            let longest = crowd.join_all().await;
            let session = sites[0].open(Some(key)).load().await.unwrap();
            assert_eq!(session.get("count").unwrap(), Some(CROWD * TURNS), "{place:?}");
            if processes == 1 {
                // Those who were there before, and those who came in while it read the session.
                assert!(longest.iter().max() <= Some(&(3 * CROWD)), "{place:?}: {longest:?}");
            }
        }
    }
}
