//! What those get who may not come in.

use std::fmt;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::auth::layer::Rules;
use crate::auth::redirect::{location, to_login};
use crate::error::AuthError;

/// Why a guard lets a visitor not in, and what the visitor gets: browsers are sent to the login,
/// programs get a 401; who is logged in and may not gets a 403.
pub struct Refusal(Reason);

enum Reason {
    Login(String),
    Unauthorized,
    Forbidden,
    Failed(AuthError),
}

impl Refusal {
    /// Nobody is logged in.
    pub(in crate::auth) fn anonymous(parts: &Parts, rules: &Rules) -> Self {
        if wants_page(parts) {
            Self(Reason::Login(to_login(parts, rules)))
        } else {
            Self(Reason::Unauthorized)
        }
    }

    /// Somebody is, and may not.
    pub(in crate::auth) fn forbidden() -> Self {
        Self(Reason::Forbidden)
    }

    /// The status code of the response: 302, 401, 403, or that of the error.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Reason::Login(_) => StatusCode::FOUND,
            Reason::Unauthorized => StatusCode::UNAUTHORIZED,
            Reason::Forbidden => StatusCode::FORBIDDEN,
            Reason::Failed(error) => StatusCode::from_u16(error.kind().status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// A browser that opens a page says that it takes HTML; scripts and programs say something else.
fn wants_page(parts: &Parts) -> bool {
    let says = |name, word: &str| {
        let lines = parts.headers.get_all(name).iter();
        lines.filter_map(|line| line.to_str().ok()).any(|line| line.contains(word))
    };
    says("accept", "text/html") || says("sec-fetch-mode", "navigate")
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        Self(Reason::Failed(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let text = match self.0 {
            Reason::Failed(error) => return error.into_response(),
            Reason::Login(url) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = status;
                response.headers_mut().insert(header::LOCATION, location(&url));
                return response;
            }
            Reason::Unauthorized => "Log in first.",
            Reason::Forbidden => "You may not do this.",
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2: a 401 names a scheme. Ours has no registered name.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Session"));
        }
        response
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal").field("status", &self.status()).finish_non_exhaustive()
    }
}
