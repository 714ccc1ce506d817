//! Sessions in Django's own `django_session` table.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Row as _, Sqlite};

use crate::clock::Clock;
use crate::database::Database;
use crate::database::column::{read_date, write_date};
use crate::error::{StoreError, StoreErrorKind};
use crate::key::SessionKey;
use crate::store::{Cleared, Guarantees, Record, Replaced, SessionStore};

/// How many rows one `DELETE` of the clean-up removes: a writer elsewhere waits for no more.
const BATCH: i64 = 500;

/// The shortest pause between two batches, in which writers elsewhere get their turn.
const PAUSE: Duration = Duration::from_millis(2);

const LOAD: &str = "SELECT session_data, expire_date FROM django_session \
                    WHERE session_key = ?1 AND expire_date > ?2";
const CREATE: &str =
    "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?1, ?2, ?3)";
const REPLACE: &str = "UPDATE django_session SET session_data = ?1, expire_date = ?2 \
                       WHERE session_key = ?3 AND session_data = ?4 AND expire_date > ?5";
const IS_LIVE: &str = "SELECT 1 FROM django_session WHERE session_key = ?1 AND expire_date > ?2";
const TOUCH: &str = "UPDATE django_session SET expire_date = ?1 \
                     WHERE session_key = ?2 AND session_data = ?3 AND expire_date > ?4";
const END: &str = "DELETE FROM django_session \
                   WHERE session_key = ?1 AND session_data = ?2 AND expire_date > ?3";
const DELETE: &str = "DELETE FROM django_session WHERE session_key = ?1";
const COUNT_EXPIRED: &str = "SELECT count(*) FROM django_session WHERE expire_date <= ?1";
const CLEAR: &str = "DELETE FROM django_session WHERE session_key IN \
                     (SELECT session_key FROM django_session WHERE expire_date <= ?1 LIMIT ?2)";

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
}

impl DatabaseStore {
    /// Sessions in an open database.
    #[must_use]
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// Opens a database by its URL, `sqlite:///absolute/path` or `sqlite://relative/path`, and
    /// creates the file if it is not there. The table is `migrate`'s work.
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) when the URL is none or the database cannot be opened.
    pub async fn from_url(url: &str) -> Result<Self, crate::ConfigError> {
        Ok(Self::new(Database::from_url(url).await?, Clock::system()))
    }

    /// Uses a pool that you opened yourself, with your own options; see
    /// [`Database::from_pool`] for what it should have.
    #[must_use]
    pub fn from_pool(pool: sqlx::SqlitePool) -> Self {
        Self::new(Database::from_pool(pool), Clock::system())
    }

    /// The database, to migrate it for example.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    fn now(&self) -> String {
        write_date(self.clock.now())
    }

    /// Runs a statement that changes the row only if it is live and still the one that was seen.
    async fn outcome(
        &self,
        swap: Query<'_, Sqlite, SqliteArguments>,
        key: &SessionKey,
    ) -> Result<Replaced, StoreError> {
        let done = swap.execute(self.database.writer()).await;
        if done.map_err(|error| self.database.error(error))?.rows_affected() > 0 {
            return Ok(Replaced::Saved(key.clone()));
        }
        let query = sqlx::query(IS_LIVE).bind(key.expose()).bind(self.now());
        let live = query.fetch_optional(self.database.writer()).await;
        let live = live.map_err(|error| self.database.error(error))?.is_some();
        Ok(if live { Replaced::Conflict } else { Replaced::Gone })
    }
}

/// The payload as the text column takes it; what the codec makes is ASCII.
fn text(payload: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(payload).map_err(|error| {
        StoreError::new(StoreErrorKind::Unsupported, "this engine stores text payloads only")
            .with_source(error)
    })
}

impl SessionStore for DatabaseStore {
    fn guarantees(&self) -> Guarantees {
        Guarantees::full()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        let query = sqlx::query(LOAD).bind(key.expose()).bind(self.now());
        let row = query.fetch_optional(self.database.readers()).await;
        let Some(row) = row.map_err(|error| self.database.error(error))? else { return Ok(None) };
        let columns = || Ok((row.try_get::<Vec<u8>, _>(0)?, row.try_get::<String, _>(1)?));
        let (payload, date) = columns().map_err(|error| self.database.error(error))?;
        Ok(Some(Record::new(payload, read_date(&date)?)))
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        let payload = text(payload)?;
        loop {
            let key = SessionKey::generate()?;
            let query =
                sqlx::query(CREATE).bind(key.expose()).bind(payload).bind(write_date(expires_at));
            match query.execute(self.database.writer()).await {
                Ok(_) => return Ok(key),
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
                Err(error) => return Err(self.database.error(error)),
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
        if payload == seen.payload() && expires_at <= self.clock.now() {
            // Django's UPDATE does not look at the date, so an expired row would come back to life.
            let query = sqlx::query(END).bind(key.expose()).bind(text(payload)?).bind(self.now());
            return self.outcome(query, key).await;
        }
        let query = sqlx::query(REPLACE)
            .bind(text(payload)?)
            .bind(write_date(expires_at))
            .bind(key.expose())
            .bind(text(seen.payload())?)
            .bind(self.now());
        self.outcome(query, key).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let query = sqlx::query(TOUCH)
            .bind(write_date(expires_at))
            .bind(key.expose())
            .bind(text(seen.payload())?)
            .bind(self.now());
        self.outcome(query, key).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let done = sqlx::query(DELETE).bind(key.expose()).execute(self.database.writer()).await;
        done.map(drop).map_err(|error| self.database.error(error))
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        let now = self.now();
        let count = sqlx::query_scalar(COUNT_EXPIRED).bind(now.as_str());
        let expected: i64 = count
            .fetch_one(self.database.readers())
            .await
            .map_err(|error| self.database.error(error))?;
        let expected = u64::try_from(expected).ok();
        let mut removed = 0;
        loop {
            let started = Instant::now();
            let query = sqlx::query(CLEAR).bind(now.as_str()).bind(BATCH);
            let done = query.execute(self.database.writer()).await;
            let batch = done.map_err(|error| self.database.error(error))?.rows_affected();
            removed += batch;
            if batch > 0 {
                on_batch(Cleared::new(removed, expected));
            }
            if batch < BATCH.unsigned_abs() {
                return Ok(removed);
            }
            // As long as the batch took: others have the database half of the time.
            tokio::time::sleep(started.elapsed().max(PAUSE)).await;
        }
    }
}
