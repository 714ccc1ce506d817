//! What a request's head says of where it comes from.

use http::{Method, Request};

use super::failure::CsrfFailure;
use super::origins::TrustedOrigins;
use crate::error::ConfigError;
use crate::host::{HostRules, is_same_domain};
use crate::meta;
use crate::settings::{CsrfMode, Settings};
use crate::url::Url;

/// The rules that need neither cookie nor body.
#[derive(Debug)]
pub(super) struct Rules {
    mode: CsrfMode,
    hosts: HostRules,
    trusted: TrustedOrigins,
    /// The domain of the cookie that has the secret: its hosts may refer to each other.
    cookie_domain: Option<String>,
}

impl Rules {
    pub(super) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let csrf = &settings.csrf;
        let cookie_domain = match csrf.use_sessions {
            true => &settings.session.cookie_domain,
            false => &csrf.cookie_domain,
        };
        Ok(Self {
            mode: csrf.mode,
            hosts: HostRules::new(settings)?,
            trusted: TrustedOrigins::new(&csrf.trusted_origins),
            cookie_domain: cookie_domain.clone(),
        })
    }

    /// Whether requests with this method change nothing: RFC 9110, 9.2.1.
    pub(super) fn is_safe(method: &Method) -> bool {
        matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
    }

    /// Whether the token is asked for.
    pub(super) fn want_token(&self) -> bool {
        self.mode != CsrfMode::FetchMetadata
    }

    /// Checks a request with a method that is not safe.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), CsrfFailure> {
        if self.mode != CsrfMode::Token {
            self.check_fetch_metadata(request)?;
        }
        if self.want_token() {
            match meta::header(request.headers(), "origin") {
                Some(origin) => self.check_origin(request, origin)?,
                None if self.hosts.is_secure(request) => self.check_referer(request)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Source: `_origin_verified`.
    fn check_origin<B>(&self, request: &Request<B>, origin: String) -> Result<(), CsrfFailure> {
        let scheme = if self.hosts.is_secure(request) { "https" } else { "http" };
        let ours =
            self.hosts.host(request).is_ok_and(|host| origin == format!("{scheme}://{host}"));
        if ours || self.trusted.have(&origin) {
            return Ok(());
        }
        Err(CsrfFailure::BadOrigin { origin })
    }

    /// Whoever is on the way of plain http can give a visitor any cookie, so that over https the
    /// page has to be known as well. Source: `_check_referer`.
    fn check_referer<B>(&self, request: &Request<B>) -> Result<(), CsrfFailure> {
        let referer = meta::header(request.headers(), "referer").ok_or(CsrfFailure::NoReferer)?;
        let url = Url::split(&referer).ok_or(CsrfFailure::MalformedReferer)?;
        if url.scheme.is_empty() || url.netloc.is_empty() {
            return Err(CsrfFailure::MalformedReferer);
        }
        if url.scheme != "https" {
            return Err(CsrfFailure::InsecureReferer);
        }
        if self.trusted.have_host(&url.netloc) {
            return Ok(());
        }
        let good = match &self.cookie_domain {
            Some(domain) => match &*self.hosts.port(request) {
                "80" | "443" => Some(domain.clone()),
                port => Some(format!("{domain}:{port}")),
            },
            None => self.hosts.host(request).ok(),
        };
        if good.is_some_and(|good| is_same_domain(&url.netloc, &good)) {
            return Ok(());
        }
        Err(CsrfFailure::BadReferer { referer: url.text })
    }

    /// What browsers say of themselves, and no page can change: Go's `CrossOriginProtection` has
    /// the same order (`src/net/http/csrf.go`).
    fn check_fetch_metadata<B>(&self, request: &Request<B>) -> Result<(), CsrfFailure> {
        let header = |name| meta::header(request.headers(), name).filter(|text| !text.is_empty());
        let (site, origin) = (header("sec-fetch-site"), header("origin"));
        match (site.as_deref(), origin.as_deref()) {
            (Some("same-origin" | "none"), _) => return Ok(()),
            // No browser sends neither with such a method: it is a program, which has no visitor's
            // cookies but those it was given.
            (None, None) => return Ok(()),
            (None, Some(origin)) if self.is_own_host(request, origin) => return Ok(()),
            (_, Some(origin)) if self.trusted.have(origin) => return Ok(()),
            _ => {}
        }
        Err(CsrfFailure::CrossOrigin { site, origin })
    }

    fn is_own_host<B>(&self, request: &Request<B>, origin: &str) -> bool {
        let host = Url::split(origin).map(|url| url.netloc).filter(|host| !host.is_empty());
        host.is_some_and(|host| self.hosts.host(request).is_ok_and(|ours| ours == host))
    }
}
