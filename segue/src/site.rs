//! A site: the settings, the routes, and the middleware in the right order.

mod stores;

use std::time::Duration;

use axum::Router;
use tokio::runtime::Handle;

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use crate::database::Database;
use crate::error::ConfigError;
use crate::host::AllowedHostsLayer;
use crate::layer::SessionLayer;
use crate::session::Sessions;
use crate::settings::Settings;
use crate::store::SessionStore;

pub(crate) use stores::Stores;

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
    layer: SessionLayer,
    cleanup_interval: Option<Duration>,
    /// Where the clean-up runs.
    runtime: Option<Handle>,
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    database: Option<Database>,
}

impl Site {
    /// Opens the stores that the settings name, and puts the middleware around the routes.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not hold, `ALLOWED_HOSTS` is empty without `DEBUG`, or a
    /// store cannot be opened.
    pub async fn new(settings: Settings, router: Router) -> Result<Self, ConfigError> {
        // A mistake in the settings is found before anything is opened.
        let hosts = AllowedHostsLayer::new(&settings)?;
        let stores = Stores::open(&settings).await?;
        let site = Self::around(router, &settings, hosts, stores.sessions)?;
        Ok(Self {
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
        Self::around(router, settings, AllowedHostsLayer::new(settings)?, store)
    }

    fn around(
        router: Router,
        settings: &Settings,
        hosts: AllowedHostsLayer,
        store: impl SessionStore,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            router,
            hosts,
            layer: SessionLayer::new(store, settings)?,
            cleanup_interval: settings.session.cleanup_interval,
            runtime: Handle::try_current().ok(),
            #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
            database: None,
        })
    }

    /// Makes the response when a session could not be loaded or saved; see
    /// [`SessionLayer::on_error`].
    pub fn on_session_error(
        mut self,
        page: impl Fn(&crate::SessionError) -> http::Response<String> + Send + Sync + 'static,
    ) -> Self {
        self.layer = self.layer.on_error(page);
        self
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
    /// from the network meets [`AllowedHostsLayer`] first, and then the session layer.
    ///
    /// Where `SESSION_CLEANUP_INTERVAL` is set, a task removes expired sessions from now on, until
    /// the router and its clones are gone.
    pub fn into_router(self) -> Router {
        if let (Some(interval), Some(runtime)) = (self.cleanup_interval, &self.runtime) {
            runtime.spawn(self.sessions().clear_expired_every(interval));
        }
        self.router.layer(self.layer).layer(self.hosts)
    }
}
