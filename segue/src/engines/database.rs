//! Sessions in Django's own `django_session` table.

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod batches;
#[cfg(feature = "manage")]
mod listing;
mod statements;

use std::num::NonZeroU32;

use jiff::Timestamp;

use crate::clock::{Clock, IsoDate};
use crate::database::column::{read_date, write_date};
use crate::database::{Database, Reading, Row, Statement, Value};
use crate::error::{StoreError, StoreErrorKind};
use crate::key::SessionKey;
use crate::store::{Cleared, Guarantees, Record, Replaced, SessionStore};

#[cfg(any(feature = "postgres", feature = "mysql"))]
use batches::{Batches, Swap};
#[cfg(feature = "manage")]
pub(super) use listing::DatabasePages;

/// Sessions in the `django_session` table, which stays exactly as Django made it: both may write.
///
/// The default engine: nothing to set up but a database, sessions survive a restart, can be revoked,
/// and no concurrent change is lost. Source: `django/contrib/sessions/backends/db.py`.
///
/// ```
/// use segue::engines::DatabaseStore;
/// use segue::SessionStore as _;
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("db.sqlite3");
/// # let url = format!("sqlite://{}", path.display());
/// let store = DatabaseStore::from_url(&url).await?;
/// store.database().migrate().await?;
/// let tomorrow = segue::Timestamp::now() + segue::SignedDuration::from_hours(24);
/// let key = store.create(b"payload", tomorrow).await?;
/// assert_eq!(store.load(&key).await?.unwrap().payload(), b"payload");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct DatabaseStore {
    database: Database,
    clock: Clock,
    batch: Option<NonZeroU32>,
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    batches: Option<Batches>,
}

impl DatabaseStore {
    /// Sessions in an open database.
    #[must_use]
    pub fn new(database: Database, clock: Clock) -> Self {
        Self {
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            batches: Batches::of(&database),
            database,
            clock,
            batch: None,
        }
    }

    /// Removes so many rows at once when it clears up; others may write between two batches. By default it
    /// is as many as take 5 ms on SQLite and 50 ms on a server, up to 5,000.
    #[must_use]
    pub fn with_batch(self, rows: NonZeroU32) -> Self {
        Self { batch: Some(rows), ..self }
    }

