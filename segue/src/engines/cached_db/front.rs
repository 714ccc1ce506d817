//! The cache in front, which may fail without anybody noticing.

mod doubts;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::entry::{self, Entry};
use crate::cache::{AnyCache, Cache as _, Names, Swapped, payload_of};
use crate::clock::seconds_after;
use crate::error::{StoreError, StoreErrorKind};
use crate::key::SessionKey;
use crate::settings::{CacheFormat, Settings};
use crate::store::{Payload, Record};

use doubts::Doubts;

/// What Django puts between its own prefix of a name and the session's key.
///
/// Source: `cache_key_prefix` in `django/contrib/sessions/backends/cached_db.py`.
const ENGINE: &str = "django.contrib.sessions.cached_db";

/// How long a request waits for the cache. The database would have answered by then.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a mark stands: whoever has not read the row by then does not fill the cache.
const MARK: i64 = 30;

/// Where `TIMEOUT` sets no end to entries, for how long one that should be gone is hunted.
const HUNT: Duration = Duration::from_secs(3600);

/// A mark that was left in the cache.
#[derive(Debug)]
pub(super) struct Mark(Record);

/// The cache in front: whatever is wrong with it, it answers soon, if only with nothing.
#[derive(Clone, Debug)]
pub(super) struct Front {
    cache: AnyCache,
    names: Names,
    format: CacheFormat,
    /// The longest life of an entry: `TIMEOUT`.
    life: Option<Duration>,
    doubts: Arc<Doubts>,
}

impl Front {
    pub(super) fn new(cache: AnyCache, settings: &Settings) -> Self {
        let named = settings.caches.get(&settings.session.cache_alias);
        let options = named.map(|named| named.options.clone()).unwrap_or_default();
        Self {
            cache,
            names: Names::new(&options, ENGINE),
            format: options.format,
            life: named.map_or(Some(DEFAULT_LIFE), |named| named.timeout),
            doubts: Arc::default(),
        }
    }

    /// How sessions are written into it.
    pub(super) fn payload(&self) -> Payload {
        payload_of(self.format)
    }

    /// What it holds; nothing where it is down, slow, or not to be believed.
    pub(super) async fn get(&self, key: &SessionKey) -> Option<Entry> {
        if self.doubts.of(key) {
            return Some(Entry::Mark);
        }
        let name = self.names.of(key)?;
        match self.ask(self.cache.get(&name)).await {
            Ok(found) => found.map(|found| entry::read(self.format, &found)),
            Err(error) => {
                if error.kind() == StoreErrorKind::Corrupt {
                    // Something that no session is stands under this name.
                    self.forget(key).await;
                }
                // No mark is left either.
                Some(Entry::Mark)
            }
        }
    }

    /// Leaves a mark where nothing stands.
    pub(super) async fn mark(&self, key: &SessionKey) -> Option<Mark> {
        let name = self.names.of(key)?;
        let mark = entry::mark(self.format).ok()?;
        let until = seconds_after(Timestamp::now(), MARK);
        let left = self.ask(self.cache.add(&name, &mark, until)).await.ok()?;
        left.then(|| Mark(Record::new(mark, until)))
    }

    /// Fills the entry, if the mark still stands there; with nothing, the mark is taken away.
    pub(super) async fn fill(&self, key: &SessionKey, mark: &Mark, record: Option<&Record>) {
        let Some(name) = self.names.of(key) else { return };
        let filled = match record {
            Some(record) => {
                let value = entry::session(self.format, record);
                self.ask(self.cache.swap(&name, &mark.0, &value, self.until(record))).await
            }
            None => {
                let gone = Timestamp::UNIX_EPOCH;
                self.ask(self.cache.swap(&name, &mark.0, mark.0.payload(), gone)).await
            }
        };
        // Whatever came of it: a mark goes by itself, and a fill that comes late finds no mark.
        drop(filled);
    }

    /// Puts the next session in the place of the one that was seen; if another stands there, nobody
    /// knows which is newer, and it goes.
    pub(super) async fn swap(&self, key: &SessionKey, seen: &Record, next: &Record) {
        let Some(name) = self.names.of(key) else { return };
        let seen = entry::session(self.format, seen);
        let seen = Record::new(seen, next.expires_at());
        let value = entry::session(self.format, next);
        match self.ask(self.cache.swap(&name, &seen, &value, self.until(next))).await {
            Ok(Swapped::Stored | Swapped::Gone) => {}
            Ok(Swapped::Conflict) | Err(_) => self.forget(key).await,
        }
    }

    /// Removes the entry. Where that cannot be done now, this process does not believe it any more,
    /// and tries again until it is gone or has ended by itself.
    pub(super) async fn forget(&self, key: &SessionKey) {
        let Some(name) = self.names.of(key) else { return };
        if self.ask(self.cache.delete(&name)).await.is_ok() {
            return;
        }
        if !self.doubts.begin(key) {
            return;
        }
        let (front, key) = (self.clone(), key.clone());
        tokio::spawn(async move { front.hunt(&key, &name).await });
    }

    async fn hunt(&self, key: &SessionKey, name: &str) {
        let end = tokio::time::Instant::now() + self.life.unwrap_or(HUNT);
        let mut pause = Duration::from_millis(100);
        while tokio::time::Instant::now() < end {
            tokio::time::sleep(pause).await;
            if self.cache.delete(name).await.is_ok() {
                break;
            }
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        self.doubts.end(key);
    }

    /// Asks the cache, for a short time, and not while it is known to be down.
    async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.doubts.is_down() {
            return Err(silent());
        }
        let answer = tokio::time::timeout(PATIENCE, question).await;
        let answer = answer.unwrap_or_else(|_| Err(silent()));
        match &answer {
            Err(error) if error.kind() == StoreErrorKind::Unavailable => self.doubts.fails(error),
            _ => self.doubts.answers(),
        }
        answer
    }

    fn until(&self, record: &Record) -> Timestamp {
        let life = self.life.and_then(|life| SignedDuration::try_from(life).ok());
        let end = life.and_then(|life| Timestamp::now().checked_add(life).ok());
        end.map_or(record.expires_at(), |end| end.min(record.expires_at()))
    }
}

/// Django's default for `TIMEOUT`.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

fn silent() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the cache does not answer in time")
}
