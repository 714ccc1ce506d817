#![doc = include_str!("docs/crate.md")]

#[cfg(feature = "auth")]
pub mod auth;
mod body;
mod cache;
pub mod caches;
#[cfg(feature = "auth")]
mod characters;
mod clock;
mod codec;
mod cookie;
pub mod csrf;
mod data;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub mod database;
#[cfg(feature = "axum")]
mod debug;
#[cfg(any(feature = "memory-cache", feature = "redis"))]
mod digest;
pub mod engines;
mod error;
mod expiry;
#[cfg(feature = "axum")]
mod extract;
#[cfg(any(feature = "auth", feature = "mysql"))]
mod hex;
pub mod host;
mod html;
mod json;
mod key;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "redis"))]
mod lane;
pub mod layer;
#[cfg(any(feature = "memory-cache", feature = "redis"))]
mod lru;
#[cfg(feature = "manage")]
pub mod manage;
mod meta;
#[cfg(feature = "axum")]
mod panics;
#[cfg(feature = "auth")]
pub mod passwords;
mod pickle;
#[cfg(feature = "axum")]
mod printable;
mod random;
#[cfg(feature = "axum")]
mod routes;
mod scratch;
mod secret;
mod session;
pub mod settings;
pub mod signing;
#[cfg(feature = "axum")]
mod site;
mod store;
#[cfg(feature = "templates")]
pub mod templates;
#[cfg(feature = "testing")]
pub mod testing;
mod url;
#[cfg(feature = "auth")]
pub mod users;

pub use cache::{AnyCache, Cache, Swapped};
pub use clock::Clock;
pub use codec::{Codec, CodecError};
pub use csrf::{CsrfFailure, CsrfLayer, CsrfToken};
pub use data::{SessionData, StepError};
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use database::{App, Migrations, SqlMigration};
#[cfg(feature = "auth")]
pub use error::{AuthError, AuthErrorKind};
pub use error::{
    ConfigError, SessionError, SessionErrorKind, StoreError, StoreErrorKind, describe,
};
pub use expiry::Expiry;
#[doc(no_inline)]
pub use jiff::{SignedDuration, Timestamp};
pub use key::SessionKey;
pub use layer::SessionLayer;
pub use secret::{SecretKey, SecretKeys};
pub use session::{Session, SessionHandle, Sessions};
pub use settings::Settings;
#[cfg(feature = "axum")]
pub use site::Site;
pub use store::{AnyStore, Cleared, Guarantees, Payload, Record, Replaced, SessionStore};
#[cfg(feature = "templates")]
pub use templates::{TemplateError, Templates};

/// Compiles the examples in the README.
#[cfg(all(doctest, feature = "auth", feature = "templates"))]
#[doc = include_str!("../../README.md")]
#[allow(missing_debug_implementations, reason = "a place for a doc comment")]
pub struct Readme;

/// Compiles the examples of the page on CSRF protection.
#[cfg(all(doctest, feature = "templates"))]
#[doc = include_str!("../../docs/csrf.md")]
#[allow(missing_debug_implementations, reason = "a place for a doc comment")]
pub struct Csrf;

/// Compiles and runs the examples of the page on sessions in views.
#[cfg(all(doctest, feature = "auth"))]
#[doc = include_str!("../../docs/sessions.md")]
#[allow(missing_debug_implementations, reason = "a place for a doc comment")]
pub struct SessionsInViews;

/// Compiles and runs our side of the page for who comes from other crates.
#[cfg(all(doctest, feature = "auth"))]
#[doc = include_str!("../../docs/coming-from.md")]
#[allow(missing_debug_implementations, reason = "a place for a doc comment")]
pub struct ComingFrom;

/// Compiles the examples of the page on deployment.
#[cfg(all(doctest, feature = "auth", feature = "manage"))]
#[doc = include_str!("../../docs/deployment.md")]
#[allow(missing_debug_implementations, reason = "a place for a doc comment")]
pub struct Deployment;

/// Compiles the example of the page on sharing sessions with Django.
#[cfg(all(doctest, feature = "auth", feature = "manage", feature = "templates"))]
#[doc = include_str!("../../docs/sharing.md")]
#[allow(missing_debug_implementations, reason = "a place for a doc comment")]
pub struct Sharing;

/// Compiles the examples of the page on the login.
#[cfg(all(doctest, feature = "auth", feature = "templates"))]
#[doc = include_str!("../../docs/login.md")]
#[allow(missing_debug_implementations, reason = "a place for a doc comment")]
pub struct Login;

/// Compiles the examples of the page on migrations.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../../docs/migrations.md")]
#[allow(missing_debug_implementations, reason = "a place for a doc comment")]
pub struct MigrationsPage;
