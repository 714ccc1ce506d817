//! The way back: the response, the save, the cookie.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::errors;
use super::in_flight::InFlight;
use crate::body::ResponseBody;
use crate::error::SessionError;
use crate::session::RequestEnd;

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
        Saving {
            save: Save,
            in_flight: Option<InFlight>,
            response: Option<Result<Response<B>, E>>,
        },
        /// The request never got to the inner service.
        Refused { response: Option<Response<ResponseBody<B>>> },
        Done,
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
                    if !in_flight.settle(end) {
                        // What the handler held of the session goes first.
                        step.set(Step::Done);
                        return Poll::Ready(response.map(|response| in_flight.finish(response)));
                    }
                    let save = Box::pin(in_flight.handle().clone().save_at_end(end));
                    Step::Saving { save, in_flight: Some(in_flight), response: Some(response) }
                }
                StepProjection::Saving { save, in_flight, response } => {
                    let saved = ready!(save.as_mut().poll(cx));
                    let (Some(response), Some(in_flight)) = (response.take(), in_flight.take())
                    else {
                        return Poll::Pending;
                    };
                    step.set(Step::Done);
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
                StepProjection::Done => return Poll::Pending,
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

impl<F, B, E> fmt::Debug for ResponseFuture<F, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
