//! Where the database is.

use std::fmt;
use std::path::{Path, PathBuf};

use super::ServerUrl;
use crate::error::ConfigError;
#[cfg(feature = "manage")]
use crate::secret::SecretKey;

const SETTING: &str = "DATABASE_URL";
pub(super) const ALLOWED: &str = "sqlite:///absolute/path, sqlite://relative/path, \
                       postgres://user:password@host/database or \
                       mysql://user:password@host/database";

/// Where the database is: the parsed `DATABASE_URL`.
///
/// ```
/// use std::path::{Path, PathBuf};
/// use segue::settings::DatabaseUrl;
///
/// let url = DatabaseUrl::parse("sqlite://db.sqlite3", Path::new("/srv/site"))?;
/// assert_eq!(url, DatabaseUrl::Sqlite(PathBuf::from("/srv/site/db.sqlite3")));
/// # Ok::<(), segue::ConfigError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file of SQLite's: `sqlite:///absolute/path`, `sqlite://relative/path`.
    Sqlite(PathBuf),
    /// A server of PostgreSQL: `postgres://user:password@host:port/database`.
    Postgres(ServerUrl),
    /// A server of MySQL or MariaDB: `mysql://user:password@host:port/database`.
    MySql(ServerUrl),
}

impl DatabaseUrl {
    /// `db.sqlite3`, as Django's `startproject` has it.
    #[must_use]
    pub fn default_in(base_dir: &Path) -> Self {
        Self::Sqlite(base_dir.join("db.sqlite3"))
    }

    /// Reads a URL; a relative path begins at `base_dir`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when it is none of ours. A password in it is not shown.
    pub fn parse(url: &str, base_dir: &Path) -> Result<Self, ConfigError> {
        let Some((scheme, path)) = url.split_once("://") else {
            return Err(ConfigError::conflict(SETTING, "a text without a scheme", ALLOWED));
        };
        match scheme {
            "sqlite" => {}
            "postgres" | "postgresql" => {
                return ServerUrl::parse("postgres", url).map(Self::Postgres);
            }
            "mysql" | "mariadb" => return ServerUrl::parse("mysql", url).map(Self::MySql),
            _ => {
                let found = format!("a URL with the scheme {scheme:?}");
                return Err(ConfigError::conflict(SETTING, found, ALLOWED));
            }
        }
        if path.is_empty() || path.contains([':', '?', '#', '\0']) {
            let found = "a path that is empty, or has one of : ? # in it (not shown)";
            return Err(ConfigError::conflict(SETTING, found, ALLOWED));
        }
        // An absolute path replaces the folder it is joined to.
        Ok(Self::Sqlite(base_dir.join(path)))
    }

    /// Whether there is a database, as far as can be told without opening it.
    #[cfg(feature = "manage")]
    pub(crate) fn exists(&self) -> bool {
        match self {
            Self::Sqlite(path) => path.exists(),
            Self::Postgres(_) | Self::MySql(_) => true,
        }
    }

    /// Whether its password is this key.
    #[cfg(feature = "manage")]
    pub(crate) fn has_password(&self, key: &SecretKey) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(server) | Self::MySql(server) => server.has_password(key),
        }
    }

    /// The host, where it is another machine of which no certificate is asked.
    #[cfg(feature = "manage")]
    pub(crate) fn trusts_the_network(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(server) | Self::MySql(server) => server.trusts_the_network(),
        }
    }

    /// The folder of a database that is a file.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path.parent().unwrap_or(Path::new(""))),
            Self::Postgres(_) | Self::MySql(_) => None,
        }
    }

    /// The scheme of its URL.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::MySql(_) => "mysql",
        }
    }
}

/// The path of a file; of a server scheme, host, port and database, and no password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(server) | Self::MySql(server) => server.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_slashes_are_absolute() {
        let parse = |url| DatabaseUrl::parse(url, Path::new("/base"));
        let sqlite = |path: &str| DatabaseUrl::Sqlite(PathBuf::from(path));
        assert_eq!(parse("sqlite:///srv/db").unwrap(), sqlite("/srv/db"));
        assert_eq!(parse("sqlite://data/db").unwrap(), sqlite("/base/data/db"));
        for url in [
            "",
            "db.sqlite3",
            "sqlite://",
            "sqlite::memory:",
            "oracle://u:secret@h/d",
            "sqlite://u:secret@h/d",
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.starts_with("DATABASE_URL: found "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
