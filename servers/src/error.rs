//! Why a server is not there.

use std::fmt;

/// Why a server could not be started or told something, with the end of its log.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    text: String,
}

/// What everything here returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// For `map_err`: what was tried, and why it failed.
    pub(crate) fn of<E: fmt::Display>(tried: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self::new(format!("cannot {tried}: {error}"))
    }

    /// Whether somebody else took the port between our look and the server's.
    pub(crate) fn is_port_taken(&self) -> bool {
        self.text.contains("already in use")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The same text: this is what a test that unwraps shows, and a log is to be read as lines.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
