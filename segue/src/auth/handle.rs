//! Who the visitor is.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::request::Parts;
use tokio::sync::OnceCell;

use super::backend::{AuthUser, BoxFuture, Credentials, DynBackend, UsernamePassword};
use super::layer::{Rules, Shared};
use super::redirect::asked_for;
use super::session_keys::{self, Bond, Claim};
use super::signals::{self, RequestInfo, UserLoginFailed};
use crate::csrf::CsrfHandle;
use crate::error::{AuthError, AuthErrorKind};
use crate::session::{Session, SessionHandle};
use crate::users::User;

/// The visitor of this request: who is logged in, what they may do, and how to log them in or out.
///
/// It is lazy. To take it costs nothing; to ask for the [`user`](Self::user) loads the session and,
/// where somebody is logged in, the user: once in a request, however many ask. Clones know the same.
///
/// ```
/// use axum::response::Result;
/// use segue::auth::Auth;
///
/// async fn greet(auth: Auth) -> Result<String> {
///     Ok(match auth.user().await? {
///         Some(user) => format!("Hello, {user}"),
///         None => "Hello, stranger".to_owned(),
///     })
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(greet));
/// ```
///
/// Source: `django/contrib/auth/__init__.py`.
#[doc(alias("request.user", "AnonymousUser"))]
pub struct Auth<U = User>(Arc<Inner<U>>);

pub(super) struct Inner<U> {
    pub(super) shared: Arc<Shared<U>>,
    session: Option<SessionHandle>,
    pub(super) csrf: Option<CsrfHandle>,
    /// For those who are told of logins.
    request: Option<RequestInfo>,
    /// A login and a logout put another cell into its place.
    known: Mutex<Arc<OnceCell<Arc<Known<U>>>>>,
}

/// What came of looking who it is.
struct Known<U> {
    user: Option<Arc<U>>,
    permissions: OnceCell<HashSet<String>>,
}

/// A user of whom a backend said that it is really them: what [`Auth::login`] takes.
///
/// ```
/// # use segue::auth::{Auth, Authenticated, UsernamePassword};
/// # use segue::AuthError;
/// async fn let_in(auth: &Auth, username: &str, password: &str) -> Result<bool, AuthError> {
///     let credentials = UsernamePassword::new(username, password);
///     match auth.authenticate(credentials).await? {
///         Some(user) => auth.login(user).await.map(|_| true),
///         None => Ok(false),
///     }
/// }
/// ```
pub struct Authenticated<U = User> {
    pub(super) user: Arc<U>,
    pub(super) backend: Arc<str>,
}

impl<U> Authenticated<U> {
    /// A user whom your own code has recognised, by a link in a mail or after registering for
    /// example, and the backend that knows the user from now on.
    pub fn new(user: U, backend: impl Into<Arc<str>>) -> Self {
        Self { user: Arc::new(user), backend: backend.into() }
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &Arc<U> {
        &self.user
    }

    /// The name of the backend.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.backend
    }
}

impl<U: AuthUser> Auth<U> {
    /// The one of this request, made by whoever asks first.
    pub(super) fn open(shared: Arc<Shared<U>>, parts: &mut Parts) -> Self {
        if let Some(auth) = parts.extensions.get::<Self>()
            && Arc::ptr_eq(&auth.0.shared, &shared)
        {
            return auth.clone();
        }
        let request = shared.signals.are_wanted().then(|| RequestInfo {
            method: parts.method.clone(),
            uri: asked_for(parts).clone(),
            headers: parts.headers.clone(),
        });
        let auth = Self(Arc::new(Inner {
            session: parts.extensions.get().cloned(),
            csrf: parts.extensions.get().cloned(),
            request,
            known: Mutex::default(),
            shared,
        }));
        parts.extensions.insert(auth.clone());
        auth
    }

    pub(super) fn into_any(self) -> Arc<dyn AnyAuth> {
        self.0
    }

