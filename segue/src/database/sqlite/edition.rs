//! Whether somebody else has written meanwhile.

use std::hint;
use std::sync::TryLockError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::failure::Failure;
use super::open::{Open, Patience, Place, Purpose, current_open, wait_for_locks};
use super::slot::WriterSlot;

/// How often the connection is asked for again while somebody else looks at its edition, which takes two microseconds.
const TRIES: usize = 10_000;

/// A state of the file: another one as soon as somebody else has written, and the same for what the connection
/// has written that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileEdition {
    /// The numbers of one connection say nothing to another.
    opened: Instant,
    version: i64,
}

impl WriterSlot {
    /// The state of the file now; nothing while we write ourselves, and where it cannot be told at once.
    pub(super) fn edition(&self, place: &Place, purpose: Purpose) -> Option<FileEdition> {
        for _ in 0..TRIES {
            match self.connection.try_lock() {
                Ok(mut slot) => return look(&mut slot, place, purpose).ok(),
                Err(TryLockError::Poisoned(poisoned)) => {
                    return look(&mut poisoned.into_inner(), place, purpose).ok();
                }
                Err(TryLockError::WouldBlock) if self.is_writing.load(Ordering::Relaxed) => break,
                Err(TryLockError::WouldBlock) => hint::spin_loop(),
            }
        }
        None
    }
}

/// Source: <https://www.sqlite.org/pragma.html#pragma_data_version>
fn look(slot: &mut Option<Open>, place: &Place, purpose: Purpose) -> Result<FileEdition, Failure> {
    // This is the thread of a request.
    let Open { connection, since } = current_open(slot, place, purpose, Patience::None)?;
    wait_for_locks(connection, Patience::None)?;
    let version = connection
        .prepare_cached("PRAGMA data_version")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)));
    wait_for_locks(connection, Patience::Usual)?;
    Ok(FileEdition { opened: *since, version: version? })
}
