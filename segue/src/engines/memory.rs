//! Sessions in this process: the reference engine.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::clock::Clock;
use crate::error::StoreError;
use crate::key::SessionKey;
use crate::store::{Cleared, Guarantees, Payload, Record, Replaced, SessionStore};

/// Sessions in this process, gone with it: for tests and small services, and the engine to imitate
/// when writing another.
///
/// Clones share the sessions. Expired ones stay in memory until they are cleared.
///
/// ```
/// use segue::engines::MemoryStore;
/// use segue::{Clock, SessionStore as _, SignedDuration};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let clock = Clock::fixed(segue::Timestamp::UNIX_EPOCH);
/// let store = MemoryStore::with_clock(clock.clone());
/// let key = store.create(b"{}", clock.now() + SignedDuration::from_secs(60)).await?;
/// assert_eq!(store.load(&key).await?.unwrap().payload(), b"{}");
/// clock.advance(SignedDuration::from_secs(60));
/// assert_eq!(store.load(&key).await?, None);
/// assert_eq!(store.clear_expired(&|_| {}).await?, 1);
/// # Ok::<(), segue::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    records: Arc<Mutex<HashMap<SessionKey, Record>>>,
    clock: Clock,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store in which sessions expire by this clock.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    /// How many records there are, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn records(&self) -> MutexGuard<'_, HashMap<SessionKey, Record>> {
        // No code that holds the lock can leave a record half written.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &SessionKey) -> Option<Record> {
        let record = self.records().get(key).cloned();
        record.filter(|record| self.is_live(record))
    }

    fn is_live(&self, record: &Record) -> bool {
        record.expires_at() > self.clock.now()
    }
}

impl SessionStore for MemoryStore {
    fn guarantees(&self) -> Guarantees {
        // Nobody else reads it: to sign and to compress it would be work for nothing.
        Guarantees::full().with_payload(Payload::Json)
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        Ok(self.find(key))
    }

    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        Some(Ok(self.find(key)))
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        loop {
            let key = SessionKey::generate()?;
            let mut records = self.records();
            if !records.contains_key(&key) {
                records.insert(key.clone(), Record::new(payload, expires_at));
                return Ok(key);
            }
        }
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let mut records = self.records();
        Ok(match records.get_mut(key) {
            Some(record) if self.is_live(record) => {
                if record.payload() == seen.payload() {
                    *record = Record::new(payload, expires_at);
                    Replaced::Saved(key.clone())
                } else {
                    Replaced::Conflict
                }
            }
            _ => Replaced::Gone,
        })
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.replace(key, seen, seen.payload(), expires_at).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.records().remove(key);
        Ok(())
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        let removed = {
            let mut records = self.records();
            let before = records.len();
            records.retain(|_, record| self.is_live(record));
            (before - records.len()) as u64
        };
        on_batch(Cleared::new(removed, Some(removed)));
        Ok(removed)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("records", &self.len()).finish()
    }
}
