//! `cached_db`: the cache may do what it likes, the answers stay right and the requests are served.

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
use std::time::{Duration, Instant};

use common::{Health, TestCache, TestStore, settings};
use segue::engines::CachedDatabaseStore;
use segue::settings::{CacheFormat, CacheSettings, CacheUrl};
use segue::testing::check_store;
use segue::{
    Cache as _, Cleared, Clock, Codec, Guarantees, Record, Replaced, Session, SessionData,
    SessionErrorKind, SessionKey, SessionStore, Sessions, Settings, SignedDuration, StoreError,
    Timestamp,
};
use tokio::sync::Notify;

const FORMATS: [CacheFormat; 2] = [CacheFormat::Pickle, CacheFormat::Json];

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

fn settings_with(format: CacheFormat) -> Settings {
    let mut settings = settings();
    let location = CacheUrl::parse("memory://", std::path::Path::new("")).unwrap();
    let mut cache = CacheSettings::new(location);
    cache.options.format = format;
    settings.caches.insert("default".to_owned(), cache);
    settings
}

/// A store on a database and a cache that the test can turn knobs on.
struct Place {
    database: TestStore,
    cache: TestCache,
    store: CachedDatabaseStore,
    sessions: Sessions,
}

impl Place {
    fn new() -> Self {
        Self::with_format(CacheFormat::Pickle)
    }

    fn with_format(format: CacheFormat) -> Self {
        let (database, cache) = (TestStore::new(Clock::system()), TestCache::new());
        let settings = settings_with(format);
        let store = CachedDatabaseStore::new(database.clone(), cache.clone(), &settings).unwrap();
        let sessions = Sessions::new(store.clone(), &settings).unwrap();
        Self { database, cache, store, sessions }
    }

    /// Another process on the same database and cache.
    fn other(&self) -> Sessions {
        let settings = settings_with(CacheFormat::Pickle);
        let store =
            CachedDatabaseStore::new(self.database.clone(), self.cache.clone(), &settings).unwrap();
        Sessions::new(store, &settings).unwrap()
    }

    /// A session that is stored, and in the cache.
    async fn cached(&self, n: u32) -> SessionKey {
        let session = self.sessions.open(None).load().await.unwrap();
        session.insert("n", n).unwrap();
        session.save().await.unwrap();
        let key = session.key().unwrap();
        assert_eq!(n_of(&open(&self.sessions, &key).await), Some(n));
        assert_eq!(self.cache.values().len(), 1, "it is in the cache now");
        self.cache.calls();
        self.database.calls();
        key
    }
}

async fn open(sessions: &Sessions, key: &SessionKey) -> Session {
    sessions.open(Some(key.clone())).load().await.unwrap()
}

fn n_of(session: &Session) -> Option<u32> {
    session.get("n").unwrap()
}

