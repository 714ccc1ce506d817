//! `argon2$argon2id$v=19$m=…,t=…,p=…$salt$hash`. Argon2i and Argon2d are read, and so are hashes
//! from before version 19, which they do not name.
//!
//! Source: `Argon2PasswordHasher` in `django/contrib/auth/hashers.py`, and the reference
//! implementation under it.

use argon2::{Algorithm, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Hasher, Unreadable, bearable, decimal, is_same, is_short, letters};
use crate::passwords::error::PasswordError;
use crate::settings::PasswordHasher;

/// The bytes of a new hash.
const LENGTH: usize = 32;

/// The reference implementation reads no shorter ones.
const SHORTEST_SALT: usize = 8;
const SHORTEST_HASH: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Argon2 {
    pub(super) time_cost: u32,
    pub(super) memory_cost: u32,
    pub(super) parallelism: u32,
}

struct Parts {
    variety: Algorithm,
    version: Version,
    work: Argon2,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Argon2 {
    fn derive(
        self,
        variety: Algorithm,
        version: Version,
        password: &str,
        salt: &[u8],
        length: usize,
    ) -> Result<Vec<u8>, argon2::Error> {
        let params = Params::new(self.memory_cost, self.time_cost, self.parallelism, Some(length))?;
        let mut hash = vec![0; length];
        argon2::Argon2::new(variety, version, params).hash_password_into(
            password.as_bytes(),
            salt,
            &mut hash,
        )?;
        Ok(hash)
    }

    /// `m=102400,t=2,p=8`.
    fn parse(text: &str) -> Result<Self, Unreadable> {
        let factors: Vec<&str> = text.split(',').collect();
        let &[memory, time, lanes] = &*factors else { return Err(Unreadable::Malformed) };
        let factor = |text: &str, name| {
            text.strip_prefix(name).ok_or(Unreadable::Malformed).and_then(decimal)
        };
        let work = Self {
            time_cost: factor(time, "t=")?,
            memory_cost: factor(memory, "m=")?,
            parallelism: factor(lanes, "p=")?,
        };
        // The least that there is; less is not little work but no hash.
        if u64::from(work.memory_cost) < 8 * u64::from(work.parallelism) {
            return Err(Unreadable::Malformed);
        }
        Ok(work)
    }
}

impl Parts {
    fn of(encoded: &str) -> Result<Self, Unreadable> {
        let parts: Vec<&str> = encoded.split('$').skip(1).collect();
        let (variety, version, work, salt, hash) = match *parts {
            [variety, version, work, salt, hash] => (variety, Some(version), work, salt, hash),
            [variety, work, salt, hash] => (variety, None, work, salt, hash),
            _ => return Err(Unreadable::Malformed),
        };
        let variety = match variety {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return Err(Unreadable::Malformed),
        };
        let version = match version {
            Some("v=19") => Version::V0x13,
            Some("v=16") | None => Version::V0x10,
            Some(_) => return Err(Unreadable::Malformed),
        };
        let work = Argon2::parse(work)?;
        let Argon2 { time_cost, memory_cost, parallelism } = work;
        bearable(PasswordHasher::Argon2 { time_cost, memory_cost, parallelism })?;
        let bytes = |text: &str, shortest: usize| {
            let bytes = STANDARD_NO_PAD.decode(text).ok();
            bytes.filter(|bytes| bytes.len() >= shortest).ok_or(Unreadable::Malformed)
        };
        let (salt, hash) = (bytes(salt, SHORTEST_SALT)?, bytes(hash, SHORTEST_HASH)?);
        Ok(Self { variety, version, work, salt, hash })
    }
}

impl Hasher for Argon2 {
    fn encode(&self, password: &str) -> Result<String, PasswordError> {
        let Self { time_cost, memory_cost, parallelism } = self;
        let salt = letters::<{ super::SALT }>()?;
        let hash = self
            .derive(Algorithm::Argon2id, Version::V0x13, password, salt.as_bytes(), LENGTH)
            .map_err(|error| PasswordError::failed(error.to_string()))?;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        Ok(format!(
            "argon2$argon2id$v=19$m={memory_cost},t={time_cost},p={parallelism}${salt}${hash}"
        ))
    }

    fn verify(&self, password: &str, encoded: &str) -> Result<bool, Unreadable> {
        let Parts { variety, version, work, salt, hash } = Parts::of(encoded)?;
        let derived = work.derive(variety, version, password, &salt, hash.len());
        // It may be that there is not so much memory.
        Ok(is_same(derived.map_err(|_| Unreadable::TooMuchWork)?, hash))
    }

    fn must_update(&self, encoded: &str) -> bool {
        Parts::of(encoded).is_ok_and(|parts| {
            parts.variety != Algorithm::Argon2id
                || parts.version != Version::V0x13
                || parts.work != *self
                || parts.hash.len() != LENGTH
                || is_short(parts.salt.len())
        })
    }
}
