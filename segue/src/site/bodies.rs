//! Bodies as axum has them, without a box around each that a layer may have replaced.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::ResponseBody;
use crate::csrf::CsrfBody;

/// Around layers: the response's body, taken out of what they put around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct BareResponse;

/// Within the protection: the request's body, where nothing was searched.
#[derive(Clone, Copy, Debug)]
pub(super) struct BareRequest;

/// A body with nothing or something around it.
pub(super) trait IntoBody {
    fn into_body(self) -> Body;
}

impl IntoBody for Body {
    fn into_body(self) -> Body {
        self
    }
}

impl<B: IntoBody> IntoBody for ResponseBody<B> {
    fn into_body(self) -> Body {
        match self.into_inner() {
            Ok(body) => body.into_body(),
            Err(page) => Body::from(page),
        }
    }
}

impl<S> Layer<S> for BareResponse {
    type Service = BareResponses<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BareResponses { inner }
    }
}

impl<S> Layer<S> for BareRequest {
    type Service = BareRequests<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BareRequests { inner }
    }
}

#[derive(Clone, Debug)]
pub(super) struct BareResponses<S> {
    inner: S,
}

#[derive(Clone, Debug)]
pub(super) struct BareRequests<S> {
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for BareResponses<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: IntoBody,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        ResponseFuture { inner: self.inner.call(request) }
    }
}

impl<S> Service<Request<CsrfBody<Body>>> for BareRequests<S>
where
    S: Service<Request<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<CsrfBody<Body>>) -> Self::Future {
        self.inner.call(request.map(CsrfBody::into_body))
    }
}

pin_project! {
    pub(super) struct ResponseFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: IntoBody,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.project().inner.poll(cx));
        Poll::Ready(response.map(|response| response.map(IntoBody::into_body)))
    }
}
