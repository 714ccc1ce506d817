//! The way back: the response, the save, the cookie.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::{InFlight, errors};
use crate::body::ResponseBody;
use crate::error::SessionError;
use crate::session::{CookieChange, RequestEnd};

/// Only a session that has something to save costs an allocation.
type Save = Pin<Box<dyn Future<Output = Result<(), SessionError>> + Send>>;

pin_project! {
    /// The response of a service with sessions.
    #[must_use = "a future does nothing until it is polled"]
    pub struct ResponseFuture<F, B, E> {
        #[pin]
        step: Step<F, B, E>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, B, E> {
        /// The inner service works on the request.
        Handling { #[pin] inner: F, in_flight: Option<InFlight> },
        /// Its response waits for the session to be saved.
        Saving { save: Save, in_flight: InFlight, response: Option<Result<Response<B>, E>> },
        /// The request never got to the inner service.
        Refused { response: Option<Response<ResponseBody<B>>> },
    }
}

impl<F, B, E> ResponseFuture<F, B, E> {
    pub(super) fn handling(inner: F, in_flight: InFlight) -> Self {
        Self { step: Step::Handling { inner, in_flight: Some(in_flight) } }
    }

    pub(super) fn refused(response: Response<ResponseBody<B>>) -> Self {
        Self { step: Step::Refused { response: Some(response) } }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B, E>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut step = self.project().step;
        loop {
            let next = match step.as_mut().project() {
                StepProjection::Handling { inner, in_flight } => {
                    let response = ready!(inner.poll(cx));
                    let Some(in_flight) = in_flight.take() else { return Poll::Pending };
                    let end = request_end(&response);
                    if !in_flight.handle.settle(end) {
                        return Poll::Ready(response.map(|response| in_flight.finish(response)));
                    }
                    let save = Box::pin(in_flight.handle.clone().save_at_end(end));
                    Step::Saving { save, in_flight, response: Some(response) }
                }
                StepProjection::Saving { save, in_flight, response } => {
                    let saved = ready!(save.as_mut().poll(cx));
                    let Some(response) = response.take() else { return Poll::Pending };
                    return Poll::Ready(match (response, saved) {
                        (Ok(response), Ok(())) => Ok(in_flight.finish(response)),
                        (Ok(_), Err(error)) => Ok(in_flight.fail(error)),
                        (Err(failure), saved) => {
                            // No response can tell the visitor; the log has to.
                            saved.unwrap_or_else(|error| errors::log(&error));
                            Err(failure)
                        }
                    });
                }
                StepProjection::Refused { response } => {
                    return response.take().map_or(Poll::Pending, |ready| Poll::Ready(Ok(ready)));
                }
            };
            step.set(next);
        }
    }
}

fn request_end<B, E>(response: &Result<Response<B>, E>) -> RequestEnd {
    match response {
        Ok(response) if response.status().is_server_error() => RequestEnd::ServerError,
        Ok(_) => RequestEnd::Served,
        Err(_) => RequestEnd::NoResponse,
    }
}

impl InFlight {
    /// The response as it goes out. If nobody looked at the session it is the one that came in.
    fn finish<B>(&self, response: Response<B>) -> Response<ResponseBody<B>> {
        let mut response = self.layer.error_page.replace(response);
        if self.handle.is_accessed() {
            let change = self.handle.cookie_change();
            self.layer.cookie.write(&change, self.cookie_was_sent, response.headers_mut());
        }
        self.handle.answered();
        response
    }

    /// The page of an error. What was saved before it went wrong, under a new key perhaps, must
    /// reach the browser all the same; nothing is taken from it.
    fn fail<B>(&self, error: SessionError) -> Response<ResponseBody<B>> {
        let mut response = self.layer.error_page.respond(error);
        let change = match self.handle.cookie_change() {
            set @ CookieChange::Set { .. } => set,
            CookieChange::Keep | CookieChange::Remove => CookieChange::Keep,
        };
        self.layer.cookie.write(&change, self.cookie_was_sent, response.headers_mut());
        self.handle.answered();
        response
    }
}

impl<F, B, E> fmt::Debug for ResponseFuture<F, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
