//! Connections to each database, behind one way to run a statement.

use std::borrow::Cow;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::connections::Connections;
#[cfg(feature = "sqlite")]
use super::sqlite::Sqlite;
use super::statement::{Columns, Row};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::statement::{Gather, Reading, Statement, Value};

/// Connections to one database.
#[derive(Clone, Debug)]
pub(super) enum Pools {
    #[cfg(feature = "sqlite")]
    Sqlite(Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(Connections<sqlx::Postgres>),
    #[cfg(feature = "mysql")]
    MySql(Connections<sqlx::MySql>),
}

/// A query with its parameters.
macro_rules! query {
    ($text:expr, $values:expr) => {{
        let mut query = sqlx::query($text);
        for value in $values {
            query = match *value {
                Value::Text(text) => query.bind(text),
                Value::Integer(number) => query.bind(number),
            };
        }
        query
    }};
}
pub(super) use query;

impl Pools {
    /// Runs a statement that changes rows, and counts those that it found.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(super) async fn execute(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.execute(statement, values).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                let mut lent = pool.lend_patiently().await?;
                let done = query!(statement.postgres, values).execute(lent.connection()?).await;
                lent.ended(&done);
                Ok(done?.rows_affected())
            }
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => {
                let values = in_order(statement, values);
                let mut lent = pool.lend_patiently().await?;
                let done = query!(statement.mysql, &values).execute(lent.connection()?).await;
                lent.ended(&done);
                Ok(done?.rows_affected())
            }
        }
    }

    /// Runs a statement that gives rows.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(super) async fn fetch<A: Default + Send + 'static>(
        &self,
        reading: Reading,
        statement: &Statement,
        values: &[Value<'_>],
        gather: impl Gather<A>,
    ) -> Result<A, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.fetch(reading, statement, values, gather).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                let _ = reading;
                let mut lent = pool.lend().await?;
                let rows = query!(statement.postgres, values).fetch_all(lent.connection()?).await;
                lent.ended(&rows);
                Ok(gathered(&rows?, gather))
            }
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => {
                let _ = reading;
                let values = in_order(statement, values);
                let mut lent = pool.lend().await?;
                let rows = query!(statement.mysql, &values).fetch_all(lent.connection()?).await;
                lent.ended(&rows);
                Ok(gathered(&rows?, gather))
            }
        }
    }

    /// Waits for what is under way and closes every connection.
    pub(super) async fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.close().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.close().await,
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => pool.close().await,
        }
    }
}

/// The parameters as MySQL takes them.
#[cfg(feature = "mysql")]
pub(super) fn in_order<'a>(statement: &Statement, values: &[Value<'a>]) -> Vec<Value<'a>> {
    statement.mysql_takes.iter().filter_map(|number| values.get(*number).copied()).collect()
}

/// What is gathered of rows.
pub(super) fn gathered<R: sqlx::Row, A: Default>(rows: &[R], gather: impl Fn(&mut A, Row<'_>)) -> A
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> &'r [u8]: sqlx::Decode<'r, R::Database>,
{
    rows.iter().fold(A::default(), |mut gathered, row| {
        gather(&mut gathered, Row::of(&Texts(row)));
        gathered
    })
}

/// What is read of each row.
pub(super) fn each<R: sqlx::Row, T>(rows: &[R], read: fn(Row<'_>) -> T) -> Vec<T>
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> &'r [u8]: sqlx::Decode<'r, R::Database>,
{
    rows.iter().map(|row| read(Row::of(&Texts(row)))).collect()
}

/// A row whose columns are texts, as in all of our statements.
struct Texts<'a, R>(&'a R);

impl<R: sqlx::Row> Columns for Texts<'_, R>
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> &'r [u8]: sqlx::Decode<'r, R::Database>,
{
    fn bytes(&self, column: usize) -> Option<Cow<'_, [u8]>> {
        // A text is its bytes as they came: there is nothing in it that could not be read.
        self.0.try_get_unchecked::<Option<_>, _>(column).ok().flatten().map(Cow::Borrowed)
    }
}
