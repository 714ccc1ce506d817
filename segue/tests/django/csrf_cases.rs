//! Sites and requests that nobody thought of, most of them nearly right.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use segue::Settings;
use segue::settings::CsrfMode;
use serde_json::{Value, json};

use crate::place::settings;

pub const SECRET: &str = "lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ";
/// Of that secret.
pub const TOKEN: &str = "abcdefghijklmnopqrstuvwxyzABCDEFlIL5l1ikE7IG1cFUQfg8v79o6LRD8WPu";
const OTHER: &str = "zHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ";

/// What the settings of a site say.
#[derive(Clone, Debug)]
pub struct Site {
    allowed_hosts: Vec<&'static str>,
    debug: bool,
    trusted: Vec<&'static str>,
    use_sessions: bool,
    header: &'static str,
    cookie: &'static str,
    domain: Option<&'static str>,
    forwarded_host: bool,
    forwarded_port: bool,
    ssl_header: bool,
    limit: u64,
}

const TRUSTED: [&str; 7] = [
    "https://trusted.com",
    "https://*.trusted.com",
    "http://*.trusted.com:8080",
    "http://forms.example.com",
    "https://*.example.com",
    "https://[::1]:8443",
    "capacitor://localhost",
];

impl Site {
    pub fn any() -> impl Strategy<Value = Self> {
        let hosts = prop_oneof![
            4 => Just((vec!["example.com", "127.0.0.1", "[::1]"], false)),
            2 => Just((vec![".example.com"], false)),
            1 => Just((vec!["*"], false)),
            1 => Just((vec!["Example.COM"], false)),
            1 => Just((vec![], true)),
        ];
        let names = (
            select(vec!["HTTP_X_CSRFTOKEN", "HTTP_X_CSRFTOKEN", "HTTP_X_XSRF_TOKEN", "HTTP_XT2_A"]),
            select(vec!["csrftoken", "csrftoken", "__Host-csrf"]),
            select(vec![
                None,
                None,
                Some(".example.com"),
                Some("example.com"),
                Some("EXAMPLE.com"),
            ]),
        );
        let switches = (
            prop::bool::weighted(0.3),
            prop::bool::weighted(0.3),
            prop::bool::weighted(0.3),
            prop::bool::weighted(0.3),
        );
        let limit = select(vec![2_621_440, 2_621_440, 400]);
        (hosts, subsequence(&TRUSTED[..], 0..4), names, switches, limit).prop_map(
            |((allowed_hosts, debug), trusted, (header, cookie, domain), switches, limit)| Self {
                allowed_hosts,
                debug,
                trusted,
                header,
                cookie,
                // Ours refuses the one with the other: browsers would drop the cookie.
                domain: domain.filter(|_| cookie == "csrftoken"),
                use_sessions: switches.0,
                forwarded_host: switches.1,
                forwarded_port: switches.2,
                ssl_header: switches.3,
                limit,
            },
        )
    }

    pub fn for_django(&self) -> Value {
        let domain = if self.use_sessions { "SESSION_COOKIE_DOMAIN" } else { "CSRF_COOKIE_DOMAIN" };
        json!({
            "ALLOWED_HOSTS": self.allowed_hosts,
            "DEBUG": self.debug,
            "CSRF_TRUSTED_ORIGINS": self.trusted,
            "CSRF_USE_SESSIONS": self.use_sessions,
            "CSRF_HEADER_NAME": self.header,
            "CSRF_COOKIE_NAME": self.cookie,
            domain: self.domain,
            "USE_X_FORWARDED_HOST": self.forwarded_host,
            "USE_X_FORWARDED_PORT": self.forwarded_port,
            "SECURE_PROXY_SSL_HEADER": self.ssl_header.then_some(["HTTP_X_FORWARDED_PROTO", "https"]),
            "DATA_UPLOAD_MAX_MEMORY_SIZE": self.limit,
        })
    }

