//! Sessions in a database, with a cache in front of it.

mod entry;
mod front;

use std::sync::Arc;

use jiff::Timestamp;

use crate::cache::{AnyCache, Cache};
use crate::clock::Clock;
use crate::codec::Codec;
use crate::error::{ConfigError, StoreError, StoreErrorKind};
use crate::key::SessionKey;
use crate::settings::Settings;
use crate::store::{AnyStore, Cleared, Guarantees, Record, Replaced, SessionStore};

use entry::Entry;
use front::Front;

/// Sessions in a database, with a cache in front of it: reading costs a call to the cache, and what
/// is saved is safe in the database.
///
/// The database decides about everything; the cache only answers sooner. That it is down, slow, or
/// full of nonsense costs time and a line in the log, never a request and never a wrong answer:
///
/// - *A save* compares and swaps in the database. The cache's entry is swapped after it, if it is
///   the one that was seen, and removed otherwise.
/// - *A logout* ends the row, then the entry. A request that read the row before and would fill the
///   cache after it cannot: it has to find the mark that it left before it read, and that is gone
///   with the entry. Django's own fill can bring an ended session back.
/// - *An entry* lives no longer than `TIMEOUT` of its cache (300 seconds by default). So a row that
///   somebody else removes, in Django's admin for example, ends the session at its next save, and
///   at the end of that time otherwise; Django's own entries live as long as their session.
/// - Where an entry could not be removed, because the cache was down, this process does not believe
///   it and goes on trying; other processes may, until its time is over.
///
/// Source: `django/contrib/sessions/backends/cached_db.py`, with which it shares rows and entries.
///
/// ```
/// # #[cfg(all(feature = "sqlite", feature = "memory-cache"))]
/// # {
/// use segue::caches::MemoryCache;
/// use segue::engines::{CachedDatabaseStore, MemoryStore};
/// use segue::{Sessions, Settings};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// let settings = Settings::new("secret");
/// let database = MemoryStore::new(); // A `DatabaseStore`, where it is to last.
/// let store = CachedDatabaseStore::new(database, MemoryCache::new(1000), &settings)?;
/// let sessions = Sessions::new(store, &settings)?;
/// let session = sessions.open(None).load().await?;
/// session.insert("name", "manish")?;
/// session.save().await?;
/// let again = sessions.open(session.key()).load().await?;
/// assert_eq!(again.get("name")?, Some("manish".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CachedDatabaseStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: AnyStore,
    /// How the database holds sessions.
    rows: Codec,
    front: Front,
    /// How the cache holds them, which is how the others see them.
    entries: Codec,
    guarantees: Guarantees,
    clock: Clock,
}

impl CachedDatabaseStore {
    /// This cache in front of this database, by the settings of the cache that
    /// `SESSION_CACHE_ALIAS` names, or else Django's defaults.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together.
    pub fn new(
        database: impl SessionStore,
        cache: impl Cache,
        settings: &Settings,
    ) -> Result<Self, ConfigError> {
        settings.validate()?;
        let clock = Clock::system();
        let front = Front::new(AnyCache::new(cache), settings);
        let payload = front.payload();
        let keys = &settings.secret_keys;
        Ok(Self(Arc::new(Inner {
            rows: Codec::of(database.guarantees().payload, keys, &clock),
            database: AnyStore::new(database),
            entries: Codec::of(payload, keys, &clock),
            guarantees: Guarantees::full().with_payload(payload),
            front,
            clock,
        })))
    }

    /// Whoever stops waiting half-way must not leave a changed row with an old entry.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        tokio::spawn(work).await.unwrap_or_else(|error| {
            let message = "the task of a save did not come to its end";
            Err(StoreError::new(StoreErrorKind::Unavailable, message).with_source(error))
        })
    }
}

impl Inner {
    /// The row as the cache would hold it; nothing where it is not ours to read, because of another
    /// `SECRET_KEY` for example.
    fn as_entry(&self, row: &Record) -> Option<Record> {
        let data = self.rows.decode(row.payload()).ok()?;
        let payload = self.entries.encode(&data).ok()?;
        Some(Record::new(payload, row.expires_at()))
    }

