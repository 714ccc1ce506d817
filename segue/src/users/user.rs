//! A row of `auth_user`.

use std::fmt;

use jiff::Timestamp;

use crate::characters::strip;

/// A user as Django's `auth_user` holds one.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The key of the row.
    pub id: i64,
    /// What the user logs in with.
    pub username: String,
    /// The hash of the password, in Django's format. It is a secret.
    pub password: String,
    /// The given name.
    pub first_name: String,
    /// The family name.
    pub last_name: String,
    /// The address for mail.
    pub email: String,
    /// May use Django's admin.
    pub is_staff: bool,
    /// May log in. Django's way to remove somebody without removing what belongs to them.
    pub is_active: bool,
    /// Has every permission without being given it.
    pub is_superuser: bool,
    /// When the user logged in the last time.
    pub last_login: Option<Timestamp>,
    /// When the user was created.
    pub date_joined: Timestamp,
}

impl User {
    /// Both names, with a space between them. Django's `get_full_name()`.
    #[must_use]
    #[doc(alias = "get_full_name")]
    pub fn full_name(&self) -> String {
        strip(&format!("{} {}", self.first_name, self.last_name)).to_owned()
    }
}

#[cfg(any(feature = "manage", feature = "templates"))]
impl User {
    /// What the password must not be like.
    pub(crate) fn attributes(&self) -> Attributes<'_> {
        attributes(&self.username, &self.first_name, &self.last_name, &self.email)
    }
}

/// The attributes of a user, by the names that Django's validators know them by.
#[cfg(any(feature = "manage", feature = "templates"))]
pub(super) type Attributes<'a> = [(&'static str, &'a str); 4];

#[cfg(any(feature = "manage", feature = "templates"))]
pub(super) fn attributes<'a>(
    username: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
) -> Attributes<'a> {
    [("username", username), ("first_name", first_name), ("last_name", last_name), ("email", email)]
}

/// The username. Django's `str(user)`.
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.username)
    }
}

/// Without the password's hash.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("username", &self.username)
            .field("is_staff", &self.is_staff)
            .field("is_active", &self.is_active)
            .field("is_superuser", &self.is_superuser)
            .finish_non_exhaustive()
    }
}
