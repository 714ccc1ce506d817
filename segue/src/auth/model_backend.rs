//! Django's own users.

use std::collections::HashSet;

use super::backend::{AuthBackend, AuthUser, Credentials, UsernamePassword};
use crate::error::AuthError;
use crate::settings::MODEL_BACKEND;
use crate::users::{User, Users};

impl AuthUser for User {
    fn id(&self) -> String {
        self.id.to_string()
    }

    fn password_hash(&self) -> Option<&str> {
        Some(&self.password)
    }

    fn is_active(&self) -> bool {
        self.is_active
    }

    fn is_superuser(&self) -> bool {
        self.is_superuser
    }
}

/// The users in Django's `auth_user`, by name and password, with the permissions that Django's admin
/// gives to them and to their groups. Django's `ModelBackend`.
///
/// Source: `ModelBackend` in `django/contrib/auth/backends.py`.
#[derive(Clone, Debug)]
pub struct ModelBackend(Users);

impl ModelBackend {
    /// These users.
    #[must_use]
    pub fn new(users: Users) -> Self {
        Self(users)
    }
}

impl AuthBackend for ModelBackend {
    type User = User;

    fn path(&self) -> &str {
        MODEL_BACKEND
    }

    async fn authenticate(&self, credentials: &Credentials) -> Result<Option<User>, AuthError> {
        let Some(UsernamePassword { username, password }) = credentials.get() else {
            return Ok(None);
        };
        self.0.authenticate(username, password).await
    }

    async fn get_user(&self, id: &str) -> Result<Option<User>, AuthError> {
        match id.parse() {
            Ok(id) => self.0.by_id(id).await,
            Err(_) => Ok(None),
        }
    }

    async fn permissions(&self, user: &User) -> Result<HashSet<String>, AuthError> {
        self.0.permissions(user).await
    }

    async fn update_last_login(&self, user: &User) -> Result<(), AuthError> {
        self.0.update_last_login(user).await
    }
}
