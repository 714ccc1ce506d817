//! The way from a request to its session.

use std::fmt;
use std::sync::{Arc, MutexGuard};

use super::opened::Opened;
use super::sessions::Sessions;
use super::state::{State, Stored};
use super::{Session, save};
use crate::clock::seconds_after;
use crate::codec::CodecError;
use crate::data::SessionData;
use crate::error::{SessionError, SessionErrorKind};
use crate::expiry::Expiry;
use crate::key::SessionKey;
use crate::store::Record;

/// The way from a request to its session: the middleware puts it into the request's extensions.
///
/// It has loaded nothing yet. Middleware of your own may take it from there; handlers extract
/// [`Session`] instead. Clones lead to the same session.
///
/// ```
/// # use segue::{Sessions, Settings, engines::MemoryStore};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let sessions = Sessions::new(MemoryStore::new(), &Settings::new("secret"))?;
/// let handle = sessions.open(None);
/// assert!(!handle.is_accessed());
/// let session = handle.load().await?;
/// assert!(handle.is_accessed() && session.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct SessionHandle {
    sessions: Sessions,
    opened: Arc<Opened>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestEnd {
    /// With a response that is no server error.
    Served,
    /// With a response that is one.
    ServerError,
    /// Without a response.
    NoResponse,
}

/// What the response does with the session cookie.
#[derive(Debug)]
pub(crate) enum CookieChange {
    Keep,
    Remove,
    Set {
        key: SessionKey,
        /// Seconds, and the date that is as far from now; nothing for a cookie that ends with the
        /// browser.
        expires: Option<(i64, jiff::Timestamp)>,
    },
}

impl SessionHandle {
    pub(crate) fn new(sessions: Sessions, opened: Arc<Opened>) -> Self {
        Self { sessions, opened }
    }

    /// Loads the session: one call to the store, however often and from wherever it is called.
    /// Without a key, and for a key that is not known, it is new and empty.
    ///
    /// # Errors
    /// When the store fails. The session is not empty then, it is unknown.
    pub async fn load(&self) -> Result<Session, SessionError> {
        self.opened.loaded.get_or_try_init(|| self.read()).await?;
        Ok(Session::new(self.clone()))
    }

    /// Whether the request has looked at its session. Django's `accessed`.
    #[must_use]
    #[doc(alias = "accessed")]
    pub fn is_accessed(&self) -> bool {
        self.opened.loaded.initialized()
    }

    /// Whether a request that ended like this needs the store; what such an end does not save is
    /// dropped.
    pub(crate) fn settle(&self, end: RequestEnd) -> bool {
        let renew = self.renews(end);
        if !self.is_accessed() {
            return renew && self.opened.source().key().is_some();
        }
        let mut state = self.state();
        if end == RequestEnd::NoResponse {
            // Nobody would learn the new key.
            state.cycle = None;
        }
        if end != RequestEnd::Served {
            state.abandon_changes(self.sessions.codec());
        }
        let used = end == RequestEnd::Served && self.stamp_is_due(&state);
        let renew = renew && self.renewal_is_due(&state);
        state.is_dirty() || (state.stored.is_some() && (renew || used))
    }

    /// Saves what the request left.
    pub(crate) async fn save_at_end(self, end: RequestEnd) -> Result<(), SessionError> {
        let renew = self.renews(end);
        if renew {
            self.load().await?;
        }
        let saved = save::save(&self, renew).await;
        if saved.is_err() {
            self.state().give_up(self.sessions.codec());
        }
        saved
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// What becomes of the cookie, after the save.
    pub(crate) fn cookie_change(&self) -> CookieChange {
        if !self.is_accessed() {
            return CookieChange::Keep;
        }
        let state = self.state();
        match &state.stored {
            Some(stored) if state.cookie_due => {
                let (rules, now) = (self.sessions.rules(), self.sessions.clock().now());
                let expiry = Expiry::of(&state.data);
                let age = expiry.age(rules.cookie_age, now);
                let expires = (!expiry.at_browser_close(rules.expire_at_browser_close))
                    .then(|| (age, seconds_after(now, age)));
                CookieChange::Set { key: stored.key.clone(), expires }
            }
            None if state.data.is_empty() && !state.unreadable => CookieChange::Remove,
            _ => CookieChange::Keep,
        }
    }

    /// The response goes out as it is now.
    pub(crate) fn answered(&self) {
        self.opened.answer();
    }

    fn renews(&self, end: RequestEnd) -> bool {
        self.sessions.rules().save_every_request && end == RequestEnd::Served
    }

    pub(super) fn opened(&self) -> &Opened {
        &self.opened
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.opened.state()
    }

    async fn read(&self) -> Result<(), SessionError> {
        let Some(key) = self.opened.source().key() else { return Ok(()) };
        let Some(record) = self.sessions.record(key).await? else { return Ok(()) };
        let mut state = self.state();
        match self.sessions.codec().decode_record(&record) {
            Ok(data) if self.has_ended(&data) => state.ended.push(key.clone()),
            Ok(data) => {
                state.data = data;
                state.stored = Some(Stored { key: key.clone(), record });
            }
            // Only the one who wrote it can read it, and it is theirs to go on with.
            Err(error @ CodecError::NotPlain { .. }) => {
                return Err(SessionError::new(
                    SessionErrorKind::Unreadable,
                    "the stored session holds what only Python can read",
                )
                .with_source(error));
            }
            // As in Django the visitor starts anew. Unlike in Django under a new key: whoever can
            // read the stored session keeps it, and the cookie stays until there is another.
            Err(error) => {
                state.unreadable = true;
                tracing::warn!(
                    %error,
                    "a stored session cannot be read and counts as empty; was SECRET_KEY changed \
                     without SECRET_KEY_FALLBACKS?"
                );
            }
        }
        Ok(())
    }

    /// Whether a time limit has been reached. The request gets an empty session then, as after a
    /// flush, and its end removes the record.
    fn has_ended(&self, data: &SessionData) -> bool {
        let limits = self.sessions.limits();
        if limits.are_off() {
            return false;
        }
        let setting = limits.ended_by(data, self.sessions.clock().now());
        if let Some(setting) = setting {
            tracing::info!(setting, "a session has reached its time limit and is ended");
        }
        setting.is_some()
    }

    fn renewal_is_due(&self, state: &State) -> bool {
        state.stored.as_ref().is_some_and(|stored| self.touch_is_due(&state.data, &stored.record))
    }

    /// Whether the deadline would move far enough that it is worth a call, in either direction: a
    /// life that was made shorter counts soon, and another machine's clock, a little ahead, does not.
    pub(super) fn touch_is_due(&self, data: &SessionData, stored: &Record) -> bool {
        let (rules, now) = (self.sessions.rules(), self.sessions.clock().now());
        let (expiry, life) = (Expiry::of(data), Expiry::of(data).age(rules.cookie_age, now));
        let next = expiry.date(rules.cookie_age, now);
        let moved = next.duration_since(stored.expires_at()).abs().as_secs_f64();
        // Lives are far from where a float would round seconds.
        #[allow(clippy::cast_precision_loss, reason = "a share of it is meant")]
        let least = rules.touch_threshold * life as f64;
        moved >= least
    }

    fn stamp_is_due(&self, state: &State) -> bool {
        self.sessions.limits().is_due(&state.data, self.sessions.clock().now())
    }

    /// Writes into the session that it is used now, where that is due.
    pub(super) fn stamp(&self, data: &mut SessionData) -> bool {
        self.sessions.limits().stamp(data, self.sessions.clock().now())
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle").field("accessed", &self.is_accessed()).finish()
    }
}
