//! Many saves as one statement, and one flush to disk.

use super::super::DatabaseStore;
use crate::database::{Batch, BatchError};
use crate::error::StoreError;
use crate::key::SessionKey;
use crate::lane::{Flight, Passenger};
use crate::store::Replaced;

/// Another payload and deadline for a row that is still as it was seen.
pub(in crate::engines::database) struct Swap {
    pub(in crate::engines::database) key: SessionKey,
    pub(in crate::engines::database) seen: String,
    /// Nothing if it stays.
    pub(in crate::engines::database) payload: Option<String>,
    pub(in crate::engines::database) date: String,
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

/// What became of each, in the order in which they are listed: keys, payloads seen, payloads, deadlines,
/// now.
///
/// Each row is locked, looked at, and found again by its place: whatever the planner thinks of the table,
/// that costs as much as there are rows in the lists. A row that somebody else has locked is left out:
/// the others do not wait for it, and as nobody waits for a row, no two batches wait for each other. Of two
/// saves of one row one is done: that they are sorted makes all be looked at before one is written, because
/// a row that this statement has written is not found again.
const SWAP: &str = "\
    WITH wanted AS (\
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) \
        WITH ORDINALITY AS list (session_key, seen, payload, expire_date, number)\
    ), held AS (\
        SELECT wanted.number, wanted.payload, wanted.expire_date, session.ctid AS place, \
            session.session_data = wanted.seen COLLATE \"C\" AS is_seen, \
            session.expire_date > $5::text::timestamp AT TIME ZONE 'UTC' AS is_live \
        FROM wanted JOIN django_session AS session USING (session_key) \
        FOR NO KEY UPDATE OF session SKIP LOCKED\
    ), saved AS (\
        UPDATE django_session AS session \
        SET session_data = COALESCE(held.payload, session.session_data), \
            expire_date = held.expire_date::timestamp AT TIME ZONE 'UTC' \
        FROM (SELECT * FROM held WHERE is_seen AND is_live ORDER BY number) AS held \
        WHERE session.ctid = held.place \
        RETURNING held.number\
    ) \
    SELECT CASE \
        WHEN saved.number IS NOT NULL THEN 'saved' \
        WHEN held.is_live THEN 'conflict' \
        WHEN held.is_live IS NULL AND EXISTS (\
            SELECT FROM django_session WHERE session_key = wanted.session_key\
        ) THEN 'locked' \
        ELSE 'gone' END \
    FROM wanted LEFT JOIN saved USING (number) LEFT JOIN held USING (number) \
    ORDER BY wanted.number";

/// Saves until nobody waits.
pub(super) async fn fly(mut flight: Flight<Swap, Swapped>, store: DatabaseStore) {
    while let Some(aboard) = flight.board() {
        match write(&store, &aboard).await {
            Ok(said) => {
                for (number, swap) in aboard.into_iter().enumerate() {
                    let done = match said.get(number).map(String::as_str) {
                        Some("saved") => Some(Replaced::Saved(swap.request.key.clone())),
                        Some("conflict") => Some(Replaced::Conflict),
                        Some("gone") => Some(Replaced::Gone),
                        _ => None,
                    };
                    swap.answer(Ok(done));
                }
            }
            // It may be the fault of one of them; by itself each gets its own answer.
            Err(BatchError::Undone) => aboard.into_iter().for_each(|swap| swap.answer(Ok(None))),
            Err(BatchError::Unknown(error)) => {
                aboard.into_iter().for_each(|swap| swap.answer(Err(error.clone())));
            }
        }
    }
}

async fn write(
    store: &DatabaseStore,
    aboard: &[Passenger<Swap, Swapped>],
) -> Result<Vec<String>, BatchError> {
    let list =
        |text: fn(&Swap) -> Option<&str>| aboard.iter().map(|swap| text(&swap.request)).collect();
    let lists = [
        list(|swap| Some(swap.key.expose())),
        list(|swap| Some(&swap.seen)),
        list(|swap| swap.payload.as_deref()),
        list(|swap| Some(&swap.date)),
    ];
    let batch = Batch { sql: SWAP, lists: &lists, text: &store.now() };
    let rows = store.database.run_batch(batch).await?;
    Ok(rows.into_iter().map(|mut row| row.text(0).unwrap_or_default()).collect())
}
