//! Removing a great many rows from a file: the lock is held for short, and nobody else has to wait for
//! the disk.
//!
//! A connection of its own, because of what differs. Its transactions are not flushed while they hold
//! the lock: a row that comes back after a power cut is removed the next time. And it moves the log to the file
//! after each transaction: others would do it at one of their commits, and wait for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::failure::Failure;
use super::open::{Open, Place, Purpose, brief, current, wait};
use super::owned::OwnedValues;
use super::run;
use super::writer::Transaction;
use crate::database::statement::{Row, Value};

/// From so many pages on the log is to begin anew. While others write, it is never moved whole by the
/// way.
const LONG_LOG: u64 = 16_000;

/// The connection, for as long as it is needed.
#[derive(Clone)]
pub(in crate::database) struct Sweeper {
    place: Arc<Place>,
    /// Held by whoever is at work, so that closing waits for it.
    turn: Arc<Mutex<()>>,
    slot: Arc<Mutex<Option<Open>>>,
}

/// What a transaction has done.
pub(in crate::database) struct Swept {
    pub(in crate::database) removed: u64,
    /// So long nobody else could write.
    pub(in crate::database) held: Duration,
    /// And so long they could, since.
    pub(in crate::database) free: Duration,
}

impl Sweeper {
    pub(super) fn new(place: Arc<Place>, turn: Arc<Mutex<()>>) -> Self {
        Self { place, turn, slot: Arc::default() }
    }

    /// Runs a statement that removes rows. If its future is dropped, it is done all the same.
    pub(in crate::database) async fn sweep(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Swept, sqlx::Error> {
        let (sweeper, values) = (self.clone(), OwnedValues::of(values));
        let swept = tokio::task::spawn_blocking(move || sweeper.sweep_here(sql, &values));
        Ok(swept.await.map_err(|_| sqlx::Error::WorkerCrashed)??)
    }

    fn sweep_here(&self, sql: &str, values: &OwnedValues) -> Result<Swept, Failure> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = current(&mut slot, &self.place, Purpose::Sweeping)?;
        let transaction = Transaction::begin(connection)?;
        let started = Instant::now();
        let removed = run::execute(connection, sql, values.iter())?;
        transaction.commit()?;
        let held = started.elapsed();
        let ended = Instant::now();
        let mut free = Duration::ZERO;
        if removed > 0 {
            let pages = checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
            free = ended.elapsed();
            if pages > LONG_LOG {
                begin_log_anew(connection)?;
            }
        }
        Ok(Swept { removed, held, free })
    }
}

/// Moves the log whole, so that whoever writes next begins it anew.
fn begin_log_anew(connection: &Connection) -> Result<(), Failure> {
    // Somebody has written while most of it was moved, and then the file is not flushed. This has little
    // to move, and flushes the file, while nobody has to wait for it.
    checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
    // This keeps writers out, for what has come since; a reader who is in its way is not waited for.
    connection.busy_handler(Some(brief))?;
    let moved = checkpoint(connection, "PRAGMA wal_checkpoint(FULL)");
    connection.busy_handler(Some(wait))?;
    moved.map(drop)
}

/// Moves what is in the log to the file; how many pages there are in the log.
/// <https://sqlite.org/pragma.html#pragma_wal_checkpoint>
fn checkpoint(connection: &Connection, sql: &str) -> Result<u64, Failure> {
    // Without a log it is -1.
    let read = |pages: &mut Option<u64>, row: Row<'_>| {
        *pages = row.text(1).and_then(|number| number.parse().ok());
    };
    Ok(run::fetch(connection, sql, [], read)?.unwrap_or_default())
}

impl fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweeper").field("place", &self.place).finish_non_exhaustive()
    }
}
