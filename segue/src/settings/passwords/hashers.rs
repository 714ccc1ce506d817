//! An entry of `PASSWORD_HASHERS`.

use config::Value;

use super::name_and;
use crate::settings::reader::number;

/// A hasher and its work factors: an entry of `PASSWORD_HASHERS`.
///
/// In the file it is a name or a table: `"argon2"`,
/// `"django.contrib.auth.hashers.Argon2PasswordHasher"`, or
/// `{ NAME = "pbkdf2_sha256", iterations = 1_200_000 }`.
///
/// ```
/// use segue::settings::PasswordHasher;
///
/// let hasher = PasswordHasher::Pbkdf2Sha256 { iterations: 1_200_000 };
/// assert_eq!(hasher.algorithm(), PasswordHasher::DEFAULTS[0].algorithm());
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordHasher {
    /// `pbkdf2_sha256`.
    Pbkdf2Sha256 {
        /// 1 to 10000000. Default: 1000000, as in Django 5.2.
        iterations: u32,
    },
    /// `pbkdf2_sha1`: for hashes that are there.
    Pbkdf2Sha1 {
        /// 1 to 10000000. Default: 1000000.
        iterations: u32,
    },
    /// `argon2`: Argon2id; the older Argon2i and Argon2d are read.
    Argon2 {
        /// How often the memory is gone through. Default: 2.
        time_cost: u32,
        /// In KiB; 8 for each lane at least, and 2 GiB at the most. Default: 102400, 100 MiB.
        memory_cost: u32,
        /// Lanes. Default: 8.
        parallelism: u32,
    },
    /// `bcrypt_sha256`.
    BcryptSha256 {
        /// 4 to 16; each doubles the work. Default: 12.
        rounds: u32,
    },
    /// `bcrypt`: refuses passwords of more than 72 bytes; `bcrypt_sha256` takes them.
    Bcrypt {
        /// 4 to 16; each doubles the work. Default: 12.
        rounds: u32,
    },
    /// `scrypt`.
    Scrypt {
        /// A power of 2. Default: 16384.
        work_factor: u32,
        /// 128 bytes times this and the work factor are the memory, 2 GiB at the most. Default: 8.
        block_size: u32,
        /// How often the work is done. Default: 5.
        parallelism: u32,
    },
    /// `md5`: **insecure**, broken in an instant. For test suites and for hashes that are there.
    Md5,
}

pub(super) const HASHERS: &str = "pbkdf2_sha256, pbkdf2_sha1, argon2, bcrypt_sha256, bcrypt, scrypt or md5, or \
                       Django's class paths; with work factors a table by Django's names, \
                       { NAME = \"pbkdf2_sha256\", iterations = 1200000 }";
pub(super) const WORK: &str = "1 to 10000000 iterations; 4 to 16 rounds; for argon2 a memory_cost of 8 KiB for \
                    each lane to 2 GiB; for scrypt a work_factor that is a power of 2, and 2 GiB of \
                    memory at the most; for both, 4 GiB at the most over all passes";

const MOST_ITERATIONS: u32 = 10_000_000;
/// In KiB: what is taken at once, and what is written over all passes.
const MOST_MEMORY: u64 = 2 << 20;
const MOST_WRITTEN: u64 = 4 << 20;

impl PasswordHasher {
    /// What `PASSWORD_HASHERS` is when it is not given: Django's five, with the work factors of
    /// Django 5.2.
    ///
    /// Source: `django/conf/global_settings.py`, `django/contrib/auth/hashers.py`.
    pub const DEFAULTS: &[Self] = &[
        Self::Pbkdf2Sha256 { iterations: 1_000_000 },
        Self::Pbkdf2Sha1 { iterations: 1_000_000 },
        Self::Argon2 { time_cost: 2, memory_cost: 102_400, parallelism: 8 },
        Self::BcryptSha256 { rounds: 12 },
        Self::Scrypt { work_factor: 1 << 14, block_size: 8, parallelism: 5 },
    ];

