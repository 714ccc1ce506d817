//! What the errors of memcached mean, in words that help to mend it.

use std::time::Duration;

use async_memcached::{Error as Driver, ErrorKind, Status};

use crate::error::{StoreError, StoreErrorKind};

/// Why a command has no answer.
pub(super) enum Trouble {
    /// The client's own error, or the server's.
    Driver(Driver),
    /// The time was up.
    Late,
    /// It was up while all connections were in use.
    Busy,
}

impl From<Driver> for Trouble {
    fn from(error: Driver) -> Self {
        Self::Driver(error)
    }
}

impl Trouble {
    pub(super) fn explain(self, place: &str, timeout: Duration) -> StoreError {
        let seconds = timeout.as_secs_f64();
        match self {
            Self::Late => StoreError::new(
                StoreErrorKind::Unavailable,
                format!("{place} did not answer within {seconds} s"),
            ),
            Self::Busy => StoreError::new(
                StoreErrorKind::Unavailable,
                format!("all connections to {place} were busy for {seconds} s"),
            ),
            Self::Driver(error) => {
                let (kind, text) = explain(&error, place);
                StoreError::new(kind, text).with_source(error)
            }
        }
    }
}

fn explain(error: &Driver, place: &str) -> (StoreErrorKind, String) {
    use StoreErrorKind::{Corrupt, Refused, TooLarge, Unavailable};
    match error {
        Driver::Connect(_) => {
            (Unavailable, format!("{place} cannot be reached: does it run, and there?"))
        }
        Driver::Io(_) | Driver::ConnectionClosed => {
            (Unavailable, format!("the connection to {place} broke"))
        }
        Driver::Protocol(Status::Error(ErrorKind::NonexistentCommand)) => {
            (Refused, format!("{place} is too old: memcached 1.6 is needed"))
        }
        Driver::Protocol(Status::Error(ErrorKind::Server(text))) if text.contains("too large") => (
            TooLarge,
            format!(
                "the value is too large for {place}, which dropped the old one: say in the URL \
                 what it takes, ?item_size_max= as its option -I"
            ),
        ),
        Driver::Protocol(Status::Error(ErrorKind::Server(text)))
            if text.contains("out of memory") =>
        {
            (Refused, format!("{place} has no memory left, and may not evict anything (-M)"))
        }
        Driver::Protocol(Status::Error(ErrorKind::Server(_))) => {
            (Unavailable, format!("{place} failed"))
        }
        Driver::Protocol(_) | Driver::ParseError(_) => {
            (Corrupt, format!("{place} answered what is no answer to this"))
        }
    }
}
