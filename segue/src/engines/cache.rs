//! Sessions in a cache.

use std::fmt;
use std::path::Path;

use jiff::Timestamp;

use crate::cache::{AnyCache, Cache, Names, Swapped, payload_of};
use crate::caches;
use crate::error::{ConfigError, StoreError};
use crate::key::SessionKey;
use crate::scratch;
use crate::settings::{CacheOptions, CacheSettings, CacheUrl};
use crate::store::{Cleared, Guarantees, Record, Replaced, SessionStore};

/// What Django puts between its own prefix of a name and the session's key.
///
/// Source: `cache_key_prefix` in `django/contrib/sessions/backends/cache.py`.
const ENGINE: &str = "django.contrib.sessions.cache";

/// Sessions in a cache and nowhere else, as Django's engine of that name keeps them.
///
/// As fast as it gets, and as safe as the cache: what it evicts or loses in a restart are sessions.
/// Give it memory of its own, Redis an append-only file, or choose `db`.
/// Source: `django/contrib/sessions/backends/cache.py`.
///
/// ```
/// # #[cfg(feature = "memory-cache")]
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use segue::caches::MemoryCache;
/// use segue::{SessionStore as _, engines::CacheStore, settings::CacheOptions};
///
/// let store = CacheStore::new(MemoryCache::new(10_000), CacheOptions::default());
/// let tomorrow = segue::Timestamp::now() + segue::SignedDuration::from_hours(24);
/// let key = store.create(b"payload", tomorrow).await?;
/// assert_eq!(store.load(&key).await?.unwrap().payload(), b"payload");
/// # Ok::<(), segue::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct CacheStore {
    cache: AnyCache,
    names: Names,
    options: CacheOptions,
}

impl CacheStore {
    /// Sessions in this cache.
    #[must_use]
    pub fn new(cache: impl Cache, options: CacheOptions) -> Self {
        let names = Names::new(&options, ENGINE);
        Self { cache: AnyCache::new(cache), names, options }
    }

    /// Sessions in the cache at this URL, named and written as Django does. It connects when it is
    /// first used.
    ///
    /// # Errors
    /// [`ConfigError`] when the URL is none, or this program was built without what it needs.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        Self::open(&CacheSettings::new(CacheUrl::parse(url, Path::new(""))?))
    }

    /// Sessions in the cache that the settings name. It connects when it is first used.
    ///
    /// # Errors
    /// [`ConfigError`] when this program was built without what the cache needs.
    pub fn open(settings: &CacheSettings) -> Result<Self, ConfigError> {
        Ok(Self::new(caches::open(settings)?, settings.options.clone()))
    }
}

impl SessionStore for CacheStore {
    fn guarantees(&self) -> Guarantees {
        Guarantees::full().with_payload(payload_of(self.options.format)).cleaning_itself()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        match self.names.of(key) {
            Some(name) => self.cache.get(&name).await,
            None => Ok(None),
        }
    }

    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        scratch::buffers(|[name, _]| self.cache.get_now(self.names.write(key, name)?))
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        loop {
            let key = SessionKey::generate()?;
            let Some(name) = self.names.of(&key) else { continue };
            if self.cache.add(&name, payload, expires_at).await? {
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
        let Some(name) = self.names.of(key) else { return Ok(Replaced::Gone) };
        Ok(match self.cache.swap(&name, seen, payload, expires_at).await? {
            Swapped::Stored => Replaced::Saved(key.clone()),
            Swapped::Conflict => Replaced::Conflict,
            Swapped::Gone => Replaced::Gone,
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
        match self.names.of(key) {
            Some(name) => self.cache.delete(&name).await,
            None => Ok(()),
        }
    }

    /// What has expired goes by itself.
    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        on_batch(Cleared::new(0, Some(0)));
        Ok(0)
    }
}

impl fmt::Debug for CacheStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheStore")
            .field("cache", &self.cache)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
