//! Passwords: Django's hashes and validators.
//!
//! Either reads what the other hashed, in all of Django's formats, and both say the same of a new
//! password.
//!
//! A hash takes a processor for a tenth of a second or more, which is its purpose. So it is made on
//! a thread of its own, away from those that serve requests, and `PASSWORD_HASHING_LIMIT` says how
//! many are made at once; of those that wait there is a bound as well.
//!
//! Nobody learns from the time of an answer whether a user exists: an unknown user costs as much
//! ([`Passwords::check_nobody`]), and so does a user without a password, or with a hash that nobody
//! reads. That holds where the first hasher is the one that made most hashes: beside a Django 6.1,
//! with its 1,500,000 iterations, say so in `PASSWORD_HASHERS`.
//!
//! # Hashes that are made anew
//!
//! A login is the only moment at which a hash can be replaced by a stronger one. Django does it
//! whenever the first entry of `PASSWORD_HASHERS` differs from what made the hash. Here
//! [`Checked::Outdated`] asks for it only where that setting was given, because a new hash ends all
//! other sessions of its user (they are bound to the hash), and because a Django on the same
//! database, which has work factors of its own, would replace ours again, at every other login.
//! Whoever gives the setting gives the same one to Django.

mod error;
mod hashers;
mod slots;
mod validators;

use std::fmt;
use std::sync::Arc;

use crate::error::ConfigError;
use crate::settings::Settings;

pub use error::{PasswordError, PasswordErrorKind};
pub use validators::Problem;

use hashers::{Hashers, Unreadable};
use slots::Slots;
use validators::Validators;

/// Hashes, checks and validates passwords, on a tokio runtime. Clones share one limit of how many are
/// hashed at once.
///
/// ```
/// use segue::passwords::{Checked, Passwords};
///
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// # let mut settings = segue::Settings::new("a key of fifty characters and more from a safe place");
/// # settings.passwords.hashers =
/// #     Some(vec![segue::settings::PasswordHasher::Pbkdf2Sha256 { iterations: 10 }]);
/// let passwords = Passwords::new(&settings)?;
/// let problems = passwords.validate("zoe1", &[("username", "zoe")]).unwrap_err();
/// assert_eq!(problems[0].message, "The password is too similar to the username.");
///
/// let encoded = passwords.make("correct horse").await?;
/// assert!(encoded.starts_with("pbkdf2_sha256$"));
/// assert_eq!(passwords.check("correct horse", &encoded).await?, Checked::Correct);
/// assert_eq!(passwords.check("a guess", &encoded).await?, Checked::Wrong);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Passwords {
    hashers: Arc<Hashers>,
    validators: Arc<Validators>,
    slots: Slots,
    upgrades: bool,
}

/// What a password is to a hash.
///
/// ```
/// use segue::passwords::Checked;
///
/// assert!(Checked::Outdated.is_correct() && !Checked::Wrong.is_correct());
/// ```
#[must_use = "a password that is wrong is no error"]
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is not the one that was hashed.
    Wrong,
    /// It is.
    Correct,
    /// It is, and `PASSWORD_HASHERS` asks for another hash: store what [`Passwords::make`] gives.
    Outdated,
}

impl Checked {
    /// Whether it is the password that was hashed.
    #[must_use]
    pub fn is_correct(self) -> bool {
        self != Self::Wrong
    }
}

