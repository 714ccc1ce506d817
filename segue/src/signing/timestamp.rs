//! A signature with its date.

use std::time::Duration;

use jiff::Timestamp;

use super::{Signer, SigningError, base62};
use crate::clock::Clock;
use crate::secret::SecretKeys;

/// Signs texts together with the time, so that old ones can be refused.
///
/// Source: `django.core.signing.TimestampSigner`.
///
/// ```
/// use std::time::Duration;
/// use segue::signing::{SigningError, TimestampSigner};
/// use segue::{Clock, SecretKeys, SignedDuration, Timestamp};
///
/// let clock = Clock::fixed(Timestamp::from_second(1_700_000_000).unwrap());
/// let keys = SecretKeys::new("test-secret-key");
/// let signer = TimestampSigner::new(&keys, "django.core.signing.TimestampSigner", &clock);
/// let signed = signer.sign("hello");
/// assert_eq!(signed, "hello:1r31eq:bI-reVCgAQqA6NH_MVUY791PTRb9Mb2fwN5bTx1JFV0");
///
/// clock.advance(SignedDuration::from_secs(61));
/// assert_eq!(signer.unsign(&signed, None), Ok("hello"));
/// let refused = signer.unsign(&signed, Some(Duration::from_secs(60)));
/// assert!(matches!(refused, Err(SigningError::Expired { .. })));
/// ```
#[derive(Clone, Debug)]
pub struct TimestampSigner {
    signer: Signer,
    pub(super) clock: Clock,
}

impl TimestampSigner {
    /// A signer for one purpose, which reads the time from `clock`.
    #[must_use]
    pub fn new(keys: &SecretKeys, salt: &str, clock: &Clock) -> Self {
        Self { signer: Signer::new(keys, salt), clock: clock.clone() }
    }

    /// As [`Signer::believes`].
    pub(crate) fn believes(&self) -> u128 {
        self.signer.believes()
    }

    /// The value, the time in seconds and the signature of both.
    #[must_use]
    pub fn sign(&self, value: &str) -> String {
        self.sign_owned(value.to_owned(), self.clock.now())
    }

    /// As [`sign`](Self::sign), without a copy of the value, and with this time in the place of now.
    pub(super) fn sign_owned(&self, mut value: String, signed_at: Timestamp) -> String {
        value.push(':');
        // Rounded down, before 1970 as well: nothing lives longer for being signed.
        let seconds = signed_at.as_microsecond().div_euclid(1_000_000);
        value.push_str(&base62::encode(seconds));
        self.signer.append_signature(&mut value);
        value
    }

    /// The value, if one of the keys signed it no longer than `max_age` ago.
    ///
    /// # Errors
    /// [`SigningError::BadSignature`] when no key of ours signed it, [`SigningError::Expired`]
    /// when it is too old, [`SigningError::Payload`] when it was signed without a time.
    pub fn unsign<'a>(
        &self,
        signed: &'a str,
        max_age: Option<Duration>,
    ) -> Result<&'a str, SigningError> {
        let Dated { value, seconds } = self.unsign_dated(signed)?;
        if let Some(max_age) = max_age {
            let now = self.clock.now().as_microsecond();
            let age = now.saturating_sub(seconds.saturating_mul(1_000_000));
            // A signature from the future, by a clock ahead of ours, is not old.
            let age = Duration::from_micros(u64::try_from(age).unwrap_or_default());
            if age > max_age {
                return Err(SigningError::Expired { age, max_age });
            }
        }
        Ok(value)
    }

    /// The value, if one of the keys signed it, and when.
    pub(crate) fn unsign_dated<'a>(&self, signed: &'a str) -> Result<Dated<'a>, SigningError> {
        let dated = self.signer.unsign(signed)?;
        dated
            .rsplit_once(':')
            .and_then(|(value, time)| Some(Dated { value, seconds: base62::decode(time)? }))
            .ok_or(SigningError::payload("it has no time"))
    }
}

/// What one of the keys has signed.
pub(crate) struct Dated<'a> {
    pub(super) value: &'a str,
    /// When, in seconds since 1970.
    pub(crate) seconds: i64,
}
