//! CSRF protection.

#[cfg(feature = "axum")]
mod extract;
mod failure;
mod form;
mod secret;
mod token;

pub use failure::{CsrfFailure, Malformed, TokenSource};
pub use token::{CsrfHandle, CsrfToken};
