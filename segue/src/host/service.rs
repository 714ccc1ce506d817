//! The middleware as a service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderValue, Request, Response, StatusCode, header};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{DisallowedHost, HostRules};
use crate::body::ResponseBody;

/// A service that is asked for allowed hosts only; see the [module](super) for what it does.
#[derive(Clone)]
pub struct AllowedHosts<S> {
    inner: S,
    rules: HostRules,
}

impl<S> AllowedHosts<S> {
    pub(super) fn new(inner: S, rules: HostRules) -> Self {
        Self { inner, rules }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for AllowedHosts<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let step = match self.rules.allowed(&request).map(drop) {
            Ok(()) => Step::Handling { inner: self.inner.call(request) },
            Err(error) => Step::Refused { response: Some(refuse(error, self.rules.debug())) },
        };
        ResponseFuture { step }
    }
}

/// Status and a line of text; a developer is told what to do.
fn refuse<B>(error: DisallowedHost, debug: bool) -> Response<ResponseBody<B>> {
    tracing::warn!("a request was refused: {error}");
    let text = match (debug, error.advice()) {
        (true, Some(advice)) => format!("Bad request: {error}. {advice}"),
        (true, None) => format!("Bad request: {error}."),
        (false, _) => "Bad request: this host is not served here.".to_owned(),
    };
    let mut response = Response::new(ResponseBody::page(text));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response.extensions_mut().insert(error);
    response
}

pin_project! {
    /// The response of a service that is asked for allowed hosts only.
    #[must_use = "a future does nothing until it is polled"]
    pub struct ResponseFuture<F, B> {
        #[pin]
        step: Step<F, B>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, B> {
        /// The inner service works on the request.
        Handling { #[pin] inner: F },
        /// The request never got to the inner service.
        Refused { response: Option<Response<ResponseBody<B>>> },
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().step.project() {
            StepProjection::Handling { inner } => {
                inner.poll(cx).map_ok(|response| response.map(ResponseBody::inner))
            }
            StepProjection::Refused { response } => {
                response.take().map_or(Poll::Pending, |ready| Poll::Ready(Ok(ready)))
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for AllowedHosts<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllowedHosts").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
