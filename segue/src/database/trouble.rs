//! What a driver's error means, in words that help to mend it.

use std::error::Error;
use std::fmt;

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
use crate::lane::NoAnswer;

/// Too many statements wait already.
#[derive(Debug)]
struct Overload;

impl fmt::Display for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many statements wait")
    }
}

impl Error for Overload {}

impl From<NoAnswer> for sqlx::Error {
    fn from(reason: NoAnswer) -> Self {
        match reason {
            NoAnswer::Full => Self::Configuration(Overload.into()),
            NoAnswer::Lost => Self::WorkerCrashed,
        }
    }
}

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
        if let sqlx::Error::Configuration(error) = error
            && error.is::<Overload>()
        {
            let waiting = self.options.queue;
            return (
                StoreErrorKind::Unavailable,
                format!(
                    "{waiting} statements wait for the database {name}, and one more may not: it is \
                     too slow for what is asked of it, or DATABASE_QUEUE is too low"
                ),
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

/// The connection ended, and with it the statement; perhaps the server has said why.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) fn is_over(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => is_farewell(&**error),
        _ => false,
    }
}

/// So a server says that it closes the connection.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn is_farewell(error: &dyn sqlx::error::DatabaseError) -> bool {
    #[cfg(feature = "mysql")]
    if let Some(number) = mysql::number(error) {
        return mysql::is_farewell(number);
    }
    #[cfg(feature = "postgres")]
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return error.code().is_some_and(|code| postgres::is_farewell(&code));
    }
    let _ = error;
    false
}

/// How often something was read in vain on connections that the server had closed since they were last
/// used. To read again does no harm.
#[cfg(any(feature = "postgres", feature = "mysql"))]
#[derive(Default)]
pub(super) struct Rereads(u32);

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl Rereads {
    /// Whether it is worth another try, on another connection.
    pub(super) fn may_follow(&mut self, error: &sqlx::Error) -> bool {
        self.0 += 1;
        self.0 <= 3 && is_over(error)
    }
}

/// Of two statements that waited for each other this one was undone, and may be tried again.
#[cfg(any(feature = "postgres", feature = "mysql"))]
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
