//! Loads and saves that wait for each other's round trip leave as one, on the server that takes it.

mod loads;
mod swaps;

use std::sync::Arc;

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
    swaps: Lane<Swap, Swapped>,
}

impl Batches {
    /// Nothing where each request has its own statement.
    pub(super) fn of(database: &Database) -> Option<Self> {
        let bounds = database.bounds()?;
        let lanes = Lanes { loads: Lane::new(bounds), swaps: Lane::new(bounds) };
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
        swap: Swap,
    ) -> Result<Option<Replaced>, StoreError> {
        let start = |flight| drop(tokio::spawn(swaps::fly(flight, store.clone())));
        let size = swap.size();
        store.database.wait(&self.0.swaps, swap, size, start).await?
    }
}
