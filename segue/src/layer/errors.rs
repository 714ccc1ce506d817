//! What the visitor gets when a session could not be loaded or saved.

use http::{HeaderValue, Response, StatusCode, header};

use crate::body::ResponseBody;
use crate::error::{SessionError, SessionErrorKind, describe};

type Page = dyn Fn(&SessionError) -> Response<String> + Send + Sync;

/// Makes the response for an error.
#[derive(Default)]
pub(super) struct ErrorPage(Option<Box<Page>>);

impl ErrorPage {
    pub(super) fn custom(
        page: impl Fn(&SessionError) -> Response<String> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Box::new(page)))
    }

    /// The response for an error that the middleware met itself.
    pub(super) fn respond<B>(&self, error: SessionError) -> Response<ResponseBody<B>> {
        log(&error);
        let mut response = match &self.0 {
            Some(page) => page(&error),
            None => default_page(&error),
        };
        response.extensions_mut().insert(error.answered());
        response.map(ResponseBody::page)
    }

    /// A response that a handler or the extractor made of an error becomes ours; one that another
    /// session layer has answered stays what it is.
    pub(super) fn replace<B>(&self, mut response: Response<B>) -> Response<ResponseBody<B>> {
        match response.extensions().get::<SessionError>() {
            Some(error) if !error.is_answered() => {
                let error = error.clone();
                if self.0.is_some() {
                    return self.respond(error);
                }
                log(&error);
                response.extensions_mut().insert(error.answered());
            }
            _ => {}
        }
        response.map(ResponseBody::inner)
    }
}

/// Status and a line of text. It says nothing about the inside of the service, except to the
/// developer whose layers stand in the wrong order.
pub(crate) fn default_page(error: &SessionError) -> Response<String> {
    let text = match error.kind() {
        SessionErrorKind::StoreFailed => {
            "The service cannot reach its session store. Please try again in a moment.".to_owned()
        }
        SessionErrorKind::Contended => "The service is busy. Please try again.".to_owned(),
        SessionErrorKind::Value | SessionErrorKind::TooLarge | SessionErrorKind::Unreadable => {
            "Internal server error.".to_owned()
        }
        SessionErrorKind::Interrupted | SessionErrorKind::Middleware => error.to_string(),
    };
    let mut response = Response::new(text);
    *response.status_mut() =
        StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

pub(super) fn log(error: &SessionError) {
    let text = describe(error);
    match error.kind() {
        SessionErrorKind::Interrupted => tracing::info!(error = text, "session interrupted"),
        _ => tracing::error!(error = text, "session failed"),
    }
}
