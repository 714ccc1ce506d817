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

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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

/// How long a turn is waited for while nobody has one. Whoever goes without one comes out of order.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was seen of a crowd that has ended.
struct Seen {
    /// The most changes of others that anybody waited for.
    longest: u32,
    /// The longest time in which nobody got anything from the store.
    silence: Duration,
}

async fn crowd(sites: &[Sessions], key: &SessionKey) -> Seen {
    let (begun, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let last_end = Arc::new(Mutex::new((Instant::now(), Duration::ZERO)));
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let sessions = sites[usize::try_from(number).unwrap() % sites.len()].clone();
        let (key, begun, ended) = (key.clone(), Arc::clone(&begun), Arc::clone(&ended));
        let last_end = Arc::clone(&last_end);
        crowd.spawn(async move {
            let mut longest = 0;
            while begun.fetch_add(1, Ordering::SeqCst) < CROWD * TURNS {
                let before = ended.load(Ordering::SeqCst);
                count(&sessions, &key).await;
                longest = longest.max(ended.fetch_add(1, Ordering::SeqCst) - before);
                let (last, silence) = &mut *last_end.lock().unwrap();
                *silence = last.elapsed().max(*silence);
                *last = Instant::now();
            }
            longest
        });
    }
    let longest = crowd.join_all().await.into_iter().max().unwrap();
    Seen { longest, silence: last_end.lock().unwrap().1 }
}

/// The connections to a server, but for the one that asks.
async fn connections(place: &databases::Place) -> Vec<Vec<String>> {
    let sql = match place.url.split_once(':').unwrap().0 {
        "postgres" => {
            "SELECT pid::text FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()"
        }
        "mysql" => {
            "SELECT CAST(id AS CHAR) FROM information_schema.processlist \
             WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        }
        _ => return Vec::new(),
    };
    place.rows(sql).await
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
            for attempt in 1.. {
                let session = sites[0].open(None).load().await.unwrap();
                session.insert("count", 0).unwrap();
                session.save().await.unwrap();
                let key = session.key().unwrap();
                let before = connections(&place).await;
                let Seen { longest, silence } = crowd(&sites, &key).await;
                let session = sites[0].open(Some(key)).load().await.unwrap();
                assert_eq!(session.get("count").unwrap(), Some(CROWD * TURNS), "{place:?}");
                if processes > 1 {
                    break;
                }
                // Who waits for a connection to be made waits for more turns, and so do all where nobody is
                // answered. Both end.
                let after = connections(&place).await;
                if silence < PATIENCE && after.iter().all(|one| before.contains(one)) {
                    // Those who were there before, and those who came in while it read the session.
                    assert!(longest <= 3 * CROWD, "{place:?}: {longest} came before, {silence:?}");
                    break;
                }
                assert!(
                    attempt < 20,
                    "{place:?}: connections are made again and again, {silence:?}"
                );
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
