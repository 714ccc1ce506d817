//! Where sessions live: each engine is one file that implements [`SessionStore`](crate::SessionStore).

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod database;
mod memory;

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use database::DatabaseStore;
pub use memory::MemoryStore;
