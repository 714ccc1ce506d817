//! Caches: each is one file that implements [`Cache`](crate::Cache).

#[cfg(any(feature = "redis", feature = "memcached"))]
mod life;
#[cfg(feature = "memcached")]
mod memcached;
#[cfg(feature = "memory-cache")]
mod memory;
#[cfg(feature = "redis")]
mod redis;

use crate::cache::AnyCache;
use crate::error::ConfigError;
use crate::settings::{CacheSettings, CacheUrl};

#[cfg(feature = "memcached")]
pub use memcached::MemcachedCache;
#[cfg(feature = "memory-cache")]
pub use memory::MemoryCache;
#[cfg(feature = "redis")]
pub use redis::RedisCache;

/// The cache that the settings name. It connects when it is first used.
///
/// # Errors
/// [`ConfigError`] when this program was built without the feature that the cache needs, or a file
/// that the settings name cannot be read.
pub fn open(settings: &CacheSettings) -> Result<AnyCache, ConfigError> {
    match &settings.location {
        #[cfg(feature = "memory-cache")]
        CacheUrl::Memory(url) => Ok(AnyCache::new(MemoryCache::new(url.max_entries))),
        #[cfg(feature = "redis")]
        CacheUrl::Redis(url) => Ok(AnyCache::new(RedisCache::open(url)?)),
        #[cfg(feature = "memcached")]
        CacheUrl::Memcached(url) => Ok(AnyCache::new(MemcachedCache::open(url))),
        #[cfg(not(feature = "memory-cache"))]
        CacheUrl::Memory(url) => Err(not_built(url, "memory-cache")),
        #[cfg(not(feature = "redis"))]
        CacheUrl::Redis(url) => Err(not_built(url, "redis")),
        #[cfg(not(feature = "memcached"))]
        CacheUrl::Memcached(url) => Err(not_built(url, "memcached")),
    }
}

#[cfg(not(all(feature = "memory-cache", feature = "redis", feature = "memcached")))]
fn not_built(url: &impl std::fmt::Debug, feature: &str) -> ConfigError {
    let mend = format!("another; this program was built without the feature `{feature}` of segue");
    ConfigError::conflict("CACHES", format!("{url:?}"), mend)
}
