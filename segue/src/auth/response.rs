//! What the visitor gets when it cannot be told who they are.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::error::{AuthError, AuthErrorKind, describe};

/// How long a client is asked to wait before it tries again, in seconds.
const BUSY: &str = "5";

impl IntoResponse for AuthError {
    /// Status and a line of text, which says nothing about the inside of the service, except to the
    /// developer whose layers stand in the wrong order. A session's error becomes what its layer
    /// makes of it.
    fn into_response(self) -> Response {
        if let Some(error) = self.session() {
            return error.clone().into_response();
        }
        let text = match self.kind() {
            AuthErrorKind::UsersFailed | AuthErrorKind::Session => {
                "The service cannot look up its users. Please try again in a moment.".to_owned()
            }
            AuthErrorKind::Busy => "The service is busy. Please try again.".to_owned(),
            AuthErrorKind::PermissionDenied => "You may not do this.".to_owned(),
            AuthErrorKind::PasswordTooLong
            | AuthErrorKind::InvalidUser
            | AuthErrorKind::Middleware => self.to_string(),
        };
        let (status, error) = (status_of(&self), describe(&self));
        if status.is_server_error() {
            tracing::error!(error, "a visitor could not be looked up, logged in or out");
        } else {
            tracing::info!(error, "a visitor or a password was refused");
        }
        let mut response = (status, text).into_response();
        if self.kind() == AuthErrorKind::Busy {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(BUSY));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The status code of the response that an error becomes.
pub(super) fn status_of(error: &AuthError) -> StatusCode {
    let status = error.session().map_or(error.kind().status(), |error| error.kind().status());
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
