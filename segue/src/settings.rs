//! The settings, by Django's names.
//!
//! They stand in `settings.toml`, and the environment goes over the file: `SESSION_COOKIE_AGE=600`.
//! A wrong value stops the start with the setting's name, what was found and what is allowed.
//!
//! ```
//! use segue::Settings;
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("settings.toml");
//! std::fs::write(&file, "SECRET_KEY = 'not for production'\nSESSION_COOKIE_AGE = 600\n")?;
//! let settings = Settings::from_file(&file)?;
//! assert_eq!(settings.session.cookie_age, 600);
//! assert_eq!(settings.session.cookie_name, "sessionid");
//!
//! std::fs::write(&file, "SECRET_KEY = 'x'\nSESSION_COOKIE_AGE = 'a week'\n")?;
//! let error = Settings::from_file(&file).unwrap_err().to_string();
//! assert!(error.starts_with("SESSION_COOKIE_AGE: found \"a week\" in "), "{error}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without a file: [`Settings::new`], and set the fields.

mod auth;
mod cache_url;
mod caches;
mod cookie;
mod csrf;
mod database;
mod database_url;
mod header;
mod hosts;
mod names;
mod origins;
mod passwords;
mod proxy;
mod reader;
mod secret_file;
mod server_url;
mod session;
mod source;
mod throttle;
mod url_parts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::ConfigError;
use crate::secret::SecretKeys;

pub use auth::AuthSettings;
#[cfg(feature = "auth")]
pub(crate) use auth::MODEL_BACKEND;
#[cfg(feature = "memcached")]
pub(crate) use cache_url::MemcachedServer;
#[cfg(feature = "redis")]
pub(crate) use cache_url::{BATCHES, QUEUE, RedisShape};
pub use cache_url::{CacheUrl, MemcachedUrl, MemoryUrl, RedisUrl};
pub use caches::{CacheFormat, CacheOptions, CacheSettings};
pub use cookie::SameSite;
pub use csrf::{CsrfMode, CsrfSettings};
pub use database::{DatabaseOptions, Synchronous};
pub use database_url::DatabaseUrl;
pub use passwords::{PasswordHasher, PasswordSettings, PasswordValidator};
pub use server_url::ServerUrl;
pub use session::{SessionEngine, SessionSettings};
pub use throttle::ThrottleSettings;

pub(crate) use header::as_sent as header_as_sent;
#[cfg(feature = "manage")]
pub(crate) use names::missing_secret_key;
use reader::{Reader, SIZES};
#[cfg(feature = "redis")]
pub(crate) use url_parts::Host;

/// 2.5 MiB, as in Django.
const UPLOAD_SIZE: u64 = 2_621_440;

const FOLDERS: &str = "the path of a folder that is there";

