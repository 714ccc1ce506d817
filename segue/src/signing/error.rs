//! Why a signed text is not believed.

use std::fmt;
use std::time::Duration;

/// Why a signed text is not believed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningError {
    /// No key of ours made this signature. Django's `BadSignature`.
    BadSignature,
    /// The signature is good and too old. Django's `SignatureExpired`.
    #[non_exhaustive]
    Expired {
        /// How old it is.
        age: Duration,
        /// How old it may be.
        max_age: Duration,
    },
    /// The signature is good and what it covers is not what was asked for.
    #[non_exhaustive]
    Payload {
        /// What is wrong with it; never the payload itself.
        reason: &'static str,
    },
}

impl SigningError {
    pub(crate) const fn payload(reason: &'static str) -> Self {
        Self::Payload { reason }
    }
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSignature => f.write_str("the signature does not match"),
            Self::Expired { age, max_age } => {
                write!(f, "the signature is {age:?} old; the limit is {max_age:?}")
            }
            Self::Payload { reason } => write!(f, "the signed payload is not usable: {reason}"),
        }
    }
}

impl std::error::Error for SigningError {}
