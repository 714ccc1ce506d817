//! What can go wrong with a page.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::error::describe;

/// A page could not be rendered: its template is missing or wrong, or uses what is not there.
///
/// Its [`source`](Error::source) is minijinja's error, which knows the line. As a response it is a
/// 500 that says nothing of the inside; what went wrong is in the log.
///
/// With `DEBUG` a [`Site`](crate::Site) shows the line and what stands around it.
///
/// Handlers return it with `?`, beside [`SessionError`](crate::SessionError) and any other error
/// that is a response, where they give an [`axum::response::Result`]. It stands in the response's
/// extensions as well.
#[derive(Clone)]
pub struct TemplateError {
    name: String,
    source: Arc<minijinja::Error>,
}

impl TemplateError {
    pub(super) fn new(name: &str, source: minijinja::Error) -> Self {
        Self { name: name.to_owned(), source: Arc::new(source) }
    }

    /// The template that was asked for, and what minijinja says.
    pub(crate) fn parts(&self) -> (&str, &minijinja::Error) {
        (&self.name, &self.source)
    }
}

impl IntoResponse for TemplateError {
    fn into_response(self) -> Response {
        tracing::error!(error = describe(&self), "a page could not be rendered");
        let page = "This page could not be rendered; the server's log says why.";
        let mut response = (StatusCode::INTERNAL_SERVER_ERROR, page).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the template {:?} could not be rendered", self.name)
    }
}

/// Without the values that minijinja's own `Debug` shows: they may be a visitor's.
impl fmt::Debug for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateError")
            .field("name", &self.name)
            .field("source", &format_args!("{}", self.source))
            .finish()
    }
}

impl Error for TemplateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
