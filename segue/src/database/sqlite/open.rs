//! Opening a file, when it is needed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::PATIENCE;
use super::failure::Failure;
use super::watch::FileWatch;
use crate::settings::Synchronous;

/// How many statements a connection keeps ready: more than there are.
const STATEMENTS: usize = 64;

/// The file, for all who have connections to it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    watch: FileWatch,
    is_closed: AtomicBool,
}

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        let watch = FileWatch::new(path);
        Self { path: path.to_owned(), watch, is_closed: AtomicBool::new(false) }
    }

    /// From now on no connection is opened, nor used.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reading, on the thread of a request: what is locked is an error at once.
    Glance,
    Reading,
    Writing(Synchronous),
    /// Removing a great many rows.
    Sweeping,
}

impl Purpose {
    fn patience(self) -> Patience {
        if self == Self::Glance { Patience::None } else { Patience::Usual }
    }
}

/// Whether what is locked is waited for, or an error at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    None,
    Usual,
}

/// A connection, and since when it is open.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) since: Instant,
}

impl Open {
    fn new(path: &Path, purpose: Purpose, patience: Patience) -> Result<Self, Failure> {
        let since = Instant::now();
        // `NO_MUTEX`: a connection is in one hand at a time.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        wait_for_locks(&connection, patience)?;
        if let Purpose::Writing(_) | Purpose::Sweeping = purpose {
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "foreign_keys", "on")?;
        }
        match purpose {
            Purpose::Writing(synchronous) => {
                connection.pragma_update(None, "synchronous", synchronous.name())?;
            }
            // With a log nothing breaks by it; a file that could not be given one is flushed.
            Purpose::Sweeping if has_log(&connection)? => {
                connection.pragma_update(None, "synchronous", Synchronous::Normal.name())?;
                connection.pragma_update(None, "wal_autocheckpoint", 0)?;
                connection.pragma_update(None, "cache_size", -SWEEPING_KIB)?;
            }
            _ => {}
        }
        wait_for_locks(&connection, purpose.patience())?;
        Ok(Self { connection, since })
    }
}

/// How long it is waited before a lock is asked for again. SQLite's own waiting gets longer each time, up
/// to a tenth of a second: so it misses the moment in which a busy writer lets others in.
const POLL: Duration = Duration::from_millis(1);

/// How much a connection that removes rows may keep in memory: the keys are everywhere in their index, and
/// a page that does not fit is written twice.
const SWEEPING_KIB: i64 = 16 << 10;

fn has_log(connection: &Connection) -> Result<bool, Failure> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(mode == "wal")
}

/// Waits for a lock, but not for long.
pub(super) fn brief(times: i32) -> bool {
    std::thread::sleep(POLL);
    times < 5
}

/// Waits for a lock for the time; whether it is to be asked for again.
pub(super) fn wait(times: i32) -> bool {
    std::thread::sleep(POLL);
    u128::try_from(times).is_ok_and(|times| times < PATIENCE.as_millis() / POLL.as_millis())
}

pub(super) fn wait_for_locks(connection: &Connection, patience: Patience) -> Result<(), Failure> {
    match patience {
        Patience::Usual => connection.busy_handler(Some(wait))?,
        Patience::None => connection.busy_timeout(Duration::ZERO)?,
    }
    Ok(())
}

/// A connection to the file that is there now, opened if it has to be.
pub(super) fn current<'a>(
    slot: &'a mut Option<Open>,
    place: &Place,
    purpose: Purpose,
) -> Result<&'a Connection, Failure> {
    current_open(slot, place, purpose, purpose.patience()).map(|open| &open.connection)
}

/// As [`current`], and since when it is open; with this patience if it has to be opened.
pub(super) fn current_open<'a>(
    slot: &'a mut Option<Open>,
    place: &Place,
    purpose: Purpose,
    patience: Patience,
) -> Result<&'a Open, Failure> {
    if place.is_closed.load(Ordering::Acquire) {
        *slot = None;
        return Err(Failure::closed());
    }
    let open = match slot.take() {
        Some(open) if place.watch.is_current(open.since) => open,
        // It is closed before the next is opened.
        stale => {
            drop(stale);
            Open::new(&place.path, purpose, patience)?
        }
    };
    Ok(slot.insert(open))
}
