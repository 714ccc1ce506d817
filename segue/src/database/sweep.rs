//! Removing a great many rows while others read and write: quick and polite.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

#[cfg(feature = "sqlite")]
use super::pools::Pools;
#[cfg(feature = "sqlite")]
use super::sqlite;
use super::{Database, Statement, Value};
use crate::error::StoreError;

/// So many rows to begin with.
const FIRST: u32 = 500;

/// More are never removed at once.
const MOST: u32 = 5000;

/// And fewer only where there are no more.
const LEAST: u32 = 50;

/// How long others may have to wait: on SQLite nobody else writes meanwhile.
#[cfg(feature = "sqlite")]
const HOLD_FILE: Duration = Duration::from_millis(5);

/// On a server nobody waits but for the same rows, which nobody needs any more; it has other work, too.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const HOLD_SERVER: Duration = Duration::from_millis(50);

/// The shortest pause between two batches, in which writers elsewhere get their turn.
const PAUSE: Duration = Duration::from_millis(1);

/// Rows that are removed in batches. It may be dropped at any time: what is removed then stays removed.
#[derive(Debug)]
pub(crate) struct Sweep<'d> {
    database: &'d Database,
    rows: u32,
    /// Whether somebody has said how many at once.
    is_fixed: bool,
    /// How long a batch may take.
    hold: Duration,
    is_server: bool,
    /// How long the next batch is to be waited with.
    pause: Duration,
    #[cfg(feature = "sqlite")]
    file: Option<sqlite::Sweeper>,
}

impl Database {
    /// Begins to remove rows, so many at once if it is said how many.
    pub(crate) fn sweep(&self, rows: Option<NonZeroU32>) -> Sweep<'_> {
        let (hold, is_server) = match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => (HOLD_FILE, false),
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            _ => (HOLD_SERVER, true),
        };
        Sweep {
            database: self,
            rows: rows.map_or(FIRST, NonZeroU32::get),
            is_fixed: rows.is_some(),
            hold,
            is_server,
            pause: Duration::ZERO,
            #[cfg(feature = "sqlite")]
            file: match &self.pools {
                Pools::Sqlite(sqlite) => sqlite.sweeper(),
                #[cfg(any(feature = "postgres", feature = "mysql"))]
                _ => None,
            },
        }
    }
}

impl Sweep<'_> {
    /// Removes some rows, by a statement whose parameters are a text and how many; tells how many it
    /// were, and whether there may be more.
    pub(crate) async fn next(
        &mut self,
        statement: &Statement,
        text: &str,
    ) -> Result<(u64, bool), StoreError> {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        let asked = self.rows;
        let values = [Value::Text(text), Value::Integer(asked.into())];
        let (removed, held, pause) = self.remove(statement, &values).await?;
        if !self.is_fixed {
            self.rows = next_size(asked, held, self.hold);
        }
        self.pause = pause.max(PAUSE);
        Ok((removed, removed >= asked.into()))
    }

    /// How many rows are gone, how long others may have waited for it, and for how long they are to be
    /// left alone.
    async fn remove(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<(u64, Duration, Duration), StoreError> {
        #[cfg(feature = "sqlite")]
        if let Some(file) = &self.file {
            let swept = self.database.in_time(file.sweep(statement.sqlite, values)).await?;
            // Others have the lock for as long as it was held.
            return Ok((swept.removed, swept.held, swept.held.saturating_sub(swept.free)));
        }
        let started = Instant::now();
        let removed = self.database.execute(statement, values).await?;
        let held = started.elapsed();
        // On a pool of SQLite's that the user brought others have as much of the time as we have.
        self.database.tidy_up().await?;
        Ok((removed, held, if self.is_server { PAUSE } else { held / 2 }))
    }
}

/// How many rows are to be next, so that it takes about as long as it may. One batch that was slow by
/// chance does not change much.
fn next_size(rows: u32, held: Duration, hold: Duration) -> u32 {
    let ratio = hold.as_secs_f64() / held.as_secs_f64().max(1e-6);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive, and far from the limit"
    )]
    let next = (f64::from(rows) * ratio.clamp(0.5, 1.5)) as u32;
    next.clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_millis(8);

    #[test]
    fn a_batch_grows_and_shrinks_until_it_takes_as_long_as_it_may() {
        // Ten microseconds a row, and two milliseconds for all of them.
        let held = |rows: u32| Duration::from_micros(2000 + 10 * u64::from(rows));
        for first in [LEAST, FIRST, MOST] {
            let mut rows = first;
            for _ in 0..20 {
                rows = next_size(rows, held(rows), HOLD);
            }
            assert!((590..=610).contains(&rows), "{rows}");
        }
        assert_eq!(next_size(MOST, Duration::ZERO, HOLD), MOST);
        assert_eq!(next_size(LEAST, Duration::from_secs(60), HOLD), LEAST);
    }
}
