//! A failure of SQLite's, as the errors of the other drivers are.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use sqlx::error::{DatabaseError, ErrorKind};

/// SQLite's extended code and what it says. Codes: <https://sqlite.org/rescode.html>
#[derive(Clone, Debug)]
pub(super) struct Failure {
    code: i32,
    message: String,
}

/// <https://sqlite.org/rescode.html#constraint_primarykey> and the one of `UNIQUE`.
const TAKEN: [i32; 2] = [1555, 2067];

/// SQLite's own code for a use of it that is none.
const MISUSE: i32 = 21;

/// And for what may not be written.
const READ_ONLY: i32 = 8;

impl Failure {
    pub(super) fn read_only() -> Self {
        Self { code: READ_ONLY, message: "attempt to write a readonly database".to_owned() }
    }

    /// Nobody uses a database that was closed.
    pub(super) fn closed() -> Self {
        Self { code: MISUSE, message: "it was closed".to_owned() }
    }

    /// Whether somebody else has locked what is needed: the lowest byte is the primary code.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self.code & 0xff, 5 | 6)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, message) => Self {
                code: failure.extended_code,
                message: message.unwrap_or_else(|| failure.to_string()),
            },
            other => Self { code: MISUSE, message: other.to_string() },
        }
    }
}

impl DatabaseError for Failure {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        if TAKEN.contains(&self.code) { ErrorKind::UniqueViolation } else { ErrorKind::Other }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(code: {}) {}", self.code, self.message)
    }
}

impl Error for Failure {}
