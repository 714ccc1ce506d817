//! What can go wrong with users and their login.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{Cause, SessionError, StoreError};

/// It cannot be told who the visitor is, or the visitor cannot be logged in or out now.
///
/// Handlers return it with `?`. As a response it is a 503 where the users cannot be asked, a 403
/// where a backend denies, and what the session's own error is where that failed. That a password
/// is wrong is no error.
///
/// ```
/// use segue::{AuthError, AuthErrorKind};
///
/// let error = AuthError::new(AuthErrorKind::UsersFailed, "the directory does not answer");
/// assert_eq!(error.kind().status(), 503);
/// ```
#[derive(Clone)]
pub struct AuthError {
    kind: AuthErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    session: Option<SessionError>,
}

/// What kind of trouble it is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthErrorKind {
    /// The place where the users are could not be asked, or refused.
    UsersFailed,
    /// So many passwords are being checked that this one was not.
    Busy,
    /// The hasher that is preferred does not take so long a password.
    PasswordTooLong,
    /// A user cannot be stored like this: the name is empty, or a text is too long or holds a NUL.
    InvalidUser,
    /// A backend knows the visitor and does not let them in, and no other one is to be asked.
    /// Django's `PermissionDenied`.
    PermissionDenied,
    /// The session could not be loaded or saved.
    Session,
    /// The middleware is missing, stands in the wrong place, or has other users.
    Middleware,
}

impl AuthErrorKind {
    /// The status code of the response; of [`Session`](Self::Session) it is that of the session's
    /// error.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::UsersFailed | Self::Busy | Self::Session => 503,
            Self::PasswordTooLong | Self::InvalidUser => 400,
            Self::PermissionDenied => 403,
            Self::Middleware => 500,
        }
    }
}

impl AuthError {
    /// An error of this kind, with a message that says what happened and how to mend it.
    pub fn new(kind: AuthErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None, session: None }
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Cause>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// The session's error, where it is one.
    #[must_use]
    pub fn session(&self) -> Option<&SessionError> {
        self.session.as_ref()
    }
}

impl From<SessionError> for AuthError {
    fn from(error: SessionError) -> Self {
        let message = error.to_string();
        Self { session: Some(error), ..Self::new(AuthErrorKind::Session, message) }
    }
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::new(AuthErrorKind::UsersFailed, "the users' database failed").with_source(error)
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthError")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.session {
            Some(session) => session.source(),
            None => self.source.as_ref().map(|source| &**source as _),
        }
    }
}
