//! What can go wrong with a password, other than that it is wrong.

use std::error::Error;
use std::fmt;

use crate::error::{AuthError, AuthErrorKind, Cause};

/// A password could not be hashed or checked. That it is wrong is no error: see
/// [`Checked`](super::Checked).
pub struct PasswordError {
    kind: PasswordErrorKind,
    source: Option<Cause>,
}

/// What kind of trouble it is.
///
/// ```
/// use segue::passwords::PasswordErrorKind;
///
/// assert_eq!(PasswordErrorKind::Busy.status(), 503);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PasswordErrorKind {
    /// So many passwords wait to be hashed that this one would wait too long.
    Busy,
    /// `bcrypt` takes 72 bytes at the most.
    TooLong,
    /// The operating system gives no random numbers, or the work was cut off when the server
    /// stopped.
    Failed,
}

impl PasswordErrorKind {
    /// The status code for a visitor.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Busy => 503,
            Self::TooLong => 400,
            Self::Failed => 500,
        }
    }
}

impl PasswordError {
    pub(super) fn new(kind: PasswordErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(super) fn failed(source: impl Into<Cause>) -> Self {
        Self { kind: PasswordErrorKind::Failed, source: Some(source.into()) }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> PasswordErrorKind {
        self.kind
    }
}

impl From<PasswordError> for AuthError {
    fn from(error: PasswordError) -> Self {
        let kind = match error.kind {
            PasswordErrorKind::Busy => AuthErrorKind::Busy,
            PasswordErrorKind::TooLong => AuthErrorKind::PasswordTooLong,
            PasswordErrorKind::Failed => AuthErrorKind::UsersFailed,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            PasswordErrorKind::Busy => {
                "too many passwords wait to be hashed; try again in a few seconds, or raise \
                 PASSWORD_HASHING_LIMIT where there are processors to spare"
            }
            PasswordErrorKind::TooLong => {
                "the hasher bcrypt takes passwords of 72 bytes at the most; bcrypt_sha256 takes \
                 longer ones"
            }
            PasswordErrorKind::Failed => "the password could not be hashed",
        })
    }
}

impl fmt::Debug for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordError")
            .field("kind", &self.kind)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for PasswordError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
