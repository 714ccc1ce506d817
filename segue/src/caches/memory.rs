//! A cache in this process.

use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use moka::Expiry;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Moka;

use crate::cache::{Cache, Swapped};
use crate::clock::Clock;
use crate::error::StoreError;
use crate::store::Record;

/// A hundred years.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

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
    entries: Moka<String, Record>,
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
        let entries = Moka::builder()
            .max_capacity(max_entries)
            // The default policy may refuse what is new, and a new session would be gone at once.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(Deadlines(clock.clone()))
            .build();
        Self { entries, clock }
    }

    fn is_live(&self, record: &Record) -> bool {
        record.expires_at() > self.clock.now()
    }

    /// What to do with the entry of a name, decided and done while nobody else can touch it.
    ///
    /// A removal goes this way as well: moka's `invalidate` does not wait for a decision that is
    /// under way, which would then put the entry back.
    fn decide<T>(
        &self,
        name: &str,
        decide: impl FnOnce(Option<Record>) -> (Op<Record>, T),
    ) -> Option<T> {
        let mut outcome = None;
        self.entries.entry_by_ref(name).and_compute_with(|entry| {
            let record = entry.map(moka::Entry::into_value);
            let (op, decided) = decide(record.filter(|record| self.is_live(record)));
            outcome = Some(decided);
            op
        });
        // Always something: the closure has run exactly once.
        outcome
    }
}

impl Cache for MemoryCache {
    async fn get(&self, name: &str) -> Result<Option<Record>, StoreError> {
        Ok(self.entries.get(name).filter(|record| self.is_live(record)))
    }

    async fn add(
        &self,
        name: &str,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let record = Record::new(value, expires_at);
        let added = self.decide(name, |current| match current {
            Some(_) => (Op::Nop, false),
            None if self.is_live(&record) => (Op::Put(record), true),
            None => (Op::Nop, true),
        });
        Ok(added.unwrap_or(false))
    }

    async fn swap(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<Swapped, StoreError> {
        let record = Record::new(value, expires_at);
        let swapped = self.decide(name, |current| match current {
            None => (Op::Nop, Swapped::Gone),
            Some(current) if current.payload() != seen.payload() => (Op::Nop, Swapped::Conflict),
            Some(_) if self.is_live(&record) => (Op::Put(record), Swapped::Stored),
            Some(_) => (Op::Remove, Swapped::Stored),
        });
        Ok(swapped.unwrap_or(Swapped::Gone))
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.decide(name, |_| (Op::Remove, ()));
        Ok(())
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache").field("entries", &self.entries.entry_count()).finish()
    }
}

/// Lets moka tidy up what has expired; whether an entry is live is decided by its own deadline.
struct Deadlines(Clock);

impl Deadlines {
    /// Nothing for what outlives us: moka's clock has an end.
    fn left(&self, record: &Record) -> Option<Duration> {
        let left = record.expires_at().duration_since(self.0.now());
        let left = Duration::try_from(left).unwrap_or_default();
        (left < CENTURY).then_some(left)
    }
}

impl Expiry<String, Record> for Deadlines {
    fn expire_after_create(&self, _: &String, record: &Record, _: Instant) -> Option<Duration> {
        self.left(record)
    }

    fn expire_after_update(
        &self,
        _: &String,
        record: &Record,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.left(record)
    }
}
