//! A user who is to be created.

use std::fmt;

#[cfg(feature = "manage")]
use super::user::attributes;

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

#[cfg(feature = "manage")]
impl NewUser {
    pub(crate) fn username(&self) -> &str {
        &self.username
    }

    /// What the password must not be like.
    pub(crate) fn attributes(&self) -> [(&'static str, String); 4] {
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
