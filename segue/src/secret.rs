//! `SECRET_KEY` and the keys that it replaced.

use std::fmt;

use subtle::ConstantTimeEq;

/// Django's `SECRET_KEY`: what signs and encrypts. It shows itself nowhere but in
/// [`expose`](Self::expose), and is compared in constant time.
///
/// ```
/// let key = segue::SecretKey::new("not-for-the-log");
/// assert_eq!(format!("{key:?}"), "SecretKey(..)");
/// ```
#[derive(Clone)]
pub struct SecretKey(Box<str>);

impl SecretKey {
    /// Takes the text of a key.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into_boxed_str())
    }

    /// The text of the key: keep it out of logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether Django would warn about this key (`security.W009`, `security.W025`): under 50
    /// characters, under 5 different ones, or made by a generator meant for development.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        let distinct: std::collections::HashSet<char> = self.0.chars().collect();
        self.0.chars().count() < 50 || distinct.len() < 5 || self.0.starts_with("django-insecure-")
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// The key that signs now, and the older ones that are still believed.
///
/// Source: Django's `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.
///
/// ```
/// use segue::{SecretKey, SecretKeys, signing::Signer};
///
/// let signed = Signer::new(&SecretKeys::new("old"), "salt").sign("value");
/// let keys = SecretKeys { current: SecretKey::new("new"), fallbacks: vec![SecretKey::new("old")] };
/// assert_eq!(Signer::new(&keys, "salt").unsign(&signed), Ok("value"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKeys {
    /// Signs, and is tried first.
    pub current: SecretKey,
    /// Are tried after it, in order, and never sign.
    pub fallbacks: Vec<SecretKey>,
}

impl SecretKeys {
    /// One key, nothing to fall back to.
    pub fn new(current: impl Into<String>) -> Self {
        Self { current: SecretKey::new(current), fallbacks: Vec::new() }
    }

    /// All keys in the order in which a signature is tried against them.
    pub fn all(&self) -> impl Iterator<Item = &SecretKey> {
        std::iter::once(&self.current).chain(&self.fallbacks)
    }
}
