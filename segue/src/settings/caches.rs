//! `CACHES`: which caches there are, and how what is in them is named and written.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use config::{Map, Value, ValueKind};

use super::cache_url::{CacheUrl, MemoryUrl, SCHEMES, SETTING};
use super::names::edits;
use super::reader::{Reader, origin};
use super::url_parts::Wrong;
use crate::error::ConfigError;

/// The alias that `CACHE_URL` is for.
const DEFAULT: &str = "default";

/// Django's `TIMEOUT`, in seconds.
const TIMEOUT: Duration = Duration::from_secs(300);

const KEYS: &[&str] = &["BACKEND", "FORMAT", "KEY_PREFIX", "LOCATION", "TIMEOUT", "VERSION"];

/// Names with more than this before them would not fit into memcached, which takes 250 bytes.
const LONGEST_PREFIX: usize = 150;

const PREFIXES: &str = "up to 150 bytes without spaces and control characters";
const ALIASES: &str = "a table of caches by their aliases, [CACHES.default] with LOCATION for \
                       example, or CACHES = { default = \"redis://host\" }";

/// One of the caches: an alias in `CACHES`.
///
/// ```
/// use std::path::Path;
/// use segue::settings::{CacheFormat, CacheSettings, CacheUrl};
///
/// let mut settings = segue::Settings::new("a key of fifty characters and more from a safe place");
/// settings.session.engine = segue::settings::SessionEngine::Cache;
/// assert!(settings.validate().unwrap_err().to_string().starts_with("CACHES is not set"));
///
/// let mut cache = CacheSettings::new(CacheUrl::parse("redis://127.0.0.1", Path::new(""))?);
/// cache.options.format = CacheFormat::Json;
/// settings.caches.insert("default".to_owned(), cache);
/// settings.validate()?;
/// # Ok::<(), segue::ConfigError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// `LOCATION`: where it is.
    pub location: CacheUrl,
    /// `KEY_PREFIX`, `VERSION` and `FORMAT`.
    pub options: CacheOptions,
    /// `TIMEOUT`: how long an entry lives that has no deadline of its own; `None` for as long as
    /// the cache keeps it. Sessions have their own. Default: 300 seconds.
    pub timeout: Option<Duration>,
}

/// How what is in a cache is named and written.
///
/// ```
/// use segue::settings::CacheOptions;
///
/// let mut options = CacheOptions::default();
/// options.key_prefix = "site1".to_owned();
/// assert_eq!(options.make_key("a"), "site1:1:a");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// `KEY_PREFIX`: what the names begin with, for sites that share a cache. Default: nothing.
    pub key_prefix: String,
    /// `VERSION`: what comes after the prefix. Default: 1.
    pub version: i64,
    /// `FORMAT` (ours): how values are written. Default: as Django does; in settings that name the
    /// memory of the process, which no Django reads, JSON.
    pub format: CacheFormat,
}

/// How sessions are written into a cache: `FORMAT`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheFormat {
    /// `"pickle"`: as Django does, so that both can serve one visitor.
    #[default]
    Pickle,
    /// `"json"`: for sites without Django.
    Json,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { key_prefix: String::new(), version: 1, format: CacheFormat::Pickle }
    }
}

impl CacheOptions {
    /// The whole name of an entry.
    ///
    /// Source: `default_key_func` in `django/core/cache/backends/base.py`.
    #[must_use]
    pub fn make_key(&self, key: &str) -> String {
        format!("{}:{}:{key}", self.key_prefix, self.version)
    }
}

impl CacheSettings {
    /// A cache at this place, with Django's defaults.
    #[must_use]
    pub fn new(location: CacheUrl) -> Self {
        Self { location, options: CacheOptions::default(), timeout: Some(TIMEOUT) }
    }

    pub(super) fn validate(&self, alias: &str) -> Result<(), ConfigError> {
        let prefix = &self.options.key_prefix;
        // Source: `memcache_key_warnings` in `django/core/cache/backends/base.py`.
        if prefix.len() > LONGEST_PREFIX || prefix.bytes().any(|byte| byte < 33 || byte == 127) {
            let found = format!("{prefix:?} as the KEY_PREFIX of {alias}");
            return Err(ConfigError::conflict(SETTING, found, PREFIXES));
        }
        Ok(())
    }
}

/// The cache of this alias.
pub(super) fn named<'a>(
    caches: &'a BTreeMap<String, CacheSettings>,
    alias: &str,
) -> Result<&'a CacheSettings, ConfigError> {
    caches.get(alias).ok_or_else(|| {
        let aliases: Vec<String> = caches.keys().map(|alias| format!("{alias:?}")).collect();
        if aliases.is_empty() {
            return ConfigError::Missing {
                setting: SETTING,
                mend: format!(
                    "with this SESSION_ENGINE sessions need the cache {alias:?}: set \
                     CACHE_URL = \"redis://host:6379\" or memcached://, or memory:// where this \
                     process is the only one"
                ),
            };
        }
        let allowed = format!("a cache in CACHES: {}", aliases.join(", "));
        ConfigError::conflict("SESSION_CACHE_ALIAS", format!("{alias:?}"), allowed)
    })
}

