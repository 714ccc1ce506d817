//! The middleware: it tells handlers and guards who may be asked for users.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use http::request::Parts;
use tower_layer::Layer;
use tower_service::Service;

use super::backend::{AuthBackend, AuthUser, DynBackend};
use super::handle::AnyAuth;
use super::signals::{Signals, UserLoggedIn, UserLoggedOut, UserLoginFailed, receiver};
use super::throttle::Throttle;
use crate::error::ConfigError;
use crate::host::HostRules;
use crate::secret::SecretKeys;
use crate::settings::{AuthSettings, Settings};
use crate::users::Users;

/// Lets handlers take [`Auth`](super::Auth); see the [module](super) for what it does.
///
/// It stands within the [`SessionLayer`](crate::SessionLayer) and the
/// [`CsrfLayer`](crate::CsrfLayer); [`Site`](crate::Site) puts it there. A request that asks for
/// nobody costs an entry in its extensions.
#[must_use = "a layer does nothing until it is put around a service"]
pub struct AuthLayer<U>(Arc<Shared<U>>);

/// What all requests of a layer share.
pub(super) struct Shared<U> {
    pub(super) backends: Vec<Arc<dyn DynBackend<U>>>,
    pub(super) secret_keys: SecretKeys,
    pub(super) signals: Signals<U>,
    pub(super) rules: Rules,
}

/// What is the same whatever the users are.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(super) settings: AuthSettings,
    pub(super) hosts: HostRules,
    pub(super) throttle: Throttle,
    pub(super) users: Option<Users>,
}

impl<U: AuthUser> AuthLayer<U> {
    /// Users of this backend.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together; `ALLOWED_HOSTS` must be set.
    pub fn new(
        settings: &Settings,
        backend: impl AuthBackend<User = U>,
    ) -> Result<Self, ConfigError> {
        settings.validate()?;
        Ok(Self(Arc::new(Shared {
            backends: vec![Arc::new(backend)],
            secret_keys: settings.secret_keys.clone(),
            signals: Signals::NONE,
            rules: Rules {
                settings: settings.auth.clone(),
                hosts: HostRules::new(settings)?,
                throttle: Throttle::new(settings)?,
                users: None,
            },
        })))
    }

    /// Adds a backend, which is asked after the others. Django's `AUTHENTICATION_BACKENDS` is a list
    /// of them.
    pub fn backend(self, backend: impl AuthBackend<User = U>) -> Self {
        self.with(|shared| shared.backends.push(Arc::new(backend)))
    }

    /// Has somebody told of each login, before the visitor gets the answer: for an audit, for
    /// example. Django's `user_logged_in`.
    pub fn user_logged_in<F>(
        self,
        receive: impl Fn(UserLoggedIn<U>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.with(|shared| shared.signals.logged_in.push(receiver(receive)))
    }

    /// Has somebody told of each logout, before it happens. Django's `user_logged_out`.
    pub fn user_logged_out<F>(
        self,
        receive: impl Fn(UserLoggedOut<U>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.with(|shared| shared.signals.logged_out.push(receiver(receive)))
    }

    /// Has somebody told of each attempt that failed. Django's `user_login_failed`.
    pub fn user_login_failed<F>(
        self,
        receive: impl Fn(UserLoginFailed) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.with(|shared| shared.signals.login_failed.push(receiver(receive)))
    }

    fn with(self, change: impl FnOnce(&mut Shared<U>)) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.0);
        change(&mut shared);
        Self(Arc::new(shared))
    }
}

impl AuthLayer<crate::users::User> {
    /// Django's users: a [`ModelBackend`](super::ModelBackend), and [`Users`] as an argument of
    /// handlers. [`Site`](crate::Site) makes it from the settings.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together; `ALLOWED_HOSTS` must be set.
    pub fn with_users(settings: &Settings, users: Users) -> Result<Self, ConfigError> {
        let layer = Self::new(settings, super::ModelBackend::new(users.clone()))?;
        Ok(layer.with(|shared| shared.rules.users = Some(users)))
    }
}

impl<U: AuthUser> AuthLayer<U> {
    /// The same, whatever the users are.
    pub(crate) fn erase(self) -> AuthHandle {
        AuthHandle(self.0)
    }
}

impl<U> Clone for Shared<U> {
    fn clone(&self) -> Self {
        Self {
            backends: self.backends.clone(),
            secret_keys: self.secret_keys.clone(),
            signals: self.signals.clone(),
            rules: self.rules.clone(),
        }
    }
}

impl<U> Clone for AuthLayer<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> fmt::Debug for AuthLayer<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<&str> = self.0.backends.iter().map(|backend| backend.path()).collect();
        f.debug_struct("AuthLayer").field("backends", &paths).finish_non_exhaustive()
    }
}

impl<U: AuthUser, S> Layer<S> for AuthLayer<U> {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.clone().erase().layer(inner)
    }
}

/// The way from a request to the users: the layer puts it into the request's extensions.
#[derive(Clone)]
pub(crate) struct AuthHandle(pub(super) Arc<dyn AnyShared>);

impl AuthHandle {
    /// The layer that it was made of, if its users are of this type.
    pub(crate) fn typed<U: AuthUser>(self) -> Option<AuthLayer<U>> {
        self.0.as_any().downcast().ok().map(AuthLayer)
    }

    /// Django's users, if it has them.
    pub(crate) fn users(&self) -> Option<&Users> {
        self.0.rules().users.as_ref()
    }
}

impl<S> Layer<S> for AuthHandle {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService { inner, handle: self.clone() }
    }
}

impl fmt::Debug for AuthHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthHandle").field(&self.0.user_type()).finish()
    }
}

/// [`Shared`], whatever its users are.
pub(crate) trait AnyShared: Any + Send + Sync {
    fn rules(&self) -> &Rules;
    /// The name of their type.
    fn user_type(&self) -> &'static str;
    fn open(self: Arc<Self>, parts: &mut Parts) -> Arc<dyn AnyAuth>;
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<U: AuthUser> AnyShared for Shared<U> {
    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn user_type(&self) -> &'static str {
        std::any::type_name::<U>()
    }

    fn open(self: Arc<Self>, parts: &mut Parts) -> Arc<dyn AnyAuth> {
        super::Auth::<U>::open(self, parts).into_any()
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// A service whose handlers can take [`Auth`](super::Auth).
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    handle: AuthHandle,
}

impl<S, B> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(self.handle.clone());
        self.inner.call(request)
    }
}

impl<S: fmt::Debug> fmt::Debug for AuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
