//! The token of a request's visitor.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;

use super::failure::Malformed;
use super::layer::Core;
use super::secret::Secret;
use crate::error::{SessionError, SessionErrorKind};
use crate::session::{Session, SessionHandle};

/// The name of the form's field.
pub(super) const FIELD: &str = "csrfmiddlewaretoken";

/// The secret's key in the session.
const SESSION_KEY: &str = "_csrftoken";

/// The way from a request to its [`CsrfToken`]: [`CsrfLayer`](super::CsrfLayer) puts it into the
/// request's extensions.
///
/// Middleware of your own may take it from there; handlers extract [`CsrfToken`] instead. Clones
/// lead to the same token.
#[derive(Clone)]
pub struct CsrfHandle(Arc<Inner>);

struct Inner {
    /// Of the layer that made it.
    core: Arc<Core>,
    place: Place,
    slot: Mutex<Slot>,
    /// A layer has let this request pass.
    passed: AtomicBool,
}

/// Where secrets are kept.
enum Place {
    Cookie {
        /// What the visitor came with.
        presented: Result<Option<Secret>, Malformed>,
    },
    Session(Option<SessionHandle>),
}

#[derive(Default)]
struct Slot {
    secret: Option<Secret>,
    /// The visitor must be given the secret.
    due: bool,
    /// The session that was asked for the secret.
    session: Option<Session>,
}

impl CsrfHandle {
    /// Of a visitor with these cookies. One that holds no secret is replaced, as in Django, whether
    /// a page asks for a token or not.
    pub(super) fn in_cookie(core: Arc<Core>, headers: &HeaderMap) -> Self {
        let cookie = core.cookie.find(headers);
        let presented =
            cookie.map(|value| Secret::parse(&String::from_utf8_lossy(value))).transpose();
        let (secret, malformed) = match &presented {
            Ok(secret) => (secret.clone(), false),
            Err(_) => (None, true),
        };
        let slot = Slot { secret, ..Slot::default() };
        let handle = Self::new(core, Place::Cookie { presented }, slot);
        if malformed {
            handle.rotate();
        }
        handle
    }

    /// Of a visitor whose secret is in the session.
    pub(super) fn in_session(core: Arc<Core>, session: Option<SessionHandle>) -> Self {
        Self::new(core, Place::Session(session), Slot::default())
    }

    fn new(core: Arc<Core>, place: Place, slot: Slot) -> Self {
        let (slot, passed) = (Mutex::new(slot), AtomicBool::new(false));
        Self(Arc::new(Inner { core, place, slot, passed }))
    }

    /// Whether a layer with this core made it.
    pub(super) fn is_of(&self, core: &Arc<Core>) -> bool {
        Arc::ptr_eq(&self.0.core, core)
    }

    /// The visitor's token. Where `CSRF_USE_SESSIONS` is on this loads the session.
    ///
    /// # Errors
    /// When the session cannot be loaded, or no [`SessionLayer`](crate::SessionLayer) stands around.
    pub async fn token(&self) -> Result<CsrfToken, SessionError> {
        self.load().await?;
        Ok(CsrfToken(self.clone()))
    }

    /// The secret that the visitor came with, whatever became of it since.
    pub(super) async fn presented(
        &self,
    ) -> Result<Result<Option<Secret>, Malformed>, SessionError> {
        self.load().await?;
        Ok(match &self.0.place {
            Place::Cookie { presented } => presented.clone(),
            Place::Session(_) => {
                let session = self.slot().session.clone();
                Ok(session.as_ref().and_then(in_session))
            }
        })
    }

    async fn load(&self) -> Result<(), SessionError> {
        let Place::Session(handle) = &self.0.place else { return Ok(()) };
        let session = handle.as_ref().ok_or_else(no_session)?.load().await?;
        let mut slot = self.slot();
        if slot.session.is_none() {
            slot.secret = in_session(&session);
            slot.session = Some(session);
        }
        Ok(())
    }

    /// Gives the visitor another secret.
    pub(super) fn rotate(&self) {
        match Secret::generate() {
            Ok(secret) => {
                let mut slot = self.slot();
                slot.secret = Some(secret);
                slot.due = true;
            }
            Err(error) => no_random_bytes(&error),
        }
    }

