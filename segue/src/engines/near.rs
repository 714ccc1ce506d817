//! Sessions in a database, with what was read of them in this process.

mod entries;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::DatabaseStore;
use crate::clock::Clock;
use crate::digest::Digest;
use crate::error::{StoreError, StoreErrorKind};
use crate::key::SessionKey;
use crate::store::{Cleared, Guarantees, Record, Replaced, SessionStore};

use entries::{Entries, Seen};
use watch::{Stamp, Watch};

/// What nobody waits for, and clocks can still count.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Sessions in a database, and in this process those that were read lately: to read one again asks nobody.
///
/// `cached_db` with `memory://` for its cache. The rows stay Django's, and what is saved is in the
/// database. What others change there, other processes or a Django, is noticed:
///
/// - *SQLite*: each time before an answer is given from memory the file is asked whether somebody else
///   has written (`PRAGMA data_version`), and all is forgotten if so. An answer is never older than the file.
/// - *PostgreSQL*: with [`with_staleness`](Self::with_staleness) a trigger on the table tells each change
///   (`LISTEN`, `NOTIFY`), usually within a network's delay. Whoever has not heard of the server for as long as
///   that asks the database again.
/// - *MySQL, MariaDB, a pool of your own for SQLite*: with [`with_staleness`](Self::with_staleness) what was read is
///   believed for so long.
///
/// Without it the last two answer nothing from memory: a logout elsewhere counts at once. With it, a
/// request may read a session that was ended elsewhere for so long; it can save nothing to it.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// use segue::SessionStore as _;
/// use segue::engines::{DatabaseStore, NearStore};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
/// let database = DatabaseStore::from_url(&url).await?;
/// database.database().migrate().await?;
/// let (elsewhere, store) = (DatabaseStore::from_url(&url).await?, NearStore::new(database, 10_000));
/// let tomorrow = segue::Timestamp::now() + segue::SignedDuration::from_hours(24);
/// let key = store.create(b"payload", tomorrow).await?;
/// assert_eq!(store.load(&key).await?.unwrap().payload(), b"payload");
/// assert_eq!(store.load(&key).await?.unwrap().payload(), b"payload"); // From memory.
/// elsewhere.delete(&key).await?;
/// assert!(store.load(&key).await?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct NearStore(Arc<Near>);

#[derive(Debug)]
struct Near {
    database: DatabaseStore,
    entries: Arc<Entries>,
    watch: Watch,
    clock: Clock,
}

impl NearStore {
    /// This database, with so many sessions in memory. Saves must go through this store or its clones, or
    /// come from another process.
    #[must_use]
    pub fn new(database: DatabaseStore, max_entries: u64) -> Self {
        Self::with(database, max_entries, None, Duration::ZERO)
    }

    /// How old an answer from memory may be where the database cannot be asked before each. Zero, the default:
    /// such a database answers everything itself.
    ///
    /// On PostgreSQL it makes a trigger on `django_session`, if there is none yet, for which the user must own
    /// the table; Django does not mind it.
    ///
    /// It gives another store with a memory of its own, which hears nothing of what the first one saves: call it
    /// before the store is used.
    #[must_use]
    pub fn with_staleness(self, most: Duration) -> Self {
        let Near { database, entries, .. } = &*self.0;
        Self::with(database.clone(), entries.most(), entries.life(), most)
    }

    /// How long a session stays in memory, as `TIMEOUT` of a cache says it. Default: as long as it is used. Call it
    /// before the store is used, as [`with_staleness`](Self::with_staleness).
    #[must_use]
    pub fn with_timeout(self, life: Option<Duration>) -> Self {
        let Near { database, entries, watch, .. } = &*self.0;
        Self::with(database.clone(), entries.most(), life, watch.staleness())
    }

    fn with(database: DatabaseStore, most: u64, life: Option<Duration>, stale: Duration) -> Self {
        let (life, stale) = (life.map(|life| life.min(LONGEST)), stale.min(LONGEST));
        let entries = Arc::new(Entries::new(most, life));
        let watch = Watch::new(database.database(), &entries, stale);
        let clock = database.clock().clone();
        Self(Arc::new(Near { database, entries, watch, clock }))
    }