    /// What the cache holds as a row.
    fn as_row(&self, payload: &[u8]) -> Result<Vec<u8>, StoreError> {
        let row = self.entries.decode(payload).and_then(|data| self.rows.encode(&data));
        row.map_err(|error| {
            let message = "a session cannot be written as the database holds it";
            StoreError::new(StoreErrorKind::Unsupported, message).with_source(error)
        })
    }

    /// Whether two entries hold the same session, however they are written.
    fn is_same(&self, one: &[u8], other: &[u8]) -> bool {
        let json = |payload| self.entries.decode(payload).map(|data| data.to_json());
        one == other || json(one).is_ok_and(|one| json(other).is_ok_and(|other| one == other))
    }

    /// The row, if it is the session that was seen.
    async fn seen_row(
        &self,
        key: &SessionKey,
        seen: &Record,
    ) -> Result<Result<Record, Replaced>, StoreError> {
        let Some(row) = self.database.load(key).await? else { return Ok(Err(Replaced::Gone)) };
        let entry = self.as_entry(&row);
        let is_seen = entry.is_some_and(|entry| self.is_same(entry.payload(), seen.payload()));
        Ok(if is_seen { Ok(row) } else { Err(Replaced::Conflict) })
    }

    /// Does to the database what `swap` does, and then to the cache what follows from it.
    async fn swap(
        &self,
        key: &SessionKey,
        seen: &Record,
        next: &Record,
    ) -> Result<Replaced, StoreError> {
        let row = match self.seen_row(key, seen).await {
            Ok(Ok(row)) => row,
            Ok(Err(refused)) => {
                // Before anybody loads again, or they would get the old one again.
                self.front.forget(key).await;
                return Ok(refused);
            }
            Err(error) => return Err(error),
        };
        let expires_at = next.expires_at();
        let outcome = if next.payload() == seen.payload() && expires_at > self.clock.now() {
            self.database.touch(key, &row, expires_at).await
        } else if next.payload() == seen.payload() {
            self.database.replace(key, &row, row.payload(), expires_at).await
        } else {
            let payload = self.as_row(next.payload())?;
            self.database.replace(key, &row, &payload, expires_at).await
        };
        match outcome {
            Ok(Replaced::Saved(key)) => {
                self.front.swap(&key, seen, next).await;
                Ok(Replaced::Saved(key))
            }
            // Also where nobody knows whether the database has done it.
            outcome => {
                self.front.forget(key).await;
                outcome
            }
        }
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        let found = self.front.get(key).await;
        if let Some(Entry::Session(record)) = &found
            && record.expires_at() > self.clock.now()
        {
            // Whoever asked finds it read already.
            let record = record.clone().remembering();
            if self.entries.decode_record(&record).is_ok() {
                return Ok(Some(record));
            }
            self.front.forget(key).await;
        }
        // Whoever has left a mark may fill the cache, if the mark is still there afterwards.
        let mark = match found {
            None => self.front.mark(key).await,
            Some(_) => None,
        };
        let row = self.database.load(key).await?;
        let entry = row.as_ref().and_then(|row| self.as_entry(row));
        if let Some(mark) = mark {
            self.front.fill(key, &mark, entry.as_ref()).await;
        }
        // What cannot be read is given as it is, so that it is not taken for absent.
        Ok(entry.or(row))
    }
}

impl SessionStore for CachedDatabaseStore {
    fn guarantees(&self) -> Guarantees {
        self.0.guarantees
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        self.0.load(key).await
    }

    /// The cache is filled by whoever reads it first.
    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        let row = self.0.as_row(payload)?;
        self.0.database.create(&row, expires_at).await
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (inner, key, seen) = (Arc::clone(&self.0), key.clone(), seen.clone());
        let next = Record::new(payload, expires_at);
        self.to_the_end(async move { inner.swap(&key, &seen, &next).await }).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.replace(key, seen, seen.payload(), expires_at).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let (inner, key) = (Arc::clone(&self.0), key.clone());
        self.to_the_end(async move {
            let deleted = inner.database.delete(&key).await;
            inner.front.forget(&key).await;
            deleted
        })
        .await
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        self.0.database.clear_expired(on_batch).await
    }
}
