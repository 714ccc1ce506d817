//! The keyed hash under every signature of Django.

use hmac::digest::block_api::EagerHash;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Digest;

use crate::secret::SecretKey;

/// The HMAC of `value` under a key derived from `key_salt` and `secret`: `digest(salt + secret)`.
///
/// Source: `django.utils.crypto.salted_hmac`.
///
/// ```
/// use segue::{SecretKey, signing::salted_hmac};
/// use sha2::Sha256;
///
/// let secret = SecretKey::new("test-secret-key");
/// let one = salted_hmac::<Sha256>("salt", "value", &secret);
/// assert_eq!(one.len(), 32);
/// assert_ne!(one, salted_hmac::<Sha256>("other salt", "value", &secret));
/// ```
#[must_use]
pub fn salted_hmac<D: EagerHash + Digest>(
    key_salt: &str,
    value: &str,
    secret: &SecretKey,
) -> Vec<u8> {
    let mut mac = keyed::<D>(key_salt, secret);
    mac.update(value.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The HMAC with its key in place, to be cloned for each value.
#[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(super) fn keyed<D: EagerHash + Digest>(key_salt: &str, secret: &SecretKey) -> Hmac<D> {
    let key = D::new().chain_update(key_salt).chain_update(secret.expose()).finalize();
    Hmac::<D>::new_from_slice(&key).expect("HMAC takes keys of any length")
}
