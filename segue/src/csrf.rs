//! Protection against cross-site request forgery: a page of another site that sends a form to this
//! one, with the visitor's cookies.
//!
//! A request that may change something (any method but `GET`, `HEAD`, `OPTIONS` and `TRACE`) is
//! checked before its handler runs, by Django's rules and in Django's order:
//!
//! 1. An `Origin` must be this site or in `CSRF_TRUSTED_ORIGINS`. Without one a request over https
//!    needs a `Referer` that is.
//! 2. The visitor needs a secret, in a cookie, or with `CSRF_USE_SESSIONS` in the session.
//! 3. The request needs a token that was made of it: in the field `csrfmiddlewaretoken` of a form
//!    that is sent by `POST`, or in the header `X-CSRFToken`.
//!
//! Who does not pass gets a 403, whose reason is a [`CsrfFailure`]. `CSRF_MODE` chooses another
//! check, `fetch-metadata`: what browsers say in `Sec-Fetch-Site` and `Origin`, without tokens.
//!
//! Handlers take a [`CsrfToken`] for their pages, and templates have `{% csrf_token %}`. A form is
//! searched as it comes, and the handler gets it whole: what comes before the token waits, the first
//! 64 KiB in memory and the rest in a file without a name, up to `CSRF_SEARCH_MAX_SIZE` in an upload
//! and `DATA_UPLOAD_MAX_MEMORY_SIZE` in other forms.
//!
//! [`Site`](crate::Site) puts the layer in its place. Without it:
//!
//! ```
//! use axum::{Router, body::Body, http::Request, response::Html, routing::get};
//! use segue::{CsrfLayer, CsrfToken, Settings};
//! use tower::ServiceExt as _;
//!
//! async fn page(token: CsrfToken) -> Html<String> {
//!     Html(format!("<form method=\"post\">{}<button>Buy</button></form>", token.input()))
//! }
//!
//! async fn buy() -> &'static str {
//!     "bought"
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut settings = Settings::new("a secret of fifty random characters and more");
//! settings.allowed_hosts.push("example.com".to_owned());
//! let app = Router::new().route("/", get(page).post(buy)).layer(CsrfLayer::new(&settings)?);
//!
//! // A page of another site cannot read the token, nor guess it.
//! let form = Request::post("/").header("host", "example.com").body(Body::empty())?;
//! assert_eq!(app.clone().oneshot(form).await?.status(), 403);
//!
//! // Our own page has it.
//! let request = Request::get("/").header("host", "example.com").body(Body::empty())?;
//! let response = app.clone().oneshot(request).await?;
//! let cookie = response.headers()["set-cookie"].to_str()?.split(';').next().unwrap().to_owned();
//! let html = axum::body::to_bytes(response.into_body(), 1000).await?;
//! let token = std::str::from_utf8(&html)?.split('"').nth(7).unwrap();
//! let form = Request::post("/")
//!     .header("host", "example.com")
//!     .header("origin", "http://example.com")
//!     .header("cookie", cookie)
//!     .header("content-type", "application/x-www-form-urlencoded")
//!     .body(Body::from(format!("csrfmiddlewaretoken={token}")))?;
//! assert_eq!(app.oneshot(form).await?.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! Source: `django/middleware/csrf.py`.

mod body;
mod check;
#[cfg(feature = "axum")]
mod extract;
mod failure;
mod form;
mod future;
mod layer;
mod origins;
mod page;
mod rules;
mod secret;
mod service;
mod spool;
mod token;

pub use body::CsrfBody;
pub use failure::{CsrfFailure, Malformed, TokenSource};
pub use future::ResponseFuture;
pub use layer::CsrfLayer;
pub use service::CsrfService;
pub use token::{CsrfHandle, CsrfToken};
