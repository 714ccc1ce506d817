//! The statements of a migration, for people to read.

use std::borrow::Cow;
use std::fmt;

use super::super::dialect::Dialect;
use super::built_in::BuiltIn;
use super::file::Part;
use super::lexer;

/// The statements that a step runs; written out, what Django's `sqlmigrate` shows: with `BEGIN;` and
/// `COMMIT;` around them, where they are run in a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql<'a> {
    statements: Cow<'a, str>,
    is_one: bool,
    lacks_semicolon: bool,
}

impl<'a> Sql<'a> {
    pub(super) fn of_tables(app: &BuiltIn, dialect: Dialect) -> Self {
        let is_one = dialect.has_transactions_for_tables();
        Self { statements: app.sql(dialect).into(), is_one, lacks_semicolon: false }
    }

    pub(super) fn of_part(part: &Part<'a>, dialect: Dialect) -> Self {
        let is_blank = lexer::is_blank(part.sql, dialect);
        Self {
            statements: if is_blank { "" } else { part.sql.trim() }.into(),
            is_one: part.is_one(dialect),
            lacks_semicolon: !lexer::ends_well(part.sql, dialect),
        }
    }

    /// The statements as they stand in the file; empty where there are none.
    #[must_use]
    pub fn statements(&self) -> &str {
        &self.statements
    }
}

impl fmt::Display for Sql<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.statements.is_empty() {
            return Ok(());
        }
        let (begin, commit) = if self.is_one { ("BEGIN;\n", "COMMIT;\n") } else { ("", "") };
        // On a line of its own, because the last may be a comment.
        let semicolon = if self.lacks_semicolon { ";\n" } else { "" };
        write!(f, "{begin}{}\n{semicolon}{commit}", self.statements)
    }
}
