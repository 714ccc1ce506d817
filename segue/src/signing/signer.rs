//! A signature without a date.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::SigningError;
use super::salted_hmac::keyed;
use crate::secret::SecretKeys;

/// The bytes of a signature: SHA-256.
const SIGNATURE: usize = 32;

/// Stands between a value and its signature.
const SEPARATOR: char = ':';

/// Signs texts, and believes what any of its keys has signed under the same salt.
///
/// The salt says what the signature is for: one made for a password reset is no good for a session.
/// Source: `django.core.signing.Signer`.
///
/// ```
/// use segue::{SecretKeys, signing::Signer};
///
/// let signer = Signer::new(&SecretKeys::new("test-secret-key"), "x");
/// let signed = signer.sign("hello");
/// assert_eq!(signed, "hello:3jAQeUApMIR889-z7FKMVU5W36fsFtjjh8rvZayJQAI");
/// assert_eq!(signer.unsign(&signed), Ok("hello"));
/// assert!(signer.unsign("hullo:3jAQeUApMIR889-z7FKMVU5W36fsFtjjh8rvZayJQAI").is_err());
/// ```
#[derive(Clone)]
pub struct Signer {
    current: Hmac<Sha256>,
    fallbacks: Vec<Hmac<Sha256>>,
}

impl Signer {
    /// A signer for one purpose.
    #[must_use]
    pub fn new(keys: &SecretKeys, salt: &str) -> Self {
        let key_salt = format!("{salt}signer");
        Self {
            current: keyed(&key_salt, &keys.current),
            fallbacks: keys.fallbacks.iter().map(|key| keyed(&key_salt, key)).collect(),
        }
    }

    /// A number that two signers share if they believe the same signatures, and that says nothing of
    /// their keys.
    pub(super) fn believes(&self) -> u128 {
        let keys = std::iter::once(&self.current).chain(&self.fallbacks);
        let digest = keys.fold(Sha256::new(), |digest, key| {
            // What the key says to this is as good as the key, and not to be turned back.
            digest.chain_update(key.clone().finalize().into_bytes())
        });
        digest.finalize().iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    /// The value, a colon and its signature.
    #[must_use]
    pub fn sign(&self, value: &str) -> String {
        let mut signed = String::with_capacity(value.len() + 44);
        signed.push_str(value);
        self.append_signature(&mut signed);
        signed
    }

    /// Signs in place, for callers that built the value themselves.
    pub(super) fn append_signature(&self, value: &mut String) {
        let mut mac = self.current.clone();
        mac.update(value.as_bytes());
        value.push(SEPARATOR);
        URL_SAFE_NO_PAD.encode_string(mac.finalize().into_bytes(), value);
    }

    /// The value, if one of the keys signed it.
    ///
    /// # Errors
    /// [`SigningError::BadSignature`] otherwise.
    pub fn unsign<'a>(&self, signed: &'a str) -> Result<&'a str, SigningError> {
        let (value, text) = signed.rsplit_once(SEPARATOR).ok_or(SigningError::BadSignature)?;
        let mut signature = [0; SIGNATURE];
        if URL_SAFE_NO_PAD.decode_slice(text, &mut signature) != Ok(SIGNATURE) {
            return Err(SigningError::BadSignature);
        }
        let believed = std::iter::once(&self.current).chain(&self.fallbacks).any(|key| {
            let mut mac = key.clone();
            mac.update(value.as_bytes());
            // Compares in constant time.
            mac.verify_slice(&signature).is_ok()
        });
        if believed { Ok(value) } else { Err(SigningError::BadSignature) }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}
