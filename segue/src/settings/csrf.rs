//! The settings whose names begin with `CSRF_`.

use config::ValueKind;

use super::cookie::{self, CENTURY, Cookie, SameSite};
use super::reader::{Reader, SIZES, number};
use super::{header, origins};
use crate::error::ConfigError;

/// The settings whose names begin with `CSRF_`: all of Django's, with Django's defaults.
///
/// The one exception is `cookie_secure`; COMPATIBILITY.md has the reasons.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct CsrfSettings {
    /// `CSRF_MODE` (ours): what a request is checked by. Default: `"token"`.
    pub mode: CsrfMode,
    /// `CSRF_TRUSTED_ORIGINS`: other origins that may send forms to this site:
    /// `https://example.com`, or `https://*.example.com` for a domain and its subdomains. Default:
    /// `[]`.
    pub trusted_origins: Vec<String>,
    /// `CSRF_USE_SESSIONS`: the secret is kept in the session and not in a cookie of its own.
    /// Default: `false`.
    pub use_sessions: bool,
    /// `CSRF_HEADER_NAME`: the header in which scripts send the token, as Django spells it or as it
    /// stands in a request. Default: `"HTTP_X_CSRFTOKEN"`, which is `X-CSRFToken`.
    pub header_name: String,
    /// `CSRF_COOKIE_NAME`: the cookie's name. Default: `"csrftoken"`.
    pub cookie_name: String,
    /// `CSRF_COOKIE_AGE`: how long browsers keep the cookie, in seconds; without, until they are
    /// closed (`"None"` in a file). Default: `31449600`, a year.
    pub cookie_age: Option<i64>,
    /// `CSRF_COOKIE_DOMAIN`: the domain whose subdomains share the cookie. Default: none, the
    /// cookie stays with the host.
    pub cookie_domain: Option<String>,
    /// `CSRF_COOKIE_PATH`: below which path browsers send the cookie. Default: `"/"`.
    pub cookie_path: String,
    /// `CSRF_COOKIE_SECURE`: the browser sends the cookie over https only. Default: `true`, and
    /// `false` with `DEBUG`.
    pub cookie_secure: bool,
    /// `CSRF_COOKIE_HTTPONLY`: scripts do not see the cookie. Default: `false`.
    pub cookie_httponly: bool,
    /// `CSRF_COOKIE_SAMESITE`: when other sites' pages send the cookie along. Default: `"Lax"`.
    pub cookie_samesite: SameSite,
    /// `CSRF_SEARCH_MAX_SIZE` (ours): how many bytes of an upload may come before its token. They
    /// wait on the disk until it is found; an upload with more is answered with 413. Default:
    /// `67108864`, 64 MiB.
    pub search_max_size: u64,
}

/// What a request is checked by: `CSRF_MODE`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfMode {
    /// `token`: by the token that our own pages have. Django's way.
    Token,
    /// `fetch-metadata`: by what browsers say of where it comes from, `Sec-Fetch-Site` and `Origin`.
    FetchMetadata,
    /// `both`: it has to pass both.
    Both,
}

impl CsrfSettings {
    /// Django's defaults.
    #[must_use]
    pub fn new(debug: bool) -> Self {
        Self {
            mode: CsrfMode::Token,
            trusted_origins: Vec::new(),
            use_sessions: false,
            header_name: "HTTP_X_CSRFTOKEN".to_owned(),
            cookie_name: "csrftoken".to_owned(),
            cookie_age: Some(31_449_600),
            cookie_domain: None,
            cookie_path: "/".to_owned(),
            cookie_secure: !debug,
            cookie_httponly: false,
            cookie_samesite: SameSite::Lax,
            search_max_size: 64 << 20,
        }
    }

    pub(super) fn read(reader: &Reader, debug: bool) -> Result<Self, ConfigError> {
        let defaults = Self::new(debug);
        reader.parsed("CSRF_FAILURE_VIEW", VIEWS, |text| (text == VIEW).then_some(()))?;
        let cookie = defaults.cookie().read(reader)?;
        let age = reader.read("CSRF_COOKIE_AGE", AGES, |value| match &value.kind {
            ValueKind::String(none) if none.eq_ignore_ascii_case("none") => Some(None),
            _ => number(value, &(1..=CENTURY)).map(Some),
        })?;
        Ok(Self {
            mode: reader.parsed("CSRF_MODE", MODES, CsrfMode::parse)?.unwrap_or(defaults.mode),
            trusted_origins: reader
                .list("CSRF_TRUSTED_ORIGINS", origins::ALLOWED)?
                .unwrap_or(defaults.trusted_origins),
            use_sessions: reader.bool("CSRF_USE_SESSIONS")?.unwrap_or(defaults.use_sessions),
            header_name: reader.text("CSRF_HEADER_NAME", HEADERS)?.unwrap_or(defaults.header_name),
            cookie_name: cookie.name,
            cookie_age: age.unwrap_or(defaults.cookie_age),
            cookie_domain: cookie.domain,
            cookie_path: cookie.path,
            cookie_secure: cookie.secure,
            cookie_httponly: cookie.httponly,
            cookie_samesite: cookie.samesite,
            search_max_size: reader
                .size("CSRF_SEARCH_MAX_SIZE")?
                .unwrap_or(defaults.search_max_size),
        })
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.cookie().validate()?;
        if let Some(age) = self.cookie_age.filter(|age| !(1..=CENTURY).contains(age)) {
            return Err(ConfigError::conflict("CSRF_COOKIE_AGE", age, AGES));
        }
        if !header::is_name(&self.header_name) {
            let found = format!("{:?}", self.header_name);
            return Err(ConfigError::conflict("CSRF_HEADER_NAME", found, HEADERS));
        }
        if self.search_max_size == 0 {
            return Err(ConfigError::conflict("CSRF_SEARCH_MAX_SIZE", 0, SIZES));
        }
        self.trusted_origins.iter().try_for_each(|origin| origins::validate(origin))
    }

    fn cookie(&self) -> Cookie {
        Cookie {
            settings: &cookie::CSRF,
            name: self.cookie_name.clone(),
            domain: self.cookie_domain.clone(),
            path: self.cookie_path.clone(),
            secure: self.cookie_secure,
            httponly: self.cookie_httponly,
            samesite: self.cookie_samesite,
        }
    }

    /// The header in which scripts send the token, in lower case as a request has it.
    pub(crate) fn header(&self) -> String {
        header::as_sent(&self.header_name)
    }
}

const VIEW: &str = "django.views.csrf.csrf_failure";
/// `CSRF_FAILURE_VIEW`: taken as it stands in Django; another page is given in code, with
/// `Site::on_csrf_failure`. Default: what it takes.
const VIEWS: &str = "\"django.views.csrf.csrf_failure\"; another page is given in code, with \
                     `Site::on_csrf_failure`";
const MODES: &str = "\"token\", \"fetch-metadata\" or \"both\"";
const AGES: &str = "seconds, 1 or more, or \"None\": until the browser is closed";
const HEADERS: &str = "a header's name of letters, digits and hyphens, \"X-CSRFToken\", or as \
                       Django spells it, \"HTTP_X_CSRFTOKEN\"";

impl CsrfMode {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "token" => Some(Self::Token),
            "fetch-metadata" => Some(Self::FetchMetadata),
            "both" => Some(Self::Both),
            _ => None,
        }
    }
}