    pub fn for_segue(&self) -> Settings {
        let mut settings = settings();
        settings.allowed_hosts = self.allowed_hosts.iter().map(|&host| host.to_owned()).collect();
        settings.debug = self.debug;
        settings.csrf.mode = CsrfMode::Token;
        settings.csrf.trusted_origins = self.trusted.iter().map(|&text| text.to_owned()).collect();
        settings.csrf.use_sessions = self.use_sessions;
        settings.csrf.header_name = self.header.to_owned();
        settings.csrf.cookie_name = self.cookie.to_owned();
        settings.csrf.cookie_secure = self.cookie != "csrftoken";
        let domain = self.domain.map(str::to_owned);
        if self.use_sessions {
            settings.session.cookie_domain = domain;
        } else {
            settings.csrf.cookie_domain = domain;
        }
        settings.use_x_forwarded_host = self.forwarded_host;
        settings.use_x_forwarded_port = self.forwarded_port;
        let proto = || ("HTTP_X_FORWARDED_PROTO".to_owned(), "https".to_owned());
        settings.secure_proxy_ssl_header = self.ssl_header.then(proto);
        settings.data_upload_max_memory_size = self.limit;
        settings
    }

    pub fn uses_sessions(&self) -> bool {
        self.use_sessions
    }
}

/// A request: header values and the body have a character for each byte.
#[derive(Clone, Debug)]
pub struct Case {
    pub method: &'static str,
    pub https: bool,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

const HOSTS: [&str; 16] = [
    "example.com",
    "example.com:8000",
    "EXAMPLE.com",
    "www.example.com",
    "example.com.",
    "127.0.0.1:8000",
    "localhost",
    "localhost:3000",
    "[::1]:8443",
    "[::1]",
    "evil.com",
    "bad host",
    "example.com:port",
    "example.com@evil.com",
    "a_b.example.com",
    "example.com:443",
];

/// Origins, and with a path behind them referers.
const SITES: [&str; 24] = [
    "https://example.com",
    "http://example.com",
    "https://example.com:8000",
    "http://EXAMPLE.com",
    "HTTPS://example.com",
    "https://a.example.com",
    "https://trusted.com",
    "http://trusted.com",
    "https://a.b.trusted.com",
    "https://a.trusted.com:8080",
    "http://trusted.com:8080",
    "https://nottrusted.com",
    "https://trusted.com.evil.com",
    "https://evil.com",
    "https://user:pass@example.com",
    "https://evil.com#.trusted.com",
    "https://[::1]:8443",
    "https://[::1",
    "https://[1.2.3.4]",
    "capacitor://localhost",
    "http://forms.example.com",
    "null",
    "",
    "//example.com",
];

const PATHS: [&str; 7] = ["", "/", "/page?a=b#c", "?", "#", "/?#", "/\u{e9}"];

/// In the place of a token.
const TOKENS: [&str; 14] = [
    "",
    "",
    SECRET,
    OTHER,
    "zbcdefghijklmnopqrstuvwxyzABCDEFlIL5l1ikE7IG1cFUQfg8v79o6LRD8WPu",
    "short",
    "--------------------------------",
    "----------------------------------------------------------------",
    "lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ ",
    " lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtl",
    "lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtl\u{c3}\u{a9}",
    "lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtl\u{e9}",
    "lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZl",
    "abcdefghijklmnopqrstuvwxyzABCDEFlIL5l1ikE7IG1cFUQfg8v79o6LRD8WPua",
];

impl Case {
    /// A request to this site; `sessions` are the values of session cookies.
    pub fn any(site: &Site, sessions: &[String]) -> impl Strategy<Value = Self> + use<> {
        let site = site.clone();
        let sessions = sessions.to_vec();
        let method = prop_oneof![
            16 => Just("POST"),
            4 => select(vec!["PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS", "TRACE", "PURGE"]),
        ];
        let host = prop_oneof![4 => Just(HOSTS[0]), 3 => select(&HOSTS[..])];
        let forwarded = (
            option(0.4, select(&HOSTS[..])),
            option(0.4, select(vec!["443", "80", "8000", "8443"])),
            option(0.6, select(vec!["https", "http", "https,http", " https , http", "HTTPS", ""])),
        );
        let origin = prop_oneof![
            5 => Just(Said::Nothing),
            8 => Just(Said::Right),
            4 => select(&SITES[..]).prop_map(Said::This),
        ];
        let referer = prop_oneof![
            2 => Just(Said::Nothing),
            4 => Just(Said::Right),
            5 => select(&SITES[..]).prop_map(Said::This),
        ];
        let secret = (0..sessions.len().max(9), prop::bool::weighted(0.8));
        let place = (any::<bool>(), host, forwarded, origin, (referer, select(&PATHS[..])));
        let tokens = (secret, token(), option(0.4, token()), form());
        (method, place, tokens).prop_map(move |(method, place, tokens)| {
            let (https, host, (f_host, f_port, f_proto), origin, (referer, path)) = place;
            let ((cookie, good), field, header, (kind, padding)) = tokens;
            let mut headers = Vec::new();
            let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
            add("host", host.to_owned());
            for (name, value) in [
                ("x-forwarded-host", f_host),
                ("x-forwarded-port", f_port),
                ("x-forwarded-proto", f_proto),
            ] {
                if let Some(value) = value {
                    add(name, value.to_owned());
                }
            }
            let seen_host = f_host.filter(|_| site.forwarded_host).unwrap_or(host);
            let secure = match f_proto.filter(|_| site.ssl_header) {
                Some(proto) => proto.split(',').next().map(str::trim) == Some("https"),
                None => https,
            };
            let ours = format!("{}://{seen_host}", if secure { "https" } else { "http" });
            match origin {
                Said::Nothing => {}
                Said::Right => add("origin", ours.clone()),
                Said::This(text) => add("origin", text.to_owned()),
            }
            match referer {
                Said::Nothing => {}
                Said::Right => add("referer", format!("{ours}{path}")),
                Said::This(text) => add("referer", format!("{text}{path}")),
            }
            if let Some(cookie) = cookie_header(&site, &sessions, cookie, good) {
                add("cookie", cookie);
            }
            if let Some(header) = header {
                add(site.header.strip_prefix("HTTP_").unwrap(), header.to_owned());
            }
            let (content_type, body) = kind.body(field, padding);
            if let Some(content_type) = content_type {
                add("content-type", content_type.to_owned());
            }
            // A browser's own header names have hyphens.
            let headers = headers.into_iter().map(|(n, v)| (n.replace('_', "-"), v)).collect();
            Self { method, https, headers, body }
        })
    }

