//! The middleware as a service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::in_flight::InFlight;
use super::{ResponseFuture, Shared};
use crate::body::ResponseBody;
use crate::error::{SessionError, SessionErrorKind};
use crate::session::SessionHandle;

/// A service with sessions; see the [module](super) for what it does.
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    layer: Arc<Shared>,
}

impl<S> SessionService<S> {
    pub(super) fn new(inner: S, layer: Arc<Shared>) -> Self {
        Self { inner, layer }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let layer = Arc::clone(&self.layer);
        if let Some(error) = self.misplaced(&request) {
            return ResponseFuture::refused(layer.error_page.respond(error));
        }
        let in_flight = InFlight::new(layer, request.headers());
        request.extensions_mut().insert(in_flight.handle().clone());
        ResponseFuture::handling(self.inner.call(request), in_flight)
    }
}

impl<S> SessionService<S> {
    /// Two of these with one cookie would each save over the other's session.
    fn misplaced<B>(&self, request: &Request<B>) -> Option<SessionError> {
        let outer = request.extensions().get::<SessionHandle>()?;
        let name = self.layer.sessions.cookie_name();
        (outer.sessions().cookie_name() == name).then(|| {
            let message = format!(
                "two session layers use the cookie {name:?} here, one within the other: keep the \
                 outer one (`Site` brings its own), or give them different SESSION_COOKIE_NAMEs"
            );
            SessionError::new(SessionErrorKind::Middleware, message)
        })
    }
}

impl<S: fmt::Debug> fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
