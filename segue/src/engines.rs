//! Where sessions live: each engine is one file that implements [`SessionStore`](crate::SessionStore).

#[cfg(feature = "sqlite")]
mod database;
#[cfg(unix)]
mod file;
mod memory;

#[cfg(feature = "sqlite")]
pub use database::DatabaseStore;
#[cfg(unix)]
pub use file::FileStore;
pub use memory::MemoryStore;
