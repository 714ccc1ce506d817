//! A server is killed with a batch of many on its way: each has an answer in time, what was acknowledged is
//! there, and nothing is done twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use segue::database::Database;
use segue::engines::DatabaseStore;
use segue::settings::DatabaseOptions;
use segue::{
    Clock, Record, Replaced, SessionKey, SessionStore as _, SignedDuration, StoreError,
    StoreErrorKind, Timestamp,
};
use servers::{MariaDb, Postgres};
use tokio::task::JoinHandle;

use crate::common::databases::Place;
use crate::ledger::{self, Other};
use crate::redis_line::Line;
use crate::{create, parsed, seen, tomorrow};

/// What the settings allow anything to take, and what a busy machine takes besides.
const TIMEOUT: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_millis(1500);

/// A server of the test's own.
enum Server {
    Postgres(Postgres),
    MariaDb(MariaDb),
}

/// One of its methods.
macro_rules! of {
    ($server:expr, $method:ident) => {
        match $server {
            Server::Postgres(server) => server.$method(),
            Server::MariaDb(server) => server.$method(),
        }
    };
}

/// Each, and a place in it with a ledger.
async fn servers() -> Vec<(Server, Place)> {
    let (postgres, mariadb) = (Postgres::start().unwrap(), MariaDb::start().unwrap());
    let there = Place::at(servers::fresh_database(&mariadb.url("mysql")).unwrap());
    let here = Place::at(postgres.url("postgres"));
    let both = vec![(Server::Postgres(postgres), here), (Server::MariaDb(mariadb), there)];
    for (_, place) in &both {
        place.store().await;
        ledger::keep(place).await;
    }
    both
}

/// A store with one batch at a time.
async fn one_batch(url: &str) -> DatabaseStore {
    let mut options = DatabaseOptions::default();
    options.batches = 1;
    let url = parsed(&format!("{url}?timeout={}", TIMEOUT.as_secs()));
    DatabaseStore::new(Database::connect_with(&url, options).await.unwrap(), Clock::system())
}

/// Those who save, each a session of his own: half of them write, half set a later deadline only, which a
/// comparison of what is there would not keep from being done twice.
struct Saves {
    keys: Vec<SessionKey>,
    before: Vec<Record>,
    later: Timestamp,
    /// So many know that they have saved.
    saved: Arc<AtomicUsize>,
    under_way: Vec<JoinHandle<(Result<Replaced, StoreError>, Duration)>>,
}

/// How many sessions are free of locks.
async fn free(place: &Place) -> usize {
    place.rows("SELECT session_key FROM django_session FOR UPDATE SKIP LOCKED").await.len()
}

impl Saves {
    /// On a runtime with one thread all of them leave together, as far as they fit into a batch.
    async fn start(store: &DatabaseStore, number: usize) -> Self {
        let keys = create(store, number).await;
        let before = seen(store, &keys).await;
        let later = tomorrow() + SignedDuration::from_hours(24);
        let counter = Arc::new(AtomicUsize::new(0));
        let save = |(number, (key, before)): (usize, (SessionKey, Record))| {
            let (store, counter) = (store.clone(), Arc::clone(&counter));
            tokio::spawn(async move {
                let started = Instant::now();
                let saved = match number % 2 {
                    0 => store.replace(&key, &before, b"new", later).await,
                    _ => store.touch(&key, &before, later).await,
                };
                counter.fetch_add(usize::from(saved.is_ok()), Ordering::SeqCst);
                (saved, started.elapsed())
            })
        };
        let all = std::iter::zip(keys.clone(), before.clone()).enumerate();
        let under_way = all.map(save).collect();
        Self { keys, before, later, saved: counter, under_way }
    }

