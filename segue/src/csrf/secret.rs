//! Secrets, and the tokens that hide them: Django's, letter by letter.
//!
//! A token is a random mask and the secret shifted by it, so that no two tokens of a secret are
//! alike: what a compressed page gives away of one (BREACH) says nothing of the next.
//!
//! Source: `_mask_cipher_secret` and its neighbours in `django/middleware/csrf.py`.

use subtle::ConstantTimeEq as _;

use super::failure::Malformed;
use crate::random;

/// In Django's order, which the shift depends on.
const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

const LENGTH: usize = 32;

/// What a visitor's browser keeps and a form has to prove. It has no `PartialEq` and no `Debug`.
#[derive(Clone)]
pub(crate) struct Secret([u8; LENGTH]);

impl Secret {
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut letters = [0; LENGTH];
        random::fill(&mut letters, ALPHABET)?;
        Ok(Self(letters))
    }

    /// Reads a secret, bare or in a token.
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        // Python counts characters.
        let length = text.chars().count();
        if length != LENGTH && length != 2 * LENGTH {
            return Err(Malformed::Length);
        }
        if !text.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
            return Err(Malformed::Characters);
        }
        let mut letters = [0; LENGTH];
        match text.as_bytes().split_at_checked(LENGTH) {
            Some((mask, cipher)) if cipher.len() == LENGTH => {
                for ((letter, mask), cipher) in letters.iter_mut().zip(mask).zip(cipher) {
                    let shifted = ALPHABET.len() + place(*cipher) - place(*mask);
                    *letter = ALPHABET[shifted % ALPHABET.len()];
                }
            }
            _ => letters.copy_from_slice(text.as_bytes()),
        }
        Ok(Self(letters))
    }

    /// A token: 64 letters, others each time.
    pub(crate) fn mask(&self) -> Result<String, getrandom::Error> {
        let mut mask = [0; LENGTH];
        random::fill(&mut mask, ALPHABET)?;
        Ok(self.mask_with(&mask))
    }

    fn mask_with(&self, mask: &[u8; LENGTH]) -> String {
        let cipher = self
            .0
            .iter()
            .zip(mask)
            .map(|(letter, mask)| ALPHABET[(place(*letter) + place(*mask)) % ALPHABET.len()]);
        mask.iter().copied().chain(cipher).map(char::from).collect()
    }

    /// The bare secret, as it stands in the cookie and in the session.
    pub(crate) fn expose(&self) -> &str {
        // The constructors admit ASCII letters and digits only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether both are the same, in constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Where a letter stands in the alphabet.
fn place(letter: u8) -> usize {
    usize::from(match letter {
        b'a'..=b'z' => letter - b'a',
        b'A'..=b'Z' => letter - b'A' + 26,
        _ => letter.wrapping_sub(b'0').wrapping_add(52),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_letter_stands_at_its_place() {
        for (at, letter) in ALPHABET.iter().enumerate() {
            assert_eq!(place(*letter), at);
        }
    }

    #[test]
    fn a_secret_is_masked_as_django_does() {
        // `csrf` in `segue/tests/vectors.json`.
        let secret = Secret::parse("lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ").ok().unwrap();
        let token = secret.mask_with(b"abcdefghijklmnopqrstuvwxyzABCDEF");
        assert_eq!(token, "abcdefghijklmnopqrstuvwxyzABCDEFlIL5l1ikE7IG1cFUQfg8v79o6LRD8WPu");
    }

    #[test]
    fn no_two_tokens_share_a_mask_or_a_cipher() {
        let secret = Secret::generate().unwrap();
        let tokens: Vec<String> = (0..1000).map(|_| secret.mask().unwrap()).collect();
        let masks: HashSet<&str> = tokens.iter().map(|token| &token[..LENGTH]).collect();
        let ciphers: HashSet<&str> = tokens.iter().map(|token| &token[LENGTH..]).collect();
        assert_eq!((masks.len(), ciphers.len()), (1000, 1000));
        assert!(!tokens.iter().any(|token| token.contains(secret.expose())));
    }

    proptest! {
        #[test]
        fn a_token_is_its_secret(text in "[a-zA-Z0-9]{32}", mask in "[a-zA-Z0-9]{32}") {
            let secret = Secret::parse(&text).ok().unwrap();
            prop_assert_eq!(secret.expose(), text);
            let token = secret.mask_with(mask.as_bytes().try_into().unwrap());
            prop_assert_eq!(token.len(), 64);
            prop_assert!(Secret::parse(&token).ok().unwrap().matches(&secret));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(secret) = Secret::parse(&text) {
                prop_assert!(secret.expose().bytes().all(|b| b.is_ascii_alphanumeric()));
            }
        }

        #[test]
        fn one_letter_makes_another_secret(text in "[a-zA-Z0-9]{32}", at in 0..32_usize) {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'a' { b'b' } else { b'a' };
            let other = String::from_utf8(other).unwrap();
            let (one, other) = (Secret::parse(&text).ok().unwrap(), Secret::parse(&other).ok().unwrap());
            prop_assert!(!one.matches(&other) && one.matches(&one));
        }
    }

    #[test]
    fn length_comes_before_characters() {
        let parse = |text: &str| Secret::parse(text).err();
        for text in ["", "a", &"a".repeat(31), &"a".repeat(33), &"é".repeat(33), &"a".repeat(65)] {
            assert_eq!(parse(text), Some(Malformed::Length), "{text}");
        }
        for text in [&"é".repeat(32), &"-".repeat(64), &format!("{}\0", "a".repeat(31))] {
            assert_eq!(parse(text), Some(Malformed::Characters), "{text}");
        }
    }
}
