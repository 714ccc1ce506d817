//! Where sessions live: each engine is one file that implements [`SessionStore`](crate::SessionStore).

mod cache;
mod cached_db;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod database;
#[cfg(feature = "encrypted-cookies")]
mod encrypted_cookies;
#[cfg(unix)]
mod file;
#[cfg(feature = "manage")]
mod listing;
mod memory;
#[cfg(all(
    feature = "memory-cache",
    any(feature = "sqlite", feature = "postgres", feature = "mysql")
))]
mod near;
mod sealed;
mod signed_cookies;

pub use cache::CacheStore;
pub use cached_db::CachedDatabaseStore;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use database::DatabaseStore;
#[cfg(feature = "encrypted-cookies")]
pub use encrypted_cookies::EncryptedCookieStore;
#[cfg(unix)]
pub use file::FileStore;
pub use memory::MemoryStore;
#[cfg(all(
    feature = "memory-cache",
    any(feature = "sqlite", feature = "postgres", feature = "mysql")
))]
pub use near::NearStore;
pub use signed_cookies::SignedCookieStore;

#[cfg(all(feature = "manage", unix))]
pub(crate) use file::others_may_read;
#[cfg(feature = "manage")]
pub(crate) use listing::{Listable, Listed, Pages};
