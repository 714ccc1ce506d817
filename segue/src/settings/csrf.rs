//! The settings whose names begin with `CSRF_`.

use super::session::SameSite;

/// The settings whose names begin with `CSRF_`: all of Django's, with Django's defaults.
///
/// The one exception is `cookie_secure`; COMPATIBILITY.md has the reasons.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct CsrfSettings {
    /// `CSRF_MODE` (ours): what a request is checked by. Default: the token.
    pub mode: CsrfMode,
    /// `CSRF_TRUSTED_ORIGINS`: other origins that may send forms to this site:
    /// `https://example.com`, or `https://*.example.com` for a domain and its subdomains. Default:
    /// none.
    pub trusted_origins: Vec<String>,
    /// `CSRF_USE_SESSIONS`: the secret is kept in the session and not in a cookie of its own.
    /// Default: off.
    pub use_sessions: bool,
    /// `CSRF_HEADER_NAME`: the header in which scripts send the token; as Django spells it,
    /// `HTTP_X_CSRFTOKEN`, or as it stands in a request, `X-CSRFToken`. Default: that.
    pub header_name: String,
    /// `CSRF_COOKIE_NAME`. Default: `csrftoken`.
    pub cookie_name: String,
    /// `CSRF_COOKIE_AGE`: how long browsers keep the cookie, in seconds; without, until they are
    /// closed (`"None"` in a file). Default: 31449600, a year.
    pub cookie_age: Option<i64>,
    /// `CSRF_COOKIE_DOMAIN`: the domain whose subdomains share the cookie. Default: none, the
    /// cookie stays with the host.
    pub cookie_domain: Option<String>,
    /// `CSRF_COOKIE_PATH`. Default: `/`.
    pub cookie_path: String,
    /// `CSRF_COOKIE_SECURE`: the browser sends the cookie over https only. Default: on, and off
    /// where `DEBUG` is on.
    pub cookie_secure: bool,
    /// `CSRF_COOKIE_HTTPONLY`: scripts do not see the cookie. Default: off.
    pub cookie_httponly: bool,
    /// `CSRF_COOKIE_SAMESITE`: when other sites' pages send the cookie along. Default: `Lax`.
    pub cookie_samesite: SameSite,
    /// `CSRF_SEARCH_MAX_SIZE` (ours): how many bytes of an upload may come before its token. They
    /// wait on the disk until it is found; an upload with more is answered with 413. Default:
    /// 67108864, 64 MiB.
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

    /// The header in which scripts send the token, in lower case as a request has it.
    pub(crate) fn header(&self) -> String {
        let name = self.header_name.strip_prefix("HTTP_").unwrap_or(&self.header_name);
        name.replace('_', "-").to_ascii_lowercase()
    }
}