/// Reads `CACHES`, and `CACHE_URL` over the location of its alias `default`.
pub(super) fn read(
    reader: &Reader,
    base_dir: &Path,
) -> Result<BTreeMap<String, CacheSettings>, ConfigError> {
    let mut found = BTreeMap::new();
    if let Some(value) = reader.value(SETTING) {
        let ValueKind::Table(aliases) = &value.kind else {
            return Err(invalid(SETTING, "something else (not shown)", origin(value), ALIASES));
        };
        for (alias, value) in aliases {
            found.insert(alias.clone(), Found::read(alias, value)?);
        }
    }
    if let Some(value) = reader.value("CACHE_URL") {
        let place = Place { setting: "CACHE_URL", alias: None, origin: origin(value) };
        let ValueKind::String(url) = &value.kind else {
            return Err(place.invalid("something else (not shown)", SCHEMES));
        };
        let cache = found.remove(DEFAULT).unwrap_or_else(|| Found::at(place.clone()));
        let cache = Found { location: vec![url.clone()], place, ..cache };
        found.insert(DEFAULT.to_owned(), cache);
    }
    found.into_iter().map(|(alias, cache)| Ok((alias, cache.settle(base_dir)?))).collect()
}

/// An alias as it stands in the file.
struct Found {
    place: Place,
    location: Vec<String>,
    backend: Option<Backend>,
    options: CacheOptions,
    format: Option<CacheFormat>,
    timeout: Option<Duration>,
}

/// Where a location was found.
#[derive(Clone)]
struct Place {
    setting: &'static str,
    alias: Option<String>,
    origin: String,
}

/// Django's `BACKEND`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backend {
    Memory,
    Redis,
    PyMemcache,
    PyLibMc,
}

const BACKENDS: &str = "django.core.cache.backends.redis.RedisCache, \
                        django.core.cache.backends.memcached.PyMemcacheCache, \
                        django.core.cache.backends.memcached.PyLibMCCache or \
                        django.core.cache.backends.locmem.LocMemCache; or leave it out";

impl Found {
    fn at(place: Place) -> Self {
        Self {
            place,
            location: Vec::new(),
            backend: None,
            options: CacheOptions::default(),
            format: None,
            timeout: Some(TIMEOUT),
        }
    }

    fn read(alias: &str, value: &Value) -> Result<Self, ConfigError> {
        let place =
            Place { setting: SETTING, alias: Some(alias.to_owned()), origin: origin(value) };
        let mut found = Self::at(place);
        match &value.kind {
            ValueKind::String(url) => found.location.push(url.clone()),
            ValueKind::Table(keys) => found.read_keys(keys)?,
            _ => {
                return Err(found.place.invalid("something else (not shown)", "a URL, or a table"));
            }
        }
        Ok(found)
    }

    fn read_keys(&mut self, keys: &Map<String, Value>) -> Result<(), ConfigError> {
        let place = &self.place;
        for (key, value) in keys {
            let wrong =
                |allowed: &str| place.invalid(format!("another {key} (not shown)"), allowed);
            match (key.as_str(), &value.kind) {
                ("LOCATION", ValueKind::String(url)) => self.location = vec![url.clone()],
                ("LOCATION", ValueKind::Array(items)) => {
                    let texts = items.iter().map(|item| item.clone().into_string().ok());
                    let texts: Option<Vec<String>> = texts.collect();
                    self.location = texts.ok_or_else(|| wrong("a text, or a list of texts"))?;
                }
                ("LOCATION", _) => return Err(wrong("a text, or a list of texts")),
                ("BACKEND", ValueKind::String(name)) => {
                    let backend = Backend::parse(name);
                    let refuse = || place.invalid(format!("the BACKEND {name:?}"), BACKENDS);
                    self.backend = Some(backend.ok_or_else(refuse)?);
                }
                ("KEY_PREFIX", ValueKind::String(prefix)) => {
                    self.options.key_prefix.clone_from(prefix);
                }
                ("VERSION", ValueKind::I64(version)) => self.options.version = *version,
                ("TIMEOUT", ValueKind::String(none)) if none.eq_ignore_ascii_case("none") => {
                    self.timeout = None;
                }
                ("TIMEOUT", ValueKind::I64(seconds @ 0..)) => {
                    self.timeout = Some(Duration::from_secs(seconds.unsigned_abs()));
                }
                ("FORMAT", ValueKind::String(format)) if format == "pickle" => {
                    self.format = Some(CacheFormat::Pickle);
                }
                ("FORMAT", ValueKind::String(format)) if format == "json" => {
                    self.format = Some(CacheFormat::Json);
                }
                ("BACKEND", _) => return Err(wrong(BACKENDS)),
                ("KEY_PREFIX", _) => return Err(wrong(PREFIXES)),
                ("VERSION", _) => return Err(wrong("an integer")),
                ("TIMEOUT", _) => return Err(wrong("seconds, 0 or more, or \"none\" for ever")),
                ("FORMAT", _) => return Err(wrong("\"pickle\" or \"json\"")),
                _ => return Err(place.unknown(key)),
            }
        }
        Ok(())
    }

