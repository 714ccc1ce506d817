//! Many loads as one statement.

use super::super::{DatabaseStore, record};
#[cfg(feature = "mysql")]
use super::mysql;
#[cfg(feature = "postgres")]
use super::postgres;
use crate::database::Row;
use crate::database::dialect::Dialect;
use crate::error::StoreError;
use crate::key::SessionKey;
use crate::lane::Flight;
use crate::store::Record;

/// The answer to a load.
pub(super) type Loaded = Result<Option<Record>, StoreError>;

/// Loads until nobody waits.
pub(super) async fn fly(mut flight: Flight<SessionKey, Loaded>, store: DatabaseStore) {
    while let Some(aboard) = flight.board_all_ready().await {
        let mut keys: Vec<_> = aboard.iter().map(|load| load.request.expose()).collect();
        keys.sort_unstable();
        keys.dedup();
        match rows(&store, &keys).await {
            Ok(rows) => {
                let mut rows: Vec<_> = rows.into_iter().flatten().collect();
                rows.sort_unstable_by(|(one, _), (other, _)| one.expose().cmp(other.expose()));
                for load in aboard {
                    let wanted = load.request.expose();
                    let place = rows.binary_search_by(|(key, _)| key.expose().cmp(wanted));
                    let found = place.ok().and_then(|place| rows.get(place));
                    load.answer(found.map(|(_, record)| record.clone()).transpose());
                }
            }
            Err(error) => aboard.into_iter().for_each(|load| load.answer(Err(error.clone()))),
        }
    }
}

/// A row of key, payload and deadline, with its own fault if it has one; nothing where no key stands there.
pub(super) type Found = Option<(SessionKey, Result<Record, StoreError>)>;

pub(super) fn found(row: Row<'_>) -> Found {
    Some((SessionKey::parse(&row.text(0)?)?, record(row, 1)))
}

/// The live rows of these keys, in any order.
async fn rows(store: &DatabaseStore, keys: &[&str]) -> Result<Vec<Found>, StoreError> {
    match store.database.dialect() {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => postgres::load(store, keys).await,
        #[cfg(feature = "mysql")]
        Dialect::MySql => mysql::load(store, keys).await,
        // It has no batches of this kind.
        _ => Ok(Vec::new()),
    }
}
