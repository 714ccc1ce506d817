//! A cache in this process.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cache::{Cache, Swapped};
use crate::clock::Clock;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::lru::{Lru, Op};
use crate::store::Record;

/// A cache in this process, gone with it, and seen by no other one: for tests, and for services
/// that are one process.
///
/// It holds so many entries and no more: what was not used for the longest time goes first.
/// Clones share the entries.
///
/// ```
/// use segue::caches::MemoryCache;
/// use segue::{Cache as _, SignedDuration, Swapped, Timestamp};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (cache, later) = (MemoryCache::new(10_000), Timestamp::now() + SignedDuration::from_hours(1));
/// assert!(cache.add("name", b"one", later).await?);
/// assert!(!cache.add("name", b"two", later).await?);
/// let seen = cache.get("name").await?.unwrap();
/// assert_eq!(cache.swap("name", &seen, b"two", later).await?, Swapped::Stored);
/// assert_eq!(cache.swap("name", &seen, b"three", later).await?, Swapped::Conflict);
/// # Ok::<(), segue::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryCache {
    /// By the digests of their names, which need no memory of their own.
    entries: Arc<Lru<Digest, Record>>,
    clock: Clock,
}

impl MemoryCache {
    /// An empty cache for so many entries.
    #[must_use]
    pub fn new(max_entries: u64) -> Self {
        Self::with_clock(max_entries, Clock::system())
    }

    /// An empty cache in which entries expire by this clock.
    #[must_use]
    pub fn with_clock(max_entries: u64, clock: Clock) -> Self {
        Self { entries: Arc::new(Lru::new(max_entries)), clock }
    }

    fn is_live(&self, record: &Record) -> bool {
        record.expires_at() > self.clock.now()
    }

    fn find(&self, name: &str) -> Option<Record> {
        self.decide(Digest::of(name.as_bytes()), |live| match live {
            Some(record) => (Op::Keep, Some(record.clone())),
            None => (Op::Remove, None),
        })
    }

    /// What to do with the live entry of a name, decided and done while nobody else can touch it.
    fn decide<T>(
        &self,
        name: Digest,
        decide: impl FnOnce(Option<&Record>) -> (Op<Record>, T),
    ) -> T {
        let live = |record: &&Record| self.is_live(record);
        self.entries.decide(name, |record| decide(record.filter(live)))
    }
}

impl Cache for MemoryCache {
    async fn get(&self, name: &str) -> Result<Option<Record>, StoreError> {
        Ok(self.find(name))
    }

    fn get_now(&self, name: &str) -> Option<Result<Option<Record>, StoreError>> {
        Some(Ok(self.find(name)))
    }

    async fn add(
        &self,
        name: &str,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (name, record) = (Digest::of(name.as_bytes()), Record::new(value, expires_at));
        self.entries.tidy(name, |record| !self.is_live(record));
        Ok(self.decide(name, |current| match current {
            Some(_) => (Op::Keep, false),
            None if self.is_live(&record) => (Op::Put(record), true),
            None => (Op::Remove, true),
        }))
    }

    async fn swap(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<Swapped, StoreError> {
        let (name, record) = (Digest::of(name.as_bytes()), Record::new(value, expires_at));
        Ok(self.decide(name, |current| match current {
            None => (Op::Remove, Swapped::Gone),
            Some(current) if current.payload() != seen.payload() => (Op::Keep, Swapped::Conflict),
            Some(_) if self.is_live(&record) => (Op::Put(record), Swapped::Stored),
            Some(_) => (Op::Remove, Swapped::Stored),
        }))
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.entries.remove(Digest::of(name.as_bytes()));
        Ok(())
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache").field("entries", &self.entries.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    /// Nobody asks for it any more, and it may be somebody's session.
    #[tokio::test]
    async fn what_has_expired_does_not_stay() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let cache = MemoryCache::with_clock(1000, clock.clone());
        let in_a_minute = || clock.now() + SignedDuration::from_mins(1);
        for number in 0..10 {
            assert!(cache.add(&format!("old {number}"), b"old", in_a_minute()).await.unwrap());
        }
        clock.advance(SignedDuration::from_mins(1));
        assert_eq!(cache.get("old 0").await.unwrap(), None);
        assert_eq!(cache.entries.len(), 9, "it is removed when it is asked for");
        for number in 0..5 {
            assert!(cache.add(&format!("new {number}"), b"new", in_a_minute()).await.unwrap());
        }
        assert_eq!(cache.entries.len(), 5, "the others when new ones come");
    }
}
