//! What can go wrong: in a store, in the settings, in a request.

#[cfg(feature = "auth")]
mod auth;
mod config;
mod session;
mod store;

#[cfg(feature = "auth")]
pub use auth::{AuthError, AuthErrorKind};
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
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |error| error.source()) {
        let cause = cause.to_string();
        // Some errors say their cause themselves.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
