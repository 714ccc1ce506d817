//! What a request says of the host it is for, and how the visitor came.

use std::borrow::Cow;
use std::sync::Arc;

use http::uri::Scheme;
use http::{Request, Version};

use super::error::DisallowedHost;
use super::name::{is_number, is_same_domain, split, split_domain_port};
use crate::error::ConfigError;
use crate::meta::{header, text_of};
use crate::settings::{Settings, header_as_sent};

/// What stands in for an empty `ALLOWED_HOSTS` on a developer's machine.
const DEVELOPMENT: [&str; 3] = [".localhost", "127.0.0.1", "[::1]"];

/// Which hosts are served, and which headers of a proxy are believed. Clones share it.
///
/// Source: `HttpRequest` in `django/http/request.py`.
#[derive(Clone, Debug)]
pub(crate) struct HostRules(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    allowed: Vec<String>,
    forwarded_host: bool,
    forwarded_port: bool,
    /// A header in lower case, and its value where the visitor came over https.
    secure_header: Option<(String, String)>,
    debug: bool,
}

impl HostRules {
    pub(crate) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let allowed = match (settings.allowed_hosts.as_slice(), settings.debug) {
            ([], false) => return Err(no_hosts()),
            ([], true) => DEVELOPMENT.map(str::to_owned).to_vec(),
            (hosts, _) => hosts.to_vec(),
        };
        let secure_header = settings.secure_proxy_ssl_header.as_ref();
        Ok(Self(Arc::new(Rules {
            allowed,
            forwarded_host: settings.use_x_forwarded_host,
            forwarded_port: settings.use_x_forwarded_port,
            secure_header: secure_header
                .map(|(name, secure)| (header_as_sent(name), secure.clone())),
            debug: settings.debug,
        })))
    }

    /// The host as it was sent, with its port, if it is allowed. Django's `get_host`.
    pub(crate) fn host<B>(&self, request: &Request<B>) -> Result<String, DisallowedHost> {
        self.allowed(request).map(Cow::into_owned)
    }

    /// As [`host`](Self::host), without a copy.
    pub(super) fn allowed<'a, B>(
        &self,
        request: &'a Request<B>,
    ) -> Result<Cow<'a, str>, DisallowedHost> {
        let host = self.named(request)?;
        let Some((domain, _)) = split(&host) else {
            return Err(DisallowedHost::malformed(&host));
        };
        let is_allowed = |domain: &str| {
            self.0.allowed.iter().any(|pattern| pattern == "*" || is_same_domain(domain, pattern))
        };
        // Hardly anybody writes a name in capitals.
        if is_allowed(domain) || is_allowed(&domain.to_ascii_lowercase()) {
            return Ok(host);
        }
        Err(DisallowedHost::not_allowed(&host, &domain.to_ascii_lowercase()))
    }

    /// Whether the visitor came over https. Django's `is_secure`.
    pub(crate) fn is_secure<B>(&self, request: &Request<B>) -> bool {
        if let Some((name, secure)) = &self.0.secure_header
            && let Some(value) = header(request.headers(), name)
        {
            return value.split(',').next().is_some_and(|first| first.trim() == secure);
        }
        let stated = request.extensions().get::<Scheme>();
        let scheme =
            stated.or_else(|| request.uri().scheme().filter(|_| has_pseudo_headers(request)));
        scheme == Some(&Scheme::HTTPS)
    }

    /// The port that the visitor's browser talks to. Django's `get_port`.
    ///
    /// Django has the server's own port where no header says it, which behind a proxy is another.
    pub(crate) fn port<B>(&self, request: &Request<B>) -> String {
        let forwarded = header(request.headers(), "x-forwarded-port")
            .filter(|port| self.0.forwarded_port && is_number(port));
        let named = || {
            let host = self.named(request).ok()?;
            split_domain_port(&host)?.1.map(str::to_owned)
        };
        let usual = || if self.is_secure(request) { "443" } else { "80" }.to_owned();
        forwarded.or_else(named).unwrap_or_else(usual)
    }

    /// The host as it was sent, whatever it is.
    fn named<'a, B>(&self, request: &'a Request<B>) -> Result<Cow<'a, str>, DisallowedHost> {
        let headers = request.headers();
        if self.0.forwarded_host
            && let Some(host) = text_of(headers, "x-forwarded-host")
        {
            return Ok(host);
        }
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        match (text_of(headers, "host"), authority) {
            // RFC 9113, 8.3.1: such a request is malformed. Who stands before us may have looked at
            // the other one.
            (Some(host), Some(authority))
                if has_pseudo_headers(request) && !host.eq_ignore_ascii_case(authority) =>
            {
                Err(DisallowedHost::contradiction(&host, authority))
            }
            (Some(host), _) => Ok(host),
            (None, Some(authority)) => Ok(Cow::Borrowed(authority)),
            (None, None) => Err(DisallowedHost::missing()),
        }
    }

    /// Whether this is a developer's machine.
    pub(super) fn debug(&self) -> bool {
        self.0.debug
    }
}

