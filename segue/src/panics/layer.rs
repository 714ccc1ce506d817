//! The middleware that answers where a handler panicked.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{Panic, catch};
use crate::body::ResponseBody;
use crate::meta::shown;

/// More letters of a text do not go into the log.
const MOST: usize = 1000;

/// Answers with a 500 where the service panics. The panic is in the log, and in the response's
/// extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CatchPanic {
    names_request: bool,
}

impl CatchPanic {
    /// Around handlers: the log says for which request one of them panicked.
    pub(crate) const fn of_handlers() -> Self {
        Self { names_request: true }
    }

    /// Around what stands around handlers. To keep what was asked for once more would cost every
    /// request, and this hardly ever happens.
    pub(crate) const fn of_pages() -> Self {
        Self { names_request: false }
    }
}

impl<S> Layer<S> for CatchPanic {
    type Service = PanicCatcher<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PanicCatcher { inner, names_request: self.names_request }
    }
}

/// A service whose panics are caught.
#[derive(Clone, Debug)]
pub(crate) struct PanicCatcher<S> {
    inner: S,
    names_request: bool,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for PanicCatcher<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let asked = self.names_request.then(|| Asked::of(&request));
        match catch(|| self.inner.call(request)) {
            Ok(inner) => ResponseFuture { inner: Some(inner), panicked: None, asked },
            Err(panic) => ResponseFuture { inner: None, panicked: Some(panic), asked },
        }
    }
}

/// What the log says of a request.
struct Asked {
    method: Method,
    /// Shared with the request: nothing is copied.
    path: Option<PathAndQuery>,
}

pin_project! {
    /// The response of a service whose panics are caught.
    #[must_use = "a future does nothing until it is polled"]
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
        // It panicked before there was a future.
        panicked: Option<Panic>,
        asked: Option<Asked>,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let panic = match (this.panicked.take(), this.inner.as_mut().as_pin_mut()) {
            (Some(panic), _) => panic,
            (None, None) => return Poll::Pending,
            (None, Some(inner)) => match catch(|| inner.poll(cx)) {
                Ok(response) => {
                    return Poll::Ready(
                        ready!(response).map(|response| response.map(ResponseBody::inner)),
                    );
                }
                Err(panic) => panic,
            },
        };
        match this.asked {
            Some(asked) => asked.log(&panic),
            None => tracing::error!(
                panic = %shown(panic.message(), MOST),
                "a page for an error, or a session store, panicked"
            ),
        }
        Poll::Ready(Ok(answer(panic)))
    }
}

impl Asked {
    fn of<B>(request: &Request<B>) -> Self {
        Self { method: request.method().clone(), path: request.uri().path_and_query().cloned() }
    }

    fn log(&self, panic: &Panic) {
        let path = self.path.as_ref().map_or("", PathAndQuery::path);
        tracing::error!(
            method = %shown(self.method.as_str(), MOST),
            path = %shown(path, MOST),
            panic = %shown(panic.message(), MOST),
            "a handler panicked"
        );
    }
}

fn answer<B>(panic: Panic) -> Response<ResponseBody<B>> {
    let mut response = Response::new(ResponseBody::page("Internal server error.".to_owned()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response.extensions_mut().insert(panic);
    response
}