    /// Changes a row, and what is known of it. Whoever stops waiting half-way must not leave an old entry
    /// beside a changed row.
    async fn change<T: Send + 'static>(
        &self,
        key: &SessionKey,
        change: impl Future<Output = Result<(T, Option<Record>), StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (near, name) = (Arc::clone(&self.0), Digest::of(key.expose().as_bytes()));
        let changing = tokio::spawn(async move {
            let known = near.entries.begin(name);
            let stamp = near.watch.stamp_for_save(known, near.database.database());
            let changed = change.await;
            let (done, record) = match changed {
                Ok((done, record)) => (Ok(done), record),
                Err(error) => (Err(error), None),
            };
            near.entries.end(name, record.zip(stamp));
            done
        });
        changing.await.unwrap_or_else(|error| {
            let message = "the task of a save did not come to its end";
            Err(StoreError::new(StoreErrorKind::Unavailable, message).with_source(error))
        })
    }
}

/// Where a row that is read now may be filled in.
struct Place {
    name: Digest,
    mark: u64,
    stamp: Stamp,
}

impl Near {
    /// The session, if what is known of it is good, or else where it may be filled in.
    fn look(&self, key: &SessionKey) -> Result<Record, Option<Place>> {
        let Some(stamp) = self.watch.stamp(self.database.database()) else { return Err(None) };
        let name = Digest::of(key.expose().as_bytes());
        let is_good = |found| self.watch.is_good(found, stamp);
        match self.entries.look(name, is_good, self.clock.now()) {
            Seen::Here(record) => Ok(record),
            Seen::Busy => Err(None),
            Seen::Marked(mark) => Err(Some(Place { name, mark, stamp })),
        }
    }

    fn fill(&self, place: Option<&Place>, row: Option<Record>) -> Option<Record> {
        let Some(&Place { name, mark, stamp }) = place else { return row };
        let row = row.map(Record::remembering);
        self.entries.fill(name, mark, row.clone().map(|record| (record, stamp)));
        row
    }
}

/// The record that stands in the row after a swap, if it is that one.
fn after(done: Replaced, payload: &Arc<[u8]>, expires_at: Timestamp) -> (Replaced, Option<Record>) {
    let record = match &done {
        Replaced::Saved(_) => Some(Record::new(Arc::clone(payload), expires_at)),
        Replaced::Conflict | Replaced::Gone => None,
    };
    (done, record)
}

impl SessionStore for NearStore {
    fn guarantees(&self) -> Guarantees {
        self.0.database.guarantees()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        // What never has to wait must let others have their turn now and then.
        tokio::task::coop::consume_budget().await;
        let place = match self.0.look(key) {
            Ok(record) => return Ok(Some(record)),
            Err(place) => place,
        };
        Ok(self.0.fill(place.as_ref(), self.0.database.load(key).await?))
    }

    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        let place = match self.0.look(key) {
            Ok(record) => return Some(Ok(Some(record))),
            Err(place) => place,
        };
        let row = self.0.database.load_now(key)?;
        Some(row.map(|row| self.0.fill(place.as_ref(), row)))
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        self.0.database.create(payload, expires_at).await
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (database, seen) = (self.0.database.clone(), seen.clone());
        let (row, payload): (_, Arc<[u8]>) = (key.clone(), payload.into());
        self.change(key, async move {
            let done = database.replace(&row, &seen, &payload, expires_at).await?;
            Ok(after(done, &payload, expires_at))
        })
        .await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (database, seen, row) = (self.0.database.clone(), seen.clone(), key.clone());
        self.change(key, async move {
            let done = database.touch(&row, &seen, expires_at).await?;
            Ok(after(done, seen.shared_payload(), expires_at))
        })
        .await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let (database, row) = (self.0.database.clone(), key.clone());
        self.change(key, async move { Ok((database.delete(&row).await?, None)) }).await
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        self.0.database.clear_expired(on_batch).await
    }
}
