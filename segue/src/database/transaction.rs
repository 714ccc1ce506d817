//! Several statements that are one, for the making of tables.

#[cfg(feature = "mysql")]
use std::time::Duration;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use sqlx::Executor as _;
#[cfg(feature = "mysql")]
use sqlx::Row as _;
#[cfg(feature = "sqlite")]
use sqlx::Transaction as SqlTransaction;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::connections::Lent;
#[cfg(feature = "mysql")]
use super::pools::in_order;
use super::pools::{Pools, query, texts};
use super::statement::{Row, Statement, Value};

/// How long one `migrate` waits for another.
#[cfg(feature = "mysql")]
const PATIENCE: Duration = Duration::from_secs(30);

/// The number that our `migrate`s agree on, in PostgreSQL's space of such numbers.
#[cfg(feature = "postgres")]
const LOCK: &str = "SELECT pg_advisory_xact_lock(7307219414690922853)";

#[cfg(feature = "mysql")]
const MYSQL_COMMIT: &str = "COMMIT; SET autocommit = 1; DO RELEASE_LOCK('segue.migrate')";

/// Statements of which all happen or none, and which nobody else does meanwhile.
///
/// MySQL has no transactions for tables: there these are made one by one, under a lock, and each
/// statement must be one that may be done again. What rows are written after a table was made
/// happens with the next table or at the end, all of it or nothing.
pub(super) enum Transaction {
    #[cfg(feature = "sqlite")]
    Sqlite(SqlTransaction<'static, sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(Lent<sqlx::Postgres>),
    #[cfg(feature = "mysql")]
    MySql(Lent<sqlx::MySql>),
}

impl Transaction {
    pub(super) async fn begin(pools: &Pools) -> Result<Self, sqlx::Error> {
        match pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => {
                Ok(Self::Sqlite(pools.writer.begin_with("BEGIN IMMEDIATE").await?))
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => {
                let mut lent = pool.lend().await?;
                lent.connection()?.execute("BEGIN").await?;
                lent.connection()?.execute(LOCK).await?;
                Ok(Self::Postgres(lent))
            }
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => {
                let mut lent = pool.lend().await?;
                let seconds = i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX);
                let lock = sqlx::query("SELECT GET_LOCK('segue.migrate', ?)").bind(seconds);
                let answer = lent.connection()?.fetch_one(lock).await?;
                match answer.try_get(0)? {
                    Some(1_i64) => {
                        lent.connection()?.execute("SET autocommit = 0").await?;
                        Ok(Self::MySql(lent))
                    }
                    _ => Err(sqlx::Error::PoolTimedOut),
                }
            }
        }
    }

    pub(super) async fn execute(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => {
                query!(statement.sqlite, values).execute(&mut **transaction).await.map(drop)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(lent) => {
                query!(statement.postgres, values).execute(lent.connection()?).await.map(drop)
            }
            #[cfg(feature = "mysql")]
            Self::MySql(lent) => {
                let values = in_order(statement, values);
                query!(statement.mysql, &values).execute(lent.connection()?).await.map(drop)
            }
        }
    }

    pub(super) async fn fetch(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => {
                texts(&query!(statement.sqlite, values).fetch_all(&mut **transaction).await?)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(lent) => {
                texts(&query!(statement.postgres, values).fetch_all(lent.connection()?).await?)
            }
            #[cfg(feature = "mysql")]
            Self::MySql(lent) => {
                let values = in_order(statement, values);
                texts(&query!(statement.mysql, &values).fetch_all(lent.connection()?).await?)
            }
        }
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => transaction.commit().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(mut lent) => {
                let done = lent.connection()?.execute("COMMIT").await;
                lent.ended(&done);
                done.map(drop)
            }
            #[cfg(feature = "mysql")]
            Self::MySql(mut lent) => {
                // Where one of them fails, the connection is closed with what it holds.
                lent.connection()?.execute(MYSQL_COMMIT).await?;
                lent.ended(&Ok(()));
                Ok(())
            }
        }
    }
}
