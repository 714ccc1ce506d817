//! What the site is told of logins and logouts.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, Method, Uri};

/// A receiver of one signal, its type erased.
type Receiver<E> = Arc<dyn Fn(E) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The request in which something happened.
#[non_exhaustive]
#[derive(Clone)]
pub struct RequestInfo {
    /// Its method.
    pub method: Method,
    /// Its path and query, as they came.
    pub uri: Uri,
    /// Its headers, cookies among them: not for the log as they are.
    pub headers: HeaderMap,
}

/// Somebody has logged in. Django's `user_logged_in`.
#[non_exhaustive]
#[derive(Debug)]
pub struct UserLoggedIn<U> {
    /// Who.
    pub user: Arc<U>,
    /// The backend that knows the user.
    pub backend: Arc<str>,
    /// In which request.
    pub request: RequestInfo,
}

/// Somebody is about to be logged out. Django's `user_logged_out`.
#[non_exhaustive]
#[derive(Debug)]
pub struct UserLoggedOut<U> {
    /// Who; nobody where no one was logged in.
    pub user: Option<Arc<U>>,
    /// In which request.
    pub request: RequestInfo,
}

/// Somebody presented what no backend takes. Django's `user_login_failed`.
#[non_exhaustive]
#[derive(Debug)]
pub struct UserLoginFailed {
    /// The name that was given, where it was a [`UsernamePassword`](super::UsernamePassword). It is
    /// what a stranger typed: a password in the wrong field, for example.
    pub username: Option<String>,
    /// In which request.
    pub request: RequestInfo,
}

/// Who is told.
pub(super) struct Signals<U> {
    pub(super) logged_in: Vec<Receiver<UserLoggedIn<U>>>,
    pub(super) logged_out: Vec<Receiver<UserLoggedOut<U>>>,
    pub(super) login_failed: Vec<Receiver<UserLoginFailed>>,
}

impl<U> Signals<U> {
    pub(super) const NONE: Self =
        Self { logged_in: Vec::new(), logged_out: Vec::new(), login_failed: Vec::new() };

    /// Whether a request has to be remembered for somebody.
    pub(super) fn are_wanted(&self) -> bool {
        !(self.logged_in.is_empty() && self.logged_out.is_empty() && self.login_failed.is_empty())
    }
}

impl<U> Clone for Signals<U> {
    fn clone(&self) -> Self {
        Self {
            logged_in: self.logged_in.clone(),
            logged_out: self.logged_out.clone(),
            login_failed: self.login_failed.clone(),
        }
    }
}

pub(super) fn receiver<E, F>(receive: impl Fn(E) -> F + Send + Sync + 'static) -> Receiver<E>
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |event| Box::pin(receive(event)))
}

/// Tells everybody, one after the other, in the order in which they were added.
pub(super) async fn send<E>(receivers: &[Receiver<E>], event: impl Fn() -> E) {
    for receiver in receivers {
        receiver(event()).await;
    }
}

/// Without the headers.
impl fmt::Debug for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInfo")
            .field("method", &self.method)
            .field("path", &self.uri.path())
            .finish_non_exhaustive()
    }
}
