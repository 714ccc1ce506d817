//! The id of a stored session.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::error::{StoreError, StoreErrorKind};

/// The characters of an id, in Django's order (`django/contrib/sessions/backends/base.py`).
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The id of a stored session: 32 characters of `[a-z0-9]`, 165 bits from the operating system.
///
/// Whoever knows it *is* the visitor, so it never shows itself in `Debug`, and two of them are
/// compared in constant time. [`expose`](Self::expose) is the one way to its text.
///
/// ```
/// use segue::SessionKey;
///
/// let key = SessionKey::generate()?;
/// assert_eq!(SessionKey::parse(key.expose()), Some(key.clone()));
/// assert_eq!(format!("{key:?}"), "SessionKey(..)");
/// assert_eq!(SessionKey::parse("../../etc/passwd"), None);
/// # Ok::<(), segue::StoreError>(())
/// ```
#[derive(Clone)]
pub struct SessionKey([u8; Self::LENGTH]);

impl SessionKey {
    /// How many characters an id has.
    pub const LENGTH: usize = 32;

    /// Reads an id, or nothing when the text cannot be one.
    ///
    /// Stricter than Django, which accepts any text of eight characters and more and hands it to
    /// its database: what is not an id never reaches a store.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            .then_some(Self(bytes))
    }

    /// Makes a new id from the operating system's random generator.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] when the operating system gives no random bytes.
    pub fn generate() -> Result<Self, StoreError> {
        // The largest multiple of 36 below 256: larger bytes would favour the first letters.
        const UNBIASED: u8 = 252;
        let mut key = [0; Self::LENGTH];
        let mut filled = 0;
        let mut random = [0; 2 * Self::LENGTH];
        while filled < key.len() {
            getrandom::fill(&mut random).map_err(|error| {
                StoreError::new(
                    StoreErrorKind::Unavailable,
                    "the operating system gave no random bytes for a session id",
                )
                .with_source(error)
            })?;
            let letters = random.iter().filter(|byte| **byte < UNBIASED);
            for (slot, byte) in key[filled..].iter_mut().zip(letters) {
                *slot = ALPHABET[usize::from(*byte) % ALPHABET.len()];
                filled += 1;
            }
        }
        Ok(Self(key))
    }

    /// The id as it stands in the cookie and in the store: a secret, keep it out of logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        // Every constructor admits ASCII letters and digits only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SessionKey {}

impl std::hash::Hash for SessionKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_ids() {
        let good = "abcdefghijklmnopqrstuvwxyz012345";
        assert_eq!(SessionKey::parse(good).unwrap().expose(), good);
        let bad = [
            "",
            "abc",
            "abcdefgh\0",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
            "abcdefghijklmnopqrstuvwxyz01234é",
            "../defghijklmnopqrstuvwxyz012345",
            "abcdefghijklmnopqrstuvwxyz0123456",
        ];
        for text in bad {
            assert_eq!(SessionKey::parse(text), None, "{text:?}");
        }
        assert_eq!(SessionKey::parse(&"a".repeat(10_000_000)), None);
    }

    #[test]
    fn new_ids_use_the_whole_alphabet_and_never_repeat() {
        let keys: Vec<SessionKey> = (0..1000).map(|_| SessionKey::generate().unwrap()).collect();
        let distinct: std::collections::HashSet<&SessionKey> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        for letter in ALPHABET {
            assert!(keys.iter().any(|key| key.0.contains(letter)), "{letter}");
        }
    }
}
