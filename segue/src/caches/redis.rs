//! A cache in Redis or Valkey, in all their shapes.

mod address;
mod batch;
mod cluster;
mod lazy;
mod link;
mod near;
mod node;
mod sentinel;
mod swap;
mod words;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use redis::{Cmd, Value};
use tokio::time::Instant;

use super::life::{Life, deadline_in};
use crate::cache::{Cache, Swapped};
use crate::error::{ConfigError, StoreError, StoreErrorKind};
use crate::settings::{BATCHES, CacheUrl, QUEUE, RedisUrl};
use crate::store::Record;

use batch::Request;
use link::Link;
use near::Near;
use node::Traffic;
use swap::Swap;
use words::Trouble;

/// How many writes that wait for replicas are on their way at once, each by itself.
const WAITING_WRITES: usize = 1024;

/// A cache in Redis 6.2 or newer, or in Valkey: one server, the master behind Sentinels, or a
/// cluster.
///
/// - What is asked for while other commands are on their way waits, and leaves with the next batch of them: a round
///   trip is for many. On a cluster each command has its own.
/// - One connection to each server, shared by all requests, made when it is first needed, and made
///   anew when it broke: no restart is needed after one of the server.
/// - Only masters answer. Reads are made in a way that replicas refuse.
/// - Nothing takes longer than the `timeout` of the URL, and where more wait than its `queue`, the others are told
///   at once. What was being written when the time was up or the connection broke may be there or not: it is an
///   error, and is not tried again.
/// - A swap is one command on Valkey from 8.1 on and Redis from 8.4 on, which the server is asked once; elsewhere it
///   is a script, which keeps the server busy for longer.
/// - With `wait`, a write is a success when so many replicas have it.
/// - With `near`, what was read lately is answered from this process's memory, until the server tells that it has
///   changed: within a network's delay; where the connection falls silent, within a second and the `timeout`.
///
/// Clones share the connections. [`CacheUrl`] has the URLs.
///
/// ```no_run
/// use segue::caches::RedisCache;
/// use segue::{Cache as _, SignedDuration, Timestamp};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// let cache = RedisCache::from_url("redis://127.0.0.1:6379/0")?;
/// let later = Timestamp::now() + SignedDuration::from_hours(1);
/// assert!(cache.add("name", b"value", later).await?);
/// assert_eq!(cache.get("name").await?.unwrap().payload(), b"value");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct RedisCache {
    reads: Arc<Link>,
    /// The same, unless writes wait for replicas: what is behind them on a connection would have to
    /// wait as well.
    writes: Arc<Link>,
    /// Copies of what was read.
    near: Option<Arc<Near>>,
    /// Whether the server has `SET` with `IFEQ`, as Valkey has from 8.1 on and Redis from 8.4 on, once that is known.
    has_native_swap: Arc<OnceLock<bool>>,
    wait: u16,
    timeout: Duration,
}