    /// The user who is logged in, if anybody is. Django's `request.user`.
    ///
    /// Where the session names one who is not there any more, may not log in, or has another
    /// password now, nobody is logged in, and the session ends.
    ///
    /// # Errors
    /// When the session or the user cannot be loaded. It is unknown then who the visitor is.
    pub async fn user(&self) -> Result<Option<Arc<U>>, AuthError> {
        Ok(self.0.known().await?.user.clone())
    }

    /// Whether somebody is logged in. Django's `request.user.is_authenticated`.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    pub async fn is_authenticated(&self) -> Result<bool, AuthError> {
        Ok(self.user().await?.is_some())
    }

    /// The permissions of the user who is logged in, `app.codename` each, as all backends give them:
    /// asked once in a request. Django's `user.get_all_permissions()`.
    ///
    /// # Errors
    /// As [`user`](Self::user), and when a backend cannot tell.
    #[doc(alias = "get_all_permissions")]
    pub async fn permissions(&self) -> Result<HashSet<String>, AuthError> {
        let known = self.0.known().await?;
        Ok(self.0.permissions(&known).await?.clone())
    }

    /// Whether the user who is logged in has this permission: `polls.add_choice`. Superusers have
    /// all, who may not log in none. Django's `user.has_perm(perm)`.
    ///
    /// # Errors
    /// As [`permissions`](Self::permissions).
    pub async fn has_perm(&self, permission: &str) -> Result<bool, AuthError> {
        self.0.has_perm(permission).await
    }

    /// Whether the user has each of these. Django's `user.has_perms(perm_list)`.
    ///
    /// # Errors
    /// As [`permissions`](Self::permissions).
    pub async fn has_perms(&self, permissions: &[&str]) -> Result<bool, AuthError> {
        for permission in permissions {
            if !self.has_perm(permission).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the user has any permission of this app. Django's `user.has_module_perms(app_label)`.
    ///
    /// # Errors
    /// As [`permissions`](Self::permissions).
    pub async fn has_module_perms(&self, app: &str) -> Result<bool, AuthError> {
        let is_of_app = |name: &String| name.split_once('.').is_some_and(|(of, _)| of == app);
        self.0.may(|all| all.iter().any(is_of_app)).await
    }

    /// The user who presents these credentials, as the first backend says that knows one. Nobody is
    /// logged in by that: see [`login`](Self::login). Django's `authenticate(request, ...)`.
    ///
    /// # Errors
    /// When a backend cannot tell. That no backend knows anybody is no error.
    pub async fn authenticate<T: std::any::Any + Send + Sync>(
        &self,
        credentials: T,
    ) -> Result<Option<Authenticated<U>>, AuthError> {
        let credentials = Credentials::new(credentials);
        for backend in &self.0.shared.backends {
            match backend.authenticate(&credentials).await {
                Ok(Some(user)) => return Ok(Some(Authenticated::new(user, backend.path()))),
                Ok(None) => {}
                Err(error) if error.kind() == AuthErrorKind::PermissionDenied => break,
                Err(error) => return Err(error),
            }
        }
        if let Some(request) = &self.0.request {
            let given = credentials.get::<UsernamePassword>();
            let event = || UserLoginFailed {
                username: given.map(|given| given.username.clone()),
                request: request.clone(),
            };
            signals::send(&self.0.shared.signals.login_failed, event).await;
        }
        Ok(None)
    }

    pub(super) fn inner(&self) -> &Inner<U> {
        &self.0
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.0.shared.rules
    }
}

impl<U: AuthUser> Inner<U> {
    pub(super) async fn session(&self) -> Result<Session, AuthError> {
        let handle = self.session.as_ref().ok_or_else(no_session)?;
        Ok(handle.load().await?)
    }

    pub(super) fn backend(&self, path: &str) -> Option<&Arc<dyn DynBackend<U>>> {
        self.shared.backends.iter().find(|backend| backend.path() == path)
    }

    /// Looks who it is, once.
    async fn known(&self) -> Result<Arc<Known<U>>, AuthError> {
        let cell = Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner));
        let look = async || Ok::<_, AuthError>(Arc::new(Known::new(self.look().await?)));
        cell.get_or_try_init(look).await.cloned()
    }

    /// From now on it is this one.
    pub(super) fn is_now(&self, user: Option<Arc<U>>) {
        let cell = OnceCell::new_with(Some(Arc::new(Known::new(user))));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(cell);
    }

    /// Who the session says it is, if that still holds. Django's `get_user(request)`.
    async fn look(&self) -> Result<Option<Arc<U>>, AuthError> {
        let session = self.session().await?;
        let Some(claim) = Claim::of(&session) else { return Ok(None) };
        // A Django on the same sessions may have backends of its own: it is theirs to say.
        let Some(backend) = self.backend(&claim.backend) else { return Ok(None) };
        let Some(user) = backend.get_user(&claim.user_id).await?.filter(AuthUser::is_active) else {
            session.flush();
            return Ok(None);
        };
        let keys = &self.shared.secret_keys;
        match claim.bond(user.password_hash(), keys) {
            Bond::Holds => {}
            Bond::Old => session_keys::write_hash(&session, user.password_hash(), keys)?,
            Bond::Broken => {
                session.flush();
                return Ok(None);
            }
        }
        Ok(Some(Arc::new(user)))
    }

    /// Whether the user who is logged in may do what these permissions allow. Superusers may, and no
    /// backend is asked for that; strangers may not, and neither may who is not active any more.
    async fn may(&self, allow: impl FnOnce(&HashSet<String>) -> bool) -> Result<bool, AuthError> {
        let known = self.known().await?;
        match &known.user {
            Some(user) if !user.is_active() => Ok(false),
            Some(user) if user.is_superuser() => Ok(true),
            Some(_) => Ok(allow(self.permissions(&known).await?)),
            None => Ok(false),
        }
    }

    /// What all backends together allow, asked once.
    async fn permissions<'a>(&self, known: &'a Known<U>) -> Result<&'a HashSet<String>, AuthError> {
        let ask = async || {
            let mut all = HashSet::new();
            if let Some(user) = &known.user {
                for backend in &self.shared.backends {
                    all.extend(backend.permissions(user).await?);
                }
            }
            Ok(all)
        };
        known.permissions.get_or_try_init(ask).await
    }

    async fn has_perm(&self, permission: &str) -> Result<bool, AuthError> {
        self.may(|all| all.contains(permission)).await
    }

    pub(super) fn request(&self) -> Option<&RequestInfo> {
        self.request.as_ref()
    }
}

