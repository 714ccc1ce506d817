//! Loads and saves that wait for each other's round trip leave as one, on the server that takes it.

mod loads;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod swaps;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::DatabaseStore;
use crate::database::Database;
use crate::error::StoreError;
use crate::key::SessionKey;
use crate::lane::Lane;
use crate::store::{Record, Replaced};

use loads::Loaded;
pub(super) use swaps::Swap;
use swaps::Swapped;

/// Where loads and saves wait. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Batches(Arc<Lanes>);

#[derive(Debug)]
struct Lanes {
    loads: Lane<SessionKey, Loaded>,
    swaps: Lane<Box<Swap>, Swapped>,
    /// The server takes one at a time only.
    saves_leave_alone: AtomicBool,
}

impl Batches {
    /// Nothing where each request has its own statement.
    pub(super) fn of(database: &Database) -> Option<Self> {
        let bounds = database.bounds()?;
        let lanes = Lanes {
            loads: Lane::new(bounds),
            swaps: Lane::new(bounds),
            saves_leave_alone: AtomicBool::new(!database.takes_scripts()),
        };
        Some(Self(Arc::new(lanes)))
    }

    pub(super) async fn load(
        &self,
        store: &DatabaseStore,
        key: &SessionKey,
    ) -> Result<Option<Record>, StoreError> {
        let start = |flight| drop(tokio::spawn(loads::fly(flight, store.clone())));
        store.database.wait(&self.0.loads, key.clone(), key.expose().len(), start).await?
    }

    /// What became of it; nothing where it is to be tried by itself.
    pub(super) async fn swap(
        &self,
        store: &DatabaseStore,
        swap: Box<Swap>,
    ) -> Result<Option<Replaced>, StoreError> {
        if self.0.saves_leave_alone.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let start = |flight| drop(tokio::spawn(swaps::fly(flight, store.clone())));
        let size = swap.size();
        store.database.wait(&self.0.swaps, swap, size, start).await?
    }

    /// From now on each save is tried by itself.
    #[cfg(feature = "mysql")]
    fn saves_leave_alone(&self) {
        self.0.saves_leave_alone.store(true, Ordering::Relaxed);
    }
}
