//! The settings whose names begin with `SESSION_`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use config::ValueKind;

use super::cookie::{self, CENTURY, Cookie, SameSite};
use super::reader::{Reader, fraction, number};
use crate::error::ConfigError;

/// The settings whose names begin with `SESSION_`: all of Django's, with Django's defaults.
///
/// The one exception is `cookie_secure`; COMPATIBILITY.md has the reasons.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// `SESSION_ENGINE`: where sessions are stored. Default: `"db"`.
    pub engine: SessionEngine,
    /// `SESSION_CACHE_ALIAS`: which cache the cache engines use. Default: `"default"`.
    pub cache_alias: String,
    /// `SESSION_CACHE_STALENESS` (ours): with `cached_db` and `memory://` how old what the memory of this
    /// process answers may be, in seconds, on PostgreSQL and MySQL; on SQLite nothing is ever old.
    /// Default: `0.0`, such a database answers everything itself.
    pub cache_staleness: Duration,
    /// `SESSION_COOKIE_NAME`: the cookie's name. Default: `"sessionid"`.
    pub cookie_name: String,
    /// `SESSION_COOKIE_AGE`: how long a session lives after it was last saved, in seconds.
    /// Default: `1209600`, two weeks.
    pub cookie_age: i64,
    /// `SESSION_COOKIE_DOMAIN`: the domain whose subdomains share the cookie. Default: none, the
    /// cookie stays with the host.
    pub cookie_domain: Option<String>,
    /// `SESSION_COOKIE_PATH`: below which path browsers send the cookie. Default: `"/"`.
    pub cookie_path: String,
    /// `SESSION_COOKIE_SECURE`: the browser sends the cookie over https only. Default: `true`, and
    /// `false` with `DEBUG`.
    pub cookie_secure: bool,
    /// `SESSION_COOKIE_HTTPONLY`: scripts do not see the cookie. Default: `true`.
    pub cookie_httponly: bool,
    /// `SESSION_COOKIE_SAMESITE`: when other sites' pages send the cookie along. Default: `"Lax"`.
    pub cookie_samesite: SameSite,
    /// `SESSION_SAVE_EVERY_REQUEST`: each request renews the session. Default: `false`.
    pub save_every_request: bool,
    /// `SESSION_TOUCH_THRESHOLD` (ours): with `SESSION_SAVE_EVERY_REQUEST` a session that was not
    /// changed is renewed once this share of its life has passed since the last time, not at each
    /// request. Default: `0.0`, at each request.
    pub touch_threshold: f64,
    /// `SESSION_EXPIRE_AT_BROWSER_CLOSE`: the cookie lasts as long as the browser runs. Default:
    /// `false`.
    pub expire_at_browser_close: bool,
    /// `SESSION_FILE_PATH`: the folder of the file engine. Default: none, the system's temporary
    /// folder.
    pub file_path: Option<PathBuf>,
    /// `SESSION_CLEANUP_INTERVAL` (ours): how often a task in the server removes expired sessions,
    /// in seconds. Default: none: never; run `clearsessions` instead.
    pub cleanup_interval: Option<Duration>,
    /// `SESSION_IDLE_TIMEOUT` (ours): a session that no request has loaded for so long has ended,
    /// whatever the other settings say; in whole seconds. Default: none, no limit.
    pub idle_timeout: Option<Duration>,
    /// `SESSION_ABSOLUTE_TIMEOUT` (ours): so long after the visitor logged in the session has ended,
    /// however much it is used; in whole seconds. Default: none, no limit.
    pub absolute_timeout: Option<Duration>,
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

impl SessionSettings {
    /// Django's defaults.
    #[must_use]
    pub fn new(debug: bool) -> Self {
        Self {
            engine: SessionEngine::Database,
            cache_alias: "default".to_owned(),
            cache_staleness: Duration::ZERO,
            cookie_name: "sessionid".to_owned(),
            cookie_age: 1_209_600,
            cookie_domain: None,
            cookie_path: "/".to_owned(),
            cookie_secure: !debug,
            cookie_httponly: true,
            cookie_samesite: SameSite::Lax,
            save_every_request: false,
            touch_threshold: 0.0,
            expire_at_browser_close: false,
            file_path: None,
            cleanup_interval: None,
            idle_timeout: None,
            absolute_timeout: None,
        }
    }