/// The settings of a site, by Django's names in lower case.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder that relative paths begin at: that of the settings file.
    pub base_dir: PathBuf,
    /// The file that the settings were read from; nothing where that was the environment alone.
    pub file: Option<PathBuf>,
    /// `DEBUG`: this is a developer's machine: mistakes are explained to whoever sees the page. Never
    /// on in production. Default: `false`.
    pub debug: bool,
    /// `SECRET_KEY`: what sessions, tokens and links are signed with; 50 random characters and more.
    /// Default: none, it must be set; with `DEBUG` one is made and kept beside the database.
    ///
    /// `SECRET_KEY_FALLBACKS`: older keys, whose signatures are believed while keys are being
    /// replaced. Default: `[]`.
    pub secret_keys: SecretKeys,
    /// `ALLOWED_HOSTS`: the host names of this site; a request for another one is answered with 400.
    /// Default: `[]`, they must be set; with `DEBUG` `localhost`, its subdomains, `127.0.0.1` and `[::1]`.
    pub allowed_hosts: Vec<String>,
    /// `DATABASE_URL` (ours): where the database is; a relative path begins at the folder of the
    /// settings file. Django's `DATABASES`. Default: `"sqlite://db.sqlite3"`.
    pub database_url: DatabaseUrl,
    /// How it is used.
    pub database: DatabaseOptions,
    /// `CACHES`: the caches by their aliases. Default: none.
    ///
    /// `CACHE_URL` (ours): where the cache of the alias `default` is. Default: none.
    pub caches: BTreeMap<String, CacheSettings>,
    /// The settings whose names begin with `SESSION_`.
    pub session: SessionSettings,
    /// The settings whose names begin with `CSRF_`.
    pub csrf: CsrfSettings,
    /// The settings about passwords.
    pub passwords: PasswordSettings,
    /// The settings whose names begin with `LOGIN_FAILURE_`.
    pub throttle: ThrottleSettings,
    /// The settings of the login.
    pub auth: AuthSettings,
    /// `USE_X_FORWARDED_HOST`: the host is what a proxy says in `X-Forwarded-Host`. Only where one
    /// always sets it. Default: `false`.
    pub use_x_forwarded_host: bool,
    /// `USE_X_FORWARDED_PORT`: the port is what a proxy says in `X-Forwarded-Port`. Only where one
    /// always sets it. Default: `false`.
    pub use_x_forwarded_port: bool,
    /// `NUM_PROXIES` (as in Django REST framework): how many proxies stand before this server, each of
    /// which adds its peer to `X-Forwarded-For`; the client's address is the entry so far from the
    /// end. Only where nobody gets past them. Default: `0`, the peer of the connection.
    pub num_proxies: usize,
    /// `SECURE_PROXY_SSL_HEADER`: the header by which a proxy says that the visitor came over https,
    /// and its value then: `["HTTP_X_FORWARDED_PROTO", "https"]`. Only where one always sets or
    /// removes it. Default: none.
    pub secure_proxy_ssl_header: Option<(String, String)>,
    /// `DATA_UPLOAD_MAX_MEMORY_SIZE`: how large a form may be, in bytes, without files; a larger one
    /// is answered with 413. Default: `2621440`, 2.5 MiB.
    pub data_upload_max_memory_size: u64,
    /// `FILE_UPLOAD_TEMP_DIR`: where uploads wait that are too large for the memory. Default: none,
    /// the system's temporary folder.
    pub file_upload_temp_dir: Option<PathBuf>,
    /// `SILENCED_SYSTEM_CHECKS`: what `check` does not tell, by its numbers: `["segue.W015"]`.
    /// Default: `[]`.
    pub silenced_system_checks: Vec<String>,
    /// `APPEND_SLASH`: who asks for `/set`, which has no page, is sent to `/set/` if that has a
    /// route. Default: `true`.
    pub append_slash: bool,
}

impl Settings {
    /// Django's defaults, and a secret key: for people who want no file.
    ///
    /// ```
    /// let mut settings = segue::Settings::new("a key of fifty characters and more from a safe place");
    /// settings.session.cookie_age = 600;
    /// assert!(settings.validate().is_ok());
    /// ```
    pub fn new(secret_key: impl Into<String>) -> Self {
        let base_dir = PathBuf::new();
        Self {
            debug: false,
            secret_keys: SecretKeys::new(secret_key),
            allowed_hosts: Vec::new(),
            database_url: DatabaseUrl::default_in(&base_dir),
            database: DatabaseOptions::default(),
            caches: BTreeMap::new(),
            session: SessionSettings::new(false),
            csrf: CsrfSettings::new(false),
            passwords: PasswordSettings::new(),
            throttle: ThrottleSettings::default(),
            auth: AuthSettings::new(),
            use_x_forwarded_host: false,
            use_x_forwarded_port: false,
            num_proxies: 0,
            secure_proxy_ssl_header: None,
            data_upload_max_memory_size: UPLOAD_SIZE,
            file_upload_temp_dir: None,
            append_slash: true,
            file: None,
            silenced_system_checks: Vec::new(),
            base_dir,
        }
    }

