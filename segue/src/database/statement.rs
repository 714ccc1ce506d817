//! One statement in the words of each database, and what goes into it and comes out.

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

/// A row of texts, as bytes, because a table may hold what nobody of us wrote.
#[derive(Debug)]
pub(crate) struct Row(pub(super) Vec<Option<Vec<u8>>>);

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

impl Row {
    /// The bytes in a column; nothing where it is `NULL`.
    pub(crate) fn bytes(&mut self, column: usize) -> Option<Vec<u8>> {
        self.0.get_mut(column)?.take()
    }

    /// The text in a column; nothing where it is `NULL` or no text.
    pub(crate) fn text(&mut self, column: usize) -> Option<String> {
        String::from_utf8(self.bytes(column)?).ok()
    }
}