    fn settle(self, base_dir: &Path) -> Result<CacheSettings, ConfigError> {
        let location = locate(self.backend, &self.location, base_dir);
        let location = location.map_err(|wrong| self.place.invalid(wrong.found, wrong.allowed))?;
        let format = self.format.unwrap_or_else(|| usual_format(&location));
        let options = CacheOptions { format, ..self.options };
        Ok(CacheSettings { location, options, timeout: self.timeout })
    }
}

fn usual_format(location: &CacheUrl) -> CacheFormat {
    match location {
        CacheUrl::Memory(_) => CacheFormat::Json,
        CacheUrl::Redis(_) | CacheUrl::Memcached(_) => CacheFormat::Pickle,
    }
}

fn locate(
    backend: Option<Backend>,
    location: &[String],
    base_dir: &Path,
) -> Result<CacheUrl, Wrong> {
    let memcached = matches!(backend, Some(Backend::PyMemcache | Backend::PyLibMc));
    let found = match location {
        // Django's LOCATION of such a cache is a name of one's own.
        [] if backend == Some(Backend::Memory) => CacheUrl::Memory(MemoryUrl::new()),
        [name] if backend == Some(Backend::Memory) && !name.contains("://") => {
            CacheUrl::Memory(MemoryUrl::new())
        }
        [] => return Err(Wrong { found: "no LOCATION".into(), allowed: ALIASES.into() }),
        [addresses] if memcached && !addresses.contains("://") => {
            let split: Vec<String> = addresses.split([';', ',']).map(str::to_owned).collect();
            CacheUrl::memcached(&split)?
        }
        [url] => CacheUrl::read(url, base_dir)?,
        addresses if memcached => CacheUrl::memcached(addresses)?,
        _ => {
            return Err(Wrong {
                found: "several LOCATIONs (Django reads from any of them, also from one that is \
                        behind)"
                    .into(),
                allowed: "one URL: redis+cluster://host,host, \
                          redis+sentinel://host,host/mastername or memcached://host,host"
                    .into(),
            });
        }
    };
    match (backend, &found) {
        (Some(Backend::PyLibMc), CacheUrl::Memcached(url)) if url.servers.len() > 1 => Err(Wrong {
            found: "PyLibMCCache with several servers, over which it spreads the names in a way \
                    of its own"
                .into(),
            allowed: "one server, or PyMemcacheCache on both sides".into(),
        }),
        (None, _)
        | (Some(Backend::Memory), CacheUrl::Memory(_))
        | (Some(Backend::Redis), CacheUrl::Redis(_))
        | (Some(Backend::PyMemcache | Backend::PyLibMc), CacheUrl::Memcached(_)) => Ok(found),
        (Some(_), _) => Err(Wrong {
            found: format!("{found:?} with a BACKEND for something else"),
            allowed: "a LOCATION and a BACKEND that agree; the BACKEND may be left out".into(),
        }),
    }
}

impl Backend {
    fn parse(name: &str) -> Option<Self> {
        match name.strip_prefix("django.core.cache.backends.")? {
            "locmem.LocMemCache" => Some(Self::Memory),
            "redis.RedisCache" => Some(Self::Redis),
            "memcached.PyMemcacheCache" => Some(Self::PyMemcache),
            "memcached.PyLibMCCache" => Some(Self::PyLibMc),
            _ => None,
        }
    }
}

impl Place {
    fn invalid(&self, found: impl Into<String>, allowed: impl Into<String>) -> ConfigError {
        let found = match &self.alias {
            Some(alias) => format!("{} in the cache {alias:?}", found.into()),
            None => found.into(),
        };
        invalid(self.setting, found, self.origin.clone(), allowed)
    }

    fn unknown(&self, key: &str) -> ConfigError {
        if matches!(key, "OPTIONS" | "KEY_FUNCTION") {
            let allowed = "no such key: options stand in the URL, redis://host?timeout=2 for \
                           example, and names are made as Django makes them by default";
            return self.invalid(key, allowed);
        }
        let upper = key.to_ascii_uppercase();
        let nearest = KEYS.iter().min_by_key(|known| edits(&upper, known));
        ConfigError::Unknown {
            found: format!("CACHES.{}.{key}", self.alias.as_deref().unwrap_or(DEFAULT)),
            origin: self.origin.clone(),
            suggestion: nearest.copied().unwrap_or("LOCATION"),
        }
    }
}

fn invalid(
    setting: &'static str,
    found: impl Into<String>,
    origin: String,
    allowed: impl Into<String>,
) -> ConfigError {
    ConfigError::Invalid { setting, found: found.into(), origin, allowed: allowed.into() }
}