/// Waits for what is done in the background.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    for format in FORMATS {
        check_store(Place::with_format(format).store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract_without_its_cache() {
    for health in [Health::Down, Health::Hangs] {
        let place = Place::new();
        place.cache.set_health(health);
        check_store(place.store).await;
    }
}

#[tokio::test]
async fn reading_costs_one_call_to_the_cache() {
    for format in FORMATS {
        let place = Place::with_format(format);
        let key = place.cached(1).await;
        assert_eq!(n_of(&open(&place.sessions, &key).await), Some(1));
        assert_eq!((place.cache.calls(), place.database.calls().total()), (1, 0));
        // What is saved is in the cache at once.
        let session = open(&place.sessions, &key).await;
        session.insert("n", 2).unwrap();
        session.save().await.unwrap();
        place.database.calls();
        assert_eq!(n_of(&open(&place.sessions, &key).await), Some(2));
        assert_eq!(place.database.calls().total(), 0);
    }
}

#[tokio::test]
async fn an_unknown_id_leaves_nothing_in_the_cache() {
    let place = Place::new();
    for _ in 0..10 {
        let key = SessionKey::generate().unwrap();
        assert_eq!(place.store.load(&key).await.unwrap(), None);
    }
    assert_eq!(place.cache.values().len(), 0);
}

/// A database that stops between reading a row and giving it.
#[derive(Clone, Debug)]
struct Slow {
    inner: TestStore,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    closed: std::sync::atomic::AtomicBool,
    entered: Notify,
    released: Notify,
}

impl Slow {
    async fn pass(&self) {
        if self.gate.closed.load(std::sync::atomic::Ordering::SeqCst) {
            self.gate.entered.notify_one();
            self.gate.released.notified().await;
        }
    }
}

impl SessionStore for Slow {
    fn guarantees(&self) -> Guarantees {
        self.inner.guarantees()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        let row = self.inner.load(key).await;
        self.pass().await;
        row
    }

    async fn create(&self, payload: &[u8], at: Timestamp) -> Result<SessionKey, StoreError> {
        self.inner.create(payload, at).await
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.inner.replace(key, seen, payload, at).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.inner.touch(key, seen, at).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let deleted = self.inner.delete(key).await;
        self.pass().await;
        deleted
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        self.inner.clear_expired(on_batch).await
    }
}

/// Django's fault: a fill that comes after the logout brings the session back.
#[tokio::test]
async fn a_fill_after_a_logout_does_not_resurrect() {
    let place = Place::new();
    let key = place.cached(1).await;
    place.cache.values().clear();
    let gate = Arc::new(Gate::default());
    let slow = Slow { inner: place.database.clone(), gate: Arc::clone(&gate) };
    let settings = settings_with(CacheFormat::Pickle);
    let store = CachedDatabaseStore::new(slow, place.cache.clone(), &settings).unwrap();
    let reader = Sessions::new(store, &settings).unwrap();

    gate.closed.store(true, std::sync::atomic::Ordering::SeqCst);
    let reading = tokio::spawn({
        let (reader, key) = (reader.clone(), key.clone());
        async move { n_of(&open(&reader, &key).await) }
    });
    gate.entered.notified().await;
    // The reader holds the row in its hand; here comes the logout, by a Django even, which only
    // removes row and entry.
    place.database.delete(&key).await.unwrap();
    place.cache.values().clear();
    gate.closed.store(false, std::sync::atomic::Ordering::SeqCst);
    gate.released.notify_one();
    assert_eq!(reading.await.unwrap(), Some(1), "it was there when it was read");

    assert_eq!(place.cache.values().len(), 0, "no entry came back");
    for sessions in [&place.sessions, &reader] {
        assert!(open(sessions, &key).await.is_empty(), "and no session");
    }
}

/// The same with a save in between: the old row must not stand in the cache.
#[tokio::test]
async fn a_fill_after_a_save_does_not_bring_back_the_old_session() {
    let place = Place::new();
    let key = place.cached(1).await;
    place.cache.values().clear();
    let gate = Arc::new(Gate::default());
    let slow = Slow { inner: place.database.clone(), gate: Arc::clone(&gate) };
    let settings = settings_with(CacheFormat::Pickle);
    let store = CachedDatabaseStore::new(slow, place.cache.clone(), &settings).unwrap();
    let reader = Sessions::new(store, &settings).unwrap();

    gate.closed.store(true, std::sync::atomic::Ordering::SeqCst);
    let reading = tokio::spawn({
        let key = key.clone();
        async move { n_of(&open(&reader, &key).await) }
    });
    gate.entered.notified().await;
    let writer = open(&place.sessions, &key).await;
    writer.insert("n", 2).unwrap();
    writer.save().await.unwrap();
    gate.closed.store(false, std::sync::atomic::Ordering::SeqCst);
    gate.released.notify_one();
    assert_eq!(reading.await.unwrap(), Some(1));
    assert_eq!(n_of(&open(&place.sessions, &key).await), Some(2));
}

/// Django's fault in the `cache` engine, where a save is a get and then a set.
#[tokio::test]
async fn a_save_after_a_logout_does_not_resurrect() {
    let place = Place::new();
    let key = place.cached(1).await;
    let late = open(&place.sessions, &key).await;
    late.insert("n", 2).unwrap();
    let logout = open(&place.sessions, &key).await;
    logout.flush();
    logout.save().await.unwrap();
    assert_eq!(late.save().await.unwrap_err().kind(), SessionErrorKind::Interrupted);
    assert!(open(&place.sessions, &key).await.is_empty());
    assert_eq!(place.cache.values().len(), 0);
    assert_eq!(place.database.records().len(), 0);
}

/// An admin removes the row behind our back.
#[tokio::test]
async fn a_row_that_is_deleted_ends_the_session_at_its_next_save() {
    let place = Place::new();
    let key = place.cached(1).await;
    place.database.records().clear();
    let session = open(&place.sessions, &key).await;
    assert_eq!(n_of(&session), Some(1), "the cache does not know yet");
    let entry = place.cache.values().values().next().unwrap().expires_at();
    let longest = Timestamp::now() + SignedDuration::from_secs(300);
    assert!(entry <= longest, "it will at the end of TIMEOUT, not of the session");
    session.insert("n", 2).unwrap();
    assert_eq!(session.save().await.unwrap_err().kind(), SessionErrorKind::Interrupted);
    assert!(open(&place.sessions, &key).await.is_empty(), "from now on it has ended for everybody");
}

#[tokio::test]
async fn rubbish_in_the_cache_costs_nothing_but_time() {
    for format in FORMATS {
        for rubbish in [
            b"".as_slice(),
            b"\xff\x00rubbish",
            b"\x80\x05\x8c\x01a.",
            b"\x80\x05cos\nsystem\nX\x02\0\0\0lsR.",
            b"[1, 2]",
            b"\x80\x05\x8c\x0csegue:until:0",
        ] {
            let place = Place::with_format(format);
            let key = place.cached(7).await;
            for value in place.cache.values().values_mut() {
                *value = Record::new(rubbish, in_an_hour());
            }
            assert_eq!(n_of(&open(&place.sessions, &key).await), Some(7), "{rubbish:?}");
            // It is gone, and the next one finds the session again.
            assert_eq!(n_of(&open(&place.sessions, &key).await), Some(7));
            place.database.calls();
            assert_eq!(n_of(&open(&place.sessions, &key).await), Some(7));
            assert_eq!(place.database.calls().total(), 0, "{rubbish:?}");
        }
    }
}

/// Somebody's mistake, or an attack by who can write into the cache: another visitor's session is
/// one thing that we cannot tell, but what is stored is never taken from there.
#[tokio::test]
async fn the_database_decides_what_is_saved() {
    let place = Place::new();
    let key = place.cached(1).await;
    let forged = Codec::pickle().encode(&SessionData::parse(r#"{"n":99}"#).unwrap()).unwrap();
    for value in place.cache.values().values_mut() {
        *value = Record::new(forged.as_slice(), in_an_hour());
    }
    let session = open(&place.sessions, &key).await;
    session.insert("mine", true).unwrap();
    session.save().await.unwrap();
    let again = open(&place.sessions, &key).await;
    assert_eq!((n_of(&again), again.get("mine").unwrap()), (Some(1), Some(true)));
}

#[tokio::test]
async fn a_cache_that_hangs_does_not_hold_requests_up() {
    let place = Place::new();
    let key = place.cached(1).await;
    place.cache.set_health(Health::Hangs);
    let started = Instant::now();
    for n in 2..20 {
        let session = open(&place.sessions, &key).await;
        session.insert("n", n).unwrap();
        session.save().await.unwrap();
        assert_eq!(n_of(&open(&place.sessions, &key).await), Some(n));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// The worst of it: the cache is away while a visitor logs out, and comes back with the old entry.
#[tokio::test]
async fn a_logout_while_the_cache_is_away_is_a_logout() {
    for health in [Health::Down, Health::Hangs, Health::KeepsAll] {
        let place = Place::new();
        let key = place.cached(1).await;
        place.cache.set_health(health);
        let session = open(&place.sessions, &key).await;
        session.flush();
        session.save().await.unwrap();
        assert!(open(&place.sessions, &key).await.is_empty(), "as long as it is away");
        place.cache.set_health(Health::Up);
        assert_eq!(place.cache.values().len(), 1, "the entry is still there");
        assert!(open(&place.sessions, &key).await.is_empty(), "and is not believed");
        until("the entry goes", async || place.cache.values().is_empty()).await;
        assert!(open(&place.other(), &key).await.is_empty());
        assert!(open(&place.sessions, &key).await.is_empty());
    }
}

#[tokio::test]
async fn a_save_while_the_cache_is_away_is_not_forgotten() {
    let place = Place::new();
    let key = place.cached(1).await;
    place.cache.set_health(Health::Down);
    let session = open(&place.sessions, &key).await;
    session.insert("n", 2).unwrap();
    session.save().await.unwrap();
    place.cache.set_health(Health::Up);
    assert_eq!(n_of(&open(&place.sessions, &key).await), Some(2), "the old entry is not believed");
    until("the other process sees it", async || n_of(&open(&place.other(), &key).await) == Some(2))
        .await;
    // And a writer who still sees the old one loses nothing.
    assert_eq!(n_of(&open(&place.sessions, &key).await), Some(2));
}

/// The visitor closes the browser in the middle of the logout.
#[tokio::test]
async fn an_abandoned_logout_leaves_no_entry() {
    let place = Place::new();
    let key = place.cached(1).await;
    let gate = Arc::new(Gate::default());
    let slow = Slow { inner: place.database.clone(), gate: Arc::clone(&gate) };
    let settings = settings_with(CacheFormat::Pickle);
    let store = CachedDatabaseStore::new(slow, place.cache.clone(), &settings).unwrap();
    gate.closed.store(true, std::sync::atomic::Ordering::SeqCst);
    let logout = tokio::spawn({
        let key = key.clone();
        async move { store.delete(&key).await }
    });
    gate.entered.notified().await;
    logout.abort();
    assert!(logout.await.unwrap_err().is_cancelled());
    gate.released.notify_one();
    until("the entry goes", async || place.cache.values().is_empty()).await;
    assert!(open(&place.sessions, &key).await.is_empty());
}

/// A database that is down is an error, whatever the cache says, as soon as it is asked.
#[tokio::test]
async fn a_database_that_is_down_is_an_error_and_no_empty_session() {
    let place = Place::new();
    let key = place.cached(1).await;
    place.database.set_down(true);
    let session = open(&place.sessions, &key).await;
    assert_eq!(n_of(&session), Some(1), "the cache answers for it");
    session.insert("n", 2).unwrap();
    assert_eq!(session.save().await.unwrap_err().kind(), SessionErrorKind::StoreFailed);
    let other = SessionKey::generate().unwrap();
    assert!(place.sessions.open(Some(other)).load().await.is_err());
    place.database.set_down(false);
    assert_eq!(n_of(&open(&place.sessions, &key).await), Some(1), "nothing was half saved");
}

/// What Django finds under the same name: a pickled dict, or for a mark `None`.
#[tokio::test]
async fn entries_have_djangos_names() {
    let place = Place::new();
    let key = place.cached(1).await;
    let name = format!(":1:django.contrib.sessions.cached_db{}", key.expose());
    assert_eq!(place.cache.values().keys().collect::<Vec<_>>(), [&name]);
    // One that Django wrote is read as well.
    let theirs = Codec::pickle().encode(&SessionData::parse(r#"{"n":5}"#).unwrap()).unwrap();
    place.cache.values().insert(name.clone(), Record::new(theirs, in_an_hour()));
    assert_eq!(n_of(&open(&place.sessions, &key).await), Some(5));
    assert!(place.cache.get(&name).await.unwrap().is_some());
}
