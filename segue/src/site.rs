//! A site: the settings, the routes, and the middleware in the right order.

mod bodies;
mod stores;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::runtime::Handle;

#[cfg(feature = "auth")]
use crate::auth::{AuthHandle, AuthLayer, AuthUser};
use crate::csrf::{CsrfFailure, CsrfLayer};
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use crate::database::Database;
use crate::debug::{self, DebugPages};
use crate::error::ConfigError;
use crate::host::AllowedHostsLayer;
use crate::layer::SessionLayer;
use crate::panics::CatchPanic;
use crate::routes::{Routes, append_slash};
use crate::session::Sessions;
use crate::settings::Settings;
use crate::store::SessionStore;

pub(crate) use stores::Stores;

use bodies::{BareRequest, BareResponse};

/// A site: the settings and the routes become a service with the middleware in the right order.
///
/// ```
/// use axum::{Router, routing::get};
/// use segue::{Session, SessionError, Settings, Site};
///
/// async fn visit(session: Session) -> Result<String, SessionError> {
///     let n = session.update("visits", |n: Option<u32>| n.unwrap_or(0) + 1)?;
///     Ok(format!("visit {n}"))
/// }
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("settings.toml");
/// # std::fs::write(&file, "SECRET_KEY = 'secret'\nALLOWED_HOSTS = ['example.com']")?;
/// let site = Site::new(Settings::from_file(&file)?, Router::new().route("/", get(visit))).await?;
/// site.database().unwrap().migrate().await?;
/// let app: Router = site.into_router();
/// # use tower::ServiceExt as _;
/// let request = http::Request::get("/").header("host", "example.com");
/// let request = request.body(axum::body::Body::empty())?;
/// assert!(app.oneshot(request).await?.headers().contains_key("set-cookie"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a site does nothing until it is served"]
pub struct Site {
    router: Router,
    hosts: AllowedHostsLayer,
    /// Routes whose requests are not checked.
    exempt: Router,
    csrf: CsrfLayer,
    layer: SessionLayer,
    append_slash: bool,
    /// What a developer sees of an error.
    debug: Option<DebugPages>,
    cleanup_interval: Option<Duration>,
    /// Where the clean-up runs.
    runtime: Option<Handle>,
    #[cfg(feature = "auth")]
    auth: Option<AuthHandle>,
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    database: Option<Database>,
}

impl Site {
    /// Opens the stores that the settings name, and puts the middleware around the routes.
    ///
    /// With the feature `auth` the database is among them, wherever sessions are, because users are
    /// in it; unless `AUTHENTICATION_BACKENDS` is empty.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not hold, `ALLOWED_HOSTS` is empty without `DEBUG`, or a
    /// store cannot be opened.
    pub async fn new(settings: Settings, router: Router) -> Result<Self, ConfigError> {
        // A mistake in the settings is found before anything is opened.
        let hosts = AllowedHostsLayer::new(&settings)?;
        let stores = Stores::open(&settings).await?;
        #[cfg(feature = "auth")]
        let stores = stores.with_users(&settings).await?;
        let place = stores::described(&settings);
        let site = Self::around(router, &settings, hosts, stores.sessions, place)?;
        Ok(Self {
            #[cfg(feature = "auth")]
            auth: match stores.users {
                Some(users) => Some(AuthLayer::with_users(&settings, users)?.erase()),
                None => None,
            },
            #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
            database: stores.database,
            ..site
        })
    }

    /// As [`new`](Self::new), with a session store of your own in the place of `SESSION_ENGINE`.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not hold, or `ALLOWED_HOSTS` is empty without `DEBUG`.
    pub fn with_store(
        settings: &Settings,
        store: impl SessionStore,
        router: Router,
    ) -> Result<Self, ConfigError> {
        let place = type_name_of(&store).to_owned();
        Self::around(router, settings, AllowedHostsLayer::new(settings)?, store, place)
    }

