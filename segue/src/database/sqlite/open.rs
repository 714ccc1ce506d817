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
}

/// A connection, and since when it is open.
pub(super) struct Open {
    connection: Connection,
    since: Instant,
}

impl Open {
    fn new(path: &Path, purpose: Purpose) -> Result<Self, Failure> {
        let since = Instant::now();
        // `NO_MUTEX`: a connection is in one hand at a time.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let waits = purpose != Purpose::Glance;
        connection.busy_timeout(if waits { PATIENCE } else { Duration::ZERO })?;
        if let Purpose::Writing(synchronous) = purpose {
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", synchronous.name())?;
            connection.pragma_update(None, "foreign_keys", "on")?;
        }
        Ok(Self { connection, since })
    }
}

/// A connection to the file that is there now, opened if it has to be.
pub(super) fn current<'a>(
    slot: &'a mut Option<Open>,
    place: &Place,
    purpose: Purpose,
) -> Result<&'a Connection, Failure> {
    if place.is_closed.load(Ordering::Acquire) {
        *slot = None;
        return Err(Failure::closed());
    }
    let open = match slot.take() {
        Some(open) if place.watch.is_current(open.since) => open,
        // It is closed before the next is opened.
        stale => {
            drop(stale);
            Open::new(&place.path, purpose)?
        }
    };
    Ok(&slot.insert(open).connection)
}
