//! `md5$salt$hash`: **insecure**, and used only where `PASSWORD_HASHERS` names it. A test suite with
//! it is quick, and hashes that are there can be replaced at the next login.
//!
//! Source: `MD5PasswordHasher` in `django/contrib/auth/hashers.py`.

use md5::Digest as _;

use super::{Hasher, Unreadable, is_same, is_short, letters};
use crate::hex::hex;
use crate::passwords::error::PasswordError;

pub(super) struct Md5;

fn derive(password: &str, salt: &str) -> String {
    hex(&md5::Md5::new().chain_update(salt).chain_update(password).finalize())
}

/// The salt and the hash.
fn parts(encoded: &str) -> Result<(&str, &str), Unreadable> {
    let rest = encoded.strip_prefix("md5$").ok_or(Unreadable::Malformed)?;
    let (salt, hash) = rest.split_once('$').ok_or(Unreadable::Malformed)?;
    if salt.is_empty() { Err(Unreadable::Malformed) } else { Ok((salt, hash)) }
}

impl Hasher for Md5 {
    fn encode(&self, password: &str) -> Result<String, PasswordError> {
        let salt = letters::<{ super::SALT }>()?;
        Ok(format!("md5${salt}${}", derive(password, &salt)))
    }

    fn verify(&self, password: &str, encoded: &str) -> Result<bool, Unreadable> {
        let (salt, hash) = parts(encoded)?;
        Ok(is_same(derive(password, salt), hash))
    }

    fn must_update(&self, encoded: &str) -> bool {
        parts(encoded).is_ok_and(|(salt, _)| is_short(salt.chars().count()))
    }
}
