//! Sessions as arguments of axum's handlers.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::error::{SessionError, SessionErrorKind};
use crate::layer::default_page;
use crate::session::{Session, SessionHandle};

/// Loads the session. A handler that does not take it costs no call to the store.
///
/// # Errors
/// The rejection is the [`SessionError`]: a 503 when the store is down, and never an empty session.
/// Take `Result<Session, SessionError>` to deal with it in the handler, or
/// [`SessionLayer::on_error`](crate::SessionLayer::on_error) in one place.
impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let handle = parts.extensions.get::<SessionHandle>().cloned();
        handle.ok_or_else(no_layer)?.load().await
    }
}

fn no_layer() -> SessionError {
    SessionError::new(
        SessionErrorKind::Middleware,
        "this route takes a `Session`, and no `SessionLayer` stands around it: put \
         `.layer(SessionLayer::new(..)?)` after the last `.route(..)` and after every layer that \
         uses the session, or serve the router with `Site`, which does it for you",
    )
}

impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        let mut response = default_page(&self).map(Body::from);
        response.extensions_mut().insert(self);
        response
    }
}
