//! Passwords: Django's vectors, hostile hashes, the limit of how many are hashed at once, secrets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]
#![cfg(feature = "auth")]

#[path = "../common/log.rs"]
mod log;

mod hashes;
mod hostile;
mod secrets;
mod validators;

use segue::Settings;
use segue::passwords::Passwords;
use segue::settings::PasswordHasher;

const SHA256: PasswordHasher = PasswordHasher::Pbkdf2Sha256 { iterations: 10 };
const SHA1: PasswordHasher = PasswordHasher::Pbkdf2Sha1 { iterations: 10 };
const ARGON2: PasswordHasher =
    PasswordHasher::Argon2 { time_cost: 1, memory_cost: 64, parallelism: 2 };
const BCRYPT_SHA256: PasswordHasher = PasswordHasher::BcryptSha256 { rounds: 4 };
const BCRYPT: PasswordHasher = PasswordHasher::Bcrypt { rounds: 4 };
const SCRYPT: PasswordHasher =
    PasswordHasher::Scrypt { work_factor: 16, block_size: 8, parallelism: 1 };

/// Every algorithm, with little work.
const ALL: [PasswordHasher; 7] =
    [SHA256, SHA1, ARGON2, BCRYPT_SHA256, BCRYPT, SCRYPT, PasswordHasher::Md5];

/// With these as `PASSWORD_HASHERS`.
fn passwords(hashers: &[PasswordHasher]) -> Passwords {
    let mut settings = Settings::new("secret");
    settings.passwords.hashers = Some(hashers.to_vec());
    Passwords::new(&settings).unwrap()
}

/// Every algorithm, and this one first.
fn preferring(first: PasswordHasher) -> Passwords {
    let others = ALL.into_iter().filter(|other| other.algorithm() != first.algorithm());
    passwords(&std::iter::once(first).chain(others).collect::<Vec<_>>())
}