    pub fn for_django(&self, site: &Site) -> Value {
        json!({
            "method": self.method,
            "scheme": if self.https { "https" } else { "http" },
            "port": self.port(site),
            "headers": self.headers,
            "body": self.body,
        })
    }

    /// Ours takes the port that the visitor named; Django that of its own server, which is the same
    /// where nothing stands before it.
    fn port(&self, site: &Site) -> String {
        let find = |wanted: &str| {
            self.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let host = find("x-forwarded-host")
            .filter(|_| site.forwarded_host)
            .or_else(|| find("host"))
            .unwrap_or_default();
        let secure = match find("x-forwarded-proto").filter(|_| site.ssl_header) {
            Some(proto) => proto.split(',').next().map(str::trim) == Some("https"),
            None => self.https,
        };
        let default = if secure { "443" } else { "80" };
        let port = host.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        port.unwrap_or(default).to_owned()
    }
}

#[derive(Clone, Debug)]
enum Said {
    Nothing,
    Right,
    This(&'static str),
}

fn option<T: std::fmt::Debug>(
    likely: f64,
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(likely, value)
}

fn token() -> impl Strategy<Value = &'static str> {
    prop_oneof![5 => Just(TOKEN), 3 => Just(""), 2 => Just(OTHER), 4 => select(&TOKENS[..])]
}

fn cookie_header(site: &Site, sessions: &[String], which: usize, good: bool) -> Option<String> {
    if site.use_sessions {
        let session = sessions.get(if good { 0 } else { which })?;
        return Some(format!("a=b; sessionid={session}"));
    }
    let name = site.cookie;
    if good {
        return Some(format!("{name}={SECRET}"));
    }
    Some(match which {
        0 => format!("{name}={TOKEN}"),
        1 => format!("{name}={OTHER}"),
        2 => format!("{name}=short"),
        3 => format!("{name}={}", "-".repeat(32)),
        4 => format!("{name}={OTHER}; {name}=\"{SECRET}\""),
        5 => format!("{name}={}", "\u{c3}\u{a9}".repeat(32)),
        6 => format!("{name}="),
        7 => format!("x{name}={SECRET}; {name}"),
        _ => return None,
    })
}

/// In what a token is sent.
#[derive(Clone, Copy, Debug)]
enum Form {
    UrlEncoded,
    UrlEncodedAmongOthers,
    /// Its name and value in percents.
    Percents,
    /// A wrong one before it, and a right one behind it.
    Twice,
    NamedOtherwise,
    Multipart,
    MultipartBehindAFile,
    /// A file of the field's name.
    File,
    Json,
    Text,
    Nothing,
}

fn form() -> impl Strategy<Value = (Form, usize)> {
    let kind = prop_oneof![
        6 => select(vec![Form::UrlEncoded, Form::UrlEncodedAmongOthers, Form::Multipart]),
        4 => select(vec![
            Form::Percents,
            Form::Twice,
            Form::NamedOtherwise,
            Form::MultipartBehindAFile,
            Form::File,
            Form::Json,
            Form::Text,
            Form::Nothing,
        ]),
    ];
    (kind, prop_oneof![8 => Just(0_usize), 1 => 250..450_usize])
}

impl Form {
    fn body(self, token: &str, padding: usize) -> (Option<&'static str>, String) {
        let name = "csrfmiddlewaretoken";
        let pad = "p".repeat(padding);
        let urlencoded = Some("application/x-www-form-urlencoded");
        let percents =
            |text: &str| text.chars().map(|c| format!("%{:02x}", c as u32)).collect::<String>();
        // As browsers do it.
        let encoded = token.replace(' ', "+");
        let part = |extra: &str, content: &str| {
            format!(
                "--bOuNd\r\nContent-Disposition: form-data; name=\"{extra}\r\n\r\n{content}\r\n"
            )
        };
        let field = part(&format!("{name}\""), token);
        match self {
            Self::UrlEncoded => (urlencoded, format!("{name}={encoded}&pad={pad}")),
            Self::UrlEncodedAmongOthers => (
                Some("Application/X-WWW-Form-URLEncoded; charset=UTF-8"),
                format!("a=b&&{name}x=1&=&{name}={encoded}&%E9=%FF&x{name}=2&pad={pad}"),
            ),
            Self::Percents => {
                (urlencoded, format!("pad={pad}&{}={}", percents(name), percents(token)))
            }
            Self::Twice => (urlencoded, format!("{name}={OTHER}&pad={pad}&{name}={encoded}")),
            Self::NamedOtherwise => {
                (urlencoded, format!("CSRFMiddlewareToken={encoded}&pad={pad}"))
            }
            Self::Multipart => (
                Some("multipart/form-data; boundary=bOuNd"),
                format!("{field}{}--bOuNd--\r\n", part("a\"", "--bOuN\r\n--bOuN d")),
            ),
            Self::MultipartBehindAFile => (
                Some("multipart/form-data; charset=utf-8; boundary=\"bOuNd\""),
                format!("{}{field}--bOuNd--\r\n", part("f\"; filename=\"a.txt\"", "content\r\n")),
            ),
            Self::File => (
                Some("multipart/form-data; boundary=bOuNd"),
                format!("{}--bOuNd--\r\n", part(&format!("{name}\"; filename=\"a.txt\""), token)),
            ),
            Self::Json => (Some("application/json"), format!("{{\"{name}\":\"{token}\"}}")),
            Self::Text => (Some("text/plain"), format!("{name}={token}")),
            Self::Nothing => (None, format!("{name}={token}")),
        }
    }
}
