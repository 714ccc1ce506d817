//! Routers that only some may use.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::response::{IntoResponse, Response};
use http::Request;
use http::request::Parts;
use tower_layer::Layer;
use tower_service::Service;

use super::Refusal;
use crate::auth::Auth;
use crate::auth::backend::{AuthUser, BoxFuture};
use crate::auth::extract::handle;
use crate::error::AuthError;

/// Keeps visitors out of a router: what [`login_required`], [`permission_required`] and
/// [`user_passes_test`] give.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct Guard(Arc<Test>);

type Test = dyn Fn(&mut Parts) -> Result<BoxFuture<'static, Verdict>, AuthError> + Send + Sync;

/// What came of looking who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Welcome,
    /// Nobody is logged in.
    Anonymous,
    /// Somebody is, and may not.
    Forbidden,
}

/// Lets those in who are logged in. Django's `LoginRequiredMiddleware`, for the routes that are
/// there when it is added; those that strangers may use are merged afterwards.
///
/// ```
/// use axum::{Router, routing::get};
/// use segue::auth::login_required;
///
/// let members = Router::new().route("/members", get(|| async { "Hello, member" }));
/// let routes: Router = members
///     .route_layer(login_required())
///     .route("/", get(|| async { "Hello, stranger" }));
/// ```
#[doc(alias = "LoginRequiredMiddleware")]
pub fn login_required() -> Guard {
    Guard(Arc::new(|parts| {
        let auth = handle(parts)?.0.open(parts);
        Ok(Box::pin(async move {
            let somebody = auth.is_authenticated().await?;
            Ok(if somebody { Verdict::Welcome } else { Verdict::Anonymous })
        }))
    }))
}

/// Lets those in who are logged in and have this permission: `polls.add_choice`. Django's
/// `permission_required`.
pub fn permission_required(permission: impl Into<Arc<str>>) -> Guard {
    let permission: Arc<str> = permission.into();
    Guard(Arc::new(move |parts| {
        let (auth, permission) = (handle(parts)?.0.open(parts), Arc::clone(&permission));
        Ok(Box::pin(async move {
            Ok(if !auth.is_authenticated().await? {
                Verdict::Anonymous
            } else if auth.has_perm(&permission).await? {
                Verdict::Welcome
            } else {
                Verdict::Forbidden
            })
        }))
    }))
}

/// Lets those in who are logged in and pass a test. Django's `user_passes_test`.
///
/// ```
/// use axum::{Router, routing::get};
/// use segue::{auth::user_passes_test, users::User};
///
/// let routes: Router = Router::new()
///     .route("/desk", get(|| async { "for the staff" }))
///     .route_layer(user_passes_test(|user: &User| user.is_staff));
/// ```
pub fn user_passes_test<U: AuthUser>(test: impl Fn(&U) -> bool + Send + Sync + 'static) -> Guard {
    let test = Arc::new(test);
    Guard(Arc::new(move |parts| {
        let (auth, test) = (Auth::<U>::of(parts)?, Arc::clone(&test));
        Ok(Box::pin(async move {
            Ok(match auth.user().await? {
                Some(user) if test(&user) => Verdict::Welcome,
                Some(_) => Verdict::Forbidden,
                None => Verdict::Anonymous,
            })
        }))
    }))
}

impl Guard {
    async fn ask(&self, parts: &mut Parts) -> Result<(), Refusal> {
        match (self.0)(parts)?.await? {
            Verdict::Welcome => Ok(()),
            Verdict::Anonymous => Err(Refusal::anonymous(parts, handle(parts)?.0.rules())),
            Verdict::Forbidden => Err(Refusal::forbidden()),
        }
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, guard: self.clone() }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard(..)")
    }
}

/// A service that only some may use.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    guard: Guard,
}

/// The response of a [`Guarded`] service.
pub type GuardFuture<E> = Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>;

impl<S, B> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = GuardFuture<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was ready goes along, and a clone stays.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let guard = self.guard.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match guard.ask(&mut parts).await {
                Ok(()) => {
                    let response = inner.call(Request::from_parts(parts, body)).await?;
                    Ok(response.into_response())
                }
                Err(refusal) => Ok(refusal.into_response()),
            }
        })
    }
}

impl<S: fmt::Debug> fmt::Debug for Guarded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("inner", &self.inner).finish_non_exhaustive()
    }
}
