//! `CSRF_TRUSTED_ORIGINS`.

use crate::host::is_same_domain;
use crate::url::Url;

/// The origins that may send forms to this site.
///
/// Source: the cached properties of `CsrfViewMiddleware` in `django/middleware/csrf.py`.
#[derive(Debug, Default)]
pub(super) struct TrustedOrigins {
    exact: Vec<String>,
    /// Scheme, and the domain with a dot before it: `https://*.example.com`.
    subdomains: Vec<(String, String)>,
    /// The hosts of all of them, whatever the scheme.
    hosts: Vec<String>,
}

impl TrustedOrigins {
    pub(super) fn new(origins: &[String]) -> Self {
        let mut trusted = Self::default();
        for origin in origins {
            // The settings were checked: all of them are URLs.
            let Some(url) = Url::split(origin) else { continue };
            let host = url.netloc.trim_start_matches('*').to_owned();
            trusted.hosts.push(host.clone());
            if origin.contains('*') {
                trusted.subdomains.push((url.scheme, host));
            } else {
                trusted.exact.push(origin.clone());
            }
        }
        trusted
    }

    /// Whether this `Origin` is one of them.
    pub(super) fn have(&self, origin: &str) -> bool {
        if self.exact.iter().any(|trusted| trusted == origin) {
            return true;
        }
        let Some(url) = Url::split(origin) else { return false };
        let mut subdomains = self.subdomains.iter().filter(|(scheme, _)| *scheme == url.scheme);
        subdomains.any(|(_, domain)| is_same_domain(&url.netloc, domain))
    }

    /// Whether one of them is at this host, as a `Referer` has it.
    pub(super) fn have_host(&self, netloc: &str) -> bool {
        self.hosts.iter().any(|host| is_same_domain(netloc, host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(origins: &[&str]) -> TrustedOrigins {
        TrustedOrigins::new(&origins.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_wildcard_is_a_domain_with_its_subdomains_and_nothing_else() {
        let trusted = trusted(&["https://*.example.com", "http://*.example.org:8000"]);
        for origin in [
            "https://example.com",
            "https://a.example.com",
            "https://a.b.example.com",
            "http://a.example.org:8000",
        ] {
            assert!(trusted.have(origin), "{origin}");
        }
        for origin in [
            "http://a.example.com",
            "https://a.example.com:8443",
            "https://notexample.com",
            "https://example.com.evil.com",
            "https://evil.com/.example.com",
            "https://evil.com#.example.com",
            "https://evil.com?.example.com",
            "https://A.EXAMPLE.COM",
            "http://a.example.org",
            "null",
            "",
        ] {
            assert!(!trusted.have(origin), "{origin}");
        }
    }

    #[test]
    fn an_exact_one_is_compared_to_the_letter() {
        let trusted = trusted(&["https://example.com"]);
        assert!(trusted.have("https://example.com"));
        for origin in ["https://a.example.com", "http://example.com", "https://example.com/"] {
            assert!(!trusted.have(origin), "{origin}");
        }
        assert!(trusted.have_host("example.com") && !trusted.have_host("a.example.com"));
    }
}
