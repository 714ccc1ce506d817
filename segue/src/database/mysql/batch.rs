//! Many requests in a round trip or two.

use sqlx::{AssertSqlSafe, Executor as _};

use super::super::batch::BatchError;
use super::super::connections::Connections;
use super::super::pools::{Pools, each};
use super::super::statement::Row;
use super::super::{Database, trouble};
use super::number;
use crate::error::StoreError;
use crate::hex::hex;

/// The server's number for words that it does not know.
const SYNTAX: u16 = 1064;

/// A text within a script, whatever is in it, and in whatever way the server reads a text: by its bytes.
pub(crate) fn literal(text: &str) -> String {
    format!("_utf8mb4 X'{}'", hex(text.as_bytes()))
}

impl Database {
    /// Runs a statement that only reads, on a list of texts; again, if the server was restarted since the
    /// connection was last used.
    pub(crate) async fn read_list<T: Send>(
        &self,
        sql: &'static str,
        list: &[&str],
        read: fn(Row<'_>) -> T,
    ) -> Result<Vec<T>, StoreError> {
        let mut rereads = trouble::Rereads::default();
        self.in_time(async {
            loop {
                match Box::pin(self.reading(sql, list, read)).await {
                    Err(error) if rereads.may_follow(&error) => {}
                    answer => return answer,
                }
            }
        })
        .await
    }

    /// In a box wherever it is used, as [`stepping`](Self::stepping): both take kilobytes, and what goes with
    /// them to a task of its own is moved several times.
    async fn reading<T: Send>(
        &self,
        sql: &'static str,
        list: &[&str],
        read: fn(Row<'_>) -> T,
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut lent = self.mysql()?.lend().await?;
        let query = list.iter().fold(sqlx::query(sql), |query, text| query.bind(*text));
        let rows = query.fetch_all(lent.connection()?).await;
        lent.ended(&rows);
        Ok(each(&rows?, read))
    }

    /// Whether a connection is left for one more statement that may have to wait for a row.
    pub(crate) fn may_wait(&self) -> bool {
        self.mysql().is_ok_and(Connections::may_wait)
    }

    /// A transaction of two scripts: one that begins it and gives rows, and what is made of these, which ends
    /// it. All of it again after a deadlock.
    pub(crate) async fn in_two_steps<T: Send>(
        &self,
        first: &str,
        read: fn(Row<'_>) -> T,
        mut second: impl FnMut(Vec<T>) -> String + Send,
    ) -> Result<(), BatchError> {
        let running = async {
            let mut tries = 0;
            loop {
                match Box::pin(self.stepping(first, read, &mut second)).await {
                    Err(error) if tries < 3 && trouble::is_deadlock(&error) => tries += 1,
                    answer => return answer,
                }
            }
        };
        self.limited(running).await.map_err(|error| match &error {
            sqlx::Error::Database(refused) if !trouble::is_over(&error) => match number(&**refused)
            {
                Some(SYNTAX) => BatchError::Unsupported,
                _ => BatchError::Undone,
            },
            _ => BatchError::Unknown(self.error(error)),
        })
    }

    /// Where it ends half-way the connection is closed, and its transaction undone.
    async fn stepping<T: Send>(
        &self,
        first: &str,
        read: fn(Row<'_>) -> T,
        second: &mut (impl FnMut(Vec<T>) -> String + Send),
    ) -> Result<(), sqlx::Error> {
        let mut lent = self.mysql()?.lend().await?;
        let mut rows = script(lent.connection()?, first, read).await;
        if rows.as_ref().is_err_and(trouble::is_over) {
            // It was before anything was changed.
            lent = self.mysql()?.lend().await?;
            rows = script(lent.connection()?, first, read).await;
        }
        let second = second(rows?);
        lent.connection()?.execute(sqlx::raw_sql(AssertSqlSafe(second))).await?;
        lent.ended::<()>(&Ok(()));
        Ok(())
    }

    fn mysql(&self) -> Result<&Connections<sqlx::MySql>, sqlx::Error> {
        #[allow(irrefutable_let_patterns, reason = "a build for MySQL alone has no other")]
        if let Pools::MySql(pool) = &self.pools {
            return Ok(pool);
        }
        Err(sqlx::Error::PoolClosed)
    }
}

/// The rows of all statements.
async fn script<T>(
    connection: &mut sqlx::MySqlConnection,
    sql: &str,
    read: fn(Row<'_>) -> T,
) -> Result<Vec<T>, sqlx::Error> {
    let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await?;
    Ok(each(&rows, read))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_stays_one_whatever_is_in_it() {
        assert_eq!(super::literal("a'; --"), "_utf8mb4 X'61273b202d2d'");
        assert_eq!(super::literal(""), "_utf8mb4 X''");
    }
}
