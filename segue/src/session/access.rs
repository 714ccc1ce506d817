//! What handlers do with a session.

use std::fmt;
use std::sync::MutexGuard;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::SessionHandle;
use super::save;
use super::state::State;
use crate::data::{SharedText, StepError};
use crate::error::{SessionError, SessionErrorKind};
use crate::expiry::Expiry;
use crate::json;
use crate::key::SessionKey;

const TEST_COOKIE: (&str, &str) = ("testcookie", "worked");

/// The session of the visitor who sent this request: a map that the next request finds again.
///
/// It is loaded, so reading and changing it is a matter of memory; the middleware saves it when the
/// response goes out. It is cheap to clone, and clones are the same session. Each method names its
/// counterpart in Django's `SessionBase` (`django/contrib/sessions/backends/base.py`).
///
/// ```
/// # use segue::{Sessions, Settings, SessionError, engines::MemoryStore};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let sessions = Sessions::new(MemoryStore::new(), &Settings::new("secret"))?;
/// # let session = sessions.open(None).load().await?;
/// session.insert("name", "manish")?;
/// let name: Option<String> = session.get("name")?;
/// assert_eq!(name.as_deref(), Some("manish"));
///
/// let visits = session.update("visits", |n: Option<u32>| n.unwrap_or(0) + 1)?;
/// assert_eq!(visits, 1);
///
/// assert!(session.remove("name"));
/// assert_eq!(session.keys(), ["visits"]);
/// # session.save().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Session(SessionHandle);

impl Session {
    pub(super) fn new(handle: SessionHandle) -> Self {
        Self(handle)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    /// The value of a key. Django's `get(key)`.
    ///
    /// # Errors
    /// [`SessionErrorKind::Value`] when the stored JSON is no `T`.
    #[doc(alias = "__getitem__")]
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        self.shared(key).map(|text| parse(key, text.as_str())).transpose()
    }

    /// The JSON text of a value: for what has no type in Rust, such as a lone surrogate.
    #[must_use]
    pub fn get_raw(&self, key: &str) -> Option<String> {
        self.state().data.get(key).map(str::to_owned)
    }

    /// A value, read while nobody waits for the session: its type may take its time, or use it.
    fn shared(&self, key: &str) -> Option<SharedText> {
        self.state().data.share(key)
    }

    /// Sets a key. Django's `session[key] = value`.
    ///
    /// # Errors
    /// [`SessionErrorKind::Value`] when JSON cannot hold the value.
    #[doc(alias = "__setitem__")]
    pub fn insert(&self, key: &str, value: impl Serialize) -> Result<(), SessionError> {
        let text = write(key, &value)?;
        self.state().data.set(key, text);
        Ok(())
    }

    /// Sets a key to a JSON text as Python reads it: `NaN` and integers of any size included,
    /// which `serde_json` cannot write.
    ///
    /// # Errors
    /// [`SessionErrorKind::Value`] when it is not JSON.
    pub fn insert_raw(&self, key: &str, json: &str) -> Result<(), SessionError> {
        let text = json::check(json).map_err(|error| value_error(key, "is not JSON", error))?;
        self.state().data.set(key, text);
        Ok(())
    }

    /// Sets several keys. Django's `update(dict)`.
    ///
    /// # Errors
    /// [`SessionErrorKind::Value`] when JSON cannot hold one of the values; none is set then.
    #[doc(alias = "update")]
    pub fn extend<K: AsRef<str>, V: Serialize>(
        &self,
        values: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), SessionError> {
        let texts = values
            .into_iter()
            .map(|(key, value)| Ok((write(key.as_ref(), &value)?, key)))
            .collect::<Result<Vec<_>, SessionError>>()?;
        let mut state = self.state();
        for (text, key) in texts {
            state.data.set(key.as_ref(), text);
        }
        Ok(())
    }

