//! Reading: where the request is, if nothing has to be waited for.
//!
//! A row by its key takes some microseconds, and readers of a WAL file wait for nobody: to hand such a
//! read to another thread costs more than the read. So it is done on the thread of the request; what is
//! locked after all, and what goes through many rows, is read on threads that may block.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::PATIENCE;
use super::failure::Failure;
use super::open::{Open, Place, Purpose, current};
use super::owned::OwnedValues;
use super::run;
use crate::database::statement::{Gather, Value};

/// How many threads may wait, or go through many rows, at once.
const PATIENT: usize = 4;

/// A connection, once it is open.
type Slot = Mutex<Option<Open>>;

/// The connections for reading.
pub(super) struct Readers {
    place: Arc<Place>,
    /// One for each thread that may serve requests.
    quick: Box<[Slot]>,
    next: AtomicUsize,
    patient: Box<[Slot]>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(place: Arc<Place>) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let slots = |number| (0..number).map(|_| Mutex::new(None)).collect();
        Self {
            place,
            quick: slots(threads),
            next: AtomicUsize::new(0),
            patient: slots(PATIENT),
            permits: Arc::new(Semaphore::new(PATIENT)),
        }
    }

    /// Reads on this thread, and waits for nobody's lock; nothing if it would have to.
    pub(super) fn glance<A: Default>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        gather: impl Gather<A>,
    ) -> Result<Option<A>, Failure> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let values = values.iter().copied();
        match self
            .read(&self.quick, first, Purpose::Glance, |open| run::fetch(open, sql, values, gather))
        {
            Err(failure) if failure.is_locked() => Ok(None),
            gathered => gathered.map(Some),
        }
    }

    /// Reads on a thread that may block.
    pub(super) async fn read_elsewhere<A: Default + Send + 'static>(
        self: &Arc<Self>,
        sql: &'static str,
        values: &[Value<'_>],
        gather: impl Gather<A>,
    ) -> Result<A, sqlx::Error> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned());
        let permit = permit.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let (readers, values) = (Arc::clone(self), OwnedValues::of(values));
        let gathered = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            readers.read(&readers.patient, 0, Purpose::Reading, |open| {
                run::fetch(open, sql, values.iter(), gather)
            })
        });
        Ok(gathered.await.map_err(|_| sqlx::Error::WorkerCrashed)??)
    }

    fn read<A>(
        &self,
        slots: &[Slot],
        first: usize,
        purpose: Purpose,
        read: impl FnOnce(&Connection) -> Result<A, Failure>,
    ) -> Result<A, Failure> {
        let mut slot = free(slots, first).ok_or_else(Failure::closed)?;
        read(current(&mut slot, &self.place, purpose)?)
    }

    /// Closes all connections, when what they are in the middle of is done.
    pub(super) fn close(&self) {
        for slot in self.quick.iter().chain(&self.patient) {
            drop(slot.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

/// A slot that nobody uses now; where there is none, the next that nobody uses.
fn free(slots: &[Slot], first: usize) -> Option<MutexGuard<'_, Option<Open>>> {
    let in_turn = slots.iter().cycle().skip(first % slots.len().max(1)).take(slots.len());
    for slot in in_turn.clone() {
        match slot.try_lock() {
            Ok(free) => return Some(free),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    in_turn.map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner)).next()
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("place", &self.place).finish_non_exhaustive()
    }
}
