//! Proof that somebody may set a new password without the old one.

use std::fmt;

use jiff::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::User;
use crate::clock::Clock;
use crate::hex::hex;
use crate::secret::{SecretKey, SecretKeys};
use crate::settings::Settings;
use crate::signing::salted_hmac;

const SALT: &str = "django.contrib.auth.tokens.PasswordResetTokenGenerator";

/// 2001-01-01, from which Django counts here: in seconds since 1970.
const EPOCH: i64 = 978_307_200;

/// So many digits hold any number of seconds, and no more are looked at.
const MOST_DIGITS: usize = 13;

/// Makes and checks the tokens in links by which people set a new password: good for
/// `PASSWORD_RESET_TIMEOUT`, and once, because the password is part of what is signed, as are the
/// last login and the address. Django takes ours, and we take Django's. Django's
/// `default_token_generator`.
///
/// The link must go to the user's address alone, and the page with the form should keep the token out
/// of the `Referer`.
///
/// ```
/// use segue::users::{NewUser, PasswordResetTokens, Users};
/// use segue::{Settings, database::Database};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
/// # let database = Database::from_url(&url).await?;
/// # database.migrate().await?;
/// let settings = Settings::new("secret");
/// let users = Users::new(database, &settings)?;
/// let tokens = PasswordResetTokens::new(&settings);
/// let user = users.create(NewUser::new("manish")).await?.unwrap();
///
/// let token = tokens.make_token(&user);
/// assert!(tokens.check_token(&user, &token));
/// let user = users.set_password(&user, "long and secret").await?;
/// assert!(!tokens.check_token(&user, &token), "it is good once");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// Source: `django/contrib/auth/tokens.py`.
#[derive(Clone)]
#[doc(alias("PasswordResetTokenGenerator", "default_token_generator"))]
pub struct PasswordResetTokens {
    keys: SecretKeys,
    /// In seconds.
    timeout: i64,
    clock: Clock,
}

impl PasswordResetTokens {
    /// Tokens by these settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self::with_clock(settings, Clock::system())
    }

    /// As [`new`](Self::new), with the time read from this clock.
    #[must_use]
    pub fn with_clock(settings: &Settings, clock: Clock) -> Self {
        let timeout = settings.auth.password_reset_timeout.as_secs();
        let timeout = i64::try_from(timeout).unwrap_or(i64::MAX);
        Self { keys: settings.secret_keys.clone(), timeout, clock }
    }

    /// A token for this user as it is now. It is a secret. Django's `make_token(user)`.
    #[must_use]
    pub fn make_token(&self, user: &User) -> String {
        token(user, self.now(), &self.keys.current)
    }

    /// Whether this token was made for this user, whose password, address and last login are as they
    /// were, and not too long ago. Django's `check_token(user, token)`.
    #[must_use]
    pub fn check_token(&self, user: &User, given: &str) -> bool {
        let Some(seconds) = seconds_of(given) else { return false };
        let mut keys = std::iter::once(&self.keys.current).chain(&self.keys.fallbacks);
        let is_right = |key| token(user, seconds, key).as_bytes().ct_eq(given.as_bytes()).into();
        keys.any(is_right) && self.now().saturating_sub(seconds) <= self.timeout
    }

    fn now(&self) -> i64 {
        self.clock.now().as_second() - EPOCH
    }
}

fn token(user: &User, seconds: i64, key: &SecretKey) -> String {
    let login = user.last_login.map(written).unwrap_or_default();
    let value = format!("{}{}{login}{seconds}{}", user.id, user.password, user.email);
    // Every other digit is enough, and keeps links short.
    let hash = hex(&salted_hmac::<Sha256>(SALT, &value, key));
    let half: String = hash.chars().step_by(2).collect();
    format!("{}-{half}", base36(seconds))
}

/// Python's `str()` of the date without its microseconds and its zone.
fn written(date: Timestamp) -> String {
    date.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn seconds_of(token: &str) -> Option<i64> {
    let (digits, _) = token.split_once('-')?;
    if digits.len() > MOST_DIGITS {
        return None;
    }
    i64::from_str_radix(digits, 36).ok()
}

fn base36(number: i64) -> String {
    let mut rest = number.max(0).unsigned_abs();
    let mut digits = Vec::new();
    loop {
        // Below 36, so it is a digit.
        let digit = u32::try_from(rest % 36).ok().and_then(|digit| char::from_digit(digit, 36));
        digits.extend(digit);
        rest /= 36;
        if rest == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

impl fmt::Debug for PasswordResetTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordResetTokens")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const VECTORS: &str = include_str!("../../tests/vectors.json");

    /// The user of `auth` in the vectors.
    fn alice(auth: &serde_json::Value) -> User {
        let row: Vec<&str> =
            auth["auth_user_row"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        User {
            id: row[0].parse().unwrap(),
            username: row[4].to_owned(),
            password: row[1].to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            email: row[6].to_owned(),
            is_staff: false,
            is_active: true,
            is_superuser: false,
            // The token was made before the login.
            last_login: None,
            date_joined: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn tokens_are_djangos_and_end() {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
        let (auth, clock) =
            (&vectors["auth"], Clock::fixed(Timestamp::from_second(1_700_000_000).unwrap()));
        let expected = auth["password_reset_token"]["token"].as_str().unwrap();
        let (user, settings) = (alice(auth), Settings::new("test-secret-key"));
        let tokens = PasswordResetTokens::with_clock(&settings, clock.clone());
        assert_eq!(tokens.make_token(&user), expected);
        assert!(tokens.check_token(&user, expected));

        // Whatever changes about the user, it is worth nothing then.
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        for other in [
            User { password: "!".to_owned(), ..user.clone() },
            User { email: "b@example.com".to_owned(), ..user.clone() },
            User { last_login: Some(now), ..user.clone() },
            User { id: 2, ..user.clone() },
        ] {
            assert!(!tokens.check_token(&other, expected));
        }
        for nonsense in
            ["", "-", "bxodq8", "bxodq8-", "+bxodq8-5", "zzzzzzzzzzzzzz-5", "-1-5", "é-5"]
        {
            assert!(!tokens.check_token(&user, nonsense), "{nonsense}");
        }
        let longer = format!("0{expected}");
        assert!(!tokens.check_token(&user, &longer), "one number is written in one way");
        let later = expected.replacen("bxodq8", "bxodq9", 1);
        assert!(!tokens.check_token(&user, &later), "its time is signed");

        let mut renewed = Settings::new("another key");
        assert!(
            !PasswordResetTokens::with_clock(&renewed, clock.clone()).check_token(&user, expected)
        );
        renewed.secret_keys.fallbacks.push(SecretKey::new("test-secret-key"));
        assert!(
            PasswordResetTokens::with_clock(&renewed, clock.clone()).check_token(&user, expected)
        );

        clock.advance(SignedDuration::from_secs(259_200));
        assert!(tokens.check_token(&user, expected));
        clock.advance(SignedDuration::from_secs(1));
        assert!(!tokens.check_token(&user, expected));
        assert!(!format!("{tokens:?}").contains("secret"));
    }
}
