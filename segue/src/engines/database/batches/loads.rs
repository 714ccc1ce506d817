//! Many loads as one statement.

use std::collections::HashMap;

use super::super::{DatabaseStore, record};
#[cfg(feature = "mysql")]
use super::mysql;
#[cfg(feature = "postgres")]
use super::postgres;
use crate::database::dialect::Dialect;
use crate::database::{Row, first_text};
use crate::error::StoreError;
use crate::key::SessionKey;
use crate::lane::Flight;
use crate::store::Record;

/// The answer to a load.
pub(super) type Loaded = Result<Option<Record>, StoreError>;

/// Loads until nobody waits.
pub(super) async fn fly(mut flight: Flight<SessionKey, Loaded>, store: DatabaseStore) {
    while let Some(aboard) = flight.board() {
        let mut keys: Vec<_> = aboard.iter().map(|load| load.request.expose()).collect();
        keys.sort_unstable();
        keys.dedup();
        match read(&store, &keys).await {
            Ok(found) => {
                for load in aboard {
                    let loaded = found.get(load.request.expose()).cloned().transpose();
                    load.answer(loaded);
                }
            }
            Err(error) => aboard.into_iter().for_each(|load| load.answer(Err(error.clone()))),
        }
    }
}

/// The live rows by their keys, each with its own fault if it has one.
async fn read(
    store: &DatabaseStore,
    keys: &[&str],
) -> Result<HashMap<String, Result<Record, StoreError>>, StoreError> {
    Ok(rows(store, keys).await?.into_iter().flatten().collect())
}

/// A row of key, payload and deadline.
pub(super) type Found = Option<(String, Result<Record, StoreError>)>;

pub(super) fn found(row: Row<'_>) -> Found {
    Some((first_text(row)?, record(row, 1)))
}

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
