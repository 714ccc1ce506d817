//! A cache in memcached.

mod pool;
mod ring;
mod words;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_memcached::{Error as Driver, MetaValue, Status};
use jiff::Timestamp;
use tokio::time::Instant;

use super::life::{Life, deadline_in};
use crate::cache::{Cache, Swapped};
use crate::error::{ConfigError, StoreError, StoreErrorKind};
use crate::settings::{CacheUrl, MemcachedUrl};
use crate::store::Record;

use pool::{Command, Pool};
use ring::Ring;
use words::Trouble;

/// The longest name that memcached takes.
const LONGEST_NAME: usize = 250;

/// What memcached stores with each value, at the most: `sizeof(item)`, the `cas` token, the flags
/// and the ends of lines.
const OVERHEAD: usize = 64;

/// More seconds than these are a date to memcached: 30 days.
const LONGEST_SPAN: u64 = 30 * 24 * 60 * 60;

/// How often a swap begins anew because others renewed the same value, until that is a conflict.
const ROUNDS: u32 = 8;

/// pymemcache's marks of what a value is (`pymemcache/serde.py`); others are no session's.
const BYTES: u32 = 0;
const PICKLE: u32 = 1;
const TEXT: u32 = 16;

/// A cache in memcached 1.6 or newer, on one server or several.
///
/// - Names are spread over several servers exactly as pymemcache does, and so Django. A server that
///   is down is an error for its names: what was written to another one in its place would be found
///   again when that is asked the next time, although it was replaced or deleted meanwhile.
/// - A few connections to each server, made when they are needed.
/// - Nothing takes longer than the `timeout` of the URL. What was being written when the time was
///   up or the connection broke may be there or not: it is an error, and is not tried again.
/// - Deadlines are whole seconds, rounded up, and end in January 2038 at the latest: memcached
///   counts in 32 bits.
/// - A value that is too large is refused before memcached sees it, which would drop the old one.
///   The limit is 1 MiB; `item_size_max` in the URL says what a server was given as `-I`.
///
/// Clones share the connections. [`CacheUrl`] has the URLs.
///
/// ```no_run
/// use segue::caches::MemcachedCache;
/// use segue::{Cache as _, SignedDuration, Timestamp};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// let cache = MemcachedCache::from_url("memcached://10.0.0.5:11211,10.0.0.6:11211")?;
/// let later = Timestamp::now() + SignedDuration::from_hours(1);
/// assert!(cache.add("name", b"value", later).await?);
/// assert_eq!(cache.get("name").await?.unwrap().payload(), b"value");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemcachedCache(Arc<Inner>);

struct Inner {
    pools: Vec<Pool>,
    ring: Ring,
    timeout: Duration,
    item_size_max: usize,
    url: MemcachedUrl,
}

impl MemcachedCache {
    /// A cache at this URL. It connects when it is first used.
    ///
    /// # Errors
    /// [`ConfigError`] when the URL is none of memcached.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        match CacheUrl::parse(url, Path::new(""))? {
            CacheUrl::Memcached(url) => Ok(Self::open(&url)),
            other => Err(ConfigError::conflict("CACHES", format!("{other:?}"), "memcached://host")),
        }
    }

    /// A cache at a URL that was read already. It connects when it is first used.
    #[must_use]
    pub fn open(url: &MemcachedUrl) -> Self {
        let pools = url.servers.iter().map(|server| Pool::new(server, url.pool.into()));
        Self(Arc::new(Inner {
            pools: pools.collect(),
            ring: Ring::new(&url.servers),
            timeout: url.timeout,
            item_size_max: url.item_size_max,
            url: url.clone(),
        }))
    }

    fn until(&self) -> Instant {
        Instant::now() + self.0.timeout
    }

    /// Sends a command to the server of its name. What the server refuses is an answer.
    async fn run(&self, command: &Command<'_>, until: Instant) -> Result<Answer, StoreError> {
        let pool = self.0.ring.place_of(command.name()).and_then(|place| self.0.pools.get(place));
        let Some(pool) = pool else {
            let text = "memcached:// without a server";
            return Err(StoreError::new(StoreErrorKind::Unsupported, text));
        };
        let trouble = match pool.run(command, until).await {
            Ok(value) => return Ok(Answer::Done(value)),
            Err(Trouble::Driver(Driver::Protocol(Status::NotStored))) => {
                return Ok(Answer::NotStored);
            }
            Err(Trouble::Driver(Driver::Protocol(Status::Exists))) => return Ok(Answer::Changed),
            Err(Trouble::Driver(Driver::Protocol(Status::NotFound))) => return Ok(Answer::Absent),
            Err(trouble) => trouble,
        };
        Err(trouble.explain(pool.place(), self.0.timeout))
    }

    async fn read(&self, name: &str, until: Instant) -> Result<Option<Record>, StoreError> {
        let value = match self.run(&Command::Get { name }, until).await? {
            Answer::Done(Some(value)) => value,
            Answer::Done(None) | Answer::Absent => return Ok(None),
            Answer::NotStored | Answer::Changed => return Err(nonsense()),
        };
        let (Some(flags), Some(left)) = (value.flags, value.ttl_remaining) else {
            return Err(nonsense());
        };
        if ![BYTES, PICKLE, TEXT].contains(&flags) {
            let text = format!(
                "memcached holds something under this name that no session store wrote: its \
                 flags are {flags}"
            );
            return Err(StoreError::new(StoreErrorKind::Corrupt, text));
        }
        let deadline =
            if left < 0 { Timestamp::MAX } else { deadline_in(left.saturating_mul(1000)) };
        let record = Record::new(value.data.unwrap_or_default(), deadline);
        Ok(Some(match value.cas {
            Some(version) => record.with_version(version),
            None => record,
        }))
    }

    /// memcached drops the old value when a new one is too large for it, even where the new one is
    /// only to be added. So it must not see such a one.
    fn check_size(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let most = self.0.item_size_max;
        if name.len() + value.len() + OVERHEAD > most {
            let text = format!(
                "a value of {} bytes is too large for memcached, which takes {most} with what \
                 belongs to it: store less, or raise its option -I and ?item_size_max= in the URL",
                value.len()
            );
            return Err(StoreError::new(StoreErrorKind::TooLarge, text));
        }
        Ok(())
    }
}

