//! The settings whose names begin with `SESSION_`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use config::ValueKind;

use super::reader::Reader;
use crate::error::ConfigError;

/// A hundred years, in seconds.
const CENTURY: i64 = 100 * 365 * 24 * 60 * 60;

/// The settings whose names begin with `SESSION_`: all of Django's, with Django's defaults.
///
/// The one exception is `cookie_secure`; COMPATIBILITY.md has the reasons.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// `SESSION_ENGINE`: where sessions are stored. Default: the database.
    pub engine: SessionEngine,
    /// `SESSION_CACHE_ALIAS`: which cache the cache engines use. Default: `default`.
    pub cache_alias: String,
    /// `SESSION_COOKIE_NAME`. Default: `sessionid`.
    pub cookie_name: String,
    /// `SESSION_COOKIE_AGE`: how long a session lives after it was last saved, in seconds.
    /// Default: 1209600, two weeks.
    pub cookie_age: i64,
    /// `SESSION_COOKIE_DOMAIN`: the domain whose subdomains share the cookie. Default: none, the
    /// cookie stays with the host.
    pub cookie_domain: Option<String>,
    /// `SESSION_COOKIE_PATH`. Default: `/`.
    pub cookie_path: String,
    /// `SESSION_COOKIE_SECURE`: the browser sends the cookie over https only. Default: on, and off
    /// where `DEBUG` is on.
    pub cookie_secure: bool,
    /// `SESSION_COOKIE_HTTPONLY`: scripts do not see the cookie. Default: on.
    pub cookie_httponly: bool,
    /// `SESSION_COOKIE_SAMESITE`: when other sites' pages send the cookie along. Default: `Lax`.
    pub cookie_samesite: SameSite,
    /// `SESSION_SAVE_EVERY_REQUEST`: each request renews the session. Default: off.
    pub save_every_request: bool,
    /// `SESSION_EXPIRE_AT_BROWSER_CLOSE`: the cookie lasts as long as the browser runs. Default: off.
    pub expire_at_browser_close: bool,
    /// `SESSION_FILE_PATH`: the folder of the file engine. Default: the system's temporary folder.
    pub file_path: Option<PathBuf>,
    /// `SESSION_CLEANUP_INTERVAL` (ours): how often a task in the server removes expired sessions,
    /// in seconds. Default: never; run `clearsessions` instead.
    pub cleanup_interval: Option<Duration>,
}

/// Where sessions are stored: `SESSION_ENGINE`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEngine {
    /// `db` or `django.contrib.sessions.backends.db`: the `django_session` table.
    Database,
    /// `cached_db` or `django.contrib.sessions.backends.cached_db`: the `django_session` table, with
    /// the cache that `SESSION_CACHE_ALIAS` names in front of it.
    CachedDatabase,
    /// `cache` or `django.contrib.sessions.backends.cache`: the cache that `SESSION_CACHE_ALIAS`
    /// names.
    Cache,
    /// `file` or `django.contrib.sessions.backends.file`: a file each in `SESSION_FILE_PATH`.
    File,
    /// `memory` (ours): this process, and gone with it.
    Memory,
    /// `signed_cookies` or `django.contrib.sessions.backends.signed_cookies`: the visitor's cookie,
    /// which the visitor can read.
    SignedCookies,
    /// `encrypted_cookies` (ours): the visitor's cookie, which nobody else can read.
    EncryptedCookies,
}

/// When other sites' pages send the cookie along: `SESSION_COOKIE_SAMESITE`.
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

impl SessionSettings {
    /// Django's defaults.
    #[must_use]
    pub fn new(debug: bool) -> Self {
        Self {
            engine: SessionEngine::Database,
            cache_alias: "default".to_owned(),
            cookie_name: "sessionid".to_owned(),
            cookie_age: 1_209_600,
            cookie_domain: None,
            cookie_path: "/".to_owned(),
            cookie_secure: !debug,
            cookie_httponly: true,
            cookie_samesite: SameSite::Lax,
            save_every_request: false,
            expire_at_browser_close: false,
            file_path: None,
            cleanup_interval: None,
        }
    }

