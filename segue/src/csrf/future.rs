//! The check, the handler, and the cookie on the way back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::CsrfBody;
use super::check::Refusal;
use super::service::InFlight;
use crate::body::ResponseBody;
use crate::clock::seconds_after;
use crate::cookie::vary_on_cookie;
use crate::error::SessionErrorKind;
use crate::layer::default_page;

type Check<B> =
    Pin<Box<dyn Future<Output = Result<Request<CsrfBody<B>>, (Refusal, Parts)>> + Send>>;

pin_project! {
    /// The response of a protected service.
    #[must_use = "a future does nothing until it is polled"]
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<CsrfBody<B>>>,
    {
        #[pin]
        step: Step<S, B, S::Future>,
        in_flight: InFlight,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, B, F> {
        /// The request is looked at; the handler has not seen it.
        Checking { check: Check<B>, inner: S },
        Handling { #[pin] inner: F },
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<CsrfBody<B>>>,
{
    pub(super) fn checking(check: Check<B>, inner: S, in_flight: InFlight) -> Self {
        Self { step: Step::Checking { check, inner }, in_flight }
    }

    pub(super) fn handling(inner: S::Future, in_flight: InFlight) -> Self {
        Self { step: Step::Handling { inner }, in_flight }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<CsrfBody<B>>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.step.as_mut().project() {
                StepProjection::Checking { check, inner } => {
                    match ready!(check.as_mut().poll(cx)) {
                        Ok(request) => Step::Handling { inner: inner.call(request) },
                        Err((refusal, request)) => {
                            let page = this.in_flight.refuse(refusal, &request);
                            let response = page.map(ResponseBody::page);
                            return Poll::Ready(Ok(this.in_flight.finish(response)));
                        }
                    }
                }
                StepProjection::Handling { inner } => {
                    let response = ready!(inner.poll(cx))?.map(ResponseBody::inner);
                    return Poll::Ready(Ok(this.in_flight.finish(response)));
                }
            };
            this.step.set(next);
        }
    }
}

impl InFlight {
    fn refuse(&self, refusal: Refusal, request: &Parts) -> Response<String> {
        match refusal {
            Refusal::Failure(failure) => self.layer.page.respond(request, failure),
            // The session layer around this one logs it, and may have a page of its own for it.
            Refusal::Session(error) => {
                if error.kind() == SessionErrorKind::Middleware {
                    tracing::error!(%error, "CSRF protection cannot work here");
                }
                let mut response = default_page(&error);
                response.extensions_mut().insert(error);
                response
            }
        }
    }

    /// The response as it goes out: with the secret, if it was asked for.
    fn finish<B>(&self, mut response: Response<B>) -> Response<B> {
        if let Some(secret) = self.handle.settle() {
            let core = &self.layer.core;
            let now = core.clock.now();
            let expires = core.cookie_age.map(|age| (age, seconds_after(now, age)));
            core.cookie.set(secret.expose(), expires, response.headers_mut());
            vary_on_cookie(response.headers_mut());
        }
        response
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<CsrfBody<B>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
