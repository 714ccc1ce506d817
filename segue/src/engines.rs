//! Where sessions live: each engine is one file that implements [`SessionStore`](crate::SessionStore).

#[cfg(feature = "sqlite")]
mod database;
#[cfg(feature = "encrypted-cookies")]
mod encrypted_cookies;
mod memory;
mod sealed;
mod signed_cookies;

#[cfg(feature = "sqlite")]
pub use database::DatabaseStore;
#[cfg(feature = "encrypted-cookies")]
pub use encrypted_cookies::EncryptedCookieStore;
pub use memory::MemoryStore;
pub use signed_cookies::SignedCookieStore;
