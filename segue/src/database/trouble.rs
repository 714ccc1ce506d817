//! What a driver's error means, in words that help to mend it.

use super::Database;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::connections::IsReplica;
#[cfg(feature = "mysql")]
use super::mysql;
use super::pools::Pools;
#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "sqlite")]
use super::sqlite;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::words;
use crate::error::{StoreError, StoreErrorKind};

impl Database {
    pub(super) fn error(&self, error: sqlx::Error) -> StoreError {
        let (kind, message) = self.explain(&error);
        let explained = StoreError::new(kind, message);
        // That nothing came in time is all there is to say.
        if matches!(error, sqlx::Error::PoolTimedOut) && self.limit.is_some() {
            return explained;
        }
        explained.with_source(error)
    }

    fn explain(&self, error: &sqlx::Error) -> (StoreErrorKind, String) {
        let name = &*self.name;
        if let sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) = error {
            return (
                StoreErrorKind::Corrupt,
                format!("a row in {name} holds what Django did not write"),
            );
        }
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => sqlite::explain(error, name),
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => error
                .as_database_error()
                .and_then(|error| postgres::explain(&error.code()?, name))
                .unwrap_or_else(|| self.explain_connection(error)),
            #[cfg(feature = "mysql")]
            Pools::MySql(_) => error
                .as_database_error()
                .and_then(|error| mysql::explain(mysql::number(error)?, name))
                .unwrap_or_else(|| self.explain_connection(error)),
        }
    }

    /// What is wrong with a connection to a server.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    fn explain_connection(&self, error: &sqlx::Error) -> (StoreErrorKind, String) {
        use StoreErrorKind::{Refused, Unavailable};
        let name = &*self.name;
        match error {
            sqlx::Error::Configuration(error) if error.is::<IsReplica>() => {
                (Refused, words::read_only(name))
            }
            sqlx::Error::PoolTimedOut => {
                let seconds = self.limit.unwrap_or_default().as_secs_f64();
                (
                    Unavailable,
                    format!(
                        "the database {name} did not answer within {seconds} s: is the server up \
                         and reachable, and has it connections to spare?"
                    ),
                )
            }
            sqlx::Error::Tls(_) => (Refused, words::unsafe_connection(name)),
            // So the drivers say that the handshake failed.
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                (Refused, words::unsafe_connection(name))
            }
            sqlx::Error::Io(_) => (Unavailable, format!("no connection to the database {name}")),
            _ => (Unavailable, format!("the database {name} failed")),
        }
    }
}

/// Of two statements that waited for each other this one was undone, and may be tried again.
pub(super) fn is_deadlock(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    #[cfg(feature = "mysql")]
    if let Some(number) = mysql::number(error) {
        return mysql::is_deadlock(number);
    }
    #[cfg(feature = "postgres")]
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return error.code().is_some_and(|code| postgres::is_deadlock(&code));
    }
    let _ = error;
    false
}
