//! The host names that a site serves: `ALLOWED_HOSTS`, and what a proxy may say.
//!
//! Who sends a request chooses the host in it. A page that builds a link of it, to set a new password
//! for example, sends its visitors wherever an attacker likes. So a site lists its names:
//!
//! 1. The host is `X-Forwarded-Host` where `USE_X_FORWARDED_HOST` is on and the request has it,
//!    `Host` otherwise, and over HTTP/2 and 3 the `:authority`.
//! 2. It must be a host name or an address, with or without a port, and match an entry of
//!    `ALLOWED_HOSTS`: `example.com`, `.example.com` with its subdomains, or `*` for any. With `DEBUG`
//!    and an empty list it may be `localhost`, a subdomain of that, `127.0.0.1` or `[::1]`.
//! 3. A request for another host is answered with 400, and logged. With `DEBUG` the page says what to
//!    add. The [`DisallowedHost`] stands in the response's extensions.
//!
//! [`Site`](crate::Site) puts the layer around everything else. Without it:
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use segue::{Settings, host::AllowedHostsLayer};
//! use tower::ServiceExt as _;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut settings = Settings::new("secret");
//! settings.allowed_hosts.push(".example.com".to_owned());
//! let app = Router::new()
//!     .route("/", get(|| async { "Hello" }))
//!     .layer(AllowedHostsLayer::new(&settings)?);
//!
//! for (host, status) in [("www.example.com", 200), ("example.com:8000", 200), ("evil.example", 400)] {
//!     let request = Request::get("/").header("host", host).body(Body::empty())?;
//!     assert_eq!(app.clone().oneshot(request).await?.status(), status);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Health checks
//!
//! A load balancer that asks by the server's address has no host name of the site. Let it send one,
//! or answer it outside of the layer:
//!
//! ```
//! # use axum::{Router, body::Body, http::Request, routing::get};
//! # use segue::{Settings, host::AllowedHostsLayer};
//! # use tower::ServiceExt as _;
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! # let mut settings = Settings::new("secret");
//! # settings.allowed_hosts.push("example.com".to_owned());
//! # let pages = Router::new().layer(AllowedHostsLayer::new(&settings)?);
//! let app = Router::new().route("/healthz", get(|| async { "ok" })).merge(pages);
//! # let request = Request::get("/healthz").header("host", "10.0.0.5").body(Body::empty())?;
//! # assert_eq!(app.oneshot(request).await?.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # https
//!
//! Behind a proxy that speaks TLS a request comes over plain http, and the proxy says in a header how
//! the visitor came: `SECURE_PROXY_SSL_HEADER`. **Set it only if the proxy sets or removes that header
//! in every request**, and if nobody gets past the proxy; otherwise visitors say it themselves. The
//! same goes for `USE_X_FORWARDED_HOST` and `USE_X_FORWARDED_PORT`.
//!
//! A server that speaks TLS itself says so by an [`http::uri::Scheme`] in the request's extensions:
//!
//! ```
//! # use axum::{Extension, Router, http::uri::Scheme};
//! # let router: Router = Router::new();
//! let router: Router = router.layer(Extension(Scheme::HTTPS));
//! ```

mod error;
mod name;
mod rules;
mod service;

use std::fmt;

use tower_layer::Layer;

use crate::error::ConfigError;
use crate::settings::Settings;

pub use error::DisallowedHost;
pub use service::{AllowedHosts, ResponseFuture};

pub(crate) use name::is_same_domain;
pub(crate) use rules::HostRules;

/// Answers requests for other hosts than those in `ALLOWED_HOSTS` with 400; see the
/// [module](self) for what it does.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct AllowedHostsLayer(HostRules);

impl AllowedHostsLayer {
    /// The hosts of these settings.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together, or `ALLOWED_HOSTS` is empty and `DEBUG`
    /// is off.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        settings.validate()?;
        HostRules::new(settings).map(Self)
    }
}

impl<S> Layer<S> for AllowedHostsLayer {
    type Service = AllowedHosts<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AllowedHosts::new(inner, self.0.clone())
    }
}

impl fmt::Debug for AllowedHostsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AllowedHostsLayer").field(&self.0).finish()
    }
}