/// What a server says to a command.
enum Answer {
    Done(Option<MetaValue>),
    /// There is a value already.
    NotStored,
    /// There is another value than the one that was named.
    Changed,
    Absent,
}

impl Cache for MemcachedCache {
    async fn get(&self, name: &str) -> Result<Option<Record>, StoreError> {
        check_name(name)?;
        self.read(name, self.until()).await
    }

    async fn add(
        &self,
        name: &str,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        check_name(name)?;
        self.check_size(name, value)?;
        let Some(expires) = exptime(expires_at) else {
            return Ok(self.read(name, self.until()).await?.is_none());
        };
        let command = Command::Add { name, value, flags: flags_of(value), expires };
        match self.run(&command, self.until()).await? {
            Answer::Done(_) => Ok(true),
            Answer::NotStored => Ok(false),
            Answer::Changed | Answer::Absent => Err(nonsense()),
        }
    }

    async fn swap(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<Swapped, StoreError> {
        check_name(name)?;
        self.check_size(name, value)?;
        let (expires, until) = (exptime(expires_at), self.until());
        let mut token = seen.version();
        for _ in 0..ROUNDS {
            let version = match token.take() {
                Some(version) => version,
                None => match self.read(name, until).await? {
                    None => return Ok(Swapped::Gone),
                    Some(now) if now.payload() != seen.payload() => return Ok(Swapped::Conflict),
                    Some(now) => now.version().ok_or_else(nonsense)?,
                },
            };
            let command = match expires {
                Some(expires) => {
                    Command::Swap { name, version, value, flags: flags_of(value), expires }
                }
                None => Command::End { name, version },
            };
            match self.run(&command, until).await? {
                Answer::Done(_) => return Ok(Swapped::Stored),
                Answer::Absent => return Ok(Swapped::Gone),
                // Somebody wrote meanwhile, perhaps only another deadline: it is read again, and
                // compared by its bytes.
                Answer::Changed => {}
                Answer::NotStored => return Err(nonsense()),
            }
        }
        Ok(Swapped::Conflict)
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        check_name(name)?;
        match self.run(&Command::Delete { name }, self.until()).await? {
            Answer::Done(_) | Answer::Absent => Ok(()),
            Answer::NotStored | Answer::Changed => Err(nonsense()),
        }
    }
}

impl fmt::Debug for MemcachedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemcachedCache({:?})", self.0.url)
    }
}

/// What pymemcache says of such a value: a pickle begins with the opcode `PROTO`, which no text does.
fn flags_of(value: &[u8]) -> u32 {
    match value.first() {
        Some(0x80) => PICKLE,
        _ if std::str::from_utf8(value).is_ok() => TEXT,
        _ => BYTES,
    }
}

/// A deadline as memcached takes it, or nothing where it has passed.
///
/// Source: `get_backend_timeout` in `django/core/cache/backends/memcached.py`.
fn exptime(deadline: Timestamp) -> Option<u32> {
    let seconds = match Life::until(deadline) {
        Life::Over => return None,
        // 0 would be for ever.
        Life::Millis(millis) => millis.div_ceil(1000),
        Life::Endless => return Some(0),
    };
    let now = || u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let time = if seconds > LONGEST_SPAN { now().saturating_add(seconds) } else { seconds };
    // A larger number would be one in the past to it.
    Some(u32::try_from(time).unwrap_or(u32::MAX).min(i32::MAX.unsigned_abs()))
}

fn check_name(name: &str) -> Result<(), StoreError> {
    // Source: `memcache_key_warnings` in `django/core/cache/backends/base.py`.
    if name.len() > LONGEST_NAME || name.bytes().any(|byte| byte < 33 || byte == 127) {
        let text = "memcached takes names of 250 bytes at most, without spaces and control \
                    characters: choose another KEY_PREFIX";
        return Err(StoreError::new(StoreErrorKind::Unsupported, text));
    }
    Ok(())
}

fn nonsense() -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, "memcached answered what is no answer to this")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn deadlines_are_never_endless_by_accident() {
        let after = |millis| exptime(Timestamp::now() + SignedDuration::from_millis(millis));
        assert_eq!(after(-1), None);
        assert_eq!(after(300), Some(1), "0 would be for ever");
        assert_eq!(after(599_500), Some(600));
        let month = after(30 * 24 * 3600 * 1000 - 500).unwrap();
        assert_eq!(u64::from(month), LONGEST_SPAN);
        let longer = i64::from(after(31 * 24 * 3600 * 1000).unwrap());
        let expected = Timestamp::now().as_second() + 31 * 24 * 3600;
        assert!((longer - expected).abs() <= 2, "a date: {longer}");
        let century = exptime(Timestamp::now() + SignedDuration::from_hours(100 * 365 * 24));
        assert_eq!(century, Some(2_147_483_647), "2038, and not in the past");
        assert_eq!(exptime(Timestamp::MAX), Some(0));
    }

    #[test]
    fn values_are_marked_as_pymemcache_does() {
        assert_eq!(flags_of(b"\x80\x05}\x94."), PICKLE);
        assert_eq!(flags_of("{\"a\":\"\u{e9}\"}".as_bytes()), TEXT);
        assert_eq!(flags_of(b"\xff"), BYTES);
    }
}
