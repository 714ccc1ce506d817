//! Sessions in the visitor's cookie, signed as Django signs them.

use std::sync::Arc;

use jiff::Timestamp;

use super::sealed::seal;
use crate::clock::{Clock, seconds_after};
use crate::codec::{Codec, CodecError};
use crate::error::{ConfigError, StoreError, StoreErrorKind};
use crate::expiry::Expiry;
use crate::key::SessionKey;
use crate::settings::Settings;
use crate::signing::TimestampSigner;
use crate::store::{Cleared, Guarantees, Record, Replaced, SessionStore};

/// Django's: the name of the module that signs.
const SALT: &str = "django.contrib.sessions.backends.signed_cookies";

/// What stands in the place of a session that has ended.
const EMPTY: &[u8] = b"{}";

/// Sessions in the visitor's cookie, signed as Django signs them: nothing is stored on the server,
/// and a Django site with the same `SECRET_KEY` shares them.
///
/// Source: `django/contrib/sessions/backends/signed_cookies.py`.
///
/// # What it cannot do
/// - The visitor can read what the session holds; they cannot change it.
/// - [`flush`](crate::Session::flush) takes the cookie from the browser. Whoever has a copy of it
///   has a session until its deadline; a change of `SECRET_KEY` is the only way to end them all.
/// - Of two requests at once the last response to arrive wins, and the changes of the other are
///   lost.
/// - [`cycle_key`](crate::Session::cycle_key) signs anew, in the same second perhaps with the same
///   text. There is no id that somebody could have known before.
/// - Name and value of a cookie have 4096 bytes at the most. A session that needs more is not
///   saved, with an error of the kind [`StoreErrorKind::TooLarge`]; the cookie before it stays good.
///
/// # When a session ends
/// A session with an expiry of its own ends then. Any other ends `SESSION_COOKIE_AGE` after it was
/// signed; Django knows this rule alone, for every session. A signature from the future, by a clock
/// ahead of ours, is believed, as in Django: who could make one has the key.
///
/// ```
/// use segue::engines::SignedCookieStore;
/// use segue::{Clock, SessionStore as _, Settings, SignedDuration, Timestamp};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let clock = Clock::fixed(Timestamp::from_second(1_700_000_000).unwrap());
/// let settings = Settings::new("test-secret-key");
/// let store = SignedCookieStore::with_clock(&settings, clock.clone())?;
/// let in_two_weeks = clock.now() + SignedDuration::from_secs(settings.session.cookie_age);
/// let key = store.create(br#"{"a":1}"#, in_two_weeks).await?;
/// assert_eq!(key.expose(), "eyJhIjoxfQ:1r31eq:AJu16St_lXmPR35BcDlMtqC8Z-L-JTNezUHSXtss5hs");
/// assert_eq!(store.load(&key).await?.unwrap().expires_at(), in_two_weeks);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct SignedCookieStore {
    signer: TimestampSigner,
    cookie_name: Box<str>,
    cookie_age: i64,
    clock: Clock,
}

impl SignedCookieStore {
    /// Cookies by these settings: `SECRET_KEY` signs, `SECRET_KEY_FALLBACKS` are believed.
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
        Ok(Self {
            signer: TimestampSigner::new(&settings.secret_keys, SALT, &clock),
            cookie_name: settings.session.cookie_name.as_str().into(),
            cookie_age: settings.session.cookie_age,
            clock,
        })
    }

    /// The live session in a cookie. Django, too, takes all that is wrong with one for no session.
    fn open(&self, key: &SessionKey) -> Option<Record> {
        let signed = self.signer.unsign_dated(key.expose()).ok()?;
        let payload: Arc<[u8]> = signed.unpack(|json| Arc::from(json)).ok()?;
        let signed_at = Timestamp::from_second(signed.seconds).ok()?;
        // Whoever asked finds it read already.
        let record = Record::new(payload, signed_at).remembering();
        let expiry = Expiry::of(&Codec::json().decode_record(&record).ok()?);
        let expires_at = expiry.date(self.cookie_age, signed_at);
        (expires_at > self.clock.now()).then(|| record.ending(expires_at))
    }

    /// Whether the session in a cookie is live. What was seen is what this cookie holds, and where it
    /// ends as the settings have it the cookie need not be unpacked once more.
    fn is_live(&self, key: &SessionKey, seen: &Record) -> bool {
        let Ok(signed) = self.signer.unsign_dated(key.expose()) else { return false };
        let usual_end = Timestamp::from_second(signed.seconds)
            .map(|signed_at| Expiry::Default.date(self.cookie_age, signed_at));
        if usual_end.is_ok_and(|usual_end| usual_end == seen.expires_at()) {
            return seen.expires_at() > self.clock.now();
        }
        self.open(key).is_some()
    }

    fn sign(&self, payload: &[u8], expires_at: Timestamp) -> Result<SessionKey, StoreError> {
        let expiry = expiry_of(payload).map_err(|error| {
            let message = "a signed cookie holds the JSON of a session, and this is none";
            StoreError::new(StoreErrorKind::Unsupported, message).with_source(error)
        })?;
        let now = self.clock.now();
        let text = if expires_at > now {
            let signed_at = self.signing_time(expiry, expires_at, now);
            self.signer.sign_bytes_at(payload, true, signed_at)
        } else {
            // Nothing of it may be found again, whatever date the session itself names.
            let signed_at = seconds_after(expires_at, -self.cookie_age);
            self.signer.sign_bytes_at(EMPTY, false, signed_at)
        };
        seal(&self.cookie_name, &text)
    }

    /// When the session has to be signed so that it ends at `expires_at`: now, where that is what
    /// its own expiry and the settings say. A date in the session is the end whenever it is signed.
    fn signing_time(&self, expiry: Expiry, expires_at: Timestamp, now: Timestamp) -> Timestamp {
        match expiry {
            Expiry::At(_) => now,
            expiry => {
                let age = expiry.age(self.cookie_age, now);
                seconds_after(expires_at, age.saturating_neg())
            }
        }
    }
}

/// When a session ends that is this JSON; all of it is read, and nothing kept.
fn expiry_of(payload: &[u8]) -> Result<Expiry, CodecError> {
    let plain = if payload.is_ascii() { Expiry::of_json(payload) } else { None };
    plain.map_or_else(|| Codec::json().decode(payload).map(|data| Expiry::of(&data)), Ok)
}

impl SessionStore for SignedCookieStore {
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
        self.sign(payload, expires_at)
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        // There is nothing to compare with: the cookie is what was seen.
        match self.is_live(key, seen) {
            true => self.sign(payload, expires_at).map(Replaced::Saved),
            false => Ok(Replaced::Gone),
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