    /// What its hashes begin with.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Pbkdf2Sha256 { .. } => "pbkdf2_sha256",
            Self::Pbkdf2Sha1 { .. } => "pbkdf2_sha1",
            Self::Argon2 { .. } => "argon2",
            Self::BcryptSha256 { .. } => "bcrypt_sha256",
            Self::Bcrypt { .. } => "bcrypt",
            Self::Scrypt { .. } => "scrypt",
            Self::Md5 => "md5",
        }
    }

    /// Whether the work can be asked of a server: what a row of the database says may be anything.
    pub(crate) fn is_bearable(&self) -> bool {
        let fits = |memory: u64, passes: u32| {
            memory <= MOST_MEMORY && memory.saturating_mul(passes.into()) <= MOST_WRITTEN
        };
        match *self {
            Self::Pbkdf2Sha256 { iterations } | Self::Pbkdf2Sha1 { iterations } => {
                (1..=MOST_ITERATIONS).contains(&iterations)
            }
            Self::Argon2 { time_cost, memory_cost, parallelism } => {
                time_cost >= 1
                    && parallelism >= 1
                    && u64::from(memory_cost) >= 8 * u64::from(parallelism)
                    && fits(memory_cost.into(), time_cost)
            }
            Self::BcryptSha256 { rounds } | Self::Bcrypt { rounds } => (4..=16).contains(&rounds),
            Self::Scrypt { work_factor, block_size, parallelism } => {
                let blocks = u64::from(work_factor) * u64::from(block_size);
                work_factor >= 2
                    && work_factor.is_power_of_two()
                    && block_size >= 1
                    && parallelism >= 1
                    // 128 bytes each.
                    && fits(blocks.div_ceil(8), parallelism)
                    // RFC 7914, 2.
                    && u64::from(block_size) * u64::from(parallelism) < 1 << 30
            }
            Self::Md5 => true,
        }
    }

    fn named(name: &str) -> Option<Self> {
        let class = name.strip_prefix("django.contrib.auth.hashers.").unwrap_or(name);
        let algorithm = match class {
            "PBKDF2PasswordHasher" => "pbkdf2_sha256",
            "PBKDF2SHA1PasswordHasher" => "pbkdf2_sha1",
            "Argon2PasswordHasher" => "argon2",
            "BCryptSHA256PasswordHasher" => "bcrypt_sha256",
            "BCryptPasswordHasher" => "bcrypt",
            "ScryptPasswordHasher" => "scrypt",
            "MD5PasswordHasher" => "md5",
            _ => name,
        };
        let others = [Self::Bcrypt { rounds: 12 }, Self::Md5];
        Self::DEFAULTS.iter().chain(&others).find(|each| each.algorithm() == algorithm).copied()
    }

    pub(super) fn read(entry: &Value) -> Option<Self> {
        let (name, factors) = name_and(entry)?;
        let mut hasher = Self::named(&name)?;
        for (key, value) in factors {
            let value = u32::try_from(number(&value, &(0..=u32::MAX.into()))?).ok()?;
            match (&mut hasher, key.as_str()) {
                (
                    Self::Pbkdf2Sha256 { iterations } | Self::Pbkdf2Sha1 { iterations },
                    "iterations",
                ) => *iterations = value,
                (Self::Argon2 { time_cost, .. }, "time_cost") => *time_cost = value,
                (Self::Argon2 { memory_cost, .. }, "memory_cost") => *memory_cost = value,
                (
                    Self::Argon2 { parallelism, .. } | Self::Scrypt { parallelism, .. },
                    "parallelism",
                ) => *parallelism = value,
                (Self::BcryptSha256 { rounds } | Self::Bcrypt { rounds }, "rounds") => {
                    *rounds = value;
                }
                (Self::Scrypt { work_factor, .. }, "work_factor") => *work_factor = value,
                (Self::Scrypt { block_size, .. }, "block_size") => *block_size = value,
                _ => return None,
            }
        }
        Some(hasher)
    }
}
