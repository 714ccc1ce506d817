//! Templates as an argument of axum's handlers.

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::{Request, Templates};
use crate::csrf::CsrfHandle;
use crate::error::SessionError;

/// Takes the templates from the router's state, and the visitor's token to them.
///
/// Where `CSRF_USE_SESSIONS` is on this loads the session, because a page is rendered at once and
/// cannot wait for it; take `State<Templates>` for a page that has no token and no session.
///
/// # Errors
/// The rejection is a [`SessionError`]: `CSRF_USE_SESSIONS` is on and the session cannot be loaded.
/// A [`CsrfLayer`](crate::CsrfLayer) that is missing is an error when a page writes its token.
impl<S> FromRequestParts<S> for Templates
where
    Self: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let handle = parts.extensions.get::<CsrfHandle>().cloned();
        let request = match handle {
            Some(handle) => Request::Token(handle.token().await?),
            None => Request::NoLayer,
        };
        Ok(Self { request, ..Self::from_ref(state) })
    }
}
