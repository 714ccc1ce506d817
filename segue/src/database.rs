//! The database: connections, Django's tables, and what its errors mean.

mod app;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod batch;
pub(crate) mod column;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod connections;
pub(crate) mod dialect;
#[cfg(feature = "memory-cache")]
mod edition;
mod exclusive;
pub(crate) mod migrations;
#[cfg(feature = "mysql")]
mod mysql;
mod pools;
#[cfg(feature = "postgres")]
mod postgres;
mod script;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statement;
mod sweep;
mod trouble;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod words;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{ConfigError, StoreError};
use crate::settings::{DatabaseOptions, DatabaseUrl};

pub use app::{App, Migrations, SqlMigration};
pub use migrations::{
    Applied, History, Migration, MigrationError, MigrationErrorKind, Migrator, Progress, Sql, Step,
    Target,
};

#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) use batch::BatchError;
#[cfg(feature = "memory-cache")]
pub(crate) use edition::{Coherence, Edition};
#[cfg(feature = "mysql")]
pub(crate) use mysql::literal;
#[cfg(feature = "postgres")]
pub(crate) use postgres::Batch;
use statement::{Gather, first};
pub(crate) use statement::{Reading, Row, Statement, Value, first_text};

#[cfg(any(feature = "postgres", feature = "mysql"))]
use connections::Connections;
use pools::Pools;

/// An open database: a file of SQLite's, or connections to PostgreSQL, MySQL or MariaDB. Clones
/// share them.
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
/// assert!(names.contains(&"sessions.0001_initial".to_owned()));
/// database.migrate().await?;
/// assert!(database.unapplied().await?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Database {
    pools: Pools,
    name: Arc<str>,
    /// How long anything may take, on a server.
    limit: Option<Duration>,
    options: DatabaseOptions,
}

/// Somebody would have to be waited for, or it fails.
#[cfg(feature = "sqlite")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotNow;

impl Database {
    /// Opens a database by its URL, a relative path beginning at the current folder.
    ///
    /// # Errors
    /// [`ConfigError`] when the URL is none or the database cannot be opened.
    pub async fn from_url(url: &str) -> Result<Self, ConfigError> {
        Self::connect(&DatabaseUrl::parse(url, std::path::Path::new(""))?).await
    }

