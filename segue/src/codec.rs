//! How a session becomes the bytes that an engine stores.

use std::fmt;
use std::sync::Arc;

use crate::clock::Clock;
use crate::data::SessionData;
use crate::pickle::{self, PickleError};
use crate::scratch;
use crate::secret::SecretKeys;
use crate::signing::{MAX_UNPACKED, SigningError, TimestampSigner};
use crate::store::{Payload, Record};

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
///
/// let payload = Codec::pickle().encode(&SessionData::parse(r#"{"a":1}"#).unwrap()).unwrap();
/// assert_eq!(payload, b"\x80\x05\x95\x0a\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.");
/// ```
#[derive(Clone, Debug)]
pub struct Codec {
    kind: Kind,
    /// The same where what one has read is read for the other: of the same kind, and verified with the
    /// same keys.
    reader: u128,
}

const JSON: u128 = 0;
const PICKLE: u128 = 1;

#[derive(Clone, Debug)]
enum Kind {
    SignedJson(TimestampSigner),
    Json,
    Pickle,
}

impl Codec {
    /// Signed JSON, compressed where that is shorter: the `session_data` of Django's database and
    /// the content of its session files.
    ///
    /// Source: `SessionBase.encode` and `decode` in `django/contrib/sessions/backends/base.py`.
    #[must_use]
    #[doc(alias = "key_salt")]
    pub fn signed_json(keys: &SecretKeys, clock: &Clock) -> Self {
        let signer = TimestampSigner::new(keys, SESSION_SALT, clock);
        Self { reader: signer.believes(), kind: Kind::SignedJson(signer) }
    }

    /// Plain JSON.
    #[must_use]
    pub fn json() -> Self {
        Self { kind: Kind::Json, reader: JSON }
    }

    /// Python's pickle of a dict, as Django's caches hold it. Only plain data are read, nothing is
    /// ever executed, and what JSON cannot show is an error with the name of its key.
    ///
    /// Source: `RedisSerializer` in `django/core/cache/backends/redis.py`.
    #[must_use]
    pub fn pickle() -> Self {
        Self { kind: Kind::Pickle, reader: PICKLE }
    }

    /// What an engine with payloads of this kind needs.
    #[must_use]
    pub fn of(payload: Payload, keys: &SecretKeys, clock: &Clock) -> Self {
        match payload {
            Payload::SignedJson => Self::signed_json(keys, clock),
            Payload::Json => Self::json(),
            Payload::Pickle => Self::pickle(),
        }
    }

    /// The bytes for a store.
    ///
    /// # Errors
    /// [`CodecError::Rubbish`] when the session is larger than 64 MiB, which
    /// [`decode`](Self::decode) would not read.
    pub fn encode(&self, data: &SessionData) -> Result<Vec<u8>, CodecError> {
        self.encode_with(data, <[u8]>::to_vec)
    }

    /// As [`encode`](Self::encode), for who makes something else of the bytes.
    pub(crate) fn encode_with<T>(
        &self,
        data: &SessionData,
        make: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, CodecError> {
        scratch::buffers(|[json, _]| {
            let (signed, pickled);
            let payload = match &self.kind {
                Kind::SignedJson(signer) => {
                    data.write_json(json);
                    check_size(json.len())?;
                    signed = signer.sign_bytes(json, true);
                    signed.as_bytes()
                }
                Kind::Json => {
                    data.write_json(json);
                    json
                }
                Kind::Pickle => {
                    pickled = pickle::write(data.members())?;
                    &pickled
                }
            };
            check_size(payload.len())?;
            Ok(make(payload))
        })
    }

    /// The session in a store's bytes.
    ///
    /// # Errors
    /// When it is no session of ours, or holds what we cannot show.
    pub fn decode(&self, payload: &[u8]) -> Result<SessionData, CodecError> {
        match &self.kind {
            Kind::SignedJson(signer) => {
                let text = std::str::from_utf8(payload).map_err(|_| SigningError::BadSignature)?;
                parse(signer.unsign_with(text, None, |json| Arc::from(json))?)
            }
            Kind::Json => parse(payload.into()),
            Kind::Pickle => pickle::read(payload, SessionData::from_members)?
                .ok_or(CodecError::rubbish("it is nothing")),
        }
    }

    /// As [`decode`](Self::decode), without a copy of what can be used as it is stored, and once for a
    /// record that is kept.
    pub(crate) fn decode_record(&self, record: &Record) -> Result<SessionData, CodecError> {
        match record.memo() {
            Some(memo) => memo.get_or(self.reader, || self.decode_shared(record)),
            None => self.decode_shared(record),
        }
    }

    fn decode_shared(&self, record: &Record) -> Result<SessionData, CodecError> {
        match &self.kind {
            Kind::Json => parse(Arc::clone(record.shared_payload())),
            Kind::SignedJson(_) | Kind::Pickle => self.decode(record.payload()),
        }
    }
}

fn parse(json: Arc<[u8]>) -> Result<SessionData, CodecError> {
    let parsed = if json.is_ascii() {
        SessionData::parse_ascii(json)
    } else if let Ok(text) = std::str::from_utf8(&json) {
        SessionData::parse_strict(text)
    } else {
        // Django reads Latin-1, where each byte is the letter of that number.
        let text: String = json.iter().copied().map(char::from).collect();
        SessionData::parse_strict(&text)
    };
    parsed.map_err(|_| CodecError::rubbish("it is not a JSON object"))
}

fn check_size(length: usize) -> Result<(), CodecError> {
    if length > MAX_UNPACKED {
        return Err(CodecError::rubbish("it is larger than 64 MiB"));
    }
    Ok(())
}

/// Why a store's bytes are not a session, or a session not a store's bytes.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// None of the secret keys signed it. The visitor starts anew, as in Django.
    Signing(SigningError),
    /// It is no session at all. The visitor starts anew, as in Django.
    #[non_exhaustive]
    Rubbish {
        /// What is wrong with it; never the payload itself.
        reason: &'static str,
    },
    /// It is a session with a value that is no plain data. It belongs to somebody who can read it,
    /// so nothing of it may be touched.
    #[non_exhaustive]
    NotPlain {
        /// Which value, and what it is.
        reason: String,
    },
}

impl CodecError {
    pub(crate) fn rubbish(reason: &'static str) -> Self {
        Self::Rubbish { reason }
    }
}

impl From<SigningError> for CodecError {
    fn from(error: SigningError) -> Self {
        Self::Signing(error)
    }
}

impl From<PickleError> for CodecError {
    fn from(error: PickleError) -> Self {
        match error {
            PickleError::Malformed { .. } => Self::rubbish("it is not a pickle"),
            PickleError::NotADict(_) => Self::rubbish("it is not a dict"),
            PickleError::TooLarge => Self::rubbish("it is larger than 64 MiB"),
            PickleError::NotAText(_) | PickleError::Value { .. } => {
                Self::NotPlain { reason: error.to_string() }
            }
        }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signing(error) => error.fmt(f),
            Self::Rubbish { reason } => write!(f, "this is no session: {reason}"),
            Self::NotPlain { reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for CodecError {}
