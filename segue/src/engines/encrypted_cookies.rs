//! Sessions in the visitor's cookie, encrypted.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use jiff::Timestamp;
use sha2::Sha256;

use super::sealed::seal;
use crate::clock::Clock;
use crate::error::{ConfigError, StoreError, StoreErrorKind};
use crate::key::SessionKey;
use crate::scratch;
use crate::secret::SecretKey;
use crate::settings::Settings;
use crate::store::{Cleared, Guarantees, Record, Replaced, SessionStore};

/// What the derived keys are for, so that no other use of `SECRET_KEY` can meet them.
const PURPOSE: &[u8] = b"segue.engines.encrypted_cookies v1";

/// The first byte of a cookie: how the rest is to be read.
const VERSION: u8 = 1;

const NONCE_LENGTH: usize = 24;
const DEADLINE_LENGTH: usize = size_of::<i64>();

/// Sessions in the visitor's cookie, encrypted and authenticated: nothing is stored on the server,
/// and the visitor cannot read what the session holds. Django has no such engine.
///
/// # What it cannot do
/// - [`flush`](crate::Session::flush) takes the cookie from the browser. Whoever has a copy of it
///   has a session until its deadline; a change of `SECRET_KEY` is the only way to end them all.
/// - Of two requests at once the last response to arrive wins, and the changes of the other are
///   lost.
/// - Name and value of a cookie have 4096 bytes at the most, which leaves about 3000 for the
///   session's JSON. One that needs more is not saved, with an error of the kind
///   [`StoreErrorKind::TooLarge`]; the cookie before it stays good.
/// - How long the session's JSON is can be seen from the cookie's length.
///
/// # How it is sealed
/// The cookie is URL-safe base 64 of a version byte, a random nonce, and the encrypted deadline and
/// JSON with their tag. The key comes from `SECRET_KEY` by HKDF-SHA256; older cookies are opened
/// with `SECRET_KEY_FALLBACKS`. Purpose, version and the cookie's name are authenticated too, so
/// that no cookie passes for another.
///
/// The cipher is XChaCha20-Poly1305: its nonces have 192 bits, so they can be drawn at random for
/// as many cookies as there will ever be, where AES-GCM is safe for 2^32 under one key. Nothing is
/// compressed: who could put text into the session and see its length would learn the rest, as in
/// CRIME and BREACH.
///
/// ```
/// use segue::engines::EncryptedCookieStore;
/// use segue::{SessionStore as _, Settings, SignedDuration, Timestamp};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = EncryptedCookieStore::new(&Settings::new("not-for-production"))?;
/// let later = Timestamp::now() + SignedDuration::from_hours(1);
/// let key = store.create(br#"{"a":1}"#, later).await?;
/// assert_eq!(store.load(&key).await?.unwrap().payload(), br#"{"a":1}"#);
/// let other = EncryptedCookieStore::new(&Settings::new("another-key"))?;
/// assert_eq!(other.load(&key).await?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct EncryptedCookieStore {
    /// That of `SECRET_KEY`, and those of the fallbacks.
    current: XChaCha20Poly1305,
    fallbacks: Arc<[XChaCha20Poly1305]>,
    /// What is authenticated and not part of the cookie: purpose, version and the cookie's name.
    bound_to: Arc<[u8]>,
    cookie_name: Box<str>,
    clock: Clock,
}

impl EncryptedCookieStore {
    /// Cookies by these settings: `SECRET_KEY` seals, `SECRET_KEY_FALLBACKS` open.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        Self::with_clock(settings, Clock::system())
    }

    /// As [`new`](Self::new), with the time read from this clock.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together.
    pub fn with_clock(settings: &Settings, clock: Clock) -> Result<Self, ConfigError> {
        settings.validate()?;
        let keys = &settings.secret_keys;
        let cookie_name = settings.session.cookie_name.as_str();
        Ok(Self {
            current: cipher(&keys.current),
            fallbacks: keys.fallbacks.iter().map(cipher).collect(),
            bound_to: [PURPOSE, &[0, VERSION], cookie_name.as_bytes()].concat().into(),
            cookie_name: cookie_name.into(),
            clock,
        })
    }

    /// The live session in a cookie, if one of our keys sealed it under this name.
    fn open(&self, key: &SessionKey) -> Option<Record> {
        scratch::buffers(|[decoded, opened]| {
            URL_SAFE_NO_PAD.decode_vec(key.expose(), decoded).ok()?;
            let sealed = decoded.strip_prefix(&[VERSION])?;
            let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
            let nonce = XNonce::from(*nonce);
            let mut ciphers = std::iter::once(&self.current).chain(&*self.fallbacks);
            ciphers.find(|cipher| {
                opened.clear();
                opened.extend_from_slice(sealed);
                cipher.decrypt_in_place(&nonce, &self.bound_to, opened).is_ok()
            })?;
            let (deadline, payload) = opened.split_first_chunk::<DEADLINE_LENGTH>()?;
            let expires_at = Timestamp::from_microsecond(i64::from_be_bytes(*deadline)).ok()?;
            (expires_at > self.clock.now()).then(|| Record::new(payload, expires_at))
        })
    }

    fn encrypt(&self, payload: &[u8], expires_at: Timestamp) -> Result<SessionKey, StoreError> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|error| {
            let message = "the operating system gave no random bytes for a cookie";
            StoreError::new(StoreErrorKind::Unavailable, message).with_source(error)
        })?;
        let deadline = expires_at.as_microsecond().to_be_bytes();
        let mut sealed = [&deadline, payload].concat();
        let nonce = XNonce::from(nonce);
        self.current.encrypt_in_place(&nonce, &self.bound_to, &mut sealed).map_err(|error| {
            // The cipher's own limit, 256 GiB.
            let message = "the session is too large to be encrypted";
            StoreError::new(StoreErrorKind::TooLarge, message).with_source(error)
        })?;
        let sealed = [&[VERSION], nonce.as_slice(), &sealed].concat();
        seal(&self.cookie_name, &URL_SAFE_NO_PAD.encode(sealed))
    }
}

/// The cipher under a key derived from a secret key.
#[allow(clippy::expect_used, reason = "HKDF gives up to 8160 bytes")]
fn cipher(secret: &SecretKey) -> XChaCha20Poly1305 {
    let mut key = Key::default();
    Hkdf::<Sha256>::new(None, secret.expose().as_bytes())
        .expand(PURPOSE, &mut key)
        .expect("HKDF gives 32 bytes");
    XChaCha20Poly1305::new(&key)
}

impl SessionStore for EncryptedCookieStore {
    fn guarantees(&self) -> Guarantees {
        Guarantees::cookie()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        Ok(self.open(key))
    }

    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        Some(Ok(self.open(key)))
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        self.encrypt(payload, expires_at)
    }

    async fn replace(
        &self,
        key: &SessionKey,
        _seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        // There is nothing to compare with: the cookie is what was seen.
        match self.open(key) {
            Some(_) => self.encrypt(payload, expires_at).map(Replaced::Saved),
            None => Ok(Replaced::Gone),
        }
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.replace(key, seen, seen.payload(), expires_at).await
    }

    /// The browser has the session, and is told by the response to forget it.
    async fn delete(&self, _key: &SessionKey) -> Result<(), StoreError> {
        Ok(())
    }

    async fn clear_expired(
        &self,
        _on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        Ok(0)
    }
}

impl fmt::Debug for EncryptedCookieStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedCookieStore")
            .field("cookie_name", &self.cookie_name)
            .finish_non_exhaustive()
    }
}
