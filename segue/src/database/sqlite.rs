//! Opening SQLite files, and what SQLite's errors mean.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

use super::pools::Side;
use crate::error::StoreErrorKind;

/// How long a statement waits for another process's write, and a request for a free connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it is waited before a file is opened again that somebody else was making.
const RETRY: Duration = Duration::from_millis(10);

/// SQLite gives one writer at a time its turn; so there is one connection for writing, before which
/// our own writers queue fairly, and a few for reading, which a write never blocks (WAL).
#[derive(Clone, Debug)]
pub(super) struct SqlitePools {
    pub(super) readers: SqlitePool,
    pub(super) writer: SqlitePool,
}

impl SqlitePools {
    /// Connections to a file that is there.
    pub(super) fn of(path: &Path) -> Self {
        let watch = FileWatch::new(path);
        Self { readers: pool(path, &watch, 4), writer: pool(path, &watch, 1) }
    }

    pub(super) fn side(&self, side: Side) -> &SqlitePool {
        match side {
            Side::Reader => &self.readers,
            Side::Writer => &self.writer,
        }
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    // `synchronous` stays FULL, SQLite's and Django's default: what was acknowledged survives a
    // power cut as well.
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
}

/// Makes sure that the file is there, is a database, and can be read.
pub(super) async fn create(path: &Path) -> Result<(), sqlx::Error> {
    let started = Instant::now();
    loop {
        match try_create(path).await {
            // Of two that make the file a WAL one at once, SQLite turns one away and does not wait: each
            // could be waiting for the other.
            Err(error) if is_locked(&error) && started.elapsed() < PATIENCE => {
                tokio::time::sleep(RETRY).await;
            }
            other => return other,
        }
    }
}

async fn try_create(path: &Path) -> Result<(), sqlx::Error> {
    let mut connection = options(path).create_if_missing(true).connect().await?;
    sqlx::query("SELECT count(*) FROM sqlite_master").execute(&mut connection).await?;
    connection.close().await
}

/// Connections to a file that is there. They are not pinged before each use: a file does not hang
/// up, and a ping costs as much as a query.
fn pool(path: &Path, watch: &FileWatch, connections: u32) -> SqlitePool {
    let watch = watch.clone();
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(move |_, connection| {
            let current = watch.is_current(connection.age);
            Box::pin(async move { Ok(current) })
        })
        .connect_lazy_with(options(path))
}

/// Notices when the file is replaced while the server runs. An open connection would go on reading
/// and writing the old file, which nobody will ever see again.
#[derive(Clone, Debug)]
struct FileWatch {
    path: Arc<PathBuf>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug)]
struct Seen {
    file: Option<FileId>,
    since: Instant,
}

type FileId = (u64, u64);

impl FileWatch {
    fn new(path: &Path) -> Self {
        let seen = Seen { file: file_id(path), since: Instant::now() };
        Self { path: Arc::new(path.to_owned()), seen: Arc::new(Mutex::new(seen)) }
    }

    /// Whether a connection that was opened this long ago is one to the file that is there now.
    fn is_current(&self, age: std::time::Duration) -> bool {
        let file = file_id(&self.path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if file != seen.file {
            *seen = Seen { file, since: Instant::now() };
        }
        age <= seen.since.elapsed()
    }
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Where an open file cannot be replaced there is nothing to notice.
#[cfg(not(unix))]
fn file_id(_: &Path) -> Option<FileId> {
    None
}

/// The folder of a database that is a file, for [`try_lock`]; nothing where there is none, or where
/// folders cannot be opened. Not the file itself: whoever closes that loses SQLite's own locks.
pub(super) fn folder(pool: &SqlitePool) -> Option<File> {
    let options = pool.connect_options();
    // Whatever links lead to it.
    let file = options.get_filename().canonicalize().ok().filter(|file| file.is_file())?;
    File::open(file.parent()?).ok()
}

/// Whether nobody else has locked the folder. The lock ends with the open folder, so with the process
/// as well. Where folders cannot be locked there is nothing to wait for.
pub(super) fn try_lock(folder: Option<&File>) -> bool {
    folder.is_none_or(|folder| !matches!(folder.try_lock(), Err(TryLockError::WouldBlock)))
}

fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| matches!(code(error), 5 | 6))
}

/// SQLite's primary code, the lowest byte of its extended one: <https://sqlite.org/rescode.html>
fn code(error: &dyn DatabaseError) -> u32 {
    error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default() & 0xff
}

/// What an error of SQLite means, in words that help to mend it.
pub(super) fn explain(error: &sqlx::Error, name: &str) -> (StoreErrorKind, String) {
    use StoreErrorKind::{Corrupt, Refused, Unavailable};
    let seconds = PATIENCE.as_secs();
    let sqlx::Error::Database(database) = error else {
        return match error {
            sqlx::Error::PoolTimedOut => {
                (Unavailable, format!("all connections to {name} were busy for {seconds} s"))
            }
            _ => (Unavailable, format!("the database {name} failed")),
        };
    };
    match code(&**database) {
        5 | 6 => (
            Unavailable,
            format!(
                "the database {name} was locked for {seconds} s: another process holds a write \
                 transaction open"
            ),
        ),
        8 => (
            Refused,
            format!(
                "the database {name} is read-only: this process needs write permission on the \
                 file and on its folder"
            ),
        ),
        10 => (Unavailable, format!("the disk under the database {name} failed")),
        11 | 26 => (Corrupt, format!("the file {name} is damaged or not an SQLite database")),
        13 => (Refused, format!("the disk under the database {name} is full")),
        14 => (
            Refused,
            format!(
                "the database {name} cannot be opened: is it a file, is its folder there, may \
                 this process read and write both?"
            ),
        ),
        1 if database.message().starts_with("no such table") => {
            (Refused, format!("the database {name} lacks a table of Django's: run `migrate` first"))
        }
        _ => (Unavailable, format!("the database {name} failed")),
    }
}