/// From HTTP/2 on the URI has `:scheme` and `:authority`. Before, it is what the client wrote there:
/// `GET https://example.com/` over plain http is as good.
fn has_pseudo_headers<B>(request: &Request<B>) -> bool {
    request.version() >= Version::HTTP_2
}

fn no_hosts() -> ConfigError {
    ConfigError::Missing {
        setting: "ALLOWED_HOSTS",
        mend: "list the host names of the site, [\"example.com\", \".example.org\"], or [\"*\"] \
               behind a proxy that checks them; with DEBUG = true localhost is enough"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn rules(change: impl FnOnce(&mut Settings)) -> HostRules {
        let mut settings = Settings::new("secret");
        settings.allowed_hosts = [".example.com", "[::1]"].map(str::to_owned).to_vec();
        change(&mut settings);
        assert!(settings.validate().is_ok());
        HostRules::new(&settings).unwrap()
    }

    fn plain() -> HostRules {
        rules(|_| ())
    }

    fn behind_a_proxy() -> HostRules {
        rules(|settings| {
            settings.use_x_forwarded_host = true;
            settings.use_x_forwarded_port = true;
            let header = ("HTTP_X_FORWARDED_PROTO".to_owned(), "https".to_owned());
            settings.secure_proxy_ssl_header = Some(header);
        })
    }

    fn request(headers: &[(&'static str, &str)]) -> Request<()> {
        let mut request = Request::new(());
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            request.headers_mut().append(*name, value);
        }
        request
    }

    fn http2(uri: &str, headers: &[(&'static str, &str)]) -> Request<()> {
        let mut request = request(headers);
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = uri.parse().unwrap();
        request
    }

    fn host(rules: &HostRules, headers: &[(&'static str, &str)]) -> Result<String, String> {
        rules.host(&request(headers)).map_err(|error| error.to_string())
    }

    #[test]
    fn without_names_there_is_no_site() {
        let error = HostRules::new(&Settings::new("secret")).unwrap_err().to_string();
        assert!(error.starts_with("ALLOWED_HOSTS is not set: list the host names"), "{error}");
        assert!(error.contains("[\"*\"]"), "{error}");
    }

    #[test]
    fn the_host_is_given_as_it_was_sent() {
        for sent in ["example.com", "WWW.Example.COM:8000", "example.com.", "[::1]:80"] {
            assert_eq!(host(&plain(), &[("host", sent)]).as_deref(), Ok(sent));
        }
        assert_eq!(host(&plain(), &[("host", " example.com ")]).as_deref(), Ok("example.com"));
    }

    #[test]
    fn others_are_refused() {
        for sent in ["evil.example", "evilexample.com", "example.com.evil.example", "127.0.0.1"] {
            let error = host(&plain(), &[("host", sent)]).unwrap_err();
            assert_eq!(error, format!("the host {sent:?} is not in ALLOWED_HOSTS"));
        }
        for sent in ["", "example.com/evil", "example.com:80@evil.example", "example.com:x"] {
            let error = host(&plain(), &[("host", sent)]).unwrap_err();
            assert_eq!(error, format!("{sent:?} is no host name"));
        }
        assert_eq!(host(&plain(), &[]).unwrap_err(), "the request names no host");
    }

    /// Two servers that choose differently serve each other's visitors.
    #[test]
    fn of_several_host_headers_none_is_chosen() {
        for second in ["example.com", "evil.example"] {
            let error = host(&plain(), &[("host", "example.com"), ("host", second)]).unwrap_err();
            assert_eq!(error, format!("\"example.com,{second}\" is no host name"));
        }
        for [first, second] in [["", "example.com"], ["example.com", ""]] {
            let error = host(&plain(), &[("host", first), ("host", second)]).unwrap_err();
            assert_eq!(error, format!("\"{first},{second}\" is no host name"));
        }
        let error = host(&behind_a_proxy(), &[("x-forwarded-host", "a, b")]).unwrap_err();
        assert_eq!(error, "\"a, b\" is no host name");
    }

    #[test]
    fn a_star_allows_any_host_and_no_nonsense() {
        let rules = rules(|settings| settings.allowed_hosts = vec!["*".to_owned()]);
        assert!(host(&rules, &[("host", "anything.example:1")]).is_ok());
        for sent in ["", "a b", "a,b", "a/b", "évil.example", "a@b"] {
            assert!(host(&rules, &[("host", sent)]).is_err(), "{sent}");
        }
    }

    #[test]
    fn a_developers_machine_serves_itself() {
        let debug = |hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            rules(|settings| {
                settings.debug = true;
                settings.allowed_hosts = hosts;
            })
        };
        for sent in ["localhost", "LOCALHOST:8000", "a.localhost", "127.0.0.1:8000", "[::1]"] {
            assert!(host(&debug(&[]), &[("host", sent)]).is_ok(), "{sent}");
            assert!(host(&debug(&["example.com"]), &[("host", sent)]).is_err(), "{sent}");
        }
        // A name that an attacker points at this machine (DNS rebinding).
        assert!(host(&debug(&[]), &[("host", "evil.example:8000")]).is_err());
    }

    #[test]
    fn a_header_of_a_proxy_is_believed_where_the_settings_say_so() {
        let headers = [("host", "example.com"), ("x-forwarded-host", "www.example.com:8443")];
        assert_eq!(host(&plain(), &headers).as_deref(), Ok("example.com"));
        assert_eq!(host(&behind_a_proxy(), &headers).as_deref(), Ok("www.example.com:8443"));
        assert_eq!(host(&behind_a_proxy(), &headers[..1]).as_deref(), Ok("example.com"));
        // What it says is checked as well, and an empty header is no reason to take the other.
        for sent in ["evil.example", ""] {
            let headers = [("host", "example.com"), ("x-forwarded-host", sent)];
            assert!(host(&behind_a_proxy(), &headers).is_err(), "{sent}");
        }
        // Other names for it are not looked at.
        for name in ["x_forwarded_host", "forwarded", "x-host", "x-original-host"] {
            let headers = [("host", "example.com"), (name, "evil.example")];
            assert_eq!(host(&behind_a_proxy(), &headers).as_deref(), Ok("example.com"), "{name}");
        }
    }

    #[test]
    fn over_http_2_the_host_is_the_authority() {
        let named = |request| plain().host(&request).map_err(|error| error.to_string());
        assert_eq!(
            named(http2("https://example.com:8443/", &[])).as_deref(),
            Ok("example.com:8443")
        );
        assert!(named(http2("https://evil.example/", &[])).is_err());
        assert!(
            named(http2("https://user@example.com/", &[])).is_err(),
            "no user has a place here"
        );
        let same = [("host", "Example.com")];
        assert_eq!(named(http2("https://example.com/", &same)).as_deref(), Ok("Example.com"));
        let other = http2("https://www.example.com/", &same);
        let expected = "the request names two hosts, \"Example.com\" and \"www.example.com\"";
        assert_eq!(named(other).unwrap_err(), expected);
    }

    /// Over HTTP/1 the URI is what the client wrote.
    #[test]
    fn over_http_1_the_header_goes_before_the_uri() {
        let mut absolute = request(&[("host", "evil.example")]);
        *absolute.uri_mut() = "https://example.com/".parse().unwrap();
        assert!(plain().host(&absolute).is_err(), "Host counts, as in Django");
        assert!(!plain().is_secure(&absolute));
        assert_eq!(plain().port(&absolute), "80");
        absolute.headers_mut().insert("host", HeaderValue::from_static("www.example.com"));
        assert_eq!(plain().host(&absolute).as_deref(), Ok("www.example.com"));
        absolute.headers_mut().clear();
        assert_eq!(plain().host(&absolute).as_deref(), Ok("example.com"));
        *absolute.uri_mut() = "https://evil.example/".parse().unwrap();
        assert!(plain().host(&absolute).is_err());
    }

    #[test]
    fn a_huge_host_is_refused_in_few_words() {
        for sent in ["a".repeat(10_000_000), "\u{e9}".repeat(5_000_000), ":".repeat(10_000_000)] {
            let error = host(&plain(), &[("host", &sent)]).unwrap_err();
            assert!(error.chars().count() < 200 && error.contains('…'), "{error}");
        }
    }

    #[test]
    fn https_is_what_the_proxy_says() {
        let rules = behind_a_proxy();
        let secure = |value| rules.is_secure(&request(&[("x-forwarded-proto", value)]));
        for value in ["https", " https ", "https,http", "https , http"] {
            assert!(secure(value), "{value}");
        }
        for value in ["http", "", "HTTPS", "https;", "http, https", ",https", "httpss", "on"] {
            assert!(!secure(value), "{value}");
        }
        assert!(!rules.is_secure(&request(&[])));
        let lines = [("x-forwarded-proto", "http"), ("x-forwarded-proto", "https")];
        assert!(!rules.is_secure(&request(&lines)), "the first one counts");
        // The proxy removes the header that it sets, not others that look like it.
        for name in ["x_forwarded_proto", "x-forwarded-protocol", "http_x_forwarded_proto"] {
            assert!(!rules.is_secure(&request(&[(name, "https")])), "{name}");
        }
        // Where the setting is off, anybody may have sent it.
        for name in ["x-forwarded-proto", "x-forwarded-ssl", "front-end-https", "forwarded"] {
            for value in ["https", "on", "proto=https"] {
                assert!(!plain().is_secure(&request(&[(name, value)])), "{name}");
            }
        }
    }

    #[test]
    fn https_is_what_the_server_says() {
        let mut stated = request(&[]);
        stated.extensions_mut().insert(Scheme::HTTPS);
        assert!(plain().is_secure(&stated));
        assert!(behind_a_proxy().is_secure(&stated), "the proxy says nothing");
        let http = HeaderValue::from_static("http");
        stated.headers_mut().insert("x-forwarded-proto", http);
        assert!(!behind_a_proxy().is_secure(&stated), "the proxy goes first");
        stated.extensions_mut().insert(Scheme::HTTP);
        assert!(!plain().is_secure(&stated));

        assert!(plain().is_secure(&http2("https://example.com/", &[])));
        assert!(!plain().is_secure(&http2("http://example.com/", &[])));
        let mut stated = http2("https://example.com/", &[]);
        stated.extensions_mut().insert(Scheme::HTTP);
        assert!(!plain().is_secure(&stated), "the server goes before the client");
    }

    #[test]
    fn the_port_is_that_of_the_visitor() {
        let port = |rules: &HostRules, headers: &[_]| rules.port(&request(headers));
        let proxy = behind_a_proxy();
        let https = ("x-forwarded-proto", "https");
        assert_eq!(port(&plain(), &[("host", "example.com")]), "80");
        assert_eq!(port(&plain(), &[("host", "example.com:8000")]), "8000");
        assert_eq!(port(&plain(), &[("host", "[::1]:8000")]), "8000");
        assert_eq!(port(&plain(), &[("host", "a b:8000")]), "80");
        assert_eq!(port(&plain(), &[]), "80");
        assert_eq!(port(&proxy, &[https]), "443");
        assert_eq!(port(&proxy, &[https, ("x-forwarded-host", "a:8443"), ("host", "b:1")]), "8443");
        let forwarded = ("x-forwarded-port", "8443");
        assert_eq!(port(&plain(), &[forwarded]), "80", "the setting is off");
        assert_eq!(port(&proxy, &[https, forwarded, ("host", "a:1")]), "8443");
        for nonsense in ["", "x", "443, 8443", "80/evil", "-1", "443\u{e9}"] {
            let headers = [https, ("x-forwarded-port", nonsense), ("host", "a")];
            assert_eq!(port(&proxy, &headers), "443", "{nonsense}");
        }
        assert_eq!(plain().port(&http2("https://example.com:8443/", &[])), "8443");
    }
}
