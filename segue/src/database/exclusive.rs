//! A connection for making tables: while somebody has one, nobody else makes any.

#[cfg(feature = "sqlite")]
use std::fs::File;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use sqlx::{Connection as _, Executor as _};

use super::dialect::Dialect;
#[cfg(feature = "mysql")]
use super::pools::in_order;
use super::pools::{Pools, each, query};
#[cfg(feature = "postgres")]
use super::postgres;
use super::script::{self, ScriptError};
#[cfg(feature = "sqlite")]
use super::sqlite;
use super::statement::{Row, Statement, Value};

/// The numbers and names that our `migrate`s agree on. Whether they are free is asked and not waited
/// for: whoever waits within a statement would hold up a `CREATE INDEX CONCURRENTLY` of the other, which
/// waits for all statements to end.
///
/// In PostgreSQL it is the transaction's, so that a pool between us may give each transaction another
/// connection; and the connection's where there is no transaction.
#[cfg(feature = "postgres")]
const POSTGRES_LOCK: &str =
    "SELECT CASE WHEN pg_try_advisory_xact_lock(7307219414690922853) THEN 'yes' ELSE 'no' END";
#[cfg(feature = "postgres")]
const POSTGRES_KEEP: &str =
    "SELECT CASE WHEN pg_try_advisory_lock(7307219414690922853) THEN 'yes' ELSE 'no' END";

/// Names are the server's in MySQL, so that of the database is in it.
#[cfg(feature = "mysql")]
const MYSQL_KEEP: &str = "SELECT CASE GET_LOCK(CONCAT('segue.migrate.', MD5(COALESCE(DATABASE(), ''))), 0) \
                          WHEN 1 THEN 'yes' ELSE 'no' END";

/// What a file of SQL may have set for its connection, on which others follow.
#[cfg(feature = "postgres")]
const POSTGRES_RESET: &str = "RESET SESSION AUTHORIZATION; RESET ALL";

/// A connection that no request gets, on which no statement has a limit of ours. What it is in the
/// middle of when it is dropped is undone, as far as the database can.
///
/// MySQL has no transactions for tables: there these are made one by one. What rows are written
/// after a table was made happens with the next table or at the end, all of it or nothing.
pub(super) struct Exclusive {
    held: Held,
    /// Nobody else begins before this connection is closed.
    is_kept: bool,
}

enum Held {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgConnection),
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlConnection),
}

#[cfg(feature = "sqlite")]
struct SqliteConnection {
    lent: sqlite::Lent,
    /// The folder of the file, whose lock ends with this process. A transaction is a lock as well;
    /// but it ends before the next begins, and some migrations have none.
    folder: Option<File>,
    /// It is in the middle of nothing.
    is_idle: bool,
}

