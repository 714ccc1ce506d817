//! What can go wrong with the session of a request.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{Cause, StoreError, StoreErrorKind};

/// A session could not be read or saved.
///
/// Handlers return it with `?`. As a response it is a 503 when the store is down or too busy, a 400
/// when the session was ended by another request meanwhile, a 500 otherwise, and
/// [`SessionLayer::on_error`](crate::SessionLayer::on_error) replaces all of them in one place.
/// Clones share their cause, so that it can stand in the response's extensions too.
#[derive(Clone)]
pub struct SessionError {
    kind: SessionErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    /// A session layer has logged it and made a response of it.
    answered: bool,
}

/// What kind of trouble the session is in.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionErrorKind {
    /// The store could not be reached or refused; the session and its cookie are as they were.
    StoreFailed,
    /// The session was ended while the request ran, by a logout for example, and so the request's
    /// changes were not saved. Django's `SessionInterrupted`.
    Interrupted,
    /// So many requests changed the session at once that this one gave up.
    Contended,
    /// A value could not be turned into JSON, or the stored JSON into the type that was asked for.
    Value,
    /// The session is larger than its store takes; what was stored before is as it was.
    TooLarge,
    /// The stored session holds something that no JSON can show, a `datetime` of Python's for
    /// example: nothing of it is touched, and it is not empty.
    Unreadable,
    /// The middleware is missing or stands in the wrong place.
    Middleware,
}

impl SessionErrorKind {
    /// The status code of the default response.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::StoreFailed | Self::Contended => 503,
            Self::Interrupted => 400,
            Self::Value | Self::TooLarge | Self::Unreadable | Self::Middleware => 500,
        }
    }
}

impl SessionError {
    pub(crate) fn new(kind: SessionErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None, answered: false }
    }

    pub(crate) fn with_source(mut self, source: impl Into<Cause>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn answered(self) -> Self {
        Self { answered: true, ..self }
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answered
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(
            SessionErrorKind::Interrupted,
            "the session was ended before the request completed, by a logout in another request \
             for example; nothing of this request was saved",
        )
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        let (kind, message) = match error.kind() {
            StoreErrorKind::TooLarge => {
                (SessionErrorKind::TooLarge, "the session is too large for its store")
            }
            _ => (SessionErrorKind::StoreFailed, "the session store failed"),
        };
        Self::new(kind, message).with_source(error)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionError")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
