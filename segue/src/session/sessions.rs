//! A store, and the rules by which sessions live in it.

use std::sync::Arc;
use std::time::Duration;

use super::limits::Limits;
use super::opened::Opened;
use super::turns::Turns;
use crate::clock::Clock;
use crate::codec::Codec;
use crate::error::{ConfigError, SessionError, StoreError};
use crate::key::SessionKey;
use crate::session::SessionHandle;
use crate::settings::Settings;
use crate::store::{AnyStore, Record, SessionStore};

/// A store, and the rules by which sessions live in it: for sessions outside of requests, in a
/// scheduled job or a test. In a request [`Session`](crate::Session) is all you need.
///
/// Django's counterpart is the `SessionStore` class of an engine's module. Clones share the store.
///
/// ```
/// use segue::{Sessions, Settings, engines::MemoryStore};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let sessions = Sessions::new(MemoryStore::new(), &Settings::new("secret"))?;
/// let session = sessions.open(None).load().await?;
/// session.insert("name", "manish")?;
/// session.save().await?;
///
/// let key = session.key();
/// let again = sessions.open(key).load().await?;
/// assert_eq!(again.get("name")?, Some("manish".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "SessionStore")]
pub struct Sessions(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: AnyStore,
    codec: Codec,
    clock: Clock,
    rules: Rules,
    limits: Limits,
    cookie_name: Box<str>,
    turns: Turns,
}

/// The settings that say how long a session lives and when it is saved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) cookie_age: i64,
    pub(crate) expire_at_browser_close: bool,
    pub(crate) save_every_request: bool,
    pub(crate) touch_threshold: f64,
}

impl Sessions {
    /// Sessions in this store, by these settings.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together.
    pub fn new(store: impl SessionStore, settings: &Settings) -> Result<Self, ConfigError> {
        Self::with_clock(store, settings, Clock::system())
    }

    /// As [`new`](Self::new), with the time read from this clock; give the store the same one.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together.
    pub fn with_clock(
        store: impl SessionStore,
        settings: &Settings,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        settings.validate()?;
        let rules = Rules {
            cookie_age: settings.session.cookie_age,
            expire_at_browser_close: settings.session.expire_at_browser_close,
            save_every_request: settings.session.save_every_request,
            touch_threshold: settings.session.touch_threshold,
        };
        let limits = Limits::of(&settings.session);
        let codec = Codec::of(store.guarantees().payload, &settings.secret_keys, &clock);
        let cookie_name = settings.session.cookie_name.as_str().into();
        let store = AnyStore::new(store);
        let turns = Turns::default();
        Ok(Self(Arc::new(Shared { store, codec, clock, rules, limits, cookie_name, turns })))
    }

    /// The session with this key, or a new one; nothing is loaded yet.
    #[must_use]
    pub fn open(&self, key: Option<SessionKey>) -> SessionHandle {
        SessionHandle::new(self.clone(), Arc::new(Opened::new(key)))
    }

    /// The live record of this key, if there is one.
    pub(super) async fn record(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        // What never has to wait must let others have their turn now and then.
        tokio::task::coop::consume_budget().await;
        match self.store().load_now(key) {
            Some(found) => found,
            None => self.store().load(key).await,
        }
    }

    /// Whether there is a live session with this key. Django's `exists(session_key)`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn exists(&self, key: &SessionKey) -> Result<bool, SessionError> {
        let Some(record) = self.record(key).await? else { return Ok(false) };
        // What cannot be read is there, and its time is not known.
        let data = self.codec().decode(record.payload()).unwrap_or_default();
        Ok(self.limits().ended_by(&data, self.clock().now()).is_none())
    }

    /// Ends the session with this key, whoever uses it. Django's `delete(session_key)`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, key: &SessionKey) -> Result<(), SessionError> {
        Ok(self.store().delete(key).await?)
    }

    /// Removes the expired sessions from the store and counts them.
    ///
    /// # Errors
    /// When the store fails or cannot do this.
    pub async fn clear_expired(&self) -> Result<u64, StoreError> {
        self.store().clear_expired(&|_| {}).await
    }

    /// Removes the expired sessions now and then: an error is logged, and the next round comes all
    /// the same. It ends when nobody else holds these sessions any more, when their server is gone
    /// for example. [`Site`](crate::Site) runs it by itself where `SESSION_CLEANUP_INTERVAL` is set.
    pub fn clear_expired_every(&self, interval: Duration) -> impl Future<Output = ()> + use<> {
        let sessions = Arc::downgrade(&self.0);
        async move {
            let mut rounds = tokio::time::interval(interval.max(Duration::from_millis(1)));
            rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                rounds.tick().await;
                let Some(sessions) = sessions.upgrade() else { return };
                match Self(sessions).clear_expired().await {
                    Ok(removed) => tracing::debug!(removed, "cleared expired sessions"),
                    Err(error) => tracing::error!(
                        error = crate::describe(&error),
                        "could not clear expired sessions; will try again"
                    ),
                }
            }
        }
    }

    /// Where the sessions are.
    #[must_use]
    pub fn store(&self) -> &AnyStore {
        &self.0.store
    }

    /// How they are encoded: Django's `encode(session_dict)` and `decode(session_data)`.
    #[must_use]
    #[doc(alias("encode", "decode"))]
    pub fn codec(&self) -> &Codec {
        &self.0.codec
    }

    /// How long a session lives after it was last saved, in seconds, where it does not say
    /// otherwise: `SESSION_COOKIE_AGE`.
    #[must_use]
    #[doc(alias = "get_session_cookie_age")]
    pub fn cookie_age(&self) -> i64 {
        self.0.rules.cookie_age
    }

    /// The name of their cookie: `SESSION_COOKIE_NAME`.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        &self.0.cookie_name
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn rules(&self) -> Rules {
        self.0.rules
    }

    pub(super) fn limits(&self) -> Limits {
        self.0.limits
    }

    pub(super) fn turns(&self) -> &Turns {
        &self.0.turns
    }
}
