//! What a session says of who is logged in: Django's three keys.

use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::error::SessionError;
use crate::hex::hex;
use crate::json;
use crate::secret::{SecretKey, SecretKeys};
use crate::session::Session;
use crate::signing::salted_hmac;

const USER_ID: &str = "_auth_user_id";
const BACKEND: &str = "_auth_user_backend";
const HASH: &str = "_auth_user_hash";

/// Source: `AbstractBaseUser` in `django/contrib/auth/base_user.py`.
const SALT: &str = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";

/// What a session says of who is logged in.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) user_id: String,
    pub(super) backend: String,
    hash: String,
}

/// Whether a session's hash is that of the user's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bond {
    /// It is.
    Holds,
    /// It was made with a key of `SECRET_KEY_FALLBACKS`.
    Old,
    /// The password is another one now.
    Broken,
}

impl Claim {
    /// Nothing where nobody is logged in.
    pub(super) fn of(session: &Session) -> Option<Self> {
        let text = |key| session.get_raw(key).and_then(|text| json::unquote(&text));
        Some(Self {
            user_id: text(USER_ID)?,
            backend: text(BACKEND)?,
            hash: text(HASH).unwrap_or_default(),
        })
    }

    /// How this session is bound to a user with this password.
    pub(super) fn bond(&self, password_hash: Option<&str>, keys: &SecretKeys) -> Bond {
        let Some(password_hash) = password_hash else { return Bond::Holds };
        let is_of = |key: &SecretKey| {
            let expected = session_auth_hash(password_hash, key);
            bool::from(self.hash.as_bytes().ct_eq(expected.as_bytes()))
        };
        if is_of(&keys.current) {
            Bond::Holds
        } else if keys.fallbacks.iter().any(is_of) {
            Bond::Old
        } else {
            Bond::Broken
        }
    }
}

/// Whether somebody is logged in, be it in a way that nobody can make sense of.
pub(super) fn is_claimed(session: &Session) -> bool {
    session.contains_key(USER_ID)
}

/// Says in the session who is logged in.
pub(super) fn write(
    session: &Session,
    user_id: &str,
    backend: &str,
    password_hash: Option<&str>,
    keys: &SecretKeys,
) -> Result<(), SessionError> {
    session.insert(USER_ID, user_id)?;
    session.insert(BACKEND, backend)?;
    write_hash(session, password_hash, keys)
}

/// Binds the session to the password as it is now.
pub(super) fn write_hash(
    session: &Session,
    password_hash: Option<&str>,
    keys: &SecretKeys,
) -> Result<(), SessionError> {
    let hash = password_hash.map(|password| session_auth_hash(password, &keys.current));
    session.insert(HASH, hash.unwrap_or_default())
}

/// What binds a session to a password: hexadecimal, 64 digits. Django's `get_session_auth_hash`.
fn session_auth_hash(password_hash: &str, key: &SecretKey) -> String {
    hex(&salted_hmac::<Sha256>(SALT, password_hash, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> serde_json::Value {
        let text = include_str!("../../tests/vectors.json");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_hash_is_djangos() {
        let auth = &vectors()["auth"];
        let password = auth["password_field"].as_str().unwrap();
        let keys = SecretKeys {
            current: SecretKey::new("test-secret-key"),
            fallbacks: vec![SecretKey::new("old-key")],
        };
        let hash = |text: &serde_json::Value| Claim {
            user_id: "1".to_owned(),
            backend: String::new(),
            hash: text.as_str().unwrap().to_owned(),
        };
        let current = hash(&auth["session_auth_hash"]);
        assert_eq!(current.bond(Some(password), &keys), Bond::Holds);
        let old = hash(&auth["fallback_hashes(old-key)"][0]);
        assert_eq!(old.bond(Some(password), &keys), Bond::Old);
        for claim in [&current, &old] {
            assert_eq!(claim.bond(Some("another password"), &keys), Bond::Broken);
            assert_eq!(claim.bond(None, &keys), Bond::Holds);
        }
        let none = hash(&"".into());
        assert_eq!(none.bond(Some(password), &keys), Bond::Broken);
    }
}
