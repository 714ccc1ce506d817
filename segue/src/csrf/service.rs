//! The middleware as a service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::CsrfBody;
use super::future::ResponseFuture;
use super::layer::CsrfLayer;
use super::rules::Rules;
use super::token::CsrfHandle;
use crate::body::ResponseBody;
use crate::session::SessionHandle;

/// A protected service; see the [module](super) for what it does.
#[derive(Clone)]
pub struct CsrfService<S> {
    inner: S,
    layer: CsrfLayer,
}

/// A request on its way through the handler.
pub(super) struct InFlight {
    pub(super) layer: CsrfLayer,
    pub(super) handle: CsrfHandle,
}

impl<S> CsrfService<S> {
    pub(super) fn new(inner: S, layer: CsrfLayer) -> Self {
        Self { inner, layer }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for CsrfService<S>
where
    S: Service<Request<CsrfBody<ReqBody>>, Response = Response<ResBody>> + Clone,
    ReqBody: Body<Data = Bytes> + Send + 'static,
    ReqBody::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let in_flight = InFlight::new(&self.layer, &mut request);
        if in_flight.passes(&request) {
            return ResponseFuture::handling(
                self.inner.call(request.map(CsrfBody::untouched)),
                in_flight,
            );
        }
        let (core, handle) = (Arc::clone(&self.layer.core), in_flight.handle.clone());
        let check = Box::pin(async move { core.check.request(request, &handle).await });
        // The one that is ready is the one to be called.
        let next = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, next);
        ResponseFuture::checking(check, ready, in_flight)
    }
}

impl InFlight {
    fn new<B>(layer: &CsrfLayer, request: &mut Request<B>) -> Self {
        let outer = request.extensions().get::<CsrfHandle>();
        if let Some(outer) = outer.filter(|outer| outer.is_of(&layer.core)) {
            return Self { layer: layer.clone(), handle: outer.clone() };
        }
        let core = Arc::clone(&layer.core);
        let handle = if core.use_sessions {
            CsrfHandle::in_session(core, request.extensions().get::<SessionHandle>().cloned())
        } else {
            CsrfHandle::in_cookie(core, request.headers())
        };
        request.extensions_mut().insert(handle.clone());
        Self { layer: layer.clone(), handle }
    }

    fn passes<B>(&self, request: &Request<B>) -> bool {
        self.layer.exempt || Rules::is_safe(request.method()) || self.handle.pass()
    }
}

impl<S: fmt::Debug> fmt::Debug for CsrfService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
