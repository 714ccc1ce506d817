//! Where sessions live: each engine is one file that implements [`SessionStore`](crate::SessionStore).

#[cfg(feature = "sqlite")]
mod database;
mod memory;

#[cfg(feature = "sqlite")]
pub use database::DatabaseStore;
pub use memory::MemoryStore;
