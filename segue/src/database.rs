//! The database: connections, Django's tables, and what its errors mean.

pub(crate) mod column;
mod migrations;
mod sqlite;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;

use crate::error::{ConfigError, StoreError};
use crate::settings::DatabaseUrl;

pub use migrations::{Applied, Migration};

/// How long a statement waits for another process's write, and a request for a free connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// An open database. Clones share its connections.
///
/// ```
/// use segue::database::Database;
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
/// let database = Database::from_url(&url).await?;
/// let names: Vec<String> =
///     database.unapplied().await?.iter().map(|migration| migration.to_string()).collect();
/// assert_eq!(names, ["sessions.0001_initial"]);
/// database.migrate().await?;
/// assert!(database.unapplied().await?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// SQLite gives one writer at a time its turn; so there is one connection for writing, before which
/// our own writers queue fairly, and a few for reading, which a write never blocks (WAL).
#[derive(Clone)]
pub struct Database {
    readers: SqlitePool,
    writer: SqlitePool,
    name: Arc<str>,
}

impl Database {
    /// Opens a database by its URL, a relative path beginning at the current folder.
    ///
    /// # Errors
    /// [`ConfigError`] when the URL is none or the database cannot be opened.
    pub async fn from_url(url: &str) -> Result<Self, ConfigError> {
        Self::connect(&DatabaseUrl::parse(url, std::path::Path::new(""))?).await
    }

    /// Opens the database that the settings name. A file that is not there is created, empty.
    ///
    /// # Errors
    /// [`ConfigError::Store`] when it cannot be opened: a folder in its place, no permission, no
    /// database, locked for longer than five seconds.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, ConfigError> {
        let DatabaseUrl::Sqlite(path) = url;
        let name = Arc::from(path.display().to_string());
        sqlite::create(path).await.map_err(|error| ConfigError::Store {
            setting: "DATABASE_URL",
            source: sqlite::store_error(error, &name),
        })?;
        let watch = sqlite::FileWatch::new(path);
        Ok(Self {
            readers: sqlite::pool(path, &watch, 4),
            writer: sqlite::pool(path, &watch, 1),
            name,
        })
    }

    /// Uses a pool that you opened yourself.
    ///
    /// Give it the WAL journal and a `busy_timeout`; without them a read may have to wait for a
    /// write, and a write fails where it could have waited.
    #[must_use]
    pub fn from_pool(pool: SqlitePool) -> Self {
        let name = Arc::from(pool.connect_options().get_filename().display().to_string());
        Self { readers: pool.clone(), writer: pool, name }
    }

    /// Waits for the statements that are under way and closes every connection. What comes later
    /// gets an error.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// What a driver's error means, in words that help to mend it.
    pub(crate) fn error(&self, error: sqlx::Error) -> StoreError {
        sqlite::store_error(error, &self.name)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}
