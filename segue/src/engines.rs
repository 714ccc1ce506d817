//! Where sessions live: each engine is one file that implements [`SessionStore`](crate::SessionStore).

#[cfg(feature = "database")]
mod database;
mod memory;

#[cfg(feature = "database")]
pub use database::DatabaseStore;
pub use memory::MemoryStore;
