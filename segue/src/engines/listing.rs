//! What is stored, live or not, page by page: for the commands that look after sessions.

use jiff::Timestamp;

use super::DatabaseStore;
#[cfg(unix)]
use super::FileStore;
use super::database::DatabasePages;
#[cfg(unix)]
use super::file::FilePages;
use crate::error::StoreError;
use crate::key::SessionKey;

/// How many sessions a page has at the most.
pub(super) const PAGE: usize = 500;

/// A payload that is larger than this comes by itself, by [`Listable::payload`]: so a page needs 16
/// MiB at the most, whatever visitors have put into their sessions.
pub(super) const LARGEST_IN_PAGE: usize = 32 * 1024;

/// How many sessions [`Listable::find`] gives at the most.
pub(super) const MOST_FOUND: usize = 100;

/// A stored session as a list has it. It may have expired, and its payload may be anything.
pub(crate) struct Listed {
    /// Nothing where no cookie can hold what stands in the key's place.
    pub(crate) key: Option<SessionKey>,
    /// Nothing where no date stands in the date's place.
    pub(crate) expires_at: Option<Timestamp>,
    /// How many bytes the payload has.
    pub(crate) size: u64,
    /// Nothing where it was not asked for, or is large.
    pub(crate) payload: Option<Vec<u8>>,
}

/// An engine that can tell which sessions it has.
///
/// `SessionStore` has no such method, because caches cannot tell and cookies are elsewhere; a
/// method that only some engines answer would be a promise that the others break.
#[derive(Clone, Debug)]
pub(crate) enum Listable {
    Database(DatabaseStore),
    #[cfg(unix)]
    File(FileStore),
}

impl Listable {
    /// All sessions, page by page: from a database in the order of their keys, from a folder as it
    /// gives them. Others may write meanwhile; what is there all the time comes once.
    pub(crate) fn pages(&self, with_payloads: bool) -> Pages {
        match self {
            Self::Database(store) => Pages::Database(store.pages(with_payloads)),
            #[cfg(unix)]
            Self::File(store) => Pages::File(store.pages(with_payloads)),
        }
    }

    /// The sessions whose keys begin like this, a hundred at the most.
    pub(crate) async fn find(&self, beginning: &str) -> Result<Vec<Listed>, StoreError> {
        match self {
            Self::Database(store) => store.find(beginning).await,
            #[cfg(unix)]
            Self::File(store) => store.find(beginning).await,
        }
    }

    /// The payload of one session, live or not.
    pub(crate) async fn payload(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Database(store) => store.payload(key).await,
            #[cfg(unix)]
            Self::File(store) => store.payload(key).await,
        }
    }

    /// How many sessions have expired.
    pub(crate) async fn count_expired(&self) -> Result<u64, StoreError> {
        match self {
            Self::Database(store) => store.count_expired().await,
            #[cfg(unix)]
            Self::File(store) => store.count_expired().await,
        }
    }
}

/// A list that is under way.
pub(crate) enum Pages {
    Database(DatabasePages),
    #[cfg(unix)]
    File(FilePages),
}

impl Pages {
    /// The next page; nothing after the last one, or an error where some could not be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Listed>>, StoreError> {
        match self {
            Self::Database(pages) => pages.next().await,
            #[cfg(unix)]
            Self::File(pages) => pages.next().await,
        }
    }
}
