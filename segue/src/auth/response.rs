//! What the visitor gets when it cannot be told who they are.

use axum::body::Body;
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
        match self.kind() {
            AuthErrorKind::PermissionDenied => {
                tracing::info!(error = describe(&self), "login denied");
            }
            _ => tracing::error!(error = describe(&self), "login failed"),
        }
        let mut response = Response::new(Body::from(text));
        *response.status_mut() =
            StatusCode::from_u16(self.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        if self.kind() == AuthErrorKind::Busy {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(BUSY));
        }
        response
    }
}