impl Passwords {
    /// Passwords by these settings.
    ///
    /// # Errors
    /// [`ConfigError`] when a setting about passwords does not hold, or a list of common passwords
    /// cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        settings.validate()?;
        let settings = &settings.passwords;
        Ok(Self {
            hashers: Arc::new(Hashers::new(settings.hashers())),
            validators: Arc::new(Validators::new(&settings.validators)?),
            slots: Slots::new(settings.hashing_limit),
            upgrades: settings.hashers.is_some(),
        })
    }

    /// A new hash of a password, by the first hasher.
    ///
    /// Source: `make_password` in `django/contrib/auth/hashers.py`.
    ///
    /// # Errors
    /// [`PasswordError`] when too many wait, or the hasher does not take the password.
    pub async fn make(&self, password: &str) -> Result<String, PasswordError> {
        self.run(password, Hashers::make).await?
    }

    /// What to store for a user without a password: no password is ever right for it.
    ///
    /// Source: `make_password(None)` in `django/contrib/auth/hashers.py`.
    ///
    /// # Errors
    /// [`PasswordError`] when the operating system gives no random numbers.
    pub fn make_unusable() -> Result<String, PasswordError> {
        Ok(format!("!{}", hashers::letters::<40>()?))
    }

    /// Whether there can be a right password: this is not what [`make_unusable`](Self::make_unusable)
    /// gave.
    ///
    /// Source: `is_password_usable` in `django/contrib/auth/hashers.py`.
    #[must_use]
    pub fn is_usable(encoded: &str) -> bool {
        !encoded.starts_with('!')
    }

    /// Whether a password is the one that was hashed, and whether to hash it anew.
    ///
    /// What is no hash, asks for absurd work, or is of a hasher that is not in `PASSWORD_HASHERS`
    /// has no right password; the log says so. NULs at the end of a password are not seen by PBKDF2
    /// and scrypt, and some in it not by bcrypt, here as in Django: the forms of both refuse them.
    ///
    /// Source: `verify_password` in `django/contrib/auth/hashers.py`.
    ///
    /// # Errors
    /// [`PasswordError`] when too many wait.
    pub async fn check(&self, password: &str, encoded: &str) -> Result<Checked, PasswordError> {
        let encoded = encoded.to_owned();
        let verified =
            self.run(password, move |hashers, password| hashers.verify(password, &encoded)).await?;
        match verified {
            Ok(verified) if !verified.correct => Ok(Checked::Wrong),
            Ok(verified) if verified.must_update && self.upgrades => Ok(Checked::Outdated),
            Ok(_) => Ok(Checked::Correct),
            Err(reason) => {
                if let Some(line) = reason.for_the_log() {
                    tracing::warn!("a stored password cannot be checked: {line}");
                }
                Ok(Checked::Wrong)
            }
        }
    }

    /// Works as long as [`check`](Self::check) does: for a user who does not exist, so that nobody
    /// can tell by the time.
    ///
    /// Source: `ModelBackend.authenticate` in `django/contrib/auth/backends.py`.
    ///
    /// # Errors
    /// [`PasswordError`] when too many wait, as for a user who exists.
    pub async fn check_nobody(&self, password: &str) -> Result<(), PasswordError> {
        // As for a user without a password.
        self.check(password, "!").await.map(drop)
    }

    /// Whether a new password passes `AUTH_PASSWORD_VALIDATORS`; what is known of its user comes by
    /// names: `[("username", "zoe"), ("email", "zoe@example.com")]`.
    ///
    /// Source: `validate_password` in `django/contrib/auth/password_validation.py`.
    ///
    /// # Errors
    /// Every [`Problem`] it has.
    pub fn validate(
        &self,
        password: &str,
        user_attributes: &[(&str, &str)],
    ) -> Result<(), Vec<Problem>> {
        self.validators.validate(password, user_attributes)
    }

    /// What a new password has to be, a sentence for each validator: for the page with the form.
    ///
    /// Source: `password_validators_help_texts` in `django/contrib/auth/password_validation.py`.
    #[must_use]
    pub fn help_texts(&self) -> Vec<String> {
        self.validators.help_texts()
    }

    async fn run<T: Send + 'static>(
        &self,
        password: &str,
        work: impl FnOnce(&Hashers, &str) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (hashers, password) = (Arc::clone(&self.hashers), password.to_owned());
        self.slots.run(move || work(&hashers, &password)).await
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("hashers", &self.hashers)
            .field("upgrades", &self.upgrades)
            .finish_non_exhaustive()
    }
}

impl Unreadable {
    /// What an operator should know; Django's own marks are nothing to know.
    fn for_the_log(self) -> Option<&'static str> {
        match self {
            Self::Unusable => None,
            Self::Unlisted => Some(
                "no hasher in PASSWORD_HASHERS has made it; add the one that did, behind the \
                 others, or set the user a new password",
            ),
            Self::Malformed => {
                Some("it is not in the form of its hasher; set the user a new password")
            }
            Self::TooMuchWork => Some(
                "its work factor is absurd, which may be an attack; set the user a new password",
            ),
        }
    }
}
