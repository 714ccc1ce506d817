//! Counters in a cache.

use std::time::Duration;

use jiff::Timestamp;

use crate::cache::{AnyCache, Cache as _, Swapped};
use crate::clock::{Clock, seconds_after};
use crate::error::StoreError;
use crate::store::Record;

/// A refused swap proves that another attempt was counted, so this many are a crowd at one counter.
const MOST_ROUNDS: u32 = 1000;

/// How long a pair of account and address stays known: thirty days, in seconds.
const KNOWN_FOR: i64 = 2_592_000;

/// Counters in a cache. Each is a text, the number and the end of its window in milliseconds since
/// 1970; so a window ends by our clock, and the cache's own deadline only clears up.
#[derive(Clone)]
pub(super) struct Counters {
    cache: AnyCache,
    clock: Clock,
    /// In milliseconds.
    window: i64,
}

/// A counter, and how far it may count.
pub(super) struct Limit {
    pub(super) name: String,
    pub(super) most: u32,
    /// Where something stands under this name, the counter is not asked.
    pub(super) spared_by: Option<String>,
}

/// An attempt in a counter.
pub(super) struct Taken {
    name: String,
    /// The window that it was counted in.
    ends: i64,
}

/// Why an attempt was not counted.
pub(super) enum Refusal {
    /// As many as may have failed, until this time has passed.
    Full(Duration),
    Failed(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// A counter as it was seen.
struct Count {
    record: Option<Record>,
    number: u32,
    ends: i64,
}

impl Counters {
    pub(super) fn new(cache: AnyCache, clock: Clock, window: Duration) -> Self {
        let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX / 4);
        Self { cache, clock, window }
    }

    /// Counts an attempt in each of these, or in none: one that is refused makes no entry.
    pub(super) async fn take(&self, limits: Vec<Limit>) -> Result<Vec<Taken>, Refusal> {
        let mut seen = Vec::with_capacity(limits.len());
        let mut longest = None;
        for limit in limits {
            let count = self.look(&limit.name).await?;
            if count.number < limit.most {
                seen.push((limit, count));
            } else if !self.is_spared(&limit).await? {
                longest = longest.max(Some(self.left(&count)));
            }
        }
        if let Some(wait) = longest {
            return Err(Refusal::Full(wait));
        }
        let mut taken = Vec::with_capacity(seen.len());
        for (limit, count) in seen {
            match self.take_one(limit, count).await {
                Ok(one) => taken.push(one),
                Err(Refusal::Full(wait)) => {
                    self.give_back(&taken).await?;
                    return Err(Refusal::Full(wait));
                }
                Err(failed) => return Err(failed),
            }
        }
        Ok(taken)
    }

    /// Takes attempts back out of their counters, if their window has not ended.
    pub(super) async fn give_back(&self, taken: &[Taken]) -> Result<(), StoreError> {
        for one in taken {
            for _ in 0..MOST_ROUNDS {
                let count = self.look(&one.name).await?;
                let Some(record) = count.record.filter(|_| count.ends == one.ends) else { break };
                let number = count.number.saturating_sub(1);
                let until = if number == 0 { Timestamp::UNIX_EPOCH } else { deadline(count.ends) };
                let value = write(number, count.ends);
                match self.cache.swap(&one.name, &record, value.as_bytes(), until).await? {
                    Swapped::Stored | Swapped::Gone => break,
                    Swapped::Conflict => {}
                }
            }
        }
        Ok(())
    }

    /// Begins a counter anew.
    pub(super) async fn forget(&self, name: &str) -> Result<(), StoreError> {
        self.cache.delete(name).await
    }

    /// Leaves a sign under a name of [`Limit::spared_by`].
    pub(super) async fn know(&self, name: &str) -> Result<(), StoreError> {
        let until = seconds_after(self.clock.now(), KNOWN_FOR);
        self.cache.add(name, b"1", until).await.map(drop)
    }

    async fn take_one(&self, limit: Limit, mut seen: Count) -> Result<Taken, Refusal> {
        for _ in 0..MOST_ROUNDS {
            if seen.number >= limit.most {
                return Err(Refusal::Full(self.left(&seen)));
            }
            let value = write(seen.number + 1, seen.ends);
            let (value, until) = (value.as_bytes(), deadline(seen.ends));
            let stored = match &seen.record {
                None => self.cache.add(&limit.name, value, until).await?,
                Some(record) => {
                    self.cache.swap(&limit.name, record, value, until).await? == Swapped::Stored
                }
            };
            if stored {
                return Ok(Taken { name: limit.name, ends: seen.ends });
            }
            seen = self.look(&limit.name).await?;
        }
        Err(Refusal::Full(Duration::from_secs(1)))
    }

    /// The counter as it is now. A window that has ended counts for nothing, and neither does one
    /// that a wrong clock made to last for ever.
    async fn look(&self, name: &str) -> Result<Count, StoreError> {
        let now = self.clock.now().as_millisecond();
        let record = self.cache.get(name).await?;
        let found = record.as_ref().and_then(|record| read(record.payload()));
        let found = found.filter(|(_, ends)| *ends > now && *ends <= now + 2 * self.window);
        let (number, ends) = found.unwrap_or((0, now + self.window));
        Ok(Count { record, number, ends })
    }

    async fn is_spared(&self, limit: &Limit) -> Result<bool, StoreError> {
        match &limit.spared_by {
            Some(name) => Ok(self.cache.get(name).await?.is_some()),
            None => Ok(false),
        }
    }

    fn left(&self, count: &Count) -> Duration {
        let millis = count.ends - self.clock.now().as_millisecond();
        Duration::from_millis(millis.max(0).unsigned_abs())
    }
}

fn deadline(ends: i64) -> Timestamp {
    Timestamp::from_millisecond(ends).unwrap_or(Timestamp::MAX)
}

fn write(number: u32, ends: i64) -> String {
    format!("{number} {ends}")
}

fn read(value: &[u8]) -> Option<(u32, i64)> {
    let (number, ends) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    Some((number.parse().ok()?, ends.parse().ok()?))
}
