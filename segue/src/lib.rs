#![doc = include_str!("docs/crate.md")]

mod clock;
mod codec;
mod cookie;
mod data;
#[cfg(feature = "sqlite")]
pub mod database;
pub mod engines;
mod error;
#[cfg(feature = "axum")]
mod extract;
mod json;
mod key;
pub mod layer;
#[cfg(feature = "manage")]
pub mod manage;
#[cfg_attr(not(test), expect(dead_code, reason = "the cache engines will read and write with it"))]
mod pickle;
mod secret;
mod session;
pub mod settings;
pub mod signing;
#[cfg(feature = "axum")]
mod site;
mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use clock::Clock;
pub use codec::Codec;
pub use data::{SessionData, StepError};
pub use error::{
    ConfigError, SessionError, SessionErrorKind, StoreError, StoreErrorKind, describe,
};
#[doc(no_inline)]
pub use jiff::{SignedDuration, Timestamp};
pub use key::SessionKey;
pub use layer::SessionLayer;
pub use secret::{SecretKey, SecretKeys};
pub use session::{Expiry, Session, SessionHandle, Sessions};
pub use settings::Settings;
#[cfg(feature = "axum")]
pub use site::Site;
pub use store::{AnyStore, Cleared, Record, Replaced, SessionStore};

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[allow(missing_debug_implementations, reason = "a place for a doc comment")]
pub struct Readme;
