//! `bcrypt_sha256$$2b$rounds$salthash`, where bcrypt gets the password's SHA-256 in hexadecimal
//! digits, and `bcrypt$$2b$rounds$salthash`, where it gets the password.
//!
//! Of a password bcrypt itself sees the first 72 bytes. Python's `bcrypt` 5 refuses longer ones, and
//! so do we: a new password of that length is an error, and for a hash that is there it is wrong.
//!
//! Source: `BCryptSHA256PasswordHasher` in `django/contrib/auth/hashers.py`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{Hasher, Unreadable, bearable, decimal, is_same};
use crate::hex::hex;
use crate::passwords::error::{PasswordError, PasswordErrorKind};
use crate::settings::PasswordHasher;

const BASE_64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

/// What bcrypt sees of a password.
const SEEN: usize = 72;

/// The characters of a salt in base 64.
const SALT: usize = 22;

/// The bytes of a hash that are written down.
const WRITTEN: usize = 23;

pub(super) struct Bcrypt {
    algorithm: &'static str,
    rounds: u32,
    /// Whether bcrypt gets the password's digest in its place.
    digests: bool,
}

struct Parts<'a> {
    rounds: u32,
    salt: [u8; 16],
    hash: &'a str,
}

impl Bcrypt {
    pub(super) fn sha256(rounds: u32) -> Self {
        Self { algorithm: "bcrypt_sha256", rounds, digests: true }
    }

    pub(super) fn plain(rounds: u32) -> Self {
        Self { algorithm: "bcrypt", rounds, digests: false }
    }

    fn takes(&self, password: &str) -> bool {
        self.digests || password.len() <= SEEN
    }

    fn derive(&self, password: &str, salt: [u8; 16], rounds: u32) -> String {
        let mut key =
            if self.digests { hex(&Sha256::digest(password)) } else { password.to_owned() };
        // As C wrote it: the end of the text belongs to it, where there is room.
        key.push('\0');
        let key = key.as_bytes();
        let hash = bcrypt::bcrypt(rounds, salt, key.get(..SEEN).unwrap_or(key));
        BASE_64.encode(hash.get(..WRITTEN).unwrap_or(&hash))
    }
}

impl<'a> Parts<'a> {
    fn of(encoded: &'a str) -> Result<Self, Unreadable> {
        let parts: Vec<&str> = encoded.split('$').collect();
        let &[_, "", "2a" | "2b" | "2x" | "2y", rounds, rest] = &*parts else {
            return Err(Unreadable::Malformed);
        };
        if rounds.len() != 2 {
            return Err(Unreadable::Malformed);
        }
        let rounds = decimal(rounds.strip_prefix('0').unwrap_or(rounds))?;
        if !(4..=31).contains(&rounds) {
            return Err(Unreadable::Malformed);
        }
        bearable(PasswordHasher::Bcrypt { rounds })?;
        let (salt, hash) = rest.split_at_checked(SALT).ok_or(Unreadable::Malformed)?;
        let salt = BASE_64.decode(salt).map_err(|_| Unreadable::Malformed)?;
        let salt = salt.try_into().map_err(|_| Unreadable::Malformed)?;
        Ok(Self { rounds, salt, hash })
    }
}

impl Hasher for Bcrypt {
    fn encode(&self, password: &str) -> Result<String, PasswordError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(PasswordError::failed)?;
        let hash = self.derive(password, salt, self.rounds);
        // After the work, so that the time says nothing to who is refused.
        if !self.takes(password) {
            return Err(PasswordError::new(PasswordErrorKind::TooLong));
        }
        let salt = BASE_64.encode(salt);
        Ok(format!("{}$$2b${:02}${salt}{hash}", self.algorithm, self.rounds))
    }

    fn verify(&self, password: &str, encoded: &str) -> Result<bool, Unreadable> {
        let Parts { rounds, salt, hash } = Parts::of(encoded)?;
        let is_same = is_same(self.derive(password, salt, rounds), hash);
        Ok(is_same && self.takes(password))
    }

    fn must_update(&self, encoded: &str) -> bool {
        Parts::of(encoded).is_ok_and(|parts| parts.rounds != self.rounds)
    }

    fn harden_runtime(&self, password: &str, encoded: &str) {
        let Ok(Parts { rounds, salt, .. }) = Parts::of(encoded) else { return };
        // A round more is twice the work.
        for missing in rounds..self.rounds {
            self.derive(password, salt, missing);
        }
    }
}
