//! `scrypt$work_factor$salt$block_size$parallelism$hash`.
//!
//! Source: `ScryptPasswordHasher` in `django/contrib/auth/hashers.py`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scrypt::{Params, scrypt};

use super::{Hasher, Unreadable, bearable, decimal, is_same, letters};
use crate::passwords::error::PasswordError;
use crate::settings::PasswordHasher;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Scrypt {
    pub(super) work_factor: u32,
    pub(super) block_size: u32,
    pub(super) parallelism: u32,
}

impl Scrypt {
    fn derive(self, password: &str, salt: &str) -> Result<String, Unreadable> {
        let mut hash = [0; 64];
        // Exact: the work factor is a power of 2.
        let log = u8::try_from(self.work_factor.ilog2()).map_err(|_| Unreadable::Malformed)?;
        let params = Params::new(log, self.block_size, self.parallelism)
            .map_err(|_| Unreadable::Malformed)?;
        scrypt(password.as_bytes(), salt.as_bytes(), &params, &mut hash)
            .map_err(|_| Unreadable::Malformed)?;
        Ok(STANDARD.encode(hash))
    }

    /// The work, the salt and the hash.
    fn parts(encoded: &str) -> Result<(Self, &str, &str), Unreadable> {
        let parts: Vec<&str> = encoded.splitn(6, '$').skip(1).collect();
        let &[work_factor, salt, block_size, parallelism, hash] = &*parts else {
            return Err(Unreadable::Malformed);
        };
        let (work_factor, block_size, parallelism) =
            (decimal(work_factor)?, decimal(block_size)?, decimal(parallelism)?);
        if salt.is_empty() || work_factor < 2 || !work_factor.is_power_of_two() {
            return Err(Unreadable::Malformed);
        }
        bearable(PasswordHasher::Scrypt { work_factor, block_size, parallelism })?;
        Ok((Self { work_factor, block_size, parallelism }, salt, hash))
    }
}

impl Hasher for Scrypt {
    fn encode(&self, password: &str) -> Result<String, PasswordError> {
        let Self { work_factor, block_size, parallelism } = self;
        let salt = letters::<{ super::SALT }>()?;
        let hash = self.derive(password, &salt).map_err(|_| {
            PasswordError::failed("PASSWORD_HASHERS has work factors that scrypt has not")
        })?;
        Ok(format!("scrypt${work_factor}${salt}${block_size}${parallelism}${hash}"))
    }

    fn verify(&self, password: &str, encoded: &str) -> Result<bool, Unreadable> {
        let (work, salt, hash) = Self::parts(encoded)?;
        Ok(is_same(work.derive(password, salt)?, hash))
    }

    fn must_update(&self, encoded: &str) -> bool {
        Self::parts(encoded).is_ok_and(|(work, ..)| work != *self)
    }
}
