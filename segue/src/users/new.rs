//! A user who is to be created.

use std::fmt;

use super::names::{MOST_USERNAME, normalize_email, normalize_username};
#[cfg(feature = "manage")]
use super::user::{Attributes, attributes};
use crate::error::{AuthError, AuthErrorKind};

/// The most letters of a given and of a family name.
const MOST_NAME: usize = 150;

/// The most letters of an address.
const MOST_EMAIL: usize = 254;

/// A user who is to be created: what is not said is as in Django, an ordinary user who may log in.
///
/// ```
/// use segue::users::NewUser;
///
/// let root = NewUser::new("root").email("root@example.com").password("long and secret").superuser();
/// assert!(!format!("{root:?}").contains("long and secret"));
/// ```
#[derive(Clone)]
#[must_use = "`Users::create` creates it"]
pub struct NewUser {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) password: Option<String>,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) is_staff: bool,
    pub(super) is_superuser: bool,
    pub(super) is_active: bool,
}

impl NewUser {
    /// A user with this name, and without a password that could be used. Django's `create_user`.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            email: String::new(),
            password: None,
            first_name: String::new(),
            last_name: String::new(),
            is_staff: false,
            is_superuser: false,
            is_active: true,
        }
    }

    /// Sets the address for mail.
    pub fn email(self, email: impl Into<String>) -> Self {
        Self { email: email.into(), ..self }
    }

    /// Sets the password, which is not validated here: see
    /// [`Passwords::validate`](crate::passwords::Passwords::validate).
    pub fn password(self, password: impl Into<String>) -> Self {
        Self { password: Some(password.into()), ..self }
    }

    /// Sets the given and the family name.
    pub fn name(self, first: impl Into<String>, last: impl Into<String>) -> Self {
        Self { first_name: first.into(), last_name: last.into(), ..self }
    }

    /// Lets the user use Django's admin.
    pub fn staff(self) -> Self {
        Self { is_staff: true, ..self }
    }

    /// Gives the user every permission, and Django's admin. Django's `create_superuser`.
    pub fn superuser(self) -> Self {
        Self { is_superuser: true, is_staff: true, ..self }
    }

    /// Keeps the user from logging in, for now.
    pub fn inactive(self) -> Self {
        Self { is_active: false, ..self }
    }
}

impl NewUser {
    /// As it is stored.
    pub(super) fn normalized(self) -> Self {
        let username = normalize_username(&self.username);
        Self { username, email: normalize_email(&self.email), ..self }
    }

    /// Whether each database takes it: SQLite takes any length, and PostgreSQL no NUL.
    pub(super) fn check(&self) -> Result<(), AuthError> {
        if self.username.is_empty() {
            return Err(invalid("the username of a new user is empty: give one".to_owned()));
        }
        for (column, text, most) in [
            ("username", &self.username, MOST_USERNAME),
            ("first_name", &self.first_name, MOST_NAME),
            ("last_name", &self.last_name, MOST_NAME),
            ("email", &self.email, MOST_EMAIL),
        ] {
            let letters = text.chars().count();
            if letters > most {
                let message = format!(
                    "the {column} of a new user has {letters} characters, and the column takes \
                     {most}: ask for a shorter one"
                );
                return Err(invalid(message));
            }
            if text.contains('\0') {
                let message =
                    format!("the {column} of a new user holds a NUL: ask for another one");
                return Err(invalid(message));
            }
        }
        Ok(())
    }
}

fn invalid(message: String) -> AuthError {
    AuthError::new(AuthErrorKind::InvalidUser, message)
}

#[cfg(feature = "manage")]
impl NewUser {
    pub(crate) fn username(&self) -> &str {
        &self.username
    }

    /// What the password must not be like.
    pub(crate) fn attributes(&self) -> Attributes<'_> {
        attributes(&self.username, &self.first_name, &self.last_name, &self.email)
    }
}

/// Without the password.
impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("username", &self.username)
            .field("is_staff", &self.is_staff)
            .field("is_superuser", &self.is_superuser)
            .field("is_active", &self.is_active)
            .finish_non_exhaustive()
    }
}