    pub(super) fn read(reader: &Reader, debug: bool, base_dir: &Path) -> Result<Self, ConfigError> {
        let defaults = Self::new(debug);
        reader.parsed("SESSION_SERIALIZER", SERIALIZERS, |text| (text == JSON).then_some(()))?;
        let cookie = defaults.cookie().read(reader)?;
        let age = reader.integer("SESSION_COOKIE_AGE", AGES, 1..=CENTURY)?;
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
            cache_staleness: reader
                .read(STALENESS, STALENESSES, |value| staleness(fraction(value)?))?
                .unwrap_or(defaults.cache_staleness),
            cookie_name: cookie.name,
            cookie_age: age.unwrap_or(defaults.cookie_age),
            cookie_domain: cookie.domain,
            cookie_path: cookie.path,
            cookie_secure: cookie.secure,
            cookie_httponly: cookie.httponly,
            cookie_samesite: cookie.samesite,
            save_every_request: reader
                .bool("SESSION_SAVE_EVERY_REQUEST")?
                .unwrap_or(defaults.save_every_request),
            touch_threshold: reader
                .read(THRESHOLD, THRESHOLDS, |value| fraction(value).filter(is_share))?
                .unwrap_or(defaults.touch_threshold),
            expire_at_browser_close: reader
                .bool("SESSION_EXPIRE_AT_BROWSER_CLOSE")?
                .unwrap_or(defaults.expire_at_browser_close),
            file_path: file_path.map(|path| base_dir.join(path)),
            cleanup_interval: interval
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            idle_timeout: timeout(reader, IDLE)?,
            absolute_timeout: timeout(reader, ABSOLUTE)?,
        })
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.cookie().validate()?;
        if !(1..=CENTURY).contains(&self.cookie_age) {
            return Err(ConfigError::conflict("SESSION_COOKIE_AGE", self.cookie_age, AGES));
        }
        if !is_share(&self.touch_threshold) {
            return Err(ConfigError::conflict(THRESHOLD, self.touch_threshold, THRESHOLDS));
        }
        if staleness(self.cache_staleness.as_secs_f64()).is_none() {
            let found = format!("{:?}", self.cache_staleness);
            return Err(ConfigError::conflict(STALENESS, found, STALENESSES));
        }
        if self.cleanup_interval == Some(Duration::ZERO) {
            let allowed = "a second or more; `None` for never";
            return Err(ConfigError::conflict("SESSION_CLEANUP_INTERVAL", 0, allowed));
        }
        for (setting, limit) in [(IDLE, self.idle_timeout), (ABSOLUTE, self.absolute_timeout)] {
            let too_short = |limit: &Duration| *limit < Duration::from_secs(1);
            if let Some(limit) = limit.filter(too_short) {
                return Err(ConfigError::conflict(setting, format!("{limit:?}"), TIMEOUTS));
            }
        }
        Ok(())
    }

    fn cookie(&self) -> Cookie {
        Cookie {
            settings: &cookie::SESSION,
            name: self.cookie_name.clone(),
            domain: self.cookie_domain.clone(),
            path: self.cookie_path.clone(),
            secure: self.cookie_secure,
            httponly: self.cookie_httponly,
            samesite: self.cookie_samesite,
        }
    }
}

/// At 1 a session would be renewed when it has ended, which is never.
fn is_share(share: &f64) -> bool {
    (0.0..1.0).contains(share)
}

/// Shorter than that a server cannot be asked again in time; longer is no cache but another session.
fn staleness(seconds: f64) -> Option<Duration> {
    let is_allowed = seconds == 0.0 || (0.1..=3600.0).contains(&seconds);
    is_allowed.then(|| Duration::from_secs_f64(seconds))
}

/// A time limit; without, there is none.
fn timeout(reader: &Reader, name: &'static str) -> Result<Option<Duration>, ConfigError> {
    let limit = reader.read(name, TIMEOUTS, |value| match &value.kind {
        ValueKind::String(none) if none.eq_ignore_ascii_case("none") => Some(None),
        _ => number(value, &(1..=CENTURY)).map(Some),
    })?;
    Ok(limit.flatten().map(|seconds| Duration::from_secs(seconds.unsigned_abs())))
}

const THRESHOLD: &str = "SESSION_TOUCH_THRESHOLD";
const THRESHOLDS: &str = "a share from 0 to below 1, 0.1 for example";
const STALENESS: &str = "SESSION_CACHE_STALENESS";
const STALENESSES: &str = "seconds, from 0.1 to 3600, or 0 for never";
const IDLE: &str = "SESSION_IDLE_TIMEOUT";
const ABSOLUTE: &str = "SESSION_ABSOLUTE_TIMEOUT";
const TIMEOUTS: &str = "seconds, 1 or more, or \"None\" for no limit";
const ENGINES: &str = "\"db\", \"cached_db\", \"cache\", \"file\", \"signed_cookies\" (each also as \
                       \"django.contrib.sessions.backends.…\"), \"encrypted_cookies\" or \"memory\"";
const AGES: &str = "seconds, 1 or more";
const JSON: &str = "django.contrib.sessions.serializers.JSONSerializer";
/// `SESSION_SERIALIZER`: taken as it stands in Django; sessions are JSON, and nothing else. Default:
/// what it takes.
const SERIALIZERS: &str = "\"django.contrib.sessions.serializers.JSONSerializer\"; pickled \
                           sessions run code, and Django removed them in 5.0";

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

    /// Its name in `SESSION_ENGINE`, the short one.
    #[cfg(feature = "axum")]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Database => "db",
            Self::CachedDatabase => "cached_db",
            Self::Cache => "cache",
            Self::File => "file",
            Self::Memory => "memory",
            Self::SignedCookies => "signed_cookies",
            Self::EncryptedCookies => "encrypted_cookies",
        }
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

#[cfg(test)]
mod tests {
    use super::*;

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
