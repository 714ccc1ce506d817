//! Many saves together, and one flush to disk.

use super::super::DatabaseStore;
#[cfg(feature = "mysql")]
use super::mysql;
#[cfg(feature = "postgres")]
use super::postgres;
use crate::clock::IsoDate;
use crate::database::BatchError;
use crate::database::dialect::Dialect;
use crate::error::StoreError;
use crate::key::SessionKey;
use crate::lane::{Flight, Passenger};
use crate::store::Replaced;

/// Another payload and deadline for a row that is still as it was seen. It goes from hand to hand in a box, so that
/// the futures on its way are small.
pub(in crate::engines::database) struct Swap {
    pub(in crate::engines::database) key: SessionKey,
    pub(in crate::engines::database) seen: String,
    /// Nothing if it stays.
    pub(in crate::engines::database) payload: Option<String>,
    pub(in crate::engines::database) date: IsoDate,
}

impl Swap {
    /// So many bytes go to the server.
    pub(super) fn size(&self) -> usize {
        let payload = self.payload.as_ref().map_or(0, String::len);
        self.key.expose().len() + self.seen.len() + payload + self.date.len()
    }
}

/// The answer to a save; nothing where it is to be tried by itself.
pub(super) type Swapped = Result<Option<Replaced>, StoreError>;

/// What became of one.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Saved,
    Conflict,
    Gone,
}

/// Saves until nobody waits.
pub(super) async fn fly(mut flight: Flight<Box<Swap>, Swapped>, store: DatabaseStore) {
    while let Some(aboard) = flight.board_all_ready().await {
        #[cfg(feature = "mysql")]
        let aboard = match <[_; 1]>::try_from(aboard) {
            Ok([swap])
                if store.database.dialect() == Dialect::MySql && store.database.may_wait() =>
            {
                mysql::swap_alone(&store, swap, &flight).await;
                continue;
            }
            Ok(one) => one.into(),
            Err(aboard) => aboard,
        };
        let swaps: Vec<&Swap> = aboard.iter().map(|swap| &*swap.request).collect();
        let written = write(&store, &swaps).await;
        // It may be the fault of one of them; by itself each gets its own answer.
        let by_itself = |swap: Passenger<Box<Swap>, Swapped>| swap.answer(Ok(None));
        match written {
            Ok(outcomes) => {
                let outcomes = outcomes.into_iter().chain(std::iter::repeat(None));
                for (swap, outcome) in aboard.into_iter().zip(outcomes) {
                    let done = outcome.map(|outcome| match outcome {
                        Outcome::Saved => Replaced::Saved(swap.request.key.clone()),
                        Outcome::Conflict => Replaced::Conflict,
                        Outcome::Gone => Replaced::Gone,
                    });
                    swap.answer(Ok(done));
                }
            }
            Err(BatchError::Undone) => aboard.into_iter().for_each(by_itself),
            #[cfg(feature = "mysql")]
            Err(BatchError::Unsupported) => {
                if let Some(batches) = &store.batches {
                    batches.saves_leave_alone();
                }
                aboard.into_iter().for_each(by_itself);
            }
            Err(BatchError::Unknown(error)) => {
                aboard.into_iter().for_each(|swap| swap.answer(Err(error.clone())));
            }
        }
    }
}

/// What became of each, in their order; nothing where it is to be tried by itself.
async fn write(store: &DatabaseStore, swaps: &[&Swap]) -> Result<Vec<Option<Outcome>>, BatchError> {
    match store.database.dialect() {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => postgres::swap(store, swaps).await,
        #[cfg(feature = "mysql")]
        Dialect::MySql => mysql::swap(store, swaps).await,
        // It has no batches of this kind.
        _ => Err(BatchError::Undone),
    }
}
