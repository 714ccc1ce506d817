//! Several statements in one text.

use std::future::poll_fn;

/// One of the statements failed, and those after it were not tried.
#[derive(Debug)]
pub(super) struct ScriptError {
    /// Which one, counted from 1.
    pub(super) statement: usize,
    /// Where it is in the text, as far as that is known.
    pub(super) at: Option<usize>,
    pub(super) error: sqlx::Error,
}

/// Runs the statements in a text, as the database tells them apart.
pub(super) async fn run<'c, C>(connection: &'c mut C, sql: &'static str) -> Result<(), ScriptError>
where
    C: sqlx::Connection,
    &'c mut C: sqlx::Executor<'c, Database = C::Database>,
{
    let mut results = sqlx::raw_sql(sql).execute_many(connection);
    let mut done = 0;
    while let Some(result) = poll_fn(|context| results.as_mut().poll_next(context)).await {
        done += 1;
        result.map_err(|error| ScriptError { statement: done, at: None, error })?;
    }
    Ok(())
}
