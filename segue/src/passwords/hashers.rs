//! Django's hashers: one file each.

mod argon2;
mod bcrypt;
mod md5;
mod pbkdf2;
mod scrypt;

use std::fmt;
use std::sync::OnceLock;

use subtle::ConstantTimeEq as _;

use super::error::PasswordError;
use crate::random;
use crate::settings::PasswordHasher;

use argon2::Argon2;
use bcrypt::Bcrypt;
use md5::Md5;
use pbkdf2::Pbkdf2;
use scrypt::Scrypt;

/// Django's `RANDOM_STRING_CHARS`.
const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// 22 such letters have 131 bits; Django asks for 128.
const SALT: usize = 22;

/// No hash is longer. Django's column has 128 characters.
const LONGEST: usize = 1024;

/// One hasher with its work factors. The methods are those of Django's `BasePasswordHasher`.
trait Hasher: Send + Sync {
    /// A new hash, with a random salt.
    fn encode(&self, password: &str) -> Result<String, PasswordError>;

    /// Whether the password is the one of this hash.
    fn verify(&self, password: &str, encoded: &str) -> Result<bool, Unreadable>;

    /// Whether this hash, which [`verify`](Self::verify) reads, would be made otherwise today.
    fn must_update(&self, encoded: &str) -> bool;

    /// After a wrong password for a hash of less work: does the rest of the work, where the
    /// algorithm can do a part.
    fn harden_runtime(&self, _password: &str, _encoded: &str) {}
}

/// Why a hash has no right password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is not meant to have one.
    Unusable,
    /// `PASSWORD_HASHERS` has not its hasher.
    Unlisted,
    /// It is not in the form of its hasher.
    Malformed,
    /// It asks for more work than a server can bear.
    TooMuchWork,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) correct: bool,
    pub(super) must_update: bool,
}

/// The hashers of `PASSWORD_HASHERS`.
pub(super) struct Hashers {
    preferred: Listed,
    others: Vec<Listed>,
    /// A hash of nobody's password, for those who have none.
    decoy: OnceLock<String>,
}

struct Listed {
    algorithm: &'static str,
    hasher: Box<dyn Hasher>,
}

impl Listed {
    fn new(settings: PasswordHasher) -> Self {
        let hasher: Box<dyn Hasher> = match settings {
            PasswordHasher::Pbkdf2Sha256 { iterations } => Box::new(Pbkdf2::sha256(iterations)),
            PasswordHasher::Pbkdf2Sha1 { iterations } => Box::new(Pbkdf2::sha1(iterations)),
            PasswordHasher::Argon2 { time_cost, memory_cost, parallelism } => {
                Box::new(Argon2 { time_cost, memory_cost, parallelism })
            }
            PasswordHasher::BcryptSha256 { rounds } => Box::new(Bcrypt::sha256(rounds)),
            PasswordHasher::Bcrypt { rounds } => Box::new(Bcrypt::plain(rounds)),
            PasswordHasher::Scrypt { work_factor, block_size, parallelism } => {
                Box::new(Scrypt { work_factor, block_size, parallelism })
            }
            PasswordHasher::Md5 => Box::new(Md5),
        };
        Self { algorithm: settings.algorithm(), hasher }
    }
}

impl Hashers {
    /// The first one is preferred. Without any, which no settings have: Django's own first one.
    pub(super) fn new(settings: &[PasswordHasher]) -> Self {
        let mut listed = settings.iter().copied().map(Listed::new);
        let preferred = listed
            .next()
            .unwrap_or_else(|| Listed::new(PasswordHasher::Pbkdf2Sha256 { iterations: 1_000_000 }));
        Self { preferred, others: listed.collect(), decoy: OnceLock::new() }
    }

    pub(super) fn make(&self, password: &str) -> Result<String, PasswordError> {
        self.preferred.hasher.encode(password)
    }

    /// Whether the password is the one that was hashed. Where there is none to be read, the work is
    /// done on a decoy.
    ///
    /// It is the same call in both cases: even where its variables stand in memory shows in a time
    /// that is taken often enough.
    pub(super) fn verify(&self, password: &str, encoded: &str) -> Result<Verified, Unreadable> {
        let mut unreadable = None;
        for hash in [encoded, self.decoy()] {
            match (self.try_verify(password, hash), unreadable) {
                (Ok(verified), None) => return Ok(verified),
                (Err(reason), None) => unreadable = Some(reason),
                (_, Some(reason)) => return Err(reason),
            }
        }
        Err(unreadable.unwrap_or(Unreadable::Unusable))
    }

    /// Made by whoever comes first, for a user who exists as well, so that it tells nothing.
    fn decoy(&self) -> &str {
        self.decoy.get_or_init(|| self.make("").unwrap_or_default())
    }

    fn try_verify(&self, password: &str, encoded: &str) -> Result<Verified, Unreadable> {
        if encoded.starts_with('!') {
            return Err(Unreadable::Unusable);
        }
        if encoded.len() > LONGEST {
            return Err(Unreadable::Malformed);
        }
        let algorithm = encoded.split('$').next().unwrap_or_default();
        let Listed { algorithm: preferred, hasher } = &self.preferred;
        if algorithm != *preferred {
            let mut others = self.others.iter();
            let other = others.find(|other| other.algorithm == algorithm);
            let hasher = &other.ok_or(Unreadable::Unlisted)?.hasher;
            let correct = hasher.verify(password, encoded)?;
            return Ok(Verified { correct, must_update: true });
        }
        let correct = hasher.verify(password, encoded)?;
        let must_update = hasher.must_update(encoded);
        if must_update && !correct {
            hasher.harden_runtime(password, encoded);
        }
        Ok(Verified { correct, must_update })
    }
}

