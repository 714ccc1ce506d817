//! How a session becomes the bytes that an engine stores.

use crate::clock::Clock;
use crate::data::SessionData;
use crate::secret::SecretKeys;
use crate::signing::{MAX_UNPACKED, SigningError, TimestampSigner};

/// The salt of Django's database, file and cache sessions: the name of the class that signs.
const SESSION_SALT: &str = "django.contrib.sessions.SessionStore";

/// How a session becomes the bytes that an engine stores, and back.
///
/// ```
/// use segue::{Clock, Codec, SecretKeys, SessionData, Timestamp};
///
/// let clock = Clock::fixed(Timestamp::from_second(1_700_000_000).unwrap());
/// let codec = Codec::signed_json(&SecretKeys::new("test-secret-key"), &clock);
/// let payload = codec.encode(&SessionData::parse(r#"{"a":1}"#).unwrap()).unwrap();
/// assert_eq!(payload, b"eyJhIjoxfQ:1r31eq:mvqAFpOL1fZXbE9_M4qDR7eYKgZG_5R2MwsvV9eChd8");
/// assert_eq!(codec.decode(&payload).unwrap().get("a"), Some("1"));
/// ```
#[derive(Clone, Debug)]
pub struct Codec {
    signer: TimestampSigner,
}

impl Codec {
    /// Signed JSON, compressed where that is shorter: the `session_data` of Django's database and
    /// the content of its session files.
    ///
    /// Source: `SessionBase.encode` and `decode` in `django/contrib/sessions/backends/base.py`.
    #[must_use]
    #[doc(alias = "key_salt")]
    pub fn signed_json(keys: &SecretKeys, clock: &Clock) -> Self {
        Self { signer: TimestampSigner::new(keys, SESSION_SALT, clock) }
    }

    /// The bytes for a store.
    ///
    /// # Errors
    /// When the session is larger than 64 MiB, which [`decode`](Self::decode) would not read.
    pub fn encode(&self, data: &SessionData) -> Result<Vec<u8>, SigningError> {
        let json = data.to_json();
        if json.len() > MAX_UNPACKED {
            return Err(SigningError::payload("it is larger than 64 MiB"));
        }
        Ok(self.signer.sign_bytes(json.as_bytes(), true).into_bytes())
    }

    /// The session in a store's bytes.
    ///
    /// # Errors
    /// When none of the secret keys signed it, or it holds no session.
    pub fn decode(&self, payload: &[u8]) -> Result<SessionData, SigningError> {
        let text = std::str::from_utf8(payload).map_err(|_| SigningError::BadSignature)?;
        let json = self.signer.unsign_bytes(text, None)?;
        let json = String::from_utf8(json)
            // Django reads Latin-1, where each byte is the letter of that number.
            .unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect());
        SessionData::parse_strict(&json)
            .map_err(|_| SigningError::payload("it is not a JSON object"))
    }
}
