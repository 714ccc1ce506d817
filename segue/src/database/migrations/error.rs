//! What can go wrong with migrations.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::error::{Cause, StoreError, StoreErrorKind};

/// Migrations are not as they must be, or could not be applied: what happened, what of it has
/// happened nevertheless, and how to go on.
pub struct MigrationError {
    kind: MigrationErrorKind,
    message: Cow<'static, str>,
    source: Option<Cause>,
}

/// What kind of trouble it is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MigrationErrorKind {
    /// An app, a migration or its file is not as it must be.
    Invalid,
    /// There is no such app or migration, or there are several.
    Unknown,
    /// A migration is applied and one before it is not. Django's `InconsistentMigrationHistory`.
    Inconsistent,
    /// A migration does not say how it is undone. Django's `IrreversibleError`.
    Irreversible,
    /// What was asked for cannot be done on this database, or with an app of Django's.
    Refused,
    /// A statement of a migration failed.
    Failed,
    /// The database is in trouble, or holds what stands in the way.
    Database,
}

impl MigrationError {
    pub(super) fn new(kind: MigrationErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(super) fn with_source(mut self, source: impl Into<Cause>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> MigrationErrorKind {
        self.kind
    }

    /// As those say it who only want to know whether the database works.
    pub(super) fn into_store_error(self) -> StoreError {
        let refused = StoreError::new(StoreErrorKind::Refused, self.message);
        let Some(source) = self.source else { return refused };
        match source.downcast::<StoreError>() {
            Ok(error) => *error,
            Err(source) => refused.with_source(source),
        }
    }
}

/// The store's words are its own.
impl From<StoreError> for MigrationError {
    fn from(error: StoreError) -> Self {
        Self::new(MigrationErrorKind::Database, error.to_string()).with_source(error)
    }
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigrationError")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for MigrationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