    /// Opens a database by its URL: `sqlite:///absolute/path`, `sqlite://relative/path`,
    /// `postgres://user:password@host/database` or `mysql://user:password@host/database`. A file of
    /// SQLite's is created if it is not there. The table is `migrate`'s work.
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) when the URL is none or the database cannot be opened.
    pub async fn from_url(url: &str) -> Result<Self, crate::ConfigError> {
        Ok(Self::new(Database::from_url(url).await?, Clock::system()))
    }

    /// Uses a pool of `sqlx` that you opened yourself, with your own options; see the `From`s of
    /// [`Database`] for what it should have.
    #[must_use]
    pub fn from_pool(pool: impl Into<Database>) -> Self {
        Self::new(pool.into(), Clock::system())
    }

    /// The database, to migrate it for example.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    #[cfg(feature = "memory-cache")]
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    fn now(&self) -> IsoDate {
        write_date(self.clock.now())
    }

    /// How many rows have expired by then, where the database says a number.
    async fn expired(&self, now: &str) -> Result<Option<u64>, StoreError> {
        let now = [Value::Text(now)];
        let (counting, number) =
            (&statements::COUNT_EXPIRED, |row: Row<'_>| row.text(0)?.parse().ok());
        Ok(self.database.fetch_optional(Reading::Many, counting, &now, number).await?.flatten())
    }

    /// How many rows have expired.
    #[cfg(feature = "manage")]
    pub(crate) async fn count_expired(&self) -> Result<u64, StoreError> {
        Ok(self.expired(&self.now()).await?.unwrap_or_default())
    }

    /// Saves together with others; nothing where each save has its own statement.
    async fn swap(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: Option<&[u8]>,
        date: IsoDate,
    ) -> Result<Option<Replaced>, StoreError> {
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        if let Some(batches) = &self.batches {
            let payload = payload.map(text).transpose()?.map(str::to_owned);
            let seen = text(seen.payload())?.to_owned();
            let swap = Box::new(Swap { key: key.clone(), seen, payload, date });
            return batches.swap(self, swap).await;
        }
        let _ = (key, seen, payload, date);
        Ok(None)
    }

    /// Runs a statement that changes the row only if it is live and still the one that was seen.
    async fn outcome(
        &self,
        swap: &Statement,
        key: &SessionKey,
        values: &[Value<'_>],
    ) -> Result<Replaced, StoreError> {
        if self.database.execute(swap, values).await? > 0 {
            return Ok(Replaced::Saved(key.clone()));
        }
        let now = self.now();
        let live = [Value::Text(key.expose()), Value::Text(&now)];
        let live =
            self.database.fetch_optional(Reading::Few, &statements::IS_LIVE, &live, |_| ()).await?;
        Ok(if live.is_none() { Replaced::Gone } else { Replaced::Conflict })
    }
}

/// The payload as the text column takes it; what the codec makes is ASCII.
fn text(payload: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(payload).map_err(|error| {
        StoreError::new(StoreErrorKind::Unsupported, "this engine stores text payloads only")
            .with_source(error)
    })
}

/// The record in a row, whose payload is in this column, and the deadline in the next.
fn record(row: Row<'_>, column: usize) -> Result<Record, StoreError> {
    let payload = row.bytes(column).unwrap_or_default();
    let date = row.text(column + 1).unwrap_or_default();
    Ok(Record::new(&*payload, read_date("django_session.expire_date", &date)?))
}

impl SessionStore for DatabaseStore {
    fn guarantees(&self) -> Guarantees {
        Guarantees::full()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        if let Some(batches) = &self.batches {
            return batches.load(self, key).await;
        }
        let now = self.now();
        let values = [Value::Text(key.expose()), Value::Text(&now)];
        let read = |row: Row<'_>| record(row, 0);
        let found =
            self.database.fetch_optional(Reading::Few, &statements::LOAD, &values, read).await?;
        found.transpose()
    }

    #[cfg(feature = "sqlite")]
    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        if self.batches.is_some() {
            return None;
        }
        let now = self.now();
        let values = [Value::Text(key.expose()), Value::Text(&now)];
        let found =
            self.database.fetch_now(&statements::LOAD, &values, |row| record(row, 0)).ok()?;
        Some(found.transpose())
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        let (payload, date) = (text(payload)?, write_date(expires_at));
        loop {
            let key = SessionKey::generate()?;
            let row = [key.expose(), payload, &*date].map(Value::Text);
            if self.database.insert(&statements::CREATE, &row).await? {
                return Ok(key);
            }
        }
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let now = self.now();
        let seen_row = [key.expose(), text(seen.payload())?, &*now].map(Value::Text);
        if payload == seen.payload() && expires_at <= self.clock.now() {
            // Django's UPDATE does not look at the date, so an expired row would come back to life.
            return self.outcome(&statements::END, key, &seen_row).await;
        }
        let date = write_date(expires_at);
        if let Some(done) = self.swap(key, seen, Some(payload), date).await? {
            return Ok(done);
        }
        let [key_value, seen_value, now_value] = seen_row;
        let values =
            [key_value, seen_value, now_value, Value::Text(text(payload)?), Value::Text(&date)];
        self.outcome(&statements::REPLACE, key, &values).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (now, date) = (self.now(), write_date(expires_at));
        if let Some(done) = self.swap(key, seen, None, date).await? {
            return Ok(done);
        }
        let values = [key.expose(), text(seen.payload())?, &*now, &*date].map(Value::Text);
        self.outcome(&statements::TOUCH, key, &values).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let key = [Value::Text(key.expose())];
        self.database.execute(&statements::DELETE, &key).await.map(drop)
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        let now = self.now();
        let expected = self.expired(&now).await?;
        let mut sweep = self.database.sweep(self.batch);
        let mut removed = 0;
        loop {
            let (batch, has_more) = sweep.next(&statements::CLEAR, &now).await?;
            removed += batch;
            if batch > 0 {
                tracing::debug!(removed, "a batch of expired sessions is gone");
                on_batch(Cleared::new(removed, expected));
            }
            if !has_more {
                return Ok(removed);
            }
        }
    }
}
#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    /// Each is moved about, and made anew for a request: the allocator has what is smaller at hand.
    #[tokio::test]
    async fn the_futures_of_a_request_are_small() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
        let store = DatabaseStore::from_url(&url).await.unwrap();
        let (key, seen) = (SessionKey::generate().unwrap(), Record::new(*b"x", Timestamp::MAX));
        let sizes = [
            size_of_val(&store.load(&key)),
            size_of_val(&store.replace(&key, &seen, b"y", Timestamp::MAX)),
            size_of_val(&store.touch(&key, &seen, Timestamp::MAX)),
        ];
        assert!(sizes.iter().all(|size| *size < 1000), "{sizes:?}");
    }
}
