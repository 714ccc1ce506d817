//! The middleware's settings.

use std::fmt;
use std::sync::Arc;

use http::Response;
use http::request::Parts;
use tower_layer::Layer;

use super::check::Check;
use super::failure::CsrfFailure;
use super::page::FailurePage;
use super::service::CsrfService;
use crate::clock::Clock;
use crate::cookie::{Attributes, Cookie};
use crate::error::ConfigError;
use crate::settings::Settings;

/// Protects a service against forged requests; see the [module](super) for what it does.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct CsrfLayer {
    pub(super) core: Arc<Core>,
    pub(super) page: FailurePage,
    /// Requests are let pass unchecked.
    pub(super) exempt: bool,
}

/// What all layers share that come from one.
pub(super) struct Core {
    pub(super) check: Check,
    pub(super) cookie: Cookie,
    pub(super) cookie_age: Option<i64>,
    pub(super) use_sessions: bool,
    pub(super) clock: Clock,
}

impl CsrfLayer {
    /// Protection by these settings.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together; `ALLOWED_HOSTS` must be set.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        Self::with_clock(settings, Clock::system())
    }

    /// As [`new`](Self::new), with the time read from this clock.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together.
    pub fn with_clock(settings: &Settings, clock: Clock) -> Result<Self, ConfigError> {
        settings.validate()?;
        let csrf = &settings.csrf;
        let cookie = Cookie::new(&Attributes {
            name: &csrf.cookie_name,
            domain: csrf.cookie_domain.as_deref(),
            path: &csrf.cookie_path,
            secure: csrf.cookie_secure,
            http_only: csrf.cookie_httponly,
            same_site: csrf.cookie_samesite,
        });
        let core = Core {
            check: Check::new(settings)?,
            cookie,
            cookie_age: csrf.cookie_age,
            use_sessions: csrf.use_sessions,
            clock,
        };
        Ok(Self { core: Arc::new(core), page: FailurePage::new(settings.debug), exempt: false })
    }

    /// The same, and nothing is checked: for routes that are called by programs, which prove who
    /// they are in another way. Handlers can take a [`CsrfToken`](super::CsrfToken) all the same.
    /// Django's `csrf_exempt`; [`Site::csrf_exempt`](crate::Site::csrf_exempt) uses it.
    ///
    /// It must not stand within the layer that checks:
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::post};
    /// # use segue::{CsrfLayer, Settings};
    /// # use tower::ServiceExt as _;
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let mut settings = Settings::new("secret");
    /// # settings.allowed_hosts.push("example.com".to_owned());
    /// let csrf = CsrfLayer::new(&settings)?;
    /// let hooks = Router::new().route("/paid", post(|| async { "noted" }));
    /// let app = Router::new()
    ///     .route("/form", post(|| async { "sent" }))
    ///     .layer(csrf.clone())
    ///     .nest("/hooks", hooks.layer(csrf.exempt()));
    ///
    /// for (path, status) in [("/form", 403), ("/hooks/paid", 200)] {
    ///     let request = Request::post(path).header("host", "example.com").body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[doc(alias = "csrf_exempt")]
    pub fn exempt(&self) -> Self {
        Self { exempt: true, ..self.clone() }
    }

    /// Makes the response for a refused request, in the place of the default page. Whatever it
    /// gives, the failure is logged, and stands in the response's extensions. Django's
    /// `CSRF_FAILURE_VIEW`.
    ///
    /// The reason may name what another page's address gives away, and is for developers: show it
    /// where `DEBUG` is on.
    ///
    /// ```
    /// # use segue::{CsrfLayer, Settings};
    /// use http::Response;
    ///
    /// # let mut settings = Settings::new("secret");
    /// # settings.allowed_hosts.push("example.com".to_owned());
    /// let layer = CsrfLayer::new(&settings)?.on_failure(|_request, failure| {
    ///     let mut response = Response::new("Please load the form again.".to_owned());
    ///     *response.status_mut() = http::StatusCode::from_u16(failure.status()).unwrap();
    ///     response
    /// });
    /// # drop(layer);
    /// # Ok::<(), segue::ConfigError>(())
    /// ```
    #[doc(alias = "CSRF_FAILURE_VIEW")]
    pub fn on_failure(
        mut self,
        page: impl Fn(&Parts, &CsrfFailure) -> Response<String> + Send + Sync + 'static,
    ) -> Self {
        self.page = self.page.custom(page);
        self
    }
}

impl<S> Layer<S> for CsrfLayer {
    type Service = CsrfService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CsrfService::new(inner, self.clone())
    }
}

impl fmt::Debug for CsrfLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfLayer").field("exempt", &self.exempt).finish_non_exhaustive()
    }
}
