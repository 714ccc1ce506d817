//! The visitor as an argument of axum's handlers.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::backend::AuthUser;
use super::handle::Auth;
use super::layer::{AuthHandle, Shared};
use super::throttle::Throttle;
use crate::error::{AuthError, AuthErrorKind};
use crate::users::Users;

/// Takes the visitor of the request. Nothing is asked or loaded yet.
///
/// # Errors
/// The rejection is an [`AuthError`]: no [`AuthLayer`](super::AuthLayer) stands around the route, or
/// one with users of another type.
impl<U: AuthUser, S: Send + Sync> FromRequestParts<S> for Auth<U> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(parts)
    }
}

impl<U: AuthUser> Auth<U> {
    /// The one of this request.
    pub(super) fn of(parts: &mut Parts) -> Result<Self, AuthError> {
        let handle = handle(parts)?;
        let known = handle.0.user_type();
        let shared = handle.0.as_any().downcast::<Shared<U>>();
        let shared = shared.map_err(|_| other_users(known, std::any::type_name::<U>()))?;
        Ok(Self::open(shared, parts))
    }
}

pub(super) fn handle(parts: &Parts) -> Result<AuthHandle, AuthError> {
    parts.extensions.get::<AuthHandle>().cloned().ok_or_else(no_layer)
}

fn no_layer() -> AuthError {
    AuthError::new(
        AuthErrorKind::Middleware,
        "this route asks who the visitor is, and no `AuthLayer` stands around it: put \
         `.layer(AuthLayer::new(..)?)` after the last `.route(..)` and after every guard, or serve \
         the router with `Site::new`, which does it for you",
    )
}

fn other_users(known: &str, wanted: &str) -> AuthError {
    let message = format!(
        "this route asks for a user of the type `{wanted}`, and the `AuthLayer` around it has \
         `{known}`"
    );
    AuthError::new(AuthErrorKind::Middleware, message)
}

/// Takes the site's users, where [`Site`](crate::Site) has them in its database.
///
/// # Errors
/// The rejection is an [`AuthError`]: the route is not served by a `Site` with Django's backend.
impl<S: Send + Sync> FromRequestParts<S> for Users {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        handle(parts)?.users().cloned().ok_or_else(no_users)
    }
}

/// Takes the site's count of failed logins, for a login view of one's own.
///
/// # Errors
/// The rejection is an [`AuthError`]: no [`AuthLayer`](super::AuthLayer) stands around the route.
impl<S: Send + Sync> FromRequestParts<S> for Throttle {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(handle(parts)?.0.rules().throttle.clone())
    }
}

fn no_users() -> AuthError {
    AuthError::new(
        AuthErrorKind::Middleware,
        "this route takes `Users`, and the `AuthLayer` around it has none: make it with \
         `AuthLayer::with_users(..)`, or serve the router with `Site`",
    )
}
