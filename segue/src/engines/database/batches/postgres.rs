//! Batches in one statement on arrays.

use super::super::DatabaseStore;
use super::loads::{Found, found};
use super::swaps::{Outcome, Swap};
use crate::database::{Batch, BatchError, Row};
use crate::error::StoreError;

/// Key, payload and deadline of the live rows: keys, now.
///
/// `OFFSET 0` keeps the planner from making a join of it: one plan is used for any number of keys, and a
/// join that goes through the whole index is cheap only while the table is small.
const LOAD: &str = "\
    SELECT session_key, session_data, \
        to_char(expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') \
    FROM unnest($1::text[]) AS wanted (key) CROSS JOIN LATERAL (\
        SELECT * FROM django_session \
        WHERE session_key = wanted.key AND expire_date > $2::text::timestamp AT TIME ZONE 'UTC' \
        OFFSET 0\
    ) AS session";

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
        SELECT wanted.number, wanted.payload, wanted.expire_date, place, is_seen, is_live \
        FROM wanted CROSS JOIN LATERAL (\
            SELECT ctid AS place, session_data = wanted.seen COLLATE \"C\" AS is_seen, \
                expire_date > $5::text::timestamp AT TIME ZONE 'UTC' AS is_live \
            FROM django_session WHERE session_key = wanted.session_key \
            FOR NO KEY UPDATE SKIP LOCKED\
        ) AS session\
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

pub(super) async fn load(store: &DatabaseStore, keys: &[&str]) -> Result<Vec<Found>, StoreError> {
    let keys = [keys.iter().copied().map(Some).collect()];
    let batch = Batch { sql: LOAD, lists: &keys, text: &store.now() };
    store.database.read_batch(batch, found).await
}

pub(super) async fn swap(
    store: &DatabaseStore,
    swaps: &[&Swap],
) -> Result<Vec<Option<Outcome>>, BatchError> {
    let list = |text: fn(&Swap) -> Option<&str>| swaps.iter().map(|swap| text(swap)).collect();
    let lists = [
        list(|swap| Some(swap.key.expose())),
        list(|swap| Some(&swap.seen)),
        list(|swap| swap.payload.as_deref()),
        list(|swap| Some(&swap.date)),
    ];
    let batch = Batch { sql: SWAP, lists: &lists, text: &store.now() };
    let outcome = |row: Row<'_>| match row.text(0).as_deref() {
        Some("saved") => Some(Outcome::Saved),
        Some("conflict") => Some(Outcome::Conflict),
        Some("gone") => Some(Outcome::Gone),
        _ => None,
    };
    store.database.run_batch(batch, outcome).await
}
