//! Many requests as one statement.

use super::super::batch::BatchError;
use super::super::connections::Connections;
use super::super::pools::{Pools, each};
use super::super::statement::Row;
use super::super::{Database, trouble};
use crate::error::StoreError;

/// A statement on lists of texts, all of one length, and one text beside them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) sql: &'static str,
    pub(crate) lists: &'a [Vec<Option<&'a str>>],
    pub(crate) text: &'a str,
}

impl Database {
    /// Runs a statement that changes rows, and tries it again after a deadlock.
    pub(crate) async fn run_batch<T: Send>(
        &self,
        batch: Batch<'_>,
        read: fn(Row<'_>) -> T,
    ) -> Result<Vec<T>, BatchError> {
        let running = async {
            let mut tries = 0;
            loop {
                match Box::pin(self.running(batch, read)).await {
                    Err(error) if tries < 3 && trouble::is_deadlock(&error) => tries += 1,
                    answer => return answer,
                }
            }
        };
        self.limited(running).await.map_err(|error| match error {
            sqlx::Error::Database(_) if !trouble::is_over(&error) => BatchError::Undone,
            _ => BatchError::Unknown(self.error(error)),
        })
    }

    /// Runs a statement that only reads; again, if the server was restarted since the connection was last
    /// used.
    pub(crate) async fn read_batch<T: Send>(
        &self,
        batch: Batch<'_>,
        read: fn(Row<'_>) -> T,
    ) -> Result<Vec<T>, StoreError> {
        let mut rereads = trouble::Rereads::default();
        self.in_time(async {
            loop {
                match Box::pin(self.running(batch, read)).await {
                    Err(error) if rereads.may_follow(&error) => {}
                    answer => return answer,
                }
            }
        })
        .await
    }

    /// In a box wherever it is used: it takes kilobytes, and what goes with it to a task of its own is moved
    /// several times.
    async fn running<T: Send>(
        &self,
        batch: Batch<'_>,
        read: fn(Row<'_>) -> T,
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut lent = self.postgres()?.lend().await?;
        let query = batch.lists.iter().fold(sqlx::query(batch.sql), sqlx::query::Query::bind);
        let rows = query.bind(batch.text).fetch_all(lent.connection()?).await;
        lent.ended(&rows);
        Ok(each(&rows?, read))
    }

    pub(super) fn postgres(&self) -> Result<&Connections<sqlx::Postgres>, sqlx::Error> {
        #[allow(irrefutable_let_patterns, reason = "a build for PostgreSQL alone has no other")]
        if let Pools::Postgres(pool) = &self.pools {
            return Ok(pool);
        }
        Err(sqlx::Error::PoolClosed)
    }
}