impl<U> Known<U> {
    fn new(user: Option<Arc<U>>) -> Self {
        Self { user, permissions: OnceCell::new() }
    }
}

/// [`Auth`], whatever its users are: what guards need.
pub(crate) trait AnyAuth: Send + Sync {
    fn is_authenticated(&self) -> BoxFuture<'_, bool>;
    fn has_perm<'a>(&'a self, permission: &'a str) -> BoxFuture<'a, bool>;
}

impl<U: AuthUser> AnyAuth for Inner<U> {
    fn is_authenticated(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { Ok(self.known().await?.user.is_some()) })
    }

    fn has_perm<'a>(&'a self, permission: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(self.has_perm(permission))
    }
}

impl<U> Clone for Auth<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> Clone for Authenticated<U> {
    fn clone(&self) -> Self {
        Self { user: Arc::clone(&self.user), backend: Arc::clone(&self.backend) }
    }
}

impl<U> fmt::Debug for Auth<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth(..)")
    }
}

impl<U> fmt::Debug for Authenticated<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated").field("backend", &self.backend).finish_non_exhaustive()
    }
}

fn no_session() -> AuthError {
    AuthError::new(
        AuthErrorKind::Middleware,
        "the visitor is asked for, and no `SessionLayer` stands around the `AuthLayer`: add it \
         after, `.layer(auth).layer(sessions)`, or serve the router with `Site`, which does it for \
         you",
    )
}