    /// Opens the database that the settings name. A file of SQLite's that is not there is created,
    /// empty; a server must have the database.
    ///
    /// # Errors
    /// [`ConfigError::Store`] when it cannot be opened: a folder in the place of the file, no
    /// permission, no database, locked for longer than five seconds; a server that does not answer,
    /// does not know the user, or is a replica; and [`ConfigError::Invalid`] when this program was
    /// built without the feature for it.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, ConfigError> {
        Self::connect_with(url, DatabaseOptions::default()).await
    }

    /// Opens a database as [`connect`](Self::connect) does, to be used by these options.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and [`ConfigError::Invalid`] where an option is none that its
    /// setting may have.
    pub async fn connect_with(
        url: &DatabaseUrl,
        options: DatabaseOptions,
    ) -> Result<Self, ConfigError> {
        options.validate()?;
        let name = url.to_string();
        let refused = |source| ConfigError::Store { setting: "DATABASE_URL", source };
        match url {
            #[cfg(feature = "sqlite")]
            DatabaseUrl::Sqlite(path) => {
                let created = sqlite::create(path).await;
                let file = sqlite::SqliteFile::new(path, options);
                let database = Self::of(Pools::Sqlite(sqlite::Sqlite::Own(file)), name, None);
                created.map_err(|error| refused(database.error(error)))?;
                Ok(Self { options, ..database })
            }
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(server) => {
                let pools = postgres::connections(server).map(Pools::Postgres);
                let pools = pools.map_err(|error| invalid(&name, &error))?;
                let database = Self::of(pools, name, Some(server.timeout));
                database.greet().await.map_err(refused)?;
                Ok(Self { options, ..database })
            }
            #[cfg(feature = "mysql")]
            DatabaseUrl::MySql(server) => {
                let pools = mysql::connections(server).map(Pools::MySql);
                let pools = pools.map_err(|error| invalid(&name, &error))?;
                let database = Self::of(pools, name, Some(server.timeout));
                database.greet().await.map_err(refused)?;
                Ok(Self { options, ..database })
            }
            #[allow(unreachable_patterns, reason = "a build for every database has them all")]
            other => Err(ConfigError::conflict(
                "DATABASE_URL",
                format_args!("a URL with the scheme {:?}", other.scheme()),
                format!(
                    "another database; this program was built without the feature `{}` of segue",
                    other.scheme()
                ),
            )),
        }
    }

    fn of(pools: Pools, name: impl Into<Arc<str>>, limit: Option<Duration>) -> Self {
        Self { pools, name: name.into(), limit, options: DatabaseOptions::default() }
    }

    /// Which one it is.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn dialect(&self) -> dialect::Dialect {
        match self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => dialect::Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => dialect::Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Pools::MySql(_) => dialect::Dialect::MySql,
        }
    }

    /// Waits for the statements that are under way and closes every connection. What comes later
    /// gets an error.
    pub async fn close(&self) {
        // A server that does not answer does not say goodbye either.
        let limit = self.limit.unwrap_or(Duration::MAX);
        let _ = tokio::time::timeout(limit, self.pools.close()).await;
    }

    /// Runs a statement that changes rows, and counts those that it found.
    pub(crate) async fn execute(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        self.executing(statement, values).await.map_err(|error| self.error(error))
    }

    /// Runs a statement that makes a row, and tells whether its key was free.
    pub(crate) async fn insert(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<bool, StoreError> {
        match self.executing(statement, values).await {
            Ok(_) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(self.error(error)),
        }
    }

    /// Runs a statement that gives rows, and gives what is read of each.
    pub(crate) async fn fetch_all<T: Send + 'static>(
        &self,
        reading: Reading,
        statement: &Statement,
        values: &[Value<'_>],
        read: fn(Row<'_>) -> T,
    ) -> Result<Vec<T>, StoreError> {
        let gather = move |all: &mut Vec<T>, row: Row<'_>| all.push(read(row));
        self.fetch(reading, statement, values, gather).await
    }

    /// Runs a statement that gives a row if there is one, and gives what is read of it.
    pub(crate) async fn fetch_optional<T: Send + 'static>(
        &self,
        reading: Reading,
        statement: &Statement,
        values: &[Value<'_>],
        read: fn(Row<'_>) -> T,
    ) -> Result<Option<T>, StoreError> {
        self.fetch(reading, statement, values, first(read)).await
    }

    /// As [`fetch_optional`](Self::fetch_optional), on this thread.
    #[cfg(feature = "sqlite")]
    pub(crate) fn fetch_now<T: 'static>(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
        read: fn(Row<'_>) -> T,
    ) -> Result<Option<T>, NotNow> {
        match &self.pools {
            Pools::Sqlite(sqlite) => sqlite.fetch_now(statement, values, first(read)).ok_or(NotNow),
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => Err(NotNow),
            #[cfg(feature = "mysql")]
            Pools::MySql(_) => Err(NotNow),
        }
    }

    async fn fetch<A: Default + Send + 'static>(
        &self,
        reading: Reading,
        statement: &Statement,
        values: &[Value<'_>],
        gather: impl Gather<A>,
    ) -> Result<A, StoreError> {
        let fetched = match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(sqlite) => sqlite.fetch(reading, statement, values, gather).await,
            // Boxed, as where rows are changed.
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            servers => {
                let mut rereads = trouble::Rereads::default();
                Box::pin(self.limited(async {
                    loop {
                        match servers.fetch(reading, statement, values, gather).await {
                            Err(error) if rereads.may_follow(&error) => {}
                            answer => return answer,
                        }
                    }
                }))
                .await
            }
        };
        fetched.map_err(|error| self.error(error))
    }

    /// A server's answer takes longer than to make a box, which keeps the futures of all requests small:
    /// each is moved about a few times.
    async fn executing(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(sqlite) => sqlite.execute(statement, values).await,
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            servers => {
                let mut tries = 0;
                Box::pin(self.limited(async {
                    loop {
                        match servers.execute(statement, values).await {
                            Err(error) if tries < 3 && trouble::is_deadlock(&error) => tries += 1,
                            answer => return answer,
                        }
                    }
                }))
                .await
            }
        }
    }

    /// Does what SQLite's next writers would otherwise have to do, and nothing elsewhere: what was written
    /// to its log is moved to the file. Others may read and write meanwhile.
    async fn tidy_up(&self) -> Result<(), StoreError> {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => {
                self.fetch_optional(Reading::Many, &CHECKPOINT, &[], |_| ()).await.map(drop)
            }
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            _ => Ok(()),
        }
    }

    /// Nothing takes longer than the limit, not even an answer that never comes.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, StoreError> {
        self.limited(work).await.map_err(|error| self.error(error))
    }

    async fn limited<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, sqlx::Error> {
        let Some(limit) = self.limit else { return work.await };
        tokio::time::timeout(limit, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Makes sure that the server is there and lets us in.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    async fn greet(&self) -> Result<(), StoreError> {
        self.fetch_optional(Reading::Few, &GREETING, &[], |_| ()).await.map(drop)
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
const GREETING: Statement = Statement {
    sqlite: "SELECT '1'",
    postgres: "SELECT '1'",
    mysql: "SELECT '1'",
    mysql_takes: &[],
};

/// <https://sqlite.org/pragma.html#pragma_wal_checkpoint>
#[cfg(feature = "sqlite")]
const CHECKPOINT: Statement = Statement {
    sqlite: "PRAGMA wal_checkpoint(PASSIVE)",
    postgres: "",
    mysql: "",
    mysql_takes: &[],
};

/// The URL is a URL and yet not one that the driver takes.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn invalid(name: &str, error: &sqlx::Error) -> ConfigError {
    ConfigError::conflict("DATABASE_URL", name, format!("what the driver takes; it says: {error}"))
}

/// Uses a pool that you opened yourself. Give it the WAL journal and a `busy_timeout`; without them
/// a read may have to wait for a write, and a write fails where it could have waited.
#[cfg(feature = "sqlite")]
impl From<sqlx::SqlitePool> for Database {
    fn from(pool: sqlx::SqlitePool) -> Self {
        let name = pool.connect_options().get_filename().display().to_string();
        Self::of(Pools::Sqlite(sqlite::Sqlite::Theirs(pool)), name, None)
    }
}

/// Uses a pool that you opened yourself, of connections to a server that writes. No statement may
/// take longer than the pool's `acquire_timeout`.
#[cfg(feature = "postgres")]
impl From<sqlx::PgPool> for Database {
    fn from(pool: sqlx::PgPool) -> Self {
        let options = pool.connect_options();
        let database = options.get_database().unwrap_or_default();
        let name = format!("postgres://{}:{}/{database}", options.get_host(), options.get_port());
        let limit = pool.options().get_acquire_timeout();
        Self::of(Pools::Postgres(Connections::theirs(pool)), name, Some(limit))
    }
}

/// Uses a pool that you opened yourself, of connections to a server that writes. No statement may
/// take longer than the pool's `acquire_timeout`.
///
/// Saves are not batched on it: a batch is a text with keys in it, which the pool may write into the log. One by
/// [`connect`](Database::connect) writes no statements there.
#[cfg(feature = "mysql")]
impl From<sqlx::MySqlPool> for Database {
    fn from(pool: sqlx::MySqlPool) -> Self {
        let options = pool.connect_options();
        let database = options.get_database().unwrap_or_default();
        let name = format!("mysql://{}:{}/{database}", options.get_host(), options.get_port());
        let limit = pool.options().get_acquire_timeout();
        Self::of(Pools::MySql(Connections::theirs(pool)), name, Some(limit))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}