impl fmt::Debug for Hashers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = std::iter::once(&self.preferred).chain(&self.others);
        f.debug_list().entries(listed.map(|listed| listed.algorithm)).finish()
    }
}

/// Random letters and digits.
pub(super) fn letters<const COUNT: usize>() -> Result<String, PasswordError> {
    let mut letters = [0; COUNT];
    random::fill(&mut letters, LETTERS).map_err(PasswordError::failed)?;
    Ok(letters.iter().copied().map(char::from).collect())
}

/// Whether Django would make a longer salt today.
///
/// Source: `must_update_salt` in `django/contrib/auth/hashers.py`.
fn is_short(salt_characters: usize) -> bool {
    salt_characters < SALT
}

/// A number as hashes have them: digits, and no zero before them.
fn decimal(text: &str) -> Result<u32, Unreadable> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let number = if canonical { text.parse() } else { return Err(Unreadable::Malformed) };
    // Too large is a number as well.
    number
        .map_err(|_| if text.is_empty() { Unreadable::Malformed } else { Unreadable::TooMuchWork })
}

/// Refuses absurd work, before any of it is done.
fn bearable(work: PasswordHasher) -> Result<(), Unreadable> {
    if work.is_bearable() { Ok(()) } else { Err(Unreadable::TooMuchWork) }
}

/// Compares in constant time.
fn is_same(one: impl AsRef<[u8]>, other: impl AsRef<[u8]>) -> bool {
    one.as_ref().ct_eq(other.as_ref()).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts what it is asked to do; its only password is "right".
    #[derive(Default)]
    struct Counting {
        hashed: AtomicUsize,
        hardened: AtomicUsize,
    }

    impl Hasher for Arc<Counting> {
        fn encode(&self, _: &str) -> Result<String, PasswordError> {
            self.hashed.fetch_add(1, Ordering::SeqCst);
            Ok("preferred$decoy".to_owned())
        }

        fn verify(&self, password: &str, encoded: &str) -> Result<bool, Unreadable> {
            match encoded.split('$').nth(1) {
                Some("absurd") => Err(Unreadable::TooMuchWork),
                Some(_) => {
                    self.hashed.fetch_add(1, Ordering::SeqCst);
                    Ok(password == "right")
                }
                None => Err(Unreadable::Malformed),
            }
        }

        fn must_update(&self, encoded: &str) -> bool {
            encoded.ends_with("weak")
        }

        fn harden_runtime(&self, _: &str, _: &str) {
            self.hardened.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Nobody is told by the time whether a user exists, and has a password.
    #[test]
    fn a_whole_hash_is_made_for_whoever_has_no_readable_one() {
        let (preferred, other) = (Arc::new(Counting::default()), Arc::new(Counting::default()));
        let listed = |algorithm, hasher: &Arc<Counting>| Listed {
            algorithm,
            hasher: Box::new(Arc::clone(hasher)),
        };
        let hashers = Hashers {
            preferred: listed("preferred", &preferred),
            others: vec![listed("other", &other)],
            decoy: OnceLock::new(),
        };
        let work = |counting: &Counting| {
            (counting.hashed.swap(0, Ordering::SeqCst), counting.hardened.swap(0, Ordering::SeqCst))
        };
        // The first one makes the decoy, whoever it is for.
        assert!(hashers.verify("guess", "preferred$x").is_ok());
        assert_eq!(work(&preferred), (2, 0));
        let long = format!("preferred${}", "x".repeat(LONGEST));
        for (encoded, reason) in [
            ("!", Unreadable::Unusable),
            ("", Unreadable::Unlisted),
            ("unknown$x", Unreadable::Unlisted),
            ("preferred", Unreadable::Malformed),
            ("other", Unreadable::Malformed),
            ("preferred$absurd", Unreadable::TooMuchWork),
            (&long, Unreadable::Malformed),
        ] {
            assert_eq!(hashers.verify("right", encoded), Err(reason), "{encoded}");
            assert_eq!(work(&preferred), (1, 0), "{encoded}");
        }
        for (password, encoded, verified, hardened) in [
            ("right", "preferred$x", (true, false), 0),
            ("guess", "preferred$x", (false, false), 0),
            ("right", "preferred$weak", (true, true), 0),
            ("guess", "preferred$weak", (false, true), 1),
            ("right", "other$weak", (true, true), 0),
            ("guess", "other$weak", (false, true), 0),
        ] {
            let (correct, must_update) = verified;
            let expected = Ok(Verified { correct, must_update });
            assert_eq!(hashers.verify(password, encoded), expected, "{password} {encoded}");
            let hashed = usize::from(encoded.starts_with("preferred"));
            assert_eq!(work(&preferred), (hashed, hardened), "{password} {encoded}");
            assert_eq!(work(&other), (1 - hashed, 0), "{password} {encoded}");
        }
    }

    #[test]
    fn numbers_are_written_in_one_way_only() {
        assert_eq!(decimal("10"), Ok(10));
        assert_eq!(decimal("4294967296"), Err(Unreadable::TooMuchWork));
        for text in ["", "0", "010", "+1", "-1", " 1", "1 ", "1_0", "1e1", "١"] {
            assert_eq!(decimal(text), Err(Unreadable::Malformed), "{text:?}");
        }
    }
}
