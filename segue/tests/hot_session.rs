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
use std::time::Duration;

use common::{TestStore, databases};
use segue::{
    Cleared, Clock, Guarantees, Payload, Record, Replaced, SessionKey, SessionStore, Sessions,
    Settings, StoreError, Timestamp,
};
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

/// A crowd changes a session; the most changes of others that anybody waited for.
async fn crowd(sites: &[Sessions], key: &SessionKey) -> u32 {
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
    crowd.join_all().await.into_iter().max().unwrap()
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
            // Who waits for a connection to be made waits for more turns, and so do all where a store is silent
            // for a second. Both end.
            let mut seen = Vec::new();
            loop {
                let session = sites[0].open(None).load().await.unwrap();
                session.insert("count", 0).unwrap();
                session.save().await.unwrap();
                let key = session.key().unwrap();
                let longest = crowd(&sites, &key).await;
                let session = sites[0].open(Some(key)).load().await.unwrap();
                assert_eq!(session.get("count").unwrap(), Some(CROWD * TURNS), "{place:?}");
                // Those who were there before, and those who came in while it read the session.
                if longest <= 3 * CROWD || processes > 1 {
                    break;
                }
                seen.push(longest);
                assert!(seen.len() < 6, "{place:?}: so many came before somebody: {seen:?}");
            }
        }
    }
}

/// How long the store is silent.
const SILENT: Duration = Duration::from_millis(3_500);

/// A store that is silent about the second save of one visitor, and has something new for each save of the
/// others meanwhile.
#[derive(Clone, Debug)]
struct Silent {
    store: TestStore,
    of_the_first: Arc<AtomicU32>,
    of_others: Arc<AtomicU32>,
}

impl SessionStore for Silent {
    fn guarantees(&self) -> Guarantees {
        // So that it can be read whose it is.
        self.store.guarantees().with_payload(Payload::Json)
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        self.store.load(key).await
    }

    async fn create(&self, payload: &[u8], until: Timestamp) -> Result<SessionKey, StoreError> {
        self.store.create(payload, until).await
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        until: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let is_the_first = !String::from_utf8_lossy(payload).contains("other");
        match (is_the_first, self.of_the_first.load(Ordering::SeqCst)) {
            (true, 0) => {
                self.of_the_first.store(1, Ordering::SeqCst);
                return Ok(Replaced::Conflict);
            }
            (true, 1) => {
                tokio::time::sleep(SILENT).await;
                self.of_the_first.store(2, Ordering::SeqCst);
            }
            (false, 0 | 1) => {
                self.of_others.fetch_add(1, Ordering::SeqCst);
                return Ok(Replaced::Conflict);
            }
            _ => {}
        }
        self.store.replace(key, seen, payload, until).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        until: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.store.touch(key, seen, until).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        self.store.clear_expired(on_batch).await
    }
}

async fn insert(sessions: &Sessions, key: &SessionKey, name: &str) {
    let session = sessions.open(Some(key.clone())).load().await.unwrap();
    session.insert(name, 1).unwrap();
    session.save().await.unwrap();
}

/// Whoever has waited for a turn in vain tries once, and then waits behind the others again: a crowd that
/// does not would ask a store that is slow already as fast as it can.
#[tokio::test(start_paused = true)]
async fn who_has_waited_in_vain_waits_again_after_the_next_race() {
    let store = Silent {
        store: TestStore::new(Clock::system()),
        of_the_first: Arc::default(),
        of_others: Arc::default(),
    };
    let sessions = Sessions::new(store.clone(), &Settings::new("turns")).unwrap();
    let session = sessions.open(None).load().await.unwrap();
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    let key = session.key().unwrap();
    let first = async { insert(&sessions, &key, "first").await };
    let other = async {
        // When the first one has its turn.
        tokio::time::sleep(Duration::from_millis(10)).await;
        insert(&sessions, &key, "other").await;
    };
    tokio::join!(first, other);
    let tries = store.of_others.load(Ordering::SeqCst);
    assert!((1..=4).contains(&tries), "one for each second, and not {tries}");
    let session = sessions.open(Some(key)).load().await.unwrap();
    for name in ["n", "first", "other"] {
        assert_eq!(session.get(name).unwrap(), Some(1), "{name}");
    }
}