    /// Sets a key to what `step` makes of its value: atomically, however many requests of this
    /// session do the same at once.
    ///
    /// It gives the value as it is now. If another request saves first, the step is done again on
    /// what that one left, and what is stored is another value; so the step must depend on nothing
    /// but its argument, and a number that must be unique belongs in a database. The step must not
    /// use the session.
    ///
    /// # Errors
    /// [`SessionErrorKind::Value`] when the stored JSON is no `T`, or JSON cannot hold the new one.
    pub fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        step: impl Fn(Option<T>) -> T + Send + Sync + 'static,
    ) -> Result<T, SessionError> {
        let mut state = self.state();
        let old = state.data.get(key).map(|text| parse(key, text)).transpose()?;
        let value = step(old);
        let text = write(key, &value)?;
        let name = key.to_owned();
        let again = move |old: Option<&str>| -> Result<String, StepError> {
            let old = old.map(|text| parse(&name, text)).transpose()?;
            Ok(write(&name, &step(old))?)
        };
        state.data.set_by_step(key, text, again);
        Ok(value)
    }

    /// Removes a key and tells whether it was there. Django's `del session[key]`.
    #[doc(alias = "__delitem__")]
    pub fn remove(&self, key: &str) -> bool {
        self.state().data.remove(key).is_some()
    }

    /// Removes a key and gives its value. Django's `pop(key, default)`.
    ///
    /// # Errors
    /// [`SessionErrorKind::Value`] when the stored JSON is no `T`; the key stays then.
    pub fn pop<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        loop {
            let Some(text) = self.shared(key) else { return Ok(None) };
            let value = parse(key, text.as_str())?;
            // Another task of this request may have been faster: then it is not ours to give.
            let mut state = self.state();
            if state.data.get(key) == Some(text.as_str()) {
                state.data.remove(key);
                return Ok(Some(value));
            }
        }
    }

    /// The value of a key, set to `default` first when it is not there. Django's
    /// `setdefault(key, value)`.
    ///
    /// # Errors
    /// [`SessionErrorKind::Value`] when the stored JSON is no `T`, or JSON cannot hold the default.
    #[doc(alias = "setdefault")]
    pub fn get_or_insert<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        default: T,
    ) -> Result<T, SessionError> {
        let text = write(key, &default)?;
        let found = {
            let mut state = self.state();
            let found = state.data.get(key).map(str::to_owned);
            if found.is_none() {
                state.data.set(key, text);
            }
            found
        };
        found.map_or(Ok(default), |text| parse(key, &text))
    }

    /// Whether there is such a key. Django's `key in session`.
    #[must_use]
    #[doc(alias("has_key", "__contains__"))]
    pub fn contains_key(&self, key: &str) -> bool {
        self.state().data.get(key).is_some()
    }

    /// The keys, in the order in which they were first set. Django's `keys()`.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.state().data.iter().map(|(key, _)| key).collect()
    }

    /// The JSON texts of the values, in the order of [`keys`](Self::keys). Django's `values()`.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        self.state().data.iter().map(|(_, value)| value.to_owned()).collect()
    }

    /// The keys with the JSON texts of their values. Django's `items()`.
    #[must_use]
    pub fn items(&self) -> Vec<(String, String)> {
        self.state().data.iter().map(|(key, value)| (key, value.to_owned())).collect()
    }

    /// Removes every key and keeps the session and its cookie. Django's `clear()`.
    pub fn clear(&self) {
        self.state().data.clear();
    }

    /// Whether there is nothing to store: no key of a stored session and no data. Django's
    /// `is_empty()`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().is_empty()
    }

    /// Ends the session: data, record and cookie. What is set afterwards begins a new one, under a
    /// new key. Done when the response goes out, also when that is a server error, or at
    /// [`save`](Self::save). Django's `flush()`.
    #[doc(alias = "delete")]
    pub fn flush(&self) {
        self.state().flush();
    }

    /// Gives the session a new key and keeps its data: call it whenever the visitor's rights
    /// change, so that nobody who knew the old key gains them. Done when the response goes out,
    /// also when that is a server error, or at [`save`](Self::save). Django's `cycle_key()`.
    pub fn cycle_key(&self) {
        self.state().cycle_key();
    }

    /// Counts `SESSION_ABSOLUTE_TIMEOUT` from now: the visitor has just logged in, or has proved once
    /// more who they are.
    #[cfg(feature = "auth")]
    pub(crate) fn stamp_login(&self) {
        let sessions = &self.0.sessions();
        sessions.limits().stamp_login(&mut self.state().data, sessions.clock().now());
    }

    /// Sets when the session ends: seconds after each save, `0` for "with the browser", a
    /// duration from now, a date, or [`Expiry::Default`]. Django's `set_expiry(value)`.
    pub fn set_expiry(&self, expiry: impl Into<Expiry>) {
        let now = self.0.sessions().clock().now();
        expiry.into().write(&mut self.state().data, now);
    }

    /// How many seconds the session lives if it is saved now. Django's `get_expiry_age()`.
    #[must_use]
    #[doc(alias = "get_expiry_age")]
    pub fn expiry_age(&self) -> i64 {
        let now = self.0.sessions().clock().now();
        Expiry::of(&self.state().data).age(self.0.sessions().cookie_age(), now)
    }

    /// When the session ends if it is saved now. Django's `get_expiry_date()`.
    #[must_use]
    #[doc(alias = "get_expiry_date")]
    pub fn expiry_date(&self) -> Timestamp {
        let now = self.0.sessions().clock().now();
        Expiry::of(&self.state().data).date(self.0.sessions().cookie_age(), now)
    }

    /// Whether the cookie ends with the browser. Django's `get_expire_at_browser_close()`.
    #[must_use]
    #[doc(alias = "get_expire_at_browser_close")]
    pub fn expires_at_browser_close(&self) -> bool {
        Expiry::of(&self.state().data)
            .at_browser_close(self.0.sessions().rules().expire_at_browser_close)
    }

    /// Sets a value by which the next request can tell that the browser takes cookies. Django's
    /// `set_test_cookie()`.
    pub fn set_test_cookie(&self) {
        self.state().data.set(TEST_COOKIE.0, json::quote(TEST_COOKIE.1));
    }

    /// Whether the browser sent the cookie of an earlier
    /// [`set_test_cookie`](Self::set_test_cookie). Django's `test_cookie_worked()`.
    #[must_use]
    pub fn test_cookie_worked(&self) -> bool {
        self.state().data.get(TEST_COOKIE.0).and_then(json::unquote).as_deref()
            == Some(TEST_COOKIE.1)
    }

    /// Removes the test value. Django's `delete_test_cookie()`.
    pub fn delete_test_cookie(&self) {
        self.remove(TEST_COOKIE.0);
    }

    /// The key of the stored session; nothing before a new one is saved. It is a secret. Django's
    /// `session_key`.
    #[must_use]
    #[doc(alias = "session_key")]
    pub fn key(&self) -> Option<SessionKey> {
        self.state().stored.as_ref().map(|stored| stored.key.clone())
    }

    /// Whether this request has changed the session. Django's `modified`.
    #[must_use]
    #[doc(alias = "modified")]
    pub fn is_modified(&self) -> bool {
        self.state().is_modified()
    }

    /// Renews the session when the response goes out, though nothing was changed. Django's
    /// `modified = True`.
    pub fn mark_modified(&self) {
        self.state().marked = true;
    }

    /// Saves the session now: in a stream or a WebSocket, where the response has gone, or where
    /// you need to know that it is saved. Otherwise the middleware does it. Django's `save()`.
    ///
    /// If you stop polling it half-way, it is not known whether the store has the changes.
    ///
    /// A session that is its cookie cannot be saved any more once the response has gone.
    ///
    /// # Errors
    /// [`SessionErrorKind::StoreFailed`] when the store fails or it is too late for a cookie,
    /// [`SessionErrorKind::TooLarge`] when the session does not fit, [`SessionErrorKind::Interrupted`]
    /// when the session was ended meanwhile, [`SessionErrorKind::Contended`] when others keep
    /// changing it.
    #[doc(alias = "create")]
    pub async fn save(&self) -> Result<(), SessionError> {
        save::save(&self.0, false).await
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Session")
            .field("stored", &state.stored.is_some())
            .field("modified", &state.is_modified())
            .finish_non_exhaustive()
    }
}

fn write<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<String, SessionError> {
    json::to_text(value).map_err(|error| value_error(key, "cannot be written as JSON", error))
}

/// The message of `serde_json` would show the value, which may be a secret: it is left out.
fn parse<T: DeserializeOwned>(key: &str, text: &str) -> Result<T, SessionError> {
    json::from_text(text).map_err(|_| {
        let message = format!(
            "the session value {key:?} is not a {}; `get_raw` gives its JSON text",
            std::any::type_name::<T>()
        );
        SessionError::new(SessionErrorKind::Value, message)
    })
}

fn value_error(key: &str, what: &str, error: impl Into<StepError>) -> SessionError {
    SessionError::new(SessionErrorKind::Value, format!("the session value {key:?} {what}"))
        .with_source(error)
}
