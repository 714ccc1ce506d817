//! What the settings of both cookies have in common.

use config::ValueKind;

use super::reader::Reader;
use crate::error::ConfigError;

/// A hundred years, in seconds.
pub(super) const CENTURY: i64 = 100 * 365 * 24 * 60 * 60;

/// When other sites' pages send the cookie along: `SESSION_COOKIE_SAMESITE` and
/// `CSRF_COOKIE_SAMESITE`.
#[allow(clippy::exhaustive_enums, reason = "RFC 6265bis 4.1.2.7 has these, and leaving it out")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// `Lax`: only when the user follows a link to us.
    Lax,
    /// `Strict`: never.
    Strict,
    /// `"None"`: always; browsers take it with `Secure` only.
    None,
    /// `false`: the attribute is left out, and the browser decides.
    Omitted,
}

/// A cookie as its settings have it.
#[derive(Debug)]
pub(super) struct Cookie {
    pub(super) settings: &'static Names,
    pub(super) name: String,
    pub(super) domain: Option<String>,
    pub(super) path: String,
    pub(super) secure: bool,
    pub(super) httponly: bool,
    pub(super) samesite: SameSite,
}

/// What the settings of a cookie are called.
#[derive(Debug)]
pub(super) struct Names {
    name: &'static str,
    domain: &'static str,
    path: &'static str,
    secure: &'static str,
    httponly: &'static str,
    samesite: &'static str,
}

pub(super) const SESSION: Names = Names {
    name: "SESSION_COOKIE_NAME",
    domain: "SESSION_COOKIE_DOMAIN",
    path: "SESSION_COOKIE_PATH",
    secure: "SESSION_COOKIE_SECURE",
    httponly: "SESSION_COOKIE_HTTPONLY",
    samesite: "SESSION_COOKIE_SAMESITE",
};

pub(super) const CSRF: Names = Names {
    name: "CSRF_COOKIE_NAME",
    domain: "CSRF_COOKIE_DOMAIN",
    path: "CSRF_COOKIE_PATH",
    secure: "CSRF_COOKIE_SECURE",
    httponly: "CSRF_COOKIE_HTTPONLY",
    samesite: "CSRF_COOKIE_SAMESITE",
};

impl Cookie {
    /// Reads its settings; what is not set stays as it is.
    pub(super) fn read(self, reader: &Reader) -> Result<Self, ConfigError> {
        let settings = self.settings;
        let samesite = reader.read(settings.samesite, SAMESITES, |value| match &value.kind {
            ValueKind::Boolean(false) => Some(SameSite::Omitted),
            ValueKind::String(text) => SameSite::parse(text),
            _ => None,
        })?;
        Ok(Self {
            settings,
            name: reader.text(settings.name, TOKENS)?.unwrap_or(self.name),
            domain: reader.text(settings.domain, DOMAINS)?.or(self.domain),
            path: reader.text(settings.path, PATHS)?.unwrap_or(self.path),
            secure: reader.bool(settings.secure)?.unwrap_or(self.secure),
            httponly: reader.bool(settings.httponly)?.unwrap_or(self.httponly),
            samesite: samesite.unwrap_or(self.samesite),
        })
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let settings = self.settings;
        if self.name.is_empty() || !self.name.bytes().all(is_token) {
            return Err(ConfigError::conflict(settings.name, format!("{:?}", self.name), TOKENS));
        }
        if let Some(domain) = self.domain.as_deref().filter(|domain| !is_domain(domain)) {
            return Err(ConfigError::conflict(settings.domain, format!("{domain:?}"), DOMAINS));
        }
        if !self.path.starts_with('/') || !self.path.bytes().all(is_path) {
            return Err(ConfigError::conflict(settings.path, format!("{:?}", self.path), PATHS));
        }
        self.validate_promises()
    }

    /// What the cookie's name and `SameSite` promise to browsers must be true, or they drop the
    /// cookie without a word. RFC 6265bis, 4.1.2.7 and 4.1.3.
    fn validate_promises(&self) -> Result<(), ConfigError> {
        let settings = self.settings;
        // Browsers match the prefixes in any case.
        let name = self.name.to_ascii_lowercase();
        let host = name.starts_with("__host-");
        let needs_secure = host || name.starts_with("__secure-");
        if needs_secure && !self.secure {
            let reason = format!("true, because the cookie is named {}", self.name);
            return Err(ConfigError::conflict(settings.secure, false, reason));
        }
        if self.samesite == SameSite::None && !self.secure {
            let reason = format!("true, because {} is \"None\"", settings.samesite);
            return Err(ConfigError::conflict(settings.secure, false, reason));
        }
        if host && (self.path != "/" || self.domain.is_some()) {
            let setting = if self.domain.is_some() { settings.domain } else { settings.path };
            let reason =
                "no domain and the path \"/\", because the cookie's name begins with __Host-";
            return Err(ConfigError::conflict(setting, "another", reason));
        }
        Ok(())
    }
}

