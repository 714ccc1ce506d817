//! Many requests as one statement, on the server that takes it: PostgreSQL.

use super::Database;
use super::pools::{Pools, texts};
use super::statement::Row;
use super::trouble;
use crate::error::StoreError;
use crate::lane::{Bounds, Flight, Lane};

/// More requests are not in one statement: others wait for its answer as well.
const TOGETHER: usize = 256;

/// Nor more bytes. What is larger than a TLS record (16 KiB) sqlx 0.9.0 sends in two pieces, and the kernel
/// keeps the second back for 40 ms, because `TCP_NODELAY` is not set:
/// <https://github.com/launchbadge/sqlx/issues/4335>
const BYTES: usize = 14_000;

/// A statement on lists of texts, all of one length, and one text beside them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) sql: &'static str,
    pub(crate) lists: &'a [Vec<Option<&'a str>>],
    pub(crate) text: &'a str,
}

/// Why a batch has no rows.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// The server refused it and did nothing, perhaps because of one request among them.
    Undone,
    /// Nobody knows what was done.
    Unknown(StoreError),
}

impl Database {
    /// How much may be on its way at once; nothing where requests do not leave together.
    pub(crate) fn bounds(&self) -> Option<Bounds> {
        let (flights, waiting) = (self.options.batches, self.options.queue);
        match self.pools {
            Pools::Postgres(_) => {
                Some(Bounds { flights, together: TOGETHER, bytes: BYTES, waiting })
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => None,
            #[cfg(feature = "mysql")]
            Pools::MySql(_) => None,
        }
    }

    /// Waits for an answer, for as long as anything may take.
    pub(crate) async fn wait<Q: Send, A: Send>(
        &self,
        lane: &Lane<Q, A>,
        request: Q,
        size: usize,
        start: impl FnOnce(Flight<Q, A>) + Send,
    ) -> Result<A, StoreError> {
        self.in_time(async { Ok(lane.ask(request, size, start).await?) }).await
    }

    /// Runs a statement that changes rows, and tries it again after a deadlock.
    pub(crate) async fn run_batch(&self, batch: Batch<'_>) -> Result<Vec<Row>, BatchError> {
        let running = async {
            let mut tries = 0;
            loop {
                match self.running(batch).await {
                    Err(error) if tries < 3 && trouble::is_deadlock(&error) => tries += 1,
                    answer => return answer,
                }
            }
        };
        self.limited(running).await.map_err(|error| match error {
            sqlx::Error::Database(_) => BatchError::Undone,
            _ => BatchError::Unknown(self.error(error)),
        })
    }

    /// Runs a statement that only reads; once more, if the server was restarted since the connection
    /// was last used.
    pub(crate) async fn read_batch(&self, batch: Batch<'_>) -> Result<Vec<Row>, StoreError> {
        self.in_time(async {
            match self.running(batch).await {
                Err(error) if trouble::is_cut_off(&error) => Box::pin(self.running(batch)).await,
                answer => answer,
            }
        })
        .await
    }

    async fn running(&self, batch: Batch<'_>) -> Result<Vec<Row>, sqlx::Error> {
        match &self.pools {
            Pools::Postgres(pool) => {
                let mut lent = pool.lend().await?;
                let query =
                    batch.lists.iter().fold(sqlx::query(batch.sql), sqlx::query::Query::bind);
                let rows = query.bind(batch.text).fetch_all(lent.connection()?).await;
                lent.ended(&rows);
                texts(&rows?)
            }
            // There are no bounds for them, so nobody asks.
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => Ok(Vec::new()),
            #[cfg(feature = "mysql")]
            Pools::MySql(_) => Ok(Vec::new()),
        }
    }
}
