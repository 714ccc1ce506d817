//! What a store says when it cannot do its work.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A store could not do what it was asked: what happened, and how to mend it.
///
/// That a session does not exist, or was changed meanwhile, is no error: see
/// [`Replaced`](crate::Replaced). The driver's own error is the [`source`](Error::source). Clones share
/// it: many may wait for one answer.
///
/// ```
/// use segue::{StoreError, StoreErrorKind};
///
/// let error = StoreError::new(StoreErrorKind::Unavailable, "the server does not answer");
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// assert_eq!(error.to_string(), "the server does not answer");
/// ```
#[derive(Clone)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What kind of trouble a store is in.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// It does not answer, or not in time: trying again later may help.
    Unavailable,
    /// It answers and refuses: read-only, full, no permission, table missing. An operator must act.
    Refused,
    /// It holds something that no session store wrote.
    Corrupt,
    /// The session is larger than this store takes: a cookie has 4096 bytes, memcached 1 MiB.
    TooLarge,
    /// This engine cannot do that at all.
    Unsupported,
}

impl StoreError {
    /// An error of this kind, with a message that says what happened and how to mend it.
    pub fn new(kind: StoreErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
