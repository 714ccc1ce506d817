//! SQLite: a file that we opened, or a pool that the user did.
//!
//! Two drivers and one library: rusqlite calls SQLite where the caller is, which is what reading and
//! the writer's thread are about; sqlx has a thread for each connection and a hop to it for each
//! statement. It is there for pools of the user's own, and for `migrate`.

mod create;
#[cfg(feature = "memory-cache")]
mod edition;
mod failure;
mod file;
mod folder;
mod open;
mod owned;
mod readers;
mod run;
mod slot;
mod sweeper;
mod trouble;
mod watch;
mod writer;

use std::fs::File;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection, SqlitePool};

use super::pools::{gathered, query};
use super::statement::{Gather, Reading, Statement, Value};

pub(super) use create::create;
#[cfg(feature = "memory-cache")]
pub(super) use edition::FileEdition;
pub(super) use file::SqliteFile;
use folder::folder;
pub(super) use folder::try_lock;
pub(super) use sweeper::Sweeper;
pub(super) use trouble::explain;

/// How long a statement waits for another process's write, and a request for a free connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How SQLite is reached.
#[derive(Clone, Debug)]
pub(super) enum Sqlite {
    Own(SqliteFile),
    Theirs(SqlitePool),
}

impl Sqlite {
    /// Runs a statement that changes rows, and counts those that it found.
    pub(super) async fn execute(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        match self {
            Self::Own(file) => file.execute(statement, values).await,
            Self::Theirs(pool) => {
                let done = Box::pin(query!(statement.sqlite, values).execute(pool)).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Runs a statement that gives rows.
    pub(super) async fn fetch<A: Default + Send + 'static>(
        &self,
        reading: Reading,
        statement: &Statement,
        values: &[Value<'_>],
        gather: impl Gather<A>,
    ) -> Result<A, sqlx::Error> {
        match self {
            Self::Own(file) => file.fetch(reading, statement, values, gather).await,
            Self::Theirs(pool) => {
                let rows = Box::pin(query!(statement.sqlite, values).fetch_all(pool)).await?;
                Ok(gathered(&rows, gather))
            }
        }
    }

    /// As [`fetch`](Self::fetch), at once; nothing where that is not possible.
    pub(super) fn fetch_now<A: Default>(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
        gather: impl Gather<A>,
    ) -> Option<A> {
        match self {
            Self::Own(file) => file.fetch_now(statement, values, gather),
            Self::Theirs(_) => None,
        }
    }

    /// The state of the file, as far as others than us change it; nothing where it cannot be told at once.
    #[cfg(feature = "memory-cache")]
    pub(super) fn edition(&self) -> Option<FileEdition> {
        match self {
            Self::Own(file) => file.edition(),
            // Whose connections are all alike: each takes what another writes for somebody else's.
            Self::Theirs(_) => None,
        }
    }

    /// For who removes a great many rows; a pool of the user's has nothing of its own for that.
    pub(super) fn sweeper(&self) -> Option<Sweeper> {
        match self {
            Self::Own(file) => Some(file.sweeper()),
            Self::Theirs(_) => None,
        }
    }

    /// The folder of the file, if it is one, for [`try_lock`].
    pub(super) fn folder(&self) -> Option<File> {
        match self {
            Self::Own(file) => folder(file.path()),
            Self::Theirs(pool) => folder(pool.connect_options().get_filename()),
        }
    }

    /// A connection that nobody else uses meanwhile.
    pub(super) async fn lend(&self) -> Result<Lent, sqlx::Error> {
        match self {
            Self::Own(file) => {
                let options = SqliteConnectOptions::new()
                    .filename(file.path())
                    .busy_timeout(PATIENCE)
                    .disable_statement_logging();
                Ok(Lent::Own(options.connect().await?))
            }
            Self::Theirs(pool) => Ok(Lent::Theirs(pool.acquire().await?)),
        }
    }

    /// Waits for the statements that are under way and closes every connection.
    pub(super) async fn close(&self) {
        match self {
            Self::Own(file) => file.close().await,
            Self::Theirs(pool) => pool.close().await,
        }
    }
}

/// A connection for somebody alone.
#[derive(Debug)]
pub(super) enum Lent {
    Own(SqliteConnection),
    Theirs(PoolConnection<sqlx::Sqlite>),
}

impl Lent {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Own(connection) => connection,
            Self::Theirs(connection) => connection,
        }
    }

    /// It is closed when it is dropped, and not used again.
    pub(super) fn close_on_drop(&mut self) {
        if let Self::Theirs(connection) = self {
            connection.close_on_drop();
        }
    }
}
