//! One statement on one connection.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::failure::Failure;
use crate::database::statement::{Row, Value};

/// Runs a statement that changes rows, and counts those that it found.
pub(super) fn execute<'v>(
    connection: &Connection,
    sql: &str,
    values: impl IntoIterator<Item = Value<'v>>,
) -> Result<u64, Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, values)?;
    let changed = statement.raw_execute()?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Runs a statement that gives rows.
pub(super) fn fetch<'v>(
    connection: &Connection,
    sql: &str,
    values: impl IntoIterator<Item = Value<'v>>,
) -> Result<Vec<Row>, Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, values)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = (0..columns).map(|column| Ok(bytes(row.get_ref(column)?)));
        found.push(Row(bytes.collect::<Result<_, Failure>>()?));
    }
    Ok(found)
}

fn bind<'v>(
    statement: &mut rusqlite::CachedStatement<'_>,
    values: impl IntoIterator<Item = Value<'v>>,
) -> Result<(), Failure> {
    for (number, value) in (1..).zip(values) {
        match value {
            Value::Text(text) => statement.raw_bind_parameter(number, text)?,
            Value::Integer(integer) => statement.raw_bind_parameter(number, integer)?,
        }
    }
    Ok(())
}

/// What is in a column. In SQLite any column can hold anything, so a text may be a number.
fn bytes(value: ValueRef<'_>) -> Option<Vec<u8>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
        ValueRef::Real(number) => Some(number.to_string().into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
    }
}
