//! What a cookie says of its session: the id of a stored one, or the session itself.

use std::fmt;
use std::sync::Arc;

use subtle::{Choice, ConstantTimeEq as _};

use crate::error::{StoreError, StoreErrorKind};
use crate::random;

/// The characters of an id, in Django's order (`django/contrib/sessions/backends/base.py`).
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// What finds a session: an id of 32 characters of `[a-z0-9]`, 165 bits from the operating system;
/// or, for the engines that keep sessions in the cookie, the sealed session itself.
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
pub struct SessionKey(Form);

#[derive(Clone)]
enum Form {
    Id([u8; SessionKey::LENGTH]),
    Sealed(Arc<str>),
}

impl SessionKey {
    /// How many characters an id has.
    pub const LENGTH: usize = 32;

    /// What browsers keep of a cookie at the most, name and value: RFC 6265bis, 5.7.
    pub(crate) const LONGEST: usize = 4096;

    /// Reads an id, or nothing when the text cannot be one.
    ///
    /// Stricter than Django, which accepts any text of eight characters and more and hands it to
    /// its database: what is not an id never reaches a store.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        // No branches: the compiler looks at sixteen at once.
        let is_letter = |byte: u8| byte.is_ascii_lowercase() | byte.is_ascii_digit();
        let are_letters = bytes.into_iter().fold(true, |all, byte| all & is_letter(byte));
        are_letters.then_some(Self(Form::Id(bytes)))
    }

    /// Takes a cookie's value that is itself the session, signed or encrypted; nothing when no
    /// cookie can have it as its value (RFC 6265, 4.1.1) or browsers would not keep it.
    ///
    /// For engines whose [`Guarantees`](crate::Guarantees) say `in_cookie`. Whether it was sealed
    /// by us is the engine's to find out.
    ///
    /// ```
    /// use segue::SessionKey;
    ///
    /// let key = SessionKey::sealed("eyJhIjoxfQ:1r31eq:AJu16St_lXmPR35BcDlMtqC8Z").unwrap();
    /// assert_eq!(key.expose(), "eyJhIjoxfQ:1r31eq:AJu16St_lXmPR35BcDlMtqC8Z");
    /// assert!(SessionKey::sealed("a; Path=/").is_none());
    /// ```
    #[must_use]
    pub fn sealed(text: &str) -> Option<Self> {
        // No branches: the compiler looks at sixteen at once.
        let is_octet = |byte: u8| {
            let is_other = (byte == b'"') | (byte == b',') | (byte == b';');
            byte.is_ascii_graphic() & (byte != b'\\') & !is_other
        };
        let fits = (1..=Self::LONGEST).contains(&text.len());
        let are_octets = || text.bytes().fold(true, |all, byte| all & is_octet(byte));
        (fits && are_octets()).then(|| Self(Form::Sealed(text.into())))
    }

    /// Makes a new id from the operating system's random generator.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] when the operating system gives no random bytes.
    pub fn generate() -> Result<Self, StoreError> {
        let mut key = [0; Self::LENGTH];
        random::fill(&mut key, ALPHABET).map_err(|error| {
            StoreError::new(
                StoreErrorKind::Unavailable,
                "the operating system gave no random bytes for a session id",
            )
            .with_source(error)
        })?;
        Ok(Self(Form::Id(key)))
    }

    /// The text of an id; nothing where the key is itself the session.
    pub(crate) fn id(&self) -> Option<&str> {
        match &self.0 {
            Form::Id(_) => Some(self.expose()),
            Form::Sealed(_) => None,
        }
    }

    /// The text as it stands in the cookie and in the store: a secret, keep it out of logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        match &self.0 {
            // Every constructor admits ASCII letters and digits only.
            Form::Id(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            Form::Sealed(text) => text,
        }
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.expose(), other.expose());
        let words = std::iter::zip(words(one), words(other));
        let same = words.fold(Choice::from(1), |all, (one, other)| all & one.ct_eq(&other));
        one.len() == other.len() && bool::from(same)
    }
}

/// Sixteen letters at once; behind the last of them zeros.
fn words(text: &str) -> impl Iterator<Item = u128> {
    let (whole, rest) = text.as_bytes().as_chunks();
    let mut last = [0; 16];
    std::iter::zip(&mut last, rest).for_each(|(place, letter)| *place = *letter);
    whole.iter().copied().chain([last]).map(u128::from_ne_bytes)
}

impl Eq for SessionKey {}

impl std::hash::Hash for SessionKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
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
    fn each_letter_counts() {
        let id = |at| ["a".repeat(at), "a".repeat(SessionKey::LENGTH - 1 - at)].join("b");
        let ids: Vec<_> =
            (0..SessionKey::LENGTH).map(|at| SessionKey::parse(&id(at)).unwrap()).collect();
        for (at, one) in ids.iter().enumerate() {
            assert!(ids.iter().enumerate().all(|(place, other)| (one == other) == (place == at)));
            assert_eq!(*one, SessionKey::sealed(one.expose()).unwrap(), "its text is what counts");
        }
        let sealed = |text: &str| SessionKey::sealed(text).unwrap();
        let text = "eyJhIjoxfQ:1r31eq:AJu16St_lXmPR35";
        assert_eq!(sealed(text), sealed(text));
        for at in 0..text.len() {
            let other = [&text[..at], &text[at + 1..]];
            assert_ne!(sealed(text), sealed(&other.join(".")));
            assert_ne!(sealed(text), sealed(&other.concat()));
        }
    }

    /// RFC 6265, 4.1.1: `cookie-octet`.
    #[test]
    fn what_no_cookie_can_have_is_never_sealed() {
        for byte in 0..=u8::MAX {
            let is_octet =
                matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
            let letter = char::from(byte);
            for text in [format!("{letter}"), format!("{letter:a>40}"), format!("{letter:a<40}")] {
                assert_eq!(SessionKey::sealed(&text).is_some(), is_octet, "{byte:#x}");
            }
        }
        assert!(SessionKey::sealed("").is_none());
        assert!(SessionKey::sealed(&"a".repeat(4096)).is_some());
        assert!(SessionKey::sealed(&"a".repeat(4097)).is_none());
    }

    #[test]
    fn new_ids_use_the_whole_alphabet_and_never_repeat() {
        let keys: Vec<SessionKey> = (0..1000).map(|_| SessionKey::generate().unwrap()).collect();
        let distinct: std::collections::HashSet<&SessionKey> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        for letter in ALPHABET {
            assert!(keys.iter().any(|key| key.expose().as_bytes().contains(letter)), "{letter}");
        }
    }
}