    pub(super) fn read(reader: &Reader, debug: bool, base_dir: &Path) -> Result<Self, ConfigError> {
        let defaults = Self::new(debug);
        reader.parsed("SESSION_SERIALIZER", SERIALIZERS, |text| (text == JSON).then_some(()))?;
        let name = reader.text("SESSION_COOKIE_NAME", "a text")?;
        let age = reader.integer("SESSION_COOKIE_AGE", "seconds, 1 or more", 1..=CENTURY)?;
        let samesite =
            reader.read("SESSION_COOKIE_SAMESITE", SAMESITES, |value| match &value.kind {
                ValueKind::Boolean(false) => Some(SameSite::Omitted),
                ValueKind::String(text) => SameSite::parse(text),
                _ => None,
            })?;
        let every = "seconds between two clean-ups; 0 for never";
        let interval = reader.integer("SESSION_CLEANUP_INTERVAL", every, 0..=CENTURY)?;
        let file_path = reader.text("SESSION_FILE_PATH", "the path of a folder")?;
        Ok(Self {
            engine: reader
                .parsed("SESSION_ENGINE", ENGINES, SessionEngine::parse)?
                .unwrap_or(defaults.engine),
            cache_alias: reader
                .text("SESSION_CACHE_ALIAS", "the name of a cache")?
                .unwrap_or(defaults.cache_alias),
            cookie_name: name.unwrap_or(defaults.cookie_name),
            cookie_age: age.unwrap_or(defaults.cookie_age),
            cookie_domain: reader.text("SESSION_COOKIE_DOMAIN", DOMAINS)?,
            cookie_path: reader.text("SESSION_COOKIE_PATH", PATHS)?.unwrap_or(defaults.cookie_path),
            cookie_secure: reader.bool("SESSION_COOKIE_SECURE")?.unwrap_or(defaults.cookie_secure),
            cookie_httponly: reader
                .bool("SESSION_COOKIE_HTTPONLY")?
                .unwrap_or(defaults.cookie_httponly),
            cookie_samesite: samesite.unwrap_or(defaults.cookie_samesite),
            save_every_request: reader
                .bool("SESSION_SAVE_EVERY_REQUEST")?
                .unwrap_or(defaults.save_every_request),
            expire_at_browser_close: reader
                .bool("SESSION_EXPIRE_AT_BROWSER_CLOSE")?
                .unwrap_or(defaults.expire_at_browser_close),
            file_path: file_path.map(|path| base_dir.join(path)),
            cleanup_interval: interval
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        })
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let name = self.cookie_name.as_str();
        if name.is_empty() || !name.bytes().all(is_token) {
            let found = format!("{name:?}");
            return Err(ConfigError::conflict("SESSION_COOKIE_NAME", found, NAMES));
        }
        if !(1..=CENTURY).contains(&self.cookie_age) {
            let found = self.cookie_age;
            return Err(ConfigError::conflict("SESSION_COOKIE_AGE", found, "seconds, 1 or more"));
        }
        if self.cookie_domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
            let found = format!("{:?}", self.cookie_domain.as_deref().unwrap_or_default());
            return Err(ConfigError::conflict("SESSION_COOKIE_DOMAIN", found, DOMAINS));
        }
        if !self.cookie_path.starts_with('/') || !self.cookie_path.bytes().all(is_path) {
            let found = format!("{:?}", self.cookie_path);
            return Err(ConfigError::conflict("SESSION_COOKIE_PATH", found, PATHS));
        }
        if self.cleanup_interval == Some(Duration::ZERO) {
            let allowed = "a second or more; `None` for never";
            return Err(ConfigError::conflict("SESSION_CLEANUP_INTERVAL", 0, allowed));
        }
        self.validate_promises()
    }

    /// What the cookie's name and `SameSite` promise to browsers must be true, or they drop the
    /// cookie without a word. RFC 6265bis, 4.1.2.7 and 4.1.3.
    fn validate_promises(&self) -> Result<(), ConfigError> {
        // Browsers match the prefixes in any case.
        let name = self.cookie_name.to_ascii_lowercase();
        let host = name.starts_with("__host-");
        let needs_secure = host || name.starts_with("__secure-");
        if needs_secure && !self.cookie_secure {
            let reason = format!("true, because the cookie is named {}", self.cookie_name);
            return Err(ConfigError::conflict("SESSION_COOKIE_SECURE", false, reason));
        }
        if self.cookie_samesite == SameSite::None && !self.cookie_secure {
            let reason = "true, because SESSION_COOKIE_SAMESITE is \"None\"";
            return Err(ConfigError::conflict("SESSION_COOKIE_SECURE", false, reason));
        }
        if host && (self.cookie_path != "/" || self.cookie_domain.is_some()) {
            let setting = if self.cookie_domain.is_some() {
                "SESSION_COOKIE_DOMAIN"
            } else {
                "SESSION_COOKIE_PATH"
            };
            let reason =
                "no domain and the path \"/\", because the cookie's name begins with __Host-";
            return Err(ConfigError::conflict(setting, "another", reason));
        }
        Ok(())
    }
}

const ENGINES: &str = "\"db\", \"cached_db\", \"cache\", \"file\", \"signed_cookies\" (each also as \
                       \"django.contrib.sessions.backends.…\"), \"encrypted_cookies\" or \"memory\"";
