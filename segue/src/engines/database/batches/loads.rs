//! Many loads as one statement.

use std::collections::HashMap;

use super::super::{DatabaseStore, record};
use crate::database::Batch;
use crate::error::StoreError;
use crate::key::SessionKey;
use crate::lane::Flight;
use crate::store::Record;

/// The answer to a load.
pub(super) type Loaded = Result<Option<Record>, StoreError>;

/// Key, payload and deadline of the live rows: keys, now.
const LOAD: &str = "SELECT session_key, session_data, \
                    to_char(expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') \
                    FROM unnest($1::text[]) AS wanted (session_key) \
                    JOIN django_session USING (session_key) \
                    WHERE expire_date > $2::text::timestamp AT TIME ZONE 'UTC'";

/// Loads until nobody waits.
pub(super) async fn fly(mut flight: Flight<SessionKey, Loaded>, store: DatabaseStore) {
    while let Some(aboard) = flight.board() {
        let mut keys: Vec<_> = aboard.iter().map(|load| Some(load.request.expose())).collect();
        keys.sort_unstable();
        keys.dedup();
        match read(&store, keys).await {
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
    keys: Vec<Option<&str>>,
) -> Result<HashMap<String, Result<Record, StoreError>>, StoreError> {
    let batch = Batch { sql: LOAD, lists: &[keys], text: &store.now() };
    let rows = store.database.read_batch(batch).await?;
    Ok(rows.into_iter().filter_map(|mut row| Some((row.text(0)?, record(&mut row, 1)))).collect())
}