impl Exclusive {
    /// Connects.
    pub(super) async fn open(pools: &Pools) -> Result<Self, sqlx::Error> {
        let held = match pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(sqlite) => Held::Sqlite(SqliteConnection {
                folder: sqlite.folder(),
                lent: sqlite.lend().await?,
                is_idle: true,
            }),
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => Held::Postgres(pool.detached().await?),
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => Held::MySql(pool.detached().await?),
        };
        Ok(Self { held, is_kept: false })
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Held::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Held::MySql(_) => Dialect::MySql,
        }
    }

    /// Begins a transaction, unless somebody else is in one of theirs; whether it has.
    pub(super) async fn try_begin(&mut self) -> Result<bool, sqlx::Error> {
        if self.dialect() != Dialect::Postgres && !self.try_keep().await? {
            return Ok(false);
        }
        self.is_busy(true);
        // On SQLite it is to write, and waits now.
        self.say(["BEGIN IMMEDIATE", "BEGIN", "SET autocommit = 0"]).await?;
        match &mut self.held {
            #[cfg(feature = "postgres")]
            Held::Postgres(connection) if !self.is_kept => {
                let is_free = is_yes(&connection.fetch_one(POSTGRES_LOCK).await?)?;
                if !is_free {
                    self.rollback().await;
                }
                Ok(is_free)
            }
            _ => Ok(true),
        }
    }

    /// Takes care that nobody else begins before this connection is closed, also without a
    /// transaction; unless somebody else has done so. Whether it has.
    pub(super) async fn try_keep(&mut self) -> Result<bool, sqlx::Error> {
        if !self.is_kept {
            self.is_kept = match &mut self.held {
                #[cfg(feature = "sqlite")]
                Held::Sqlite(sqlite) => sqlite::try_lock(sqlite.folder.as_ref()),
                #[cfg(feature = "postgres")]
                Held::Postgres(connection) => is_yes(&connection.fetch_one(POSTGRES_KEEP).await?)?,
                #[cfg(feature = "mysql")]
                Held::MySql(connection) => is_yes(&connection.fetch_one(MYSQL_KEEP).await?)?,
            };
        }
        Ok(self.is_kept)
    }

    /// Whether [`try_keep`](Self::try_keep) has succeeded.
    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }

    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.say(["COMMIT", "COMMIT", "COMMIT; SET autocommit = 1"]).await?;
        self.is_busy(false);
        Ok(())
    }

    /// Undoes what was done since `begin`. Where the server is gone it does that itself, and SQLite
    /// fails where there is nothing to undo: so there is nothing to say of it.
    pub(super) async fn rollback(&mut self) {
        let _ = self.say(["ROLLBACK", "ROLLBACK", "ROLLBACK; SET autocommit = 1"]).await;
        self.is_busy(false);
    }

    fn is_busy(&mut self, is_busy: bool) {
        match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(sqlite) => sqlite.is_idle = !is_busy,
            #[allow(unreachable_patterns, reason = "a build for SQLite alone has no others")]
            _ => {
                let _ = is_busy;
            }
        }
    }

    /// Within a transaction: from here on, nobody but [`release`](Self::release) may end it.
    pub(super) async fn savepoint(&mut self) -> Result<(), sqlx::Error> {
        self.say(["SAVEPOINT segue_migration"; 3]).await
    }

    /// Fails if the transaction was ended since the savepoint, by a statement that stood in a file.
    pub(super) async fn release(&mut self) -> Result<(), sqlx::Error> {
        self.say(["RELEASE SAVEPOINT segue_migration"; 3]).await
    }

    /// Undoes what was done since [`savepoint`](Self::savepoint). Fails as [`release`](Self::release)
    /// does: so it tells whether everything is undone.
    pub(super) async fn rollback_to_savepoint(&mut self) -> Result<(), sqlx::Error> {
        self.say(["ROLLBACK TO SAVEPOINT segue_migration"; 3]).await
    }

    /// Forgets what a file has set for the connection, as far as the database can: PostgreSQL's
    /// `pg_dump` begins its files with an empty `search_path`.
    pub(super) async fn reset(&mut self) -> Result<(), sqlx::Error> {
        match &mut self.held {
            #[cfg(feature = "postgres")]
            Held::Postgres(connection) => connection.execute(POSTGRES_RESET).await.map(drop),
            #[allow(unreachable_patterns, reason = "a build for PostgreSQL alone has no others")]
            _ => Ok(()),
        }
    }

    /// A statement of ours in the words of SQLite, PostgreSQL and MySQL.
    async fn say(&mut self, words: [&'static str; 3]) -> Result<(), sqlx::Error> {
        let [_sqlite, _postgres, _mysql] = words;
        match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(sqlite) => {
                sqlx::raw_sql(_sqlite).execute(sqlite.lent.connection()).await.map(drop)
            }
            #[cfg(feature = "postgres")]
            Held::Postgres(connection) => connection.execute(_postgres).await.map(drop),
            #[cfg(feature = "mysql")]
            Held::MySql(connection) => connection.execute(_mysql).await.map(drop),
        }
    }

    pub(super) async fn execute(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<(), sqlx::Error> {
        match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(sqlite) => {
                let query = query!(statement.sqlite, values);
                query.execute(sqlite.lent.connection()).await.map(drop)
            }
            #[cfg(feature = "postgres")]
            Held::Postgres(connection) => {
                query!(statement.postgres, values).execute(connection).await.map(drop)
            }
            #[cfg(feature = "mysql")]
            Held::MySql(connection) => {
                let values = in_order(statement, values);
                query!(statement.mysql, &values).execute(connection).await.map(drop)
            }
        }
    }

    /// Runs a statement that gives rows, and gives what is read of each.
    pub(super) async fn fetch_all<T: Send>(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
        read: fn(Row<'_>) -> T,
    ) -> Result<Vec<T>, sqlx::Error> {
        match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(sqlite) => {
                let query = query!(statement.sqlite, values);
                Ok(each(&query.fetch_all(sqlite.lent.connection()).await?, read))
            }
            #[cfg(feature = "postgres")]
            Held::Postgres(connection) => {
                let rows = query!(statement.postgres, values).fetch_all(connection).await?;
                Ok(each(&rows, read))
            }
            #[cfg(feature = "mysql")]
            Held::MySql(connection) => {
                let values = in_order(statement, values);
                let rows = query!(statement.mysql, &values).fetch_all(connection).await?;
                Ok(each(&rows, read))
            }
        }
    }

    /// Runs statements of a file, one after the other. Whether they left a transaction open is not
    /// known: after an error it is for the caller to undo it.
    pub(super) async fn run(&mut self, sql: &'static str) -> Result<(), ScriptError> {
        self.is_busy(true);
        match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(sqlite) => script::run(sqlite.lent.connection(), sql).await,
            #[cfg(feature = "postgres")]
            Held::Postgres(connection) => {
                let ran = script::run(connection, sql).await;
                ran.map_err(|failed| ScriptError {
                    at: postgres::place(&failed.error, sql),
                    ..failed
                })
            }
            #[cfg(feature = "mysql")]
            Held::MySql(connection) => script::run(connection, sql).await,
        }
    }

    /// Closes the connection, and so lets others have theirs. No transaction may be open.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Held::Postgres(connection) => connection.close().await,
            #[cfg(feature = "mysql")]
            Held::MySql(connection) => connection.close().await,
        }
    }
}

/// Whether the server says yes.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn is_yes<R: sqlx::Row>(row: &R) -> Result<bool, sqlx::Error>
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    Ok(row.try_get::<String, _>(0)? == "yes")
}

#[cfg(feature = "sqlite")]
impl Drop for SqliteConnection {
    fn drop(&mut self) {
        // A database in memory ends with its connection.
        let is_in_memory = self.folder.is_none();
        if !(is_in_memory && self.is_idle) {
            self.lent.close_on_drop();
        }
    }
}
