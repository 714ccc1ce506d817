//! CSRF protection.

#[cfg(feature = "axum")]
mod extract;
mod failure;
mod secret;
mod token;

pub use failure::{CsrfFailure, Malformed, TokenSource};
pub use token::{CsrfHandle, CsrfToken};
