//! Where the connection for writing is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::open::Open;

/// The connection for writing, once it is open.
#[derive(Default)]
pub(super) struct WriterSlot {
    pub(super) connection: Mutex<Option<Open>>,
    pub(super) is_writing: AtomicBool,
}

impl WriterSlot {
    /// The connection, for those who may wait for it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`lock`](Self::lock), for a write, which takes as long as a flush to disk.
    pub(super) fn write(&self, work: impl FnOnce(&mut Option<Open>)) {
        let mut slot = self.lock();
        self.is_writing.store(true, Ordering::Relaxed);
        work(&mut slot);
        self.is_writing.store(false, Ordering::Relaxed);
    }
}