const SAMESITES: &str = "\"Lax\", \"Strict\", \"None\", or false to leave it out";
const JSON: &str = "django.contrib.sessions.serializers.JSONSerializer";
const SERIALIZERS: &str = "\"django.contrib.sessions.serializers.JSONSerializer\"; pickled \
                           sessions run code, and Django removed them in 5.0";
const NAMES: &str = "letters, digits and !#$%&'*+-.^_`|~ (RFC 6265)";
const DOMAINS: &str = "a domain such as \"example.com\" or \".example.com\"";
const PATHS: &str = "a path that begins with / and has no control characters and no semicolon";

impl SessionEngine {
    /// Whether sessions are in the database.
    #[cfg(feature = "manage")]
    pub(crate) fn uses_database(self) -> bool {
        matches!(self, Self::Database | Self::CachedDatabase)
    }

    /// Whether sessions need the cache that `SESSION_CACHE_ALIAS` names.
    pub(super) fn uses_cache(self) -> bool {
        matches!(self, Self::Cache | Self::CachedDatabase)
    }

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("django.contrib.sessions.backends.").unwrap_or(text) {
            "db" => Some(Self::Database),
            "signed_cookies" => Some(Self::SignedCookies),
            "encrypted_cookies" if text == "encrypted_cookies" => Some(Self::EncryptedCookies),
            "file" => Some(Self::File),
            "cache" => Some(Self::Cache),
            "cached_db" => Some(Self::CachedDatabase),
            "memory" if text == "memory" => Some(Self::Memory),
            _ => None,
        }
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

    fn refused(change: impl FnOnce(&mut SessionSettings)) -> String {
        let mut settings = SessionSettings::new(false);
        change(&mut settings);
        settings.validate().unwrap_err().to_string()
    }

    #[test]
    fn a_cookie_that_browsers_would_drop_is_refused() {
        assert!(SessionSettings::new(false).validate().is_ok());
        assert!(SessionSettings::new(true).validate().is_ok());
        let error = refused(|s| {
            s.cookie_name = "__Host-id".into();
            s.cookie_secure = false;
        });
        assert!(error.starts_with("SESSION_COOKIE_SECURE: found false"), "{error}");
        let error = refused(|s| {
            s.cookie_name = "__hOsT-id".into();
            s.cookie_domain = Some("example.com".into());
        });
        assert!(error.starts_with("SESSION_COOKIE_DOMAIN"), "{error}");
        let error = refused(|s| {
            s.cookie_samesite = SameSite::None;
            s.cookie_secure = false;
        });
        assert!(error.contains("SAMESITE"), "{error}");
    }

    #[test]
    fn nothing_gets_into_the_header_that_does_not_belong_there() {
        for name in ["", "a b", "a;b", "a=b", "é", "a\r\nSet-Cookie: x=y"] {
            assert!(refused(|s| s.cookie_name = name.into()).starts_with("SESSION_COOKIE_NAME"));
        }
        for path in ["", "a", "/;Domain=evil", "/\r\nX: y"] {
            assert!(refused(|s| s.cookie_path = path.into()).starts_with("SESSION_COOKIE_PATH"));
        }
        for domain in ["", ".", "a;b", "a\r\nb", "a b"] {
            let error = refused(|s| s.cookie_domain = Some(domain.into()));
            assert!(error.starts_with("SESSION_COOKIE_DOMAIN"), "{error}");
        }
    }

    #[test]
    fn engines_have_djangos_names_and_short_ones() {
        let django = "django.contrib.sessions.backends.";
        assert_eq!(SessionEngine::parse("db"), Some(SessionEngine::Database));
        assert_eq!(SessionEngine::parse(&format!("{django}db")), Some(SessionEngine::Database));
        assert_eq!(SessionEngine::parse("file"), Some(SessionEngine::File));
        assert_eq!(SessionEngine::parse(&format!("{django}file")), Some(SessionEngine::File));
        assert_eq!(SessionEngine::parse("cache"), Some(SessionEngine::Cache));
        assert_eq!(SessionEngine::parse(&format!("{django}cache")), Some(SessionEngine::Cache));
        assert_eq!(SessionEngine::parse("cached_db"), Some(SessionEngine::CachedDatabase));
        assert_eq!(SessionEngine::parse("memory"), Some(SessionEngine::Memory));
        assert_eq!(SessionEngine::parse(&format!("{django}memory")), None);
        let signed = Some(SessionEngine::SignedCookies);
        assert_eq!(SessionEngine::parse("signed_cookies"), signed);
        assert_eq!(SessionEngine::parse(&format!("{django}signed_cookies")), signed);
        let encrypted = SessionEngine::parse("encrypted_cookies");
        assert_eq!(encrypted, Some(SessionEngine::EncryptedCookies));
        assert_eq!(SessionEngine::parse(&format!("{django}encrypted_cookies")), None);
    }
}
