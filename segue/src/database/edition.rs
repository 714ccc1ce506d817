//! Whether others have changed the database.

use super::Database;
use super::pools::Pools;
#[cfg(feature = "sqlite")]
use super::sqlite::{FileEdition, Sqlite};

/// How it can be known that others have changed the database.
#[cfg_attr(
    not(all(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code, reason = "a build for some of them has not all of these")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coherence {
    /// It can be asked at any time: [`Database::edition`].
    Editions,
    /// It can be listened to: `Database::news`.
    News,
    Unknown,
}

/// A state of the database, which others than this process bring to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edition {
    #[cfg(feature = "sqlite")]
    File(FileEdition),
}

impl Database {
    /// How it can be known that others have changed it.
    pub(crate) fn coherence(&self) -> Coherence {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(Sqlite::Own(_)) => Coherence::Editions,
            // Whose connections are all alike: each takes what another has written for somebody else's.
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(Sqlite::Theirs(_)) => Coherence::Unknown,
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => Coherence::News,
            #[cfg(feature = "mysql")]
            Pools::MySql(_) => Coherence::Unknown,
        }
    }

    /// Its state now; nothing while this process writes itself, and where it cannot be told at once.
    pub(crate) fn edition(&self) -> Option<Edition> {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(sqlite) => sqlite.edition().map(Edition::File),
            #[allow(unreachable_patterns, reason = "a build for one of them has no other")]
            _ => None,
        }
    }
}