impl SameSite {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "lax" => Some(Self::Lax),
            "strict" => Some(Self::Strict),
            "none" => Some(Self::None),
            "false" => Some(Self::Omitted),
            _ => None,
        }
    }
}

const SAMESITES: &str = "\"Lax\", \"Strict\", \"None\", or false to leave it out";
const TOKENS: &str = "letters, digits and !#$%&'*+-.^_`|~ (RFC 6265)";
const DOMAINS: &str = "a domain such as \"example.com\" or \".example.com\"";
const PATHS: &str = "a path that begins with / and has no control characters and no semicolon";

/// A character of a cookie's name: RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_domain(domain: &str) -> bool {
    let name = domain.strip_prefix('.').unwrap_or(domain);
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

fn is_path(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) && byte != b';'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    /// Gives the complaint of both cookies; the first word of it is the setting.
    fn refused(change: impl Fn(&mut Cookie)) -> [String; 2] {
        [&SESSION, &CSRF].map(|settings| {
            let mut cookie = Cookie {
                settings,
                name: "name".to_owned(),
                domain: None,
                path: "/".to_owned(),
                secure: true,
                httponly: true,
                samesite: SameSite::Lax,
            };
            assert!(cookie.validate().is_ok());
            change(&mut cookie);
            cookie.validate().unwrap_err().to_string()
        })
    }

    #[track_caller]
    fn assert_names(errors: &[String; 2], setting: &str) {
        for (error, cookie) in errors.iter().zip(["SESSION", "CSRF"]) {
            assert!(error.starts_with(&format!("{cookie}_COOKIE_{setting}: found ")), "{error}");
        }
    }

    #[test]
    fn a_cookie_that_browsers_would_drop_is_refused() {
        for name in ["__Host-id", "__hOsT-id", "__Secure-id"] {
            let errors = refused(|cookie| {
                cookie.name = name.into();
                cookie.secure = false;
            });
            assert_names(&errors, "SECURE");
        }
        let errors = refused(|cookie| {
            cookie.name = "__hOsT-id".into();
            cookie.domain = Some("example.com".into());
        });
        assert_names(&errors, "DOMAIN");
        let errors = refused(|cookie| {
            cookie.name = "__Host-id".into();
            cookie.path = "/app".into();
        });
        assert_names(&errors, "PATH");
        let errors = refused(|cookie| {
            cookie.samesite = SameSite::None;
            cookie.secure = false;
        });
        for (error, cookie) in errors.iter().zip(["SESSION", "CSRF"]) {
            let because = format!("because {cookie}_COOKIE_SAMESITE is");
            assert!(error.contains(&because), "{error}");
        }
        assert_names(&errors, "SECURE");
    }

    #[test]
    fn nothing_gets_into_the_header_that_does_not_belong_there() {
        for name in ["", "a b", "a;b", "a=b", "é", "a\r\nSet-Cookie: x=y"] {
            assert_names(&refused(|cookie| cookie.name = name.into()), "NAME");
        }
        for path in ["", "a", "/;Domain=evil", "/\r\nX: y"] {
            assert_names(&refused(|cookie| cookie.path = path.into()), "PATH");
        }
        for domain in ["", ".", "a;b", "a\r\nb", "a b"] {
            assert_names(&refused(|cookie| cookie.domain = Some(domain.into())), "DOMAIN");
        }
    }

    /// The rules are those of the settings that have them.
    #[test]
    fn both_cookies_of_a_site_are_looked_at() {
        for debug in [false, true] {
            let mut settings = Settings::new("secret");
            settings.session = crate::settings::SessionSettings::new(debug);
            settings.csrf = crate::settings::CsrfSettings::new(debug);
            assert!(settings.validate().is_ok());
        }
        let mut settings = Settings::new("secret");
        settings.csrf.cookie_name = "a b".to_owned();
        assert!(settings.validate().unwrap_err().to_string().starts_with("CSRF_COOKIE_NAME"));
        settings.session.cookie_name = "a b".to_owned();
        assert!(settings.validate().unwrap_err().to_string().starts_with("SESSION_COOKIE_NAME"));
    }
}
