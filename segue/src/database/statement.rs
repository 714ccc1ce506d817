//! One statement in the words of each database, and what goes into it and comes out.

use std::borrow::Cow;

use super::dialect::Dialect;

/// A statement in the words of each database: written once, never built.
///
/// All parameters are texts or whole numbers, all columns texts, so that the three say the same.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(all(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code, reason = "a build for some of them reads the words of those alone")
)]
pub(crate) struct Statement {
    /// Parameters are `?1`, `?2`, …
    pub(crate) sqlite: &'static str,
    /// Parameters are `$1`, `$2`, …
    pub(crate) postgres: &'static str,
    /// Parameters are `?`, in the order of `mysql_takes`.
    pub(crate) mysql: &'static str,
    /// The numbers of the parameters, counted from 0, in the order in which MySQL takes them.
    pub(crate) mysql_takes: &'static [usize],
}

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Integer(i64),
}

/// How much is read: on SQLite a row is read at once, on the thread of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A row, or a few, that an index finds.
    Few,
    /// It may take long.
    Many,
}

/// A row, for as long as it is looked at. Nothing of it is copied but what the reader keeps.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a>(&'a dyn Columns);

/// The texts of a row.
pub(super) trait Columns {
    /// As bytes, because a table may hold what nobody of us wrote; nothing where it is `NULL`.
    fn bytes(&self, column: usize) -> Option<Cow<'_, [u8]>>;
}

impl Statement {
    /// It in the words of one database.
    pub(super) fn in_words_of(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
            Dialect::MySql => self.mysql,
        }
    }
}

impl<'a> Row<'a> {
    pub(super) fn of(columns: &'a impl Columns) -> Self {
        Self(columns)
    }

    /// The bytes in a column; nothing where it is `NULL`.
    pub(crate) fn bytes(self, column: usize) -> Option<Cow<'a, [u8]>> {
        self.0.bytes(column)
    }

    /// The text in a column; nothing where it is `NULL` or no text.
    pub(crate) fn text(self, column: usize) -> Option<Cow<'a, str>> {
        match self.bytes(column)? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }
}

/// The text in the first column, to keep.
pub(crate) fn first_text(row: Row<'_>) -> Option<String> {
    row.text(0).map(Cow::into_owned)
}

/// How rows are gathered, wherever that is done.
pub(super) trait Gather<A>: Fn(&mut A, Row<'_>) + Copy + Send + Sync + 'static {}

impl<A, G: Fn(&mut A, Row<'_>) + Copy + Send + Sync + 'static> Gather<A> for G {}

/// What is read of the first row, if there is one.
pub(super) fn first<T: 'static>(read: fn(Row<'_>) -> T) -> impl Gather<Option<T>> {
    move |first: &mut Option<T>, row: Row<'_>| {
        first.get_or_insert_with(|| read(row));
    }
}