    /// Reads a settings file, and the environment over it.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that does not hold.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let base_dir = path.parent().unwrap_or(Path::new("")).to_owned();
        let settings = Self::read(&Reader::new(source::file_and_environment(path)?)?, base_dir)?;
        Ok(Self { file: Some(path.to_owned()), ..settings })
    }

    /// Reads the environment alone; relative paths begin at `base_dir`.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that does not hold.
    pub fn from_env(base_dir: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        Self::read(&Reader::new(source::environment()?)?, base_dir.into())
    }

    /// What a command works with: the file and the environment, and a database that the command line
    /// names over both. Also whether the secret key is the site's own: who looks after a database
    /// alone need not have it, and makes none beside it as one who `serves` does.
    #[cfg(feature = "manage")]
    pub(crate) fn of_command(
        file: Option<&Path>,
        database_url: Option<&str>,
        serves: bool,
    ) -> Result<(Self, bool), ConfigError> {
        let mut values = match file {
            Some(file) => source::file_and_environment(file)?,
            None => source::environment()?,
        };
        let here = std::env::current_dir()
            .map_err(|error| ConfigError::file("the current folder", error))?;
        let base_dir = file.map_or(here.as_path(), |file| file.parent().unwrap_or(Path::new("")));
        let named = database_url.map(|url| DatabaseUrl::parse(url, &here)).transpose()?;
        if named.is_some() {
            values.remove("DATABASE_URL");
        }
        let mut has_secret_key = true;
        if let Some(named) = named.as_ref().filter(|_| !values.contains_key("SECRET_KEY")) {
            // `DEBUG` has a key of its own, in a file.
            let debug = Reader::new(values.clone())?.bool("DEBUG")?.unwrap_or(false);
            let folder = named.folder().unwrap_or(base_dir);
            has_secret_key = debug && (serves || secret_file::is_there(folder));
        }
        if !has_secret_key {
            let key =
                secret_file::random().map_err(|error| ConfigError::file("SECRET_KEY", error))?;
            values.insert("SECRET_KEY".to_owned(), config::Value::new(None, key));
        }
        let settings = Self::read_on(named, &Reader::new(values)?, base_dir.to_owned())?;
        Ok((Self { file: file.map(Path::to_owned), ..settings }, has_secret_key))
    }

    fn read(reader: &Reader, base_dir: PathBuf) -> Result<Self, ConfigError> {
        Self::read_on(None, reader, base_dir)
    }

    /// Reads them on this database, or else on the one that they name.
    fn read_on(
        database_url: Option<DatabaseUrl>,
        reader: &Reader,
        base_dir: PathBuf,
    ) -> Result<Self, ConfigError> {
        let debug = reader.bool("DEBUG")?.unwrap_or(false);
        let database_url = match (database_url, reader.text("DATABASE_URL", database_url::ALLOWED)?)
        {
            (Some(named), _) => named,
            (None, Some(url)) => DatabaseUrl::parse(&url, &base_dir)?,
            (None, None) => DatabaseUrl::default_in(&base_dir),
        };
        let current = match reader.secret("SECRET_KEY")? {
            Some(key) => key,
            None if debug => secret_file::read_or_make(database_url.folder().unwrap_or(&base_dir))?,
            None => return Err(names::missing_secret_key()),
        };
        let fallbacks = reader.secrets("SECRET_KEY_FALLBACKS")?;
        let settings = Self {
            allowed_hosts: reader.list("ALLOWED_HOSTS", hosts::ALLOWED)?.unwrap_or_default(),
            caches: caches::read(reader, &base_dir)?,
            database: DatabaseOptions::read(reader)?,
            session: SessionSettings::read(reader, debug, &base_dir)?,
            csrf: CsrfSettings::read(reader, debug)?,
            passwords: PasswordSettings::read(reader, &base_dir)?,
            throttle: ThrottleSettings::read(reader)?,
            auth: AuthSettings::read(reader)?,
            use_x_forwarded_host: reader.bool("USE_X_FORWARDED_HOST")?.unwrap_or(false),
            use_x_forwarded_port: reader.bool("USE_X_FORWARDED_PORT")?.unwrap_or(false),
            num_proxies: proxy::read_number(reader)?,
            secure_proxy_ssl_header: proxy::read(reader)?,
            data_upload_max_memory_size: reader
                .size("DATA_UPLOAD_MAX_MEMORY_SIZE")?
                .unwrap_or(UPLOAD_SIZE),
            file_upload_temp_dir: reader
                .text("FILE_UPLOAD_TEMP_DIR", FOLDERS)?
                .map(|path| base_dir.join(path)),
            append_slash: reader.bool("APPEND_SLASH")?.unwrap_or(true),
            file: None,
            silenced_system_checks: reader
                .list("SILENCED_SYSTEM_CHECKS", "a list of numbers of checks, [\"security.W016\"]")?
                .unwrap_or_default(),
            secret_keys: SecretKeys { current, fallbacks },
            debug,
            database_url,
            base_dir,
        };
        settings.validate()?;
        Ok(settings)
    }

    /// Checks that the settings go together; `from_file`, `from_env` and `Site` do it by themselves.
    ///
    /// # Errors
    /// [`ConfigError`] for the first that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.secret_keys.current.expose().is_empty() {
            return Err(names::missing_secret_key());
        }
        if self.secret_keys.fallbacks.iter().any(|key| key.expose().is_empty()) {
            let allowed = "a list of texts that are not empty";
            return Err(ConfigError::conflict("SECRET_KEY_FALLBACKS", "an empty text", allowed));
        }
        self.allowed_hosts.iter().try_for_each(|host| hosts::validate(host))?;
        self.caches.iter().try_for_each(|(alias, cache)| cache.validate(alias))?;
        if self.session.engine.uses_cache() {
            self.session_cache()?;
        }
        self.secure_proxy_ssl_header.as_ref().map_or(Ok(()), proxy::validate)?;
        if self.data_upload_max_memory_size == 0 {
            return Err(ConfigError::conflict("DATA_UPLOAD_MAX_MEMORY_SIZE", 0, SIZES));
        }
        if let Some(folder) = self.file_upload_temp_dir.as_deref().filter(|path| !path.is_dir()) {
            let found = format!("{}", folder.display());
            return Err(ConfigError::conflict("FILE_UPLOAD_TEMP_DIR", found, FOLDERS));
        }
        self.database.validate()?;
        self.session.validate()?;
        self.csrf.validate()?;
        self.passwords.validate()?;
        self.throttle.validate(&self.caches)?;
        self.auth.validate()?;
        // With the secret in the session there is only one cookie.
        if self.csrf.cookie_name == self.session.cookie_name && !self.csrf.use_sessions {
            let found = format!("{:?}", self.csrf.cookie_name);
            let allowed = "another name than SESSION_COOKIE_NAME has";
            return Err(ConfigError::conflict("CSRF_COOKIE_NAME", found, allowed));
        }
        Ok(())
    }

    /// The settings in this file that are secrets, or hold one.
    #[cfg(feature = "manage")]
    pub(crate) fn secrets_in(file: &Path) -> Vec<&'static str> {
        source::secrets_in(file)
    }

    /// Whether the secret key is the one that was made for `DEBUG`, and kept in a file.
    #[cfg(feature = "manage")]
    pub(crate) fn has_key_made_for_debug(&self) -> bool {
        let folder = self.database_url.folder().unwrap_or(&self.base_dir);
        secret_file::is_in(folder, &self.secret_keys.current)
    }

    /// The cache that `SESSION_CACHE_ALIAS` names.
    ///
    /// # Errors
    /// [`ConfigError`] where none has this name.
    pub fn session_cache(&self) -> Result<&CacheSettings, ConfigError> {
        caches::named(&self.caches, &self.session.cache_alias)
    }
}

#[cfg(test)]
mod tests;
