//! What a place for sessions must be able to do.

mod any;
mod guarantees;
mod memo;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;

use crate::error::StoreError;
use crate::key::SessionKey;

pub use any::AnyStore;
pub use guarantees::{Guarantees, Payload};
use memo::Memo;

/// A stored session as an engine sees it: opaque bytes, a deadline, and what compare-and-swap needs.
///
/// ```
/// use segue::{Record, Timestamp};
///
/// let record = Record::new(*b"payload", Timestamp::UNIX_EPOCH).with_version(7);
/// assert_eq!((record.payload(), record.version()), (b"payload".as_slice(), Some(7)));
/// assert!(!format!("{record:?}").contains("payload\""), "the payload does not show");
/// ```
#[derive(Clone)]
pub struct Record {
    payload: Arc<[u8]>,
    expires_at: Timestamp,
    version: Option<u64>,
    memo: Option<Memo>,
}

impl Record {
    /// A record of these bytes, live until `expires_at`.
    pub fn new(payload: impl Into<Arc<[u8]>>, expires_at: Timestamp) -> Self {
        Self { payload: payload.into(), expires_at, version: None, memo: None }
    }

    /// Adds the store's own version of the record, where it has one (memcached's `cas`).
    ///
    /// Only a hint: a record that was built from what has just been saved comes without it, so an
    /// engine must be able to compare the payload.
    #[must_use]
    pub fn with_version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// The session, encoded.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// As [`payload`](Self::payload), to be kept without a copy.
    pub(crate) fn shared_payload(&self) -> &Arc<[u8]> {
        &self.payload
    }

    /// As [`new`](Self::new), with another deadline and without a version.
    pub(crate) fn until(&self, expires_at: Timestamp) -> Self {
        Self { payload: Arc::clone(&self.payload), expires_at, version: None, memo: None }
    }

    /// A record that is read more than once: what the first reader makes of the payload is there for the
    /// next, and in the clones.
    pub(crate) fn remembering(self) -> Self {
        Self { memo: Some(Memo::default()), ..self }
    }

    /// The same with another deadline, and with what was made of it.
    pub(crate) fn ending(self, expires_at: Timestamp) -> Self {
        Self { expires_at, ..self }
    }

    pub(crate) fn memo(&self) -> Option<&Memo> {
        self.memo.as_ref()
    }

    /// When the session ends.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The store's own version, if it gave one.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.version
    }
}

/// What was made of a payload is no part of it.
impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        let Self { payload, expires_at, version, memo: _ } = self;
        *payload == other.payload && *expires_at == other.expires_at && *version == other.version
    }
}

impl Eq for Record {}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("expires_at", &self.expires_at)
            .field("version", &self.version)
            .finish()
    }
}

/// The outcome of a compare-and-swap. Not an error: both refusals happen in a healthy system.
///
/// ```
/// use segue::{Replaced, SessionStore as _, SignedDuration, Timestamp, engines::MemoryStore};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (store, later) = (MemoryStore::new(), Timestamp::now() + SignedDuration::from_hours(1));
/// let key = store.create(b"one", later).await?;
/// let seen = store.load(&key).await?.unwrap();
/// let saved = Replaced::Saved(key.clone());
/// assert_eq!(store.replace(&key, &seen, b"two", later).await?, saved);
/// assert_eq!(store.replace(&key, &seen, b"three", later).await?, Replaced::Conflict);
/// store.delete(&key).await?;
/// assert_eq!(store.replace(&key, &seen, b"four", later).await?, Replaced::Gone);
/// # Ok::<(), segue::StoreError>(()) }).unwrap();
/// ```
#[must_use = "a refused save has saved nothing"]
#[allow(
    clippy::exhaustive_enums,
    reason = "a swap has these outcomes; a fourth would be another contract"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It is saved; under this key from now on.
    Saved(SessionKey),
    /// Somebody else saved first: load again, and try on what they left.
    Conflict,
    /// There is no such live session (any more). Nothing was written.
    Gone,
}

/// How far a clean-up of expired sessions has come.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Sessions removed so far.
    pub removed: u64,
    /// Sessions that had expired when the clean-up began, where the store can tell.
    pub expected: Option<u64>,
}

impl Cleared {
    /// Progress to be reported.
    #[must_use]
    pub fn new(removed: u64, expected: Option<u64>) -> Self {
        Self { removed, expected }
    }
}

/// A place where sessions live: one file to add an engine, inside this crate or outside it.
///
/// # Contract
/// - `create` is the only way to a new record. No other method may make one, not even for an
///   instant: a session that was ended stays ended.
/// - A record is *live* while its deadline lies in the future. What is not live is as good as
///   absent to `load`, `replace` and `touch`, whether it was cleaned up or not.
/// - A deadline in the past is a valid one. `replace` with it and with the payload that was seen
///   ends the session, if nobody changed it meanwhile; where others write beside us who do not
///   look at the deadline, the record must be gone then. That is how a session is moved to another
///   key without losing a write.
/// - A store that cannot tell (down, slow, full) answers with an error, never with "absent".
/// - Every method may be cancelled at any `await` and then has done its work or has not.
///
/// An engine that cannot keep all of this, because sessions live in the cookie for example, says so
/// in its [`Guarantees`]. There are no default bodies, so that no engine keeps less than this by
/// accident, but for `load_now`, which only saves time. `segue::testing::check_store` runs the
/// contract against an engine;
/// `segue/examples/own_engine.rs` is an engine in one file.
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// What this engine promises, and how it wants sessions encoded.
    fn guarantees(&self) -> Guarantees;

    /// The live record of this key, if there is one.
    ///
    /// # Errors
    /// When the store cannot tell.
    fn load(
        &self,
        key: &SessionKey,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;

    /// What [`load`](Self::load) would answer, where that takes no longer than to ask for it: an engine in
    /// this process needs no future. Nothing where `load` has to be asked, as by default.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        let _ = key;
        None
    }

    /// Stores a new record under a key that nobody had, and gives the key.
    ///
    /// # Errors
    /// When the store cannot keep it.
    fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<SessionKey, StoreError>> + Send;

    /// Stores a new payload if the record is still the one that was `seen`.
    ///
    /// # Errors
    /// When the store cannot keep it.
    fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<Replaced, StoreError>> + Send;

    /// Moves the deadline if the record is still the one that was `seen`: somebody who changed it
    /// may have given it another.
    ///
    /// # Errors
    /// When the store cannot tell.
    fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<Replaced, StoreError>> + Send;

    /// Removes a record. That there was none is success.
    ///
    /// # Errors
    /// When the store cannot tell.
    fn delete(&self, key: &SessionKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the records that are not live, in batches, and counts them.
    ///
    /// Between two batches others get to write, and `on_batch` is told how far it has come.
    ///
    /// Where they go by themselves it does nothing.
    ///
    /// # Errors
    /// When the store fails, and [`StoreErrorKind::Unsupported`](crate::StoreErrorKind) where
    /// records cannot be listed and do not go by themselves.
    fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
