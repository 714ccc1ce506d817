//! What SQLite's errors mean.

use sqlx::error::DatabaseError;

use super::PATIENCE;
use crate::error::StoreErrorKind;

/// SQLite's primary code, the lowest byte of its extended one: <https://sqlite.org/rescode.html>
fn code(error: &dyn DatabaseError) -> u32 {
    error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default() & 0xff
}

/// What an error of SQLite means, in words that help to mend it.
pub(in crate::database) fn explain(error: &sqlx::Error, name: &str) -> (StoreErrorKind, String) {
    use StoreErrorKind::{Corrupt, Refused, Unavailable};
    let seconds = PATIENCE.as_secs();
    let sqlx::Error::Database(database) = error else {
        return match error {
            sqlx::Error::PoolTimedOut => {
                (Unavailable, format!("all connections to {name} were busy for {seconds} s"))
            }
            _ => (Unavailable, format!("the database {name} failed")),
        };
    };
    match code(&**database) {
        5 | 6 => (
            Unavailable,
            format!(
                "the database {name} was locked for {seconds} s: another process holds a write \
                 transaction open"
            ),
        ),
        8 => (
            Refused,
            format!(
                "the database {name} is read-only: this process needs write permission on the \
                 file and on its folder"
            ),
        ),
        10 => (Unavailable, format!("the disk under the database {name} failed")),
        11 | 26 => (Corrupt, format!("the file {name} is damaged or not an SQLite database")),
        13 => (Refused, format!("the disk under the database {name} is full")),
        14 => (
            Refused,
            format!(
                "the database {name} cannot be opened: is it a file, is its folder there, may \
                 this process read and write both?"
            ),
        ),
        1 if database.message().starts_with("no such table") => {
            (Refused, format!("the database {name} lacks a table of Django's: run `migrate` first"))
        }
        _ => (Unavailable, format!("the database {name} failed")),
    }
}
