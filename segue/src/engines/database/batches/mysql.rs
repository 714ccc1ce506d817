//! Batches on MySQL and MariaDB: loads as one statement, saves as one transaction.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use super::super::{DatabaseStore, statements};
use super::loads::{Found, found};
use super::swaps::{Outcome, Swap, Swapped};
use crate::database::{BatchError, Row, Value, literal};
use crate::error::StoreError;
use crate::lane::{Flight, Passenger};
use crate::store::Replaced;

/// Each statement is prepared by each connection, so there are few: a list is filled up with its last key.
const LENGTHS: [usize; 5] = [1, 4, 16, 64, 256];

/// Key, payload and deadline of the live rows: keys, now. A collation may find more than was asked for.
static LOADS: LazyLock<[String; LENGTHS.len()]> = LazyLock::new(|| {
    LENGTHS.map(|length| {
        let keys = vec!["?"; length].join(", ");
        format!(
            "SELECT session_key, session_data, CAST(expire_date AS CHAR) FROM django_session \
             WHERE session_key IN ({keys}) AND expire_date > CAST(? AS DATETIME(6))"
        )
    })
});

pub(super) async fn load(store: &DatabaseStore, keys: &[&str]) -> Result<Vec<Found>, StoreError> {
    let (Some(last), Some((length, sql))) =
        (keys.last(), std::iter::zip(LENGTHS, &*LOADS).find(|(length, _)| *length >= keys.len()))
    else {
        return Ok(Vec::new());
    };
    let now = store.now();
    let mut list = keys.to_vec();
    list.resize(length, last);
    list.push(&now);
    store.database.read_list(sql, &list, found).await
}

/// Several are looked at under their locks, and written with one flush to disk. A row that somebody else has
/// locked is left out: nobody waits for it, and so no two batches wait for each other.
pub(super) async fn swap(
    store: &DatabaseStore,
    swaps: &[&Swap],
) -> Result<Vec<Option<Outcome>>, BatchError> {
    let mut outcomes = Vec::new();
    // Key, payload, and whether it is live.
    let texts = |row: Row<'_>| [0, 1, 2].map(|column| row.text(column).map(Cow::into_owned));
    let decide = |rows| {
        let (done, script) = Held::of(rows).decide(swaps);
        outcomes = done;
        script
    };
    store.database.in_two_steps(&look(swaps, &store.now()), texts, decide).await?;
    Ok(outcomes)
}

/// How long others wait for one that is alone. A statement waits for a row that somebody else has locked,
/// and for nothing else for so long.
const PATIENCE: Duration = Duration::from_millis(50);

/// One that is alone is one statement. If others wait for it for too long, they go on without it.
pub(super) async fn swap_alone(
    store: &DatabaseStore,
    swap: Passenger<Box<Swap>, Swapped>,
    flight: &Flight<Box<Swap>, Swapped>,
) {
    let store = store.clone();
    let saving = tokio::spawn(async move {
        let done = replace(&store, &swap.request).await;
        swap.answer(done.map(Some));
    });
    // A timer makes the runtime wake up once more, and mostly nobody waits.
    let too_long = async {
        flight.somebody_waits().await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        _ = saving => {}
        () = too_long => {}
    }
}

async fn replace(store: &DatabaseStore, swap: &Swap) -> Result<Replaced, StoreError> {
    let (now, date) = (store.now(), Value::Text(&swap.date));
    let [key, seen, now] = [swap.key.expose(), &swap.seen, &now].map(Value::Text);
    match &swap.payload {
        Some(payload) => {
            let values = [key, seen, now, Value::Text(payload), date];
            store.outcome(&statements::REPLACE, &swap.key, &values).await
        }
        None => store.outcome(&statements::TOUCH, &swap.key, &[key, seen, now, date]).await,
    }
}

/// Locks the rows that nobody else has locked: key, payload, whether it is live. Then the keys of all that
/// are there. What is committed is read, as a statement by itself reads it, so that no gap between rows is
/// locked.
fn look(swaps: &[&Swap], now: &str) -> String {
    let keys: Vec<_> = swaps.iter().map(|swap| literal(swap.key.expose())).collect();
    let (keys, now) = (keys.join(", "), literal(now));
    format!(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION; \
         SELECT session_key, session_data, expire_date > CAST({now} AS DATETIME(6)) \
         FROM django_session WHERE session_key IN ({keys}) \
         ORDER BY session_key FOR UPDATE SKIP LOCKED; \
         SELECT session_key FROM django_session WHERE session_key IN ({keys})"
    )
}

/// The rows that are locked for us.
struct Held {
    /// The payload, if it is live.
    rows: HashMap<String, Option<String>>,
    /// Locked by others.
    others: Vec<String>,
}

impl Held {
    fn of(found: Vec<[Option<String>; 3]>) -> Self {
        let mut held = Self { rows: HashMap::new(), others: Vec::new() };
        for [key, payload, is_live] in found {
            let Some(key) = key else { continue };
            match is_live {
                Some(is_live) => {
                    let payload = payload.filter(|_| is_live == "1");
                    held.rows.insert(key, payload);
                }
                None if held.rows.contains_key(&key) => {}
                None => held.others.push(key),
            }
        }
        held
    }

    /// What becomes of each, and the script that does it. Of several saves of one row one is done.
    fn decide(mut self, swaps: &[&Swap]) -> (Vec<Option<Outcome>>, String) {
        let mut script = String::new();
        let mut decide = |swap: &&Swap| {
            let key = swap.key.expose();
            let is_other = || self.others.iter().any(|other| other == key);
            let Some(found) = self.rows.get_mut(key) else {
                return if is_other() { None } else { Some(Outcome::Gone) };
            };
            let Some(payload) = found else { return Some(Outcome::Gone) };
            if *payload != swap.seen {
                return Some(Outcome::Conflict);
            }
            write_down(&mut script, swap);
            if let Some(next) = &swap.payload {
                payload.clone_from(next);
            }
            Some(Outcome::Saved)
        };
        let outcomes = swaps.iter().map(&mut decide).collect();
        script += "COMMIT";
        (outcomes, script)
    }
}

fn write_down(script: &mut String, swap: &Swap) {
    let [key, date] = [swap.key.expose(), &swap.date].map(literal);
    let payload = swap.payload.as_ref().map(|text| format!("session_data = {}, ", literal(text)));
    // Writing into a text cannot fail.
    _ = write!(
        script,
        "UPDATE django_session SET {}expire_date = CAST({date} AS DATETIME(6)) WHERE session_key = {key}; ",
        payload.unwrap_or_default()
    );
}
