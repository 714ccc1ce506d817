//! The token as an argument of axum's handlers.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::token::{CsrfHandle, CsrfToken};
use crate::error::{SessionError, SessionErrorKind};

/// Gives the visitor's token; the cookie is set when it is written.
///
/// # Errors
/// The rejection is a [`SessionError`]: no [`CsrfLayer`](super::CsrfLayer) stands around the route,
/// or `CSRF_USE_SESSIONS` is on and the session cannot be loaded.
impl<S: Send + Sync> FromRequestParts<S> for CsrfToken {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let handle = parts.extensions.get::<CsrfHandle>().cloned();
        handle.ok_or_else(no_layer)?.token().await
    }
}

fn no_layer() -> SessionError {
    SessionError::new(
        SessionErrorKind::Middleware,
        "this route takes a `CsrfToken`, and no `CsrfLayer` stands around it: put \
         `.layer(CsrfLayer::new(..)?)` after the last `.route(..)`, or serve the router with \
         `Site`, which does it for you",
    )
}
