//! Whole values, signed: `django.core.signing.dumps` and `loads`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::timestamp::Dated;
use super::{SigningError, TimestampSigner, compress};
use crate::clock::Clock;
use crate::json;
use crate::scratch;
use crate::secret::SecretKeys;

/// Marks a compressed payload; not a letter of URL-safe base 64.
const COMPRESSED: char = '.';

/// A value as URL-safe text: JSON in base 64, with the time and a signature.
///
/// Source: `django.core.signing.dumps(value, key, salt)`.
///
/// # Errors
/// [`SigningError::Payload`] when the value is none that JSON can hold.
pub fn dumps<T: Serialize + ?Sized>(
    value: &T,
    keys: &SecretKeys,
    salt: &str,
    clock: &Clock,
) -> Result<String, SigningError> {
    dump(value, keys, salt, clock, false)
}

/// As [`dumps`], with zlib around the JSON where that is shorter.
///
/// Source: `django.core.signing.dumps(value, key, salt, compress=True)`.
///
/// # Errors
/// [`SigningError::Payload`] when the value is none that JSON can hold.
pub fn dumps_compressed<T: Serialize + ?Sized>(
    value: &T,
    keys: &SecretKeys,
    salt: &str,
    clock: &Clock,
) -> Result<String, SigningError> {
    dump(value, keys, salt, clock, true)
}

fn dump<T: Serialize + ?Sized>(
    value: &T,
    keys: &SecretKeys,
    salt: &str,
    clock: &Clock,
    compress: bool,
) -> Result<String, SigningError> {
    let json = json::to_text(value)
        .map_err(|_| SigningError::payload("the value cannot be written as JSON"))?;
    Ok(TimestampSigner::new(keys, salt, clock).sign_bytes(json.as_bytes(), compress))
}

/// The value that [`dumps`] or Django signed no longer than `max_age` ago.
///
/// Source: `django.core.signing.loads`.
///
/// # Errors
/// As [`TimestampSigner::unsign`], and [`SigningError::Payload`] when what was signed is no `T`.
pub fn loads<T: DeserializeOwned>(
    text: &str,
    keys: &SecretKeys,
    salt: &str,
    clock: &Clock,
    max_age: Option<Duration>,
) -> Result<T, SigningError> {
    let read = |bytes: &[u8]| {
        let json =
            std::str::from_utf8(bytes).map_err(|_| SigningError::payload("it is not text"))?;
        json::from_text(json).map_err(|_| SigningError::payload("it is not of the type asked for"))
    };
    TimestampSigner::new(keys, salt, clock).unsign_with(text, max_age, read)?
}

impl TimestampSigner {
    /// Any bytes as signed, URL-safe text, with zlib around them where asked for and shorter.
    ///
    /// Source: `Signer.sign_object`, with the bytes of a serializer.
    #[must_use]
    pub fn sign_bytes(&self, bytes: &[u8], compress: bool) -> String {
        self.sign_bytes_at(bytes, compress, self.clock.now())
    }

    /// As [`sign_bytes`](Self::sign_bytes), with this time in the place of now.
    pub(crate) fn sign_bytes_at(
        &self,
        bytes: &[u8],
        compress: bool,
        signed_at: Timestamp,
    ) -> String {
        let mut payload = String::with_capacity(bytes.len() * 4 / 3 + 64);
        match compress.then(|| compress::pack(bytes)).flatten() {
            Some(packed) => {
                payload.push(COMPRESSED);
                URL_SAFE_NO_PAD.encode_string(packed, &mut payload);
            }
            None => URL_SAFE_NO_PAD.encode_string(bytes, &mut payload),
        }
        self.sign_owned(payload, signed_at)
    }

    /// The bytes that [`sign_bytes`](Self::sign_bytes) or Django signed.
    ///
    /// # Errors
    /// As [`unsign`](Self::unsign), and [`SigningError::Payload`] for what is no payload.
    pub fn unsign_bytes(
        &self,
        text: &str,
        max_age: Option<Duration>,
    ) -> Result<Vec<u8>, SigningError> {
        self.unsign_with(text, max_age, <[u8]>::to_vec)
    }

    /// As [`unsign_bytes`](Self::unsign_bytes), for who only looks at the bytes.
    pub(crate) fn unsign_with<T>(
        &self,
        text: &str,
        max_age: Option<Duration>,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, SigningError> {
        unpack(self.unsign(text, max_age)?, look)
    }
}

impl Dated<'_> {
    /// For who only looks at the bytes that were signed.
    pub(crate) fn unpack<T>(&self, look: impl FnOnce(&[u8]) -> T) -> Result<T, SigningError> {
        unpack(self.value, look)
    }
}

fn unpack<T>(payload: &str, look: impl FnOnce(&[u8]) -> T) -> Result<T, SigningError> {
    scratch::buffers(|[decoded, unpacked]| {
        let packed = payload.strip_prefix(COMPRESSED);
        URL_SAFE_NO_PAD
            .decode_vec(packed.unwrap_or(payload), decoded)
            .map_err(|_| SigningError::payload("it is not base 64"))?;
        if packed.is_none() {
            return Ok(look(decoded));
        }
        compress::unpack(decoded, unpacked)?;
        Ok(look(unpacked))
    })
}