    /// The answers: nobody waited for too long, and what is no error is right. Of each, whether it was
    /// acknowledged.
    async fn answers(&mut self) -> Vec<bool> {
        let mut acknowledged = Vec::new();
        for (save, key) in std::iter::zip(self.under_way.drain(..), &self.keys) {
            let (saved, waited) = save.await.unwrap();
            assert!(waited < TIMEOUT + SLACK, "{waited:?}");
            match &saved {
                Ok(saved) => assert_eq!(*saved, Replaced::Saved(key.clone())),
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}"),
            }
            acknowledged.push(saved.is_ok());
        }
        acknowledged
    }

    /// Each session is the old or the new one, and which one tells how often it was changed. Of each, whether it
    /// is new.
    async fn found(&self, store: &DatabaseStore, place: &Place) -> Vec<bool> {
        let changes = ledger::changes(place).await;
        let after = seen(store, &self.keys).await;
        let mut new = Vec::new();
        for (number, (before, after)) in std::iter::zip(&self.before, &after).enumerate() {
            // A server may keep less of a second than we do.
            let is_new = after.expires_at().as_second() == self.later.as_second();
            let payload = if is_new && number % 2 == 0 { b"new" } else { before.payload() };
            assert_eq!(after.payload(), payload, "{place:?} {number}: it is whole");
            let key = self.keys[number].expose();
            let changed = changes.iter().find(|(changed, _)| changed == key);
            let changed = changed.map_or(0, |(_, times)| *times);
            assert_eq!(changed, u32::from(is_new), "{place:?} {number}: it was done once");
            new.push(is_new);
        }
        new
    }
}

/// The site goes on, and nobody starts it again.
async fn goes_on(store: &DatabaseStore) {
    for _ in 0..500 {
        if let Ok(key) = store.create(b"old", tomorrow()).await {
            let before = seen(store, std::slice::from_ref(&key)).await.remove(0);
            let saved = store.replace(&key, &before, b"new", tomorrow()).await.unwrap();
            assert_eq!(saved, Replaced::Saved(key));
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the store does not find its server again");
}

/// Of 400 the first batch has locked its rows and changed some, and the others wait behind it.
#[tokio::test]
async fn killed_in_the_middle_of_a_batch() {
    for (server, place) in servers().await {
        let store = one_batch(&place.url).await;
        let ledger = Other::with_the_ledger(&place).await;
        let mut saves = Saves::start(&store, 400).await;
        ledger::until_somebody_waits(&place).await;
        let aboard = 400 - free(&place).await;
        assert!((100..=256).contains(&aboard), "{place:?}: {aboard} are aboard");
        of!(&server, kill).unwrap();
        let acknowledged = saves.answers().await;
        assert!(!acknowledged.contains(&true), "{place:?}");
        of!(&server, restart).unwrap();
        goes_on(&store).await;
        let new = saves.found(&store, &place).await;
        assert!(!new.contains(&true), "{place:?}: none was sent again");
        drop(ledger);
    }
}

/// The server has done all of it, and dies before anybody hears so. It is there again before the connection is
/// known to be broken: whatever was sent again would be done.
#[tokio::test]
async fn killed_before_it_could_answer() {
    for (server, place) in servers().await {
        let port = of!(&server, port);
        let line = Line::to(port).await;
        let store =
            one_batch(&place.url.replace(&format!("127.0.0.1:{port}"), &line.address)).await;
        let mut ledger = Other::with_the_ledger(&place).await;
        let mut saves = Saves::start(&store, 100).await;
        ledger::until_somebody_waits(&place).await;
        assert_eq!(free(&place).await, 0, "{place:?}: all are aboard");
        line.hold();
        ledger.run("COMMIT").await;
        while ledger::changes(&place).await.len() < 100 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        of!(&server, kill).unwrap();
        of!(&server, restart).unwrap();
        line.cut();
        let acknowledged = saves.answers().await;
        assert!(!acknowledged.contains(&true), "{place:?}: nobody knows");
        goes_on(&store).await;
        let new = saves.found(&store, &place).await;
        assert!(!new.contains(&false), "{place:?}: all was done");
    }
}

/// When so many are saved, and others are on their way or wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_when_some_are_saved() {
    for (server, place) in servers().await {
        let store = one_batch(&place.url).await;
        for least in [0, 1, 100, 250] {
            let mut saves = Saves::start(&store, 600).await;
            while saves.saved.load(Ordering::SeqCst) < least {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::task::block_in_place(|| of!(&server, kill)).unwrap();
            let acknowledged = saves.answers().await;
            tokio::task::block_in_place(|| of!(&server, restart)).unwrap();
            goes_on(&store).await;
            let new = saves.found(&store, &place).await;
            for (acknowledged, new) in std::iter::zip(acknowledged, new) {
                assert!(new || !acknowledged, "{place:?}: what was acknowledged is there");
            }
        }
    }
}