    fn around(
        router: Router,
        settings: &Settings,
        hosts: AllowedHostsLayer,
        store: impl SessionStore,
        place: String,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            router,
            hosts,
            exempt: Router::new(),
            csrf: CsrfLayer::new(settings)?,
            layer: SessionLayer::new(store, settings)?,
            append_slash: settings.append_slash,
            debug: settings.debug.then(|| DebugPages::new(settings, place)),
            cleanup_interval: settings.session.cleanup_interval,
            runtime: Handle::try_current().ok(),
            #[cfg(feature = "auth")]
            auth: None,
            #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
            database: None,
        })
    }

    /// Makes the response when a session could not be loaded or saved; see
    /// [`SessionLayer::on_error`]. With `DEBUG` a server error shows what happened instead, as it
    /// does in the place of Django's `handler500`.
    pub fn on_session_error(
        mut self,
        page: impl Fn(&crate::SessionError) -> http::Response<String> + Send + Sync + 'static,
    ) -> Self {
        self.layer = self.layer.on_error(page);
        self
    }

    /// Adds routes whose requests are not checked for forgery: those that programs call, which prove
    /// who they are in another way, a webhook with its signature for example. They have sessions as
    /// the others do, so they must not act on the visitor's session alone. Django's `csrf_exempt`.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::post};
    /// # use segue::{Settings, Site, engines::MemoryStore};
    /// # use tower::ServiceExt as _;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let mut settings = Settings::new("secret");
    /// # settings.allowed_hosts.push("example.com".to_owned());
    /// # let routes = Router::new().route("/form", post(|| async { "sent" }));
    /// # async fn paid() {}
    /// # async fn delivered() {}
    /// # let hooks = Router::new().route("/delivered", post(delivered));
    /// let app = Site::with_store(&settings, MemoryStore::new(), routes)?
    ///     .csrf_exempt(Router::new().route("/paid", post(paid)))    // one route
    ///     .csrf_exempt(Router::new().nest("/hooks", hooks))         // a nested router
    ///     .into_router();
    ///
    /// for (path, status) in [("/form", 403), ("/paid", 200), ("/hooks/delivered", 200)] {
    ///     let request = Request::post(path).header("host", "example.com").body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status, "{path}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn csrf_exempt(mut self, routes: Router) -> Self {
        self.exempt = self.exempt.merge(routes);
        self
    }

    /// Makes the response for a request that was refused as forged; see
    /// [`CsrfLayer::on_failure`]. Django's `CSRF_FAILURE_VIEW`.
    pub fn on_csrf_failure(
        mut self,
        page: impl Fn(&http::request::Parts, &CsrfFailure) -> http::Response<String>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.csrf = self.csrf.on_failure(page);
        self
    }

    /// Logs users in from other places than Django's `auth_user`: see [`AuthLayer`]. Django's
    /// `AUTHENTICATION_BACKENDS`.
    #[cfg(feature = "auth")]
    pub fn auth<U: AuthUser>(mut self, layer: AuthLayer<U>) -> Self {
        self.auth = Some(layer.erase());
        self
    }

    /// Changes how Django's users are logged in: adds a backend, or somebody who is told of it.
    /// Where the site has none of them there is nothing to change.
    ///
    /// ```
    /// # use axum::Router;
    /// # use segue::{Settings, Site};
    /// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("settings.toml");
    /// # std::fs::write(&file, "SECRET_KEY = 'secret'\nALLOWED_HOSTS = ['example.com']")?;
    /// # let settings = Settings::from_file(&file)?;
    /// let site = Site::new(settings, Router::new()).await?.configure_auth(|auth| {
    ///     auth.user_logged_in(|event| async move { println!("{} has logged in", event.user) })
    /// });
    /// # drop(site);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[cfg(feature = "auth")]
    pub fn configure_auth(
        mut self,
        change: impl FnOnce(AuthLayer<crate::users::User>) -> AuthLayer<crate::users::User>,
    ) -> Self {
        if let Some(layer) = self.auth.clone().and_then(AuthHandle::typed) {
            self.auth = Some(change(layer).erase());
        }
        self
    }

    /// Django's users, where the settings use them.
    #[cfg(feature = "auth")]
    pub fn users(&self) -> Option<&crate::users::Users> {
        self.auth.as_ref().and_then(AuthHandle::users)
    }

    /// The sessions, to use them outside of requests.
    pub fn sessions(&self) -> &Sessions {
        self.layer.sessions()
    }

    /// The database, where the settings use one.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// Closes the connections to the stores, once nothing is served any more.
    pub async fn close(&self) {
        #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
        if let Some(database) = &self.database {
            database.close().await;
        }
    }

    /// The routes with the middleware around them. The order is part of the promise: what comes
    /// from the network meets [`AllowedHostsLayer`] first, then the session layer, within it the
    /// protection against forgery, which may keep its secret in the session, and within that the
    /// login, which uses both.
    ///
    /// A handler that panics is answered with a 500, and saves nothing, as any other server error.
    /// `APPEND_SLASH` stands before a fallback. With `DEBUG` a developer sees what failed, where,
    /// and how to mend it, in the place of a server error and of a page that is not there; an HTML
    /// page of the project's own for the latter stays.
    ///
    /// Where `SESSION_CLEANUP_INTERVAL` is set, a task removes expired sessions from now on, until
    /// the router and its clones are gone.
    pub fn into_router(self) -> Router {
        if let (Some(interval), Some(runtime)) = (self.cleanup_interval, &self.runtime) {
            runtime.spawn(self.sessions().clear_expired_every(interval));
        }
        let routes = Routes::of(self.router.clone().reset_fallback().merge(self.exempt.clone()));
        let routes = Arc::new(routes);
        #[cfg(feature = "auth")]
        let (router, exempt) = match self.auth {
            Some(auth) => (self.router.layer(auth.clone()), self.exempt.layer(auth)),
            None => (self.router, self.exempt),
        };
        #[cfg(not(feature = "auth"))]
        let (router, exempt) = (self.router, self.exempt);
        let exempt = exempt.layer((BareResponse, self.csrf.exempt(), BareRequest));
        let router = router.layer((BareResponse, self.csrf, BareRequest)).merge(exempt);
        let router = match self.append_slash {
            true => append_slash(router, Arc::clone(&routes)),
            false => router,
        };
        // Panics are caught within the session layer, so that it saves nothing of such a request,
        // and around it, where pages of the project's own are made and sessions are saved.
        let sessions = (CatchPanic::of_pages(), self.layer, CatchPanic::of_handlers());
        let router = match self.debug {
            // What stands together costs each request no more than one layer does.
            None => router.layer((BareResponse, self.hosts, sessions)),
            Some(pages) => {
                let pages = Arc::new(pages.with_routes(routes));
                let router = router.layer((BareResponse, sessions));
                router.layer(from_fn_with_state(pages, debug::show)).layer(self.hosts)
            }
        };
        // Otherwise axum would put the layers together anew for each request.
        router.with_state(())
    }
}

fn type_name_of<T>(_: &T) -> &'static str {
    std::any::type_name::<T>()
}
