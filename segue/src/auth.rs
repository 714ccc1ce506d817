//! Login on the session, as Django has it.
//!
//! 1. [`AuthLayer`] knows the [backends](AuthBackend) in which users are. [`Site`](crate::Site)
//!    brings one with Django's own, [`ModelBackend`], the table `auth_user` of its database.
//! 2. A handler takes [`Auth`] and asks it for the user, or [`LoginRequired`] and gets one. Only then
//!    is the session loaded, and the user: once in a request.
//! 3. [`Auth::authenticate`] finds the user who presents a name and a password, [`Auth::login`]
//!    writes it into the session: Django's three keys, so that a Django on the same sessions and
//!    users takes the visitor for the same user, and the other way round.
//! 4. When the password changes, the user is removed or not active any more, all their sessions
//!    end.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, response::Result, routing::{get, post}};
//! use segue::auth::{Auth, AuthLayer, LoginRequired, ModelBackend, UsernamePassword};
//! use segue::{SessionLayer, Settings, database::Database, engines::MemoryStore};
//! use segue::users::{NewUser, Users};
//! use tower::ServiceExt as _;
//!
//! async fn login(auth: Auth) -> Result<String> {
//!     let given = UsernamePassword::new("manish", "long and secret");
//!     Ok(match auth.authenticate(given).await? {
//!         Some(user) => format!("welcome, {}", auth.login(user).await?),
//!         None => "who are you?".to_owned(),
//!     })
//! }
//!
//! async fn members(LoginRequired(user): LoginRequired) -> String {
//!     format!("for {user} only")
//! }
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
//! # let mut settings = Settings::new("secret");
//! # settings.allowed_hosts.push("example.com".to_owned());
//! # let database = Database::from_url(&url).await?;
//! # database.migrate().await?;
//! let users = Users::new(database, &settings)?;
//! users.create(NewUser::new("manish").password("long and secret")).await?;
//! let app = Router::new()
//!     .route("/login", post(login))
//!     .route("/members", get(members))
//!     .layer(AuthLayer::new(&settings, ModelBackend::new(users))?)
//!     .layer(SessionLayer::new(MemoryStore::new(), &settings)?);
//!
//! let ask = |cookie: &str| {
//!     let request = Request::get("/members").header("cookie", cookie).header("accept", "text/html");
//!     app.clone().oneshot(request.body(Body::empty()).unwrap())
//! };
//! let answer = ask("").await?;
//! assert_eq!(answer.headers()["location"], "/accounts/login/?next=/members");
//! let answer = app.clone().oneshot(Request::post("/login").body(Body::empty())?).await?;
//! let cookie = answer.headers()["set-cookie"].to_str()?.split(';').next().unwrap().to_owned();
//! assert_eq!(ask(&cookie).await?.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Guards
//!
//! A handler that takes [`LoginRequired`] or [`PermissionRequired`] runs only for who may. A whole
//! router is guarded by a layer: [`login_required`], [`permission_required`], [`user_passes_test`].
//! Browsers are sent to `LOGIN_URL`, with the page they wanted in `next`; programs, which do not ask
//! for HTML, get a 401. Who is logged in and may not gets a 403.
//!
//! Source: `django/contrib/auth`.

mod backend;
mod extract;
mod guard;
mod handle;
mod layer;
mod login;
mod model_backend;
mod redirect;
mod response;
mod session_keys;
mod signals;
pub mod throttle;
#[cfg(feature = "templates")]
pub mod views;

pub use backend::{AuthBackend, AuthUser, Credentials, UsernamePassword};
pub use guard::{
    Guard, GuardFuture, Guarded, LoginRequired, Permission, PermissionRequired, Refusal,
    login_required, permission_required, user_passes_test,
};
pub use handle::{Auth, Authenticated};
pub(crate) use layer::AuthHandle;
pub use layer::{AuthLayer, AuthService};
pub use model_backend::ModelBackend;
pub use redirect::url_has_allowed_host_and_scheme;
pub use signals::{RequestInfo, UserLoggedIn, UserLoggedOut, UserLoginFailed};
