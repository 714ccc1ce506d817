//! What those get who may not come in.

use std::fmt;

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};

use crate::auth::layer::Rules;
use crate::auth::redirect::{found, to_login};
use crate::auth::response::status_of;
use crate::error::AuthError;
use crate::meta::wants_page;

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
        if wants_page(&parts.headers) {
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
            Reason::Failed(error) => status_of(error),
        }
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        Self(Reason::Failed(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        match self.0 {
            Reason::Login(url) => found(&url),
            // RFC 9110, 15.5.2: a 401 names a scheme. Ours has no registered name.
            Reason::Unauthorized => {
                (status, [(header::WWW_AUTHENTICATE, "Session")], "Log in first.").into_response()
            }
            Reason::Forbidden => (status, "You may not do this.").into_response(),
            Reason::Failed(error) => error.into_response(),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal").field("status", &self.status()).finish_non_exhaustive()
    }
}
