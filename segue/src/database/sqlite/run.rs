//! One statement on one connection.

use std::borrow::Cow;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::failure::Failure;
use crate::database::statement::{Columns, Gather, Row, Value};

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
pub(super) fn fetch<'v, A: Default>(
    connection: &Connection,
    sql: &str,
    values: impl IntoIterator<Item = Value<'v>>,
    gather: impl Gather<A>,
) -> Result<A, Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, values)?;
    let (mut rows, mut gathered) = (statement.raw_query(), A::default());
    while let Some(row) = rows.next()? {
        gather(&mut gathered, Row::of(row));
    }
    Ok(gathered)
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

impl Columns for rusqlite::Row<'_> {
    /// In SQLite any column can hold anything, so a text may be a number.
    fn bytes(&self, column: usize) -> Option<Cow<'_, [u8]>> {
        match self.get_ref(column).ok()? {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string().into_bytes().into()),
            ValueRef::Real(number) => Some(number.to_string().into_bytes().into()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.into()),
        }
    }
}
