//! The settings that say who may log in, and where.

use std::time::Duration;

use super::cookie::CENTURY;
use super::reader::Reader;
use crate::error::ConfigError;

/// The settings of the login, with Django's names and defaults.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// `AUTHENTICATION_BACKENDS`: Django's `ModelBackend`, the table `auth_user` of the database, or
    /// an empty list where `Site` is to log nobody in. Others are given in code, with `Site::auth`.
    /// Default: `["django.contrib.auth.backends.ModelBackend"]`.
    pub backends: Vec<String>,
    /// `LOGIN_URL`: where visitors are sent to log in, a path or a URL. Default:
    /// `"/accounts/login/"`.
    pub login_url: String,
    /// `LOGIN_REDIRECT_URL`: where they are sent after that, if the request names no page. Default:
    /// `"/accounts/profile/"`.
    pub login_redirect_url: String,
    /// `LOGOUT_REDIRECT_URL`: where they are sent after a logout. Default: none, a page says that they
    /// are logged out.
    pub logout_redirect_url: Option<String>,
    /// `PASSWORD_RESET_TIMEOUT`: how long a link to set a new password is good, in seconds. Default:
    /// `259200`, three days.
    pub password_reset_timeout: Duration,
}

/// The name of Django's own backend, which sessions hold.
pub(crate) const MODEL_BACKEND: &str = "django.contrib.auth.backends.ModelBackend";

const BACKENDS: &str = "[\"django.contrib.auth.backends.ModelBackend\"], or [] for none; others are \
                        given in code, with `Site::auth`";
const TIMEOUTS: &str = "seconds, 1 or more";
const URLS: &str = "a path that begins with one \"/\", or a URL with http:// or https://";
/// `AUTH_USER_MODEL`: taken as it stands in Django; another user type is given in code. Default: what
/// it takes.
const MODELS: &str = "\"auth.User\"; another user type is given in code, with an `AuthBackend`";

impl AuthSettings {
    /// Django's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            backends: vec![MODEL_BACKEND.to_owned()],
            login_url: "/accounts/login/".to_owned(),
            login_redirect_url: "/accounts/profile/".to_owned(),
            logout_redirect_url: None,
            password_reset_timeout: Duration::from_secs(259_200),
        }
    }

    /// Whether `Site` looks for users in the database.
    #[cfg(any(feature = "auth", feature = "manage"))]
    pub(crate) fn uses_database(&self) -> bool {
        cfg!(feature = "auth") && !self.backends.is_empty()
    }

    pub(super) fn read(reader: &Reader) -> Result<Self, ConfigError> {
        let defaults = Self::new();
        reader.parsed("AUTH_USER_MODEL", MODELS, |text| (text == "auth.User").then_some(()))?;
        let url = |name| reader.text(name, URLS);
        let timeout = reader.integer("PASSWORD_RESET_TIMEOUT", TIMEOUTS, 1..=CENTURY)?;
        Ok(Self {
            backends: reader
                .list("AUTHENTICATION_BACKENDS", BACKENDS)?
                .unwrap_or(defaults.backends),
            login_url: url("LOGIN_URL")?.unwrap_or(defaults.login_url),
            login_redirect_url: url("LOGIN_REDIRECT_URL")?.unwrap_or(defaults.login_redirect_url),
            logout_redirect_url: url("LOGOUT_REDIRECT_URL")?,
            password_reset_timeout: timeout.map_or(defaults.password_reset_timeout, |seconds| {
                Duration::from_secs(seconds.unsigned_abs())
            }),
        })
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let urls = [
            ("LOGIN_URL", Some(&self.login_url)),
            ("LOGIN_REDIRECT_URL", Some(&self.login_redirect_url)),
            ("LOGOUT_REDIRECT_URL", self.logout_redirect_url.as_ref()),
        ];
        for (setting, url) in urls {
            if let Some(url) = url.filter(|url| !is_url(url)) {
                return Err(ConfigError::conflict(setting, format!("{url:?}"), URLS));
            }
        }
        if self.backends.len() > 1 || self.backends.iter().any(|name| name != MODEL_BACKEND) {
            let found = format!("{:?}", self.backends);
            return Err(ConfigError::conflict("AUTHENTICATION_BACKENDS", found, BACKENDS));
        }
        Ok(())
    }
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self::new()
    }
}

/// A name of a route, which Django takes as well, is none.
fn is_url(text: &str) -> bool {
    let is_path = text.starts_with('/') && !text.starts_with("//") && !text.starts_with("/\\");
    let is_whole = text.starts_with("http://") || text.starts_with("https://");
    (is_path || is_whole) && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_path_or_whole() {
        let with = |url: &str| AuthSettings { login_url: url.to_owned(), ..AuthSettings::new() };
        for good in ["/", "/login/", "/login/?from=rust", "https://login.example/", "http://h:1/"] {
            assert!(with(good).validate().is_ok(), "{good}");
        }
        for bad in
            ["", "login", "//evil.example", "/\\evil.example", "javascript:x", "/a b", "/a\r\nb"]
        {
            let error = with(bad).validate().unwrap_err().to_string();
            assert!(error.starts_with("LOGIN_URL: found "), "{error}");
        }
    }
}
