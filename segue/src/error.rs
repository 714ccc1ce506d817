//! What can go wrong: in a store, in the settings, in a request.

mod config;
mod session;
mod store;

pub use config::ConfigError;
pub use session::{SessionError, SessionErrorKind};
pub use store::{StoreError, StoreErrorKind};

/// Any error, boxed, as the cause of one of ours.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error and everything that caused it, on one line: for logs and for the terminal.
///
/// ```
/// use segue::{StoreError, StoreErrorKind};
///
/// let error = StoreError::new(StoreErrorKind::Unavailable, "no answer")
///     .with_source(std::io::Error::other("connection refused"));
/// assert_eq!(segue::describe(&error), "no answer: connection refused");
/// ```
#[must_use]
pub fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