    /// Puts the secret where it is kept, if the visitor has to be given it: into the session, or
    /// into the cookie that is returned.
    pub(super) fn settle(&self) -> Option<Secret> {
        let mut slot = self.slot();
        let secret = std::mem::take(&mut slot.due).then(|| slot.secret.clone())??;
        let Some(session) = &slot.session else { return Some(secret) };
        if stored(session).as_deref() != Some(secret.expose())
            && let Err(error) = session.insert(SESSION_KEY, secret.expose())
        {
            tracing::error!(%error, "the CSRF secret could not be put into the session");
        }
        None
    }

    /// Whether a layer has let this request pass before; from now on one has.
    pub(super) fn pass(&self) -> bool {
        self.0.passed.swap(true, Ordering::Relaxed)
    }

    fn mask(&self) -> String {
        let mut slot = self.slot();
        if slot.secret.is_none() {
            slot.secret = Secret::generate().inspect_err(no_random_bytes).ok();
        }
        slot.due = true;
        let token = slot.secret.as_ref().map(Secret::mask).transpose();
        token.inspect_err(no_random_bytes).ok().flatten().unwrap_or_default()
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.0.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The visitor's token: proof that a form comes from a page of this site.
///
/// Handlers take it as an argument and put it into their forms; templates do it with
/// `{% csrf_token %}`. Each time it is written it looks different, and stays valid all the same.
/// To write it is to ask for it: the response then sets the cookie, and says `Vary: Cookie`. Write
/// it before the response goes out, not in a stream.
///
/// Source: `get_token` and `rotate_token` in `django/middleware/csrf.py`.
///
/// ```
/// use axum::{Router, body::Body, http::Request, response::Html, routing::get};
/// use segue::{CsrfLayer, CsrfToken, Settings};
/// use tower::ServiceExt as _;
///
/// async fn page(token: CsrfToken) -> Html<String> {
///     Html(format!("<form method=\"post\">{} <button>Send</button></form>", token.input()))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut settings = Settings::new("secret");
/// settings.allowed_hosts.push("example.com".to_owned());
/// let app = Router::new().route("/", get(page).post(page)).layer(CsrfLayer::new(&settings)?);
///
/// let request = Request::get("/").header("host", "example.com").body(Body::empty())?;
/// let response = app.clone().oneshot(request).await?;
/// assert!(response.headers()["set-cookie"].to_str()?.starts_with("csrftoken="));
///
/// let request = Request::post("/").header("host", "example.com").body(Body::empty())?;
/// assert_eq!(app.oneshot(request).await?.status(), 403);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
#[doc(alias("get_token", "rotate_token"))]
pub struct CsrfToken(CsrfHandle);

impl CsrfToken {
    /// The token: 64 letters and digits, others each time. Django's `get_token(request)`.
    ///
    /// Should the operating system give no random bytes it is empty, which is logged, and the form
    /// will be refused.
    #[must_use]
    pub fn get(&self) -> String {
        self.0.mask()
    }

    /// The hidden field for a form, as `{% csrf_token %}` gives it.
    #[must_use]
    #[doc(alias = "csrf_input")]
    pub fn input(&self) -> String {
        format!("<input type=\"hidden\" name=\"{FIELD}\" value=\"{}\">", self.get())
    }

    /// Gives the visitor another secret, as a login does: tokens from before it are refused.
    /// Django's `rotate_token(request)`.
    pub fn rotate(&self) {
        self.0.rotate();
    }
}

/// The token itself, for templates: as [`get`](CsrfToken::get).
impl fmt::Display for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.get())
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(..)")
    }
}

impl fmt::Debug for CsrfHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfHandle(..)")
    }
}

/// The secret in the session; one that is none is replaced when a page asks for a token.
fn in_session(session: &Session) -> Option<Secret> {
    stored(session).and_then(|text| Secret::parse(&text).ok())
}

/// The text in the place of the secret.
fn stored(session: &Session) -> Option<String> {
    session.get(SESSION_KEY).ok().flatten()
}

fn no_session() -> SessionError {
    SessionError::new(
        SessionErrorKind::Middleware,
        "CSRF_USE_SESSIONS is on, and no `SessionLayer` stands around the `CsrfLayer`: add it \
         after, `.layer(csrf).layer(sessions)`, or serve the router with `Site`, which does it for \
         you",
    )
}

fn no_random_bytes(error: &getrandom::Error) {
    tracing::error!(%error, "the operating system gave no random bytes for a CSRF token");
}
