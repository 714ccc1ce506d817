//! `pbkdf2_sha256$iterations$salt$hash`, and the same with SHA-1.
//!
//! Source: `PBKDF2PasswordHasher` in `django/contrib/auth/hashers.py`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pbkdf2::{Algorithm, Params, pbkdf2_hmac, pbkdf2_hmac_array, pbkdf2_hmac_with_params};
use sha1::Sha1;
use sha2::Sha256;

use super::{Hasher, Unreadable, bearable, decimal, is_same, is_short, letters};
use crate::passwords::error::PasswordError;
use crate::settings::PasswordHasher;

pub(super) struct Pbkdf2 {
    algorithm: &'static str,
    iterations: u32,
    /// The hash of a password and a salt in base 64.
    derive: fn(&str, &str, u32) -> String,
}

struct Parts<'a> {
    iterations: u32,
    salt: &'a str,
    hash: &'a str,
}

impl Pbkdf2 {
    pub(super) fn sha256(iterations: u32) -> Self {
        Self { algorithm: "pbkdf2_sha256", iterations, derive: sha256 }
    }

    pub(super) fn sha1(iterations: u32) -> Self {
        Self { algorithm: "pbkdf2_sha1", iterations, derive: sha1 }
    }
}

fn sha256(password: &str, salt: &str, iterations: u32) -> String {
    let (password, salt, mut hash) = (password.as_bytes(), salt.as_bytes(), [0; 32]);
    match Params::new(iterations) {
        // Compiled within its own crate, and so with that crate's optimisation: a debug build takes
        // a fifth of a second with it, and two seconds with an instance of our own.
        Ok(params) => {
            pbkdf2_hmac_with_params(password, salt, Algorithm::Pbkdf2Sha256, params, &mut hash);
        }
        // The crate has no parameters of under 1,000 iterations.
        Err(_) => pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut hash),
    }
    STANDARD.encode(hash)
}

fn sha1(password: &str, salt: &str, iterations: u32) -> String {
    let hash = pbkdf2_hmac_array::<Sha1, 20>(password.as_bytes(), salt.as_bytes(), iterations);
    STANDARD.encode(hash)
}

impl<'a> Parts<'a> {
    fn of(encoded: &'a str) -> Result<Self, Unreadable> {
        let mut parts = encoded.splitn(4, '$').skip(1);
        let (Some(iterations), Some(salt), Some(hash)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(Unreadable::Malformed);
        };
        let iterations = decimal(iterations)?;
        bearable(PasswordHasher::Pbkdf2Sha256 { iterations })?;
        if salt.is_empty() {
            return Err(Unreadable::Malformed);
        }
        Ok(Self { iterations, salt, hash })
    }
}

impl Hasher for Pbkdf2 {
    fn encode(&self, password: &str) -> Result<String, PasswordError> {
        let salt = letters::<{ super::SALT }>()?;
        let hash = (self.derive)(password, &salt, self.iterations);
        Ok(format!("{}${}${salt}${hash}", self.algorithm, self.iterations))
    }

    fn verify(&self, password: &str, encoded: &str) -> Result<bool, Unreadable> {
        let Parts { iterations, salt, hash } = Parts::of(encoded)?;
        Ok(is_same((self.derive)(password, salt, iterations), hash))
    }

    fn must_update(&self, encoded: &str) -> bool {
        Parts::of(encoded).is_ok_and(|parts| {
            parts.iterations != self.iterations || is_short(parts.salt.chars().count())
        })
    }

    fn harden_runtime(&self, password: &str, encoded: &str) {
        let Ok(Parts { iterations, salt, .. }) = Parts::of(encoded) else { return };
        let rest = self.iterations.saturating_sub(iterations);
        if rest > 0 {
            (self.derive)(password, salt, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static DONE: Cell<u32> = const { Cell::new(0) };
    }

    /// A wrong password takes as many iterations as a new hash does.
    #[test]
    fn the_rest_of_the_work_is_done_after_a_wrong_password() {
        let derive = |_: &str, _: &str, iterations| {
            DONE.set(DONE.get() + iterations);
            String::new()
        };
        let hasher = Pbkdf2 { algorithm: "pbkdf2_sha256", iterations: 1000, derive };
        for (encoded, iterations) in
            [("pbkdf2_sha256$10$salt$x", 1000), ("pbkdf2_sha256$2000$salt$x", 2000)]
        {
            DONE.set(0);
            assert_eq!(hasher.verify("guess", encoded), Ok(false));
            hasher.harden_runtime("guess", encoded);
            assert_eq!(DONE.get(), iterations, "{encoded}");
        }
    }
}
