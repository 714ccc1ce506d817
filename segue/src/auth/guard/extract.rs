//! Handlers that run only for who may.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::Refusal;
use crate::auth::Auth;
use crate::auth::backend::AuthUser;
use crate::users::User;

/// The user who is logged in, as an argument of a handler that nobody else gets to. Django's
/// `login_required`.
///
/// ```
/// use segue::auth::LoginRequired;
///
/// async fn members(LoginRequired(user): LoginRequired) -> String {
///     format!("Hello, {user}")
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(members));
/// ```
#[allow(clippy::exhaustive_structs, reason = "handlers take it apart")]
#[doc(alias("login_required", "LoginRequiredMixin"))]
pub struct LoginRequired<U = User>(pub Arc<U>);

/// A permission, by the name that Django gives it. It is a type, so that a handler's arguments can
/// ask for it; see [`PermissionRequired`].
pub trait Permission: Send + Sync + 'static {
    /// The app and the permission in it: `polls.add_choice`.
    const NAME: &'static str;
}

/// The user who is logged in and has this permission, as an argument of a handler that nobody else
/// gets to. Django's `permission_required` with `raise_exception`, and its `PermissionRequiredMixin`.
///
/// ```
/// use segue::auth::{Permission, PermissionRequired};
///
/// struct AddChoice;
///
/// impl Permission for AddChoice {
///     const NAME: &'static str = "polls.add_choice";
/// }
///
/// async fn add(user: PermissionRequired<AddChoice>) -> String {
///     format!("{} adds a choice", user.username)
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::post(add));
/// ```
#[doc(alias("permission_required", "PermissionRequiredMixin"))]
pub struct PermissionRequired<P, U = User>(Arc<U>, PhantomData<fn() -> P>);

impl<P, U> PermissionRequired<P, U> {
    /// The user.
    #[must_use]
    pub fn user(&self) -> &Arc<U> {
        &self.0
    }
}

/// # Errors
/// The rejection is a [`Refusal`]: the way to the login, a 401, or the error.
impl<U: AuthUser, S: Send + Sync> FromRequestParts<S> for LoginRequired<U> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let auth = Auth::<U>::of(parts)?;
        let user = auth.user().await?;
        user.map(Self).ok_or_else(|| Refusal::anonymous(parts, auth.rules()))
    }
}

/// # Errors
/// The rejection is a [`Refusal`]: the way to the login, a 401, a 403, or the error.
impl<P: Permission, U: AuthUser, S: Send + Sync> FromRequestParts<S> for PermissionRequired<P, U> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let LoginRequired(user) = LoginRequired::from_request_parts(parts, state).await?;
        if Auth::<U>::of(parts)?.has_perm(P::NAME).await? {
            Ok(Self(user, PhantomData))
        } else {
            Err(Refusal::forbidden())
        }
    }
}

impl<U> Deref for LoginRequired<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.0
    }
}

impl<P, U> Deref for PermissionRequired<P, U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.0
    }
}

impl<U> fmt::Debug for LoginRequired<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginRequired(..)")
    }
}

impl<P: Permission, U> fmt::Debug for PermissionRequired<P, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PermissionRequired").field(&P::NAME).finish()
    }
}
