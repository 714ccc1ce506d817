//! Pages to log in, to log out and to change the password.
//!
//! [`urls`] has them all, as `django.contrib.auth.urls` does:
//!
//! ```
//! use axum::Router;
//! use segue::{Settings, Templates, auth};
//!
//! fn urlpatterns(settings: &Settings) -> Router {
//!     Router::new().nest("/accounts", auth::views::urls()).with_state(Templates::new(settings))
//! }
//! # urlpatterns(&Settings::new("secret"));
//! ```
//!
//! | path | what it does | its template |
//! |---|---|---|
//! | `login/` | takes the form with `username`, `password` and `next` | `registration/login.html` |
//! | `logout/` | logs out; by POST only, so that no link does it | `registration/logged_out.html` |
//! | `password_change/` | takes `old_password`, `new_password1` and `new_password2` | `registration/password_change_form.html` |
//! | `password_change/done/` | says that it is done | `registration/password_change_done.html` |
//!
//! Each template has a plain default; a file of its name in the project's `templates` replaces it.
//! The defaults are in `segue/src/templates/registration`, to begin with.
//!
//! After the login the visitor is sent to `next`, if that leads to a page of this site, or to
//! `LOGIN_REDIRECT_URL`. Failed logins are counted, and after too many the next one is refused for a
//! while: `LOGIN_FAILURE_LIMIT`.
//!
//! For users of your own type the handlers [`login_form`], [`login`] and [`logout`] take it as a type
//! parameter.
//!
//! Source: `django/contrib/auth/views.py` and `forms.py`.

mod login;
mod logout;
mod page;
mod password_change;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};

use crate::templates::Templates;
use crate::users::User;

pub use login::{LoginForm, login, login_form};
pub use logout::{LogoutForm, logout};
pub use password_change::{
    PasswordChangeForm, password_change, password_change_done, password_change_form,
};

/// The routes for Django's users: `login/`, `logout/`, `password_change/` and
/// `password_change/done/`, to be nested under `/accounts`, in a router whose state has
/// [`Templates`]. Django's `include("django.contrib.auth.urls")`.
pub fn urls<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Templates: FromRef<S>,
{
    Router::new()
        .route("/login/", get(login_form::<User>).post(login::<User>))
        .route("/logout/", post(logout::<User>))
        .route("/password_change/", get(password_change_form).post(password_change))
        .route("/password_change/done/", get(password_change_done))
}
