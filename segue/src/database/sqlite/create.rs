//! Making a file, or seeing that it is there.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::PATIENCE;
use super::failure::Failure;

/// How long it is waited before a file is opened again that somebody else was making.
const RETRY: Duration = Duration::from_millis(10);

/// Makes sure that the file is there, is a database, and can be read and written.
pub(in crate::database) async fn create(path: &Path) -> Result<(), sqlx::Error> {
    let path = path.to_owned();
    let created = tokio::task::spawn_blocking(move || patiently(&path)).await;
    Ok(created.map_err(|_| sqlx::Error::WorkerCrashed)??)
}

fn patiently(path: &Path) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        match once(path) {
            // Of two that make the file a WAL one at once, SQLite turns one away and does not wait: each
            // could be waiting for the other.
            Err(failure) if failure.is_locked() && started.elapsed() < PATIENCE => {
                std::thread::sleep(RETRY);
            }
            other => return other,
        }
    }
}

fn once(path: &Path) -> Result<(), Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // A file that may only be read is opened all the same; its log may be there, of somebody who writes.
    if connection.is_readonly("main")? {
        return Err(Failure::read_only());
    }
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}
