//! The middleware: from the cookie to the session, and from the session to the cookie.
//!
//! 1. It puts a [`SessionHandle`](crate::SessionHandle) into the request's extensions. Nobody has
//!    looked into the cookie yet, and nothing is loaded.
//! 2. The handler extracts [`Session`](crate::Session): one call to the store. A handler that does
//!    not pays nothing.
//! 3. When the response comes back, what was changed is saved, the cookie is set or removed, and
//!    `Vary: Cookie` is added if the session was looked at.
//! 4. If the store fails or the session was ended meanwhile, the response is an error instead;
//!    [`SessionLayer::on_error`] says which.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use segue::{Session, SessionError, SessionLayer, Settings, engines::MemoryStore};
//! use tower::ServiceExt as _;
//!
//! async fn visit(session: Session) -> Result<String, SessionError> {
//!     let n = session.update("visits", |n: Option<u32>| n.unwrap_or(0) + 1)?;
//!     Ok(format!("visit {n}"))
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let layer = SessionLayer::new(MemoryStore::new(), &Settings::new("secret"))?;
//! let app = Router::new().route("/", get(visit)).layer(layer);
//!
//! let response = app.clone().oneshot(Request::get("/").body(Body::empty())?).await?;
//! let cookie = response.headers()["set-cookie"].to_str()?.split(';').next().unwrap().to_owned();
//! let request = Request::get("/").header("cookie", cookie).body(Body::empty())?;
//! let body = app.oneshot(request).await?.into_body();
//! assert_eq!(axum::body::to_bytes(body, 100).await?, "visit 2");
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod errors;
mod future;
mod in_flight;
mod service;

use std::fmt;
use std::sync::Arc;

use http::Response;
use tower_layer::Layer;

use crate::cookie::SessionCookie;
use crate::error::{ConfigError, SessionError};
use crate::session::Sessions;
use crate::settings::Settings;

use crate::store::SessionStore;

pub use crate::body::ResponseBody;
pub use future::ResponseFuture;
pub use service::SessionService;

use errors::ErrorPage;
pub(crate) use errors::default_page;

/// Adds sessions to a service; see the [module](self) for what it does.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct SessionLayer(Arc<Shared>);

struct Shared {
    sessions: Sessions,
    cookie: SessionCookie,
    error_page: ErrorPage,
}

impl SessionLayer {
    /// Sessions in this store, by these settings.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together.
    pub fn new(store: impl SessionStore, settings: &Settings) -> Result<Self, ConfigError> {
        Self::from_sessions(Sessions::new(store, settings)?, settings)
    }

    /// Sessions that are used outside of requests as well.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together.
    pub fn from_sessions(sessions: Sessions, settings: &Settings) -> Result<Self, ConfigError> {
        settings.validate()?;
        let in_cookie = sessions.store().guarantees().in_cookie;
        let cookie = SessionCookie::new(&settings.session, in_cookie);
        Ok(Self(Arc::new(Shared { sessions, cookie, error_page: ErrorPage::default() })))
    }

    /// Makes the response when a session could not be loaded or saved, in the place of the default
    /// one: status and a line of text. Whatever it gives, the error is logged, and stands in the
    /// response's extensions.
    ///
    /// It covers the extractor's rejection and errors that handlers return with `?` as well.
    ///
    /// ```
    /// # use segue::{SessionLayer, Settings, engines::MemoryStore};
    /// use http::Response;
    ///
    /// let layer = SessionLayer::new(MemoryStore::new(), &Settings::new("secret"))?.on_error(|error| {
    ///     let mut response = Response::new(format!("<h1>Sorry</h1><p>{error}</p>"));
    ///     *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
    ///     response
    /// });
    /// # drop(layer);
    /// # Ok::<(), segue::ConfigError>(())
    /// ```
    pub fn on_error(
        self,
        page: impl Fn(&SessionError) -> Response<String> + Send + Sync + 'static,
    ) -> Self {
        let sessions = self.0.sessions.clone();
        let error_page = ErrorPage::custom(page);
        let cookie = self.0.cookie.clone();
        Self(Arc::new(Shared { sessions, cookie, error_page }))
    }

    /// The sessions behind this layer.
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, Arc::clone(&self.0))
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer").field("sessions", &self.0.sessions).finish_non_exhaustive()
    }
}