impl RedisCache {
    /// A cache at this URL, a relative path in it beginning at the current folder. It connects
    /// when it is first used.
    ///
    /// # Errors
    /// [`ConfigError`] when the URL is none of Redis, or the file with its authority is none.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        match CacheUrl::parse(url, Path::new(""))? {
            CacheUrl::Redis(url) => Self::open(&url),
            other => Err(ConfigError::conflict("CACHES", format!("{other:?}"), "a URL of Redis")),
        }
    }

    /// A cache at a URL that was read already. It connects when it is first used.
    ///
    /// # Errors
    /// [`ConfigError`] when the file with the authority of its servers is none.
    pub fn open(url: &RedisUrl) -> Result<Self, ConfigError> {
        let traffic = Traffic { batches: url.batches, queue: url.queue, is_single: false };
        let alone = Traffic { batches: WAITING_WRITES, is_single: true, ..traffic };
        let near = (url.near > 0).then(|| Arc::new(Near::new(url.near, url.timeout)));
        let reads = Arc::new(Link::open(url, traffic, near.as_ref())?);
        let writes =
            if url.wait > 0 { Arc::new(Link::open(url, alone, None)?) } else { reads.clone() };
        let (wait, timeout, has_native_swap) = (url.wait, url.timeout, Arc::default());
        Ok(Self { reads, writes, near, has_native_swap, wait, timeout })
    }

    /// Uses a client that you made yourself, with its own TLS settings for example. An operation
    /// takes two seconds at most.
    #[must_use]
    pub fn from_client(client: redis::Client) -> Self {
        let timeout = Duration::from_secs(2);
        let traffic = Traffic { batches: BATCHES, queue: QUEUE, is_single: false };
        let link = Arc::new(Link::from_client(client, timeout, traffic));
        let (reads, writes, has_native_swap) = (link.clone(), link, Arc::default());
        Self { reads, writes, near: None, has_native_swap, wait: 0, timeout }
    }

    /// Sends a command that may change something, and lets the replicas confirm it where it did.
    async fn write(
        &self,
        name: &str,
        first: Cmd,
        again: bool,
        until: Instant,
        changed: impl Fn(&Value) -> bool,
    ) -> Result<Value, StoreError> {
        let second = (self.wait > 0).then(|| {
            // So that its answer is here before our own time is up.
            let patience = self.timeout.mul_f32(0.75).as_millis();
            let patience = u64::try_from(patience).unwrap_or(1).max(1);
            command(&[b"WAIT"]).arg(self.wait).arg(patience).take()
        });
        let request = Box::new(Request { first, second, again, until });
        let _changing = self.near.as_ref().map(|near| near.changing(name));
        let (answer, confirmed) = self.run(&self.writes, name, request).await?;
        let answer = self.checked(answer)?;
        if self.wait > 0 && changed(&answer) {
            self.confirm(confirmed)?;
        }
        Ok(answer)
    }

    fn confirm(&self, answer: Value) -> Result<(), StoreError> {
        match self.checked(answer)? {
            Value::Int(replicas) if replicas >= self.wait.into() => Ok(()),
            Value::Int(replicas) => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                format!(
                    "the write is done in {}, but {replicas} of {} replicas confirmed it in time",
                    self.writes, self.wait
                ),
            )),
            other => Err(self.nonsense(&other)),
        }
    }

    async fn run(
        &self,
        link: &Link,
        name: &str,
        request: Box<Request>,
    ) -> Result<(Value, Value), StoreError> {
        link.run(name, request).await.map_err(|trouble| self.error(trouble))
    }

    /// Asks the server for a value and for how long it has to live; nothing stands for ever.
    async fn ask(
        &self,
        name: &str,
        until: Instant,
    ) -> Result<Option<(Record, Option<Duration>)>, StoreError> {
        let value = command(&[b"GETEX", name.as_bytes()]);
        let life = command(&[b"PTTL", name.as_bytes()]);
        let again = true;
        let (value, life) = if self.near.is_some() {
            // GETEX does not make the server tell of changes, and PTTL does: from before the value is read, or a
            // change between the two would not be told.
            let request = Box::new(Request { first: life, second: Some(value), again, until });
            let (life, value) = self.run(&self.reads, name, request).await?;
            (value, life)
        } else {
            let request = Box::new(Request { first: value, second: Some(life), again, until });
            self.run(&self.reads, name, request).await?
        };
        let value = match self.checked(value)? {
            Value::Nil => return Ok(None),
            Value::BulkString(value) => value,
            other => return Err(self.nonsense(&other)),
        };
        match self.checked(life)? {
            // Django's `TIMEOUT = None`.
            Value::Int(-1) => Ok(Some((Record::new(value, Timestamp::MAX), None))),
            Value::Int(millis @ 1..) => {
                let life = Duration::from_millis(millis.unsigned_abs());
                Ok(Some((Record::new(value, deadline_in(millis)), Some(life))))
            }
            // It went, or came, between the two commands.
            Value::Int(_) => Ok(None),
            other => Err(self.nonsense(&other)),
        }
    }

    fn until(&self) -> Instant {
        Instant::now() + self.timeout
    }

    fn checked(&self, answer: Value) -> Result<Value, StoreError> {
        match answer {
            Value::ServerError(error) => Err(self.error(Trouble::Driver(error.into()))),
            answer => Ok(answer),
        }
    }

    fn error(&self, trouble: Trouble) -> StoreError {
        trouble.explain(&self.reads.to_string(), self.timeout)
    }

    fn nonsense(&self, answer: &Value) -> StoreError {
        let kind = match answer {
            Value::Nil => "nothing",
            Value::Int(_) => "a number",
            Value::BulkString(_) | Value::SimpleString(_) | Value::Okay => "a text",
            _ => "something else",
        };
        let text = format!("{} answered {kind} where that is no answer", self.reads);
        StoreError::new(StoreErrorKind::Corrupt, text)
    }
}

impl Cache for RedisCache {
    async fn get(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let Some(near) = &self.near else {
            return Ok(self.ask(name, self.until()).await?.map(|(record, _)| record));
        };
        let stamp = match near.get(name) {
            Ok(record) => return Ok(Some(record)),
            Err(stamp) => stamp,
        };
        let asked = Instant::now();
        let Some((record, life)) = self.ask(name, self.until()).await? else { return Ok(None) };
        let record = record.remembering();
        near.keep(name, &record, stamp, life.and_then(|life| asked.checked_add(life)));
        self.reads.watch();
        Ok(Some(record))
    }

    fn get_now(&self, name: &str) -> Option<Result<Option<Record>, StoreError>> {
        self.near.as_ref()?.get(name).ok().map(|record| Ok(Some(record)))
    }

    async fn add(
        &self,
        name: &str,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut command = command(&[b"SET", name.as_bytes(), value, b"NX"]);
        match Life::until(expires_at) {
            Life::Over => return Ok(self.ask(name, self.until()).await?.is_none()),
            Life::Millis(millis) => command.arg("PX").arg(millis),
            Life::Endless => &mut command,
        };
        match self
            .write(name, command, false, self.until(), |answer| *answer == Value::Okay)
            .await?
        {
            Value::Okay => Ok(true),
            Value::Nil => Ok(false),
            other => Err(self.nonsense(&other)),
        }
    }

    async fn swap(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<Swapped, StoreError> {
        let (life, until) = (Life::until(expires_at), self.until());
        self.compare_and_swap(Swap { name, seen, value, life, until }).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let command = command(&[b"DEL", name.as_bytes()]);
        match self
            .write(name, command, true, self.until(), |answer| *answer != Value::Int(0))
            .await?
        {
            Value::Int(_) => Ok(()),
            other => Err(self.nonsense(&other)),
        }
    }
}

/// A command of these words, made with the memory that it takes.
fn command(words: &[&[u8]]) -> Cmd {
    let bytes: usize = words.iter().map(|word| word.len()).sum();
    // A life may follow.
    let mut command = Cmd::with_capacity(words.len() + 2, bytes + 24);
    for word in words {
        command.arg(*word);
    }
    command
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisCache({})", self.reads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each is made anew for a request: the allocator has what is smaller at hand.
    #[test]
    fn the_futures_of_a_request_are_small() {
        let cache = RedisCache::from_url("redis://127.0.0.1:1/0").unwrap();
        let seen = Record::new(*b"x", Timestamp::MAX);
        let sizes = [
            size_of_val(&cache.get("name")),
            size_of_val(&cache.swap("name", &seen, b"y", Timestamp::MAX)),
        ];
        assert!(sizes.iter().all(|size| *size < 1000), "{sizes:?}");
    }
}
