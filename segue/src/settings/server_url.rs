//! Where a database server is, and how it is used.

use std::fmt;
use std::time::Duration;

use super::url_parts::{Host, Parts, Wrong, wrong};
use crate::error::ConfigError;
#[cfg(feature = "manage")]
use crate::secret::SecretKey;

const SETTING: &str = "DATABASE_URL";

/// Where a database server is, how many connections it gets and how long anything may take.
///
/// The last three stand behind the URL, beside what the driver takes there:
/// `postgres://user:password@host/database?max_connections=20&timeout=2&sslmode=verify-full`.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// `max_connections`: how many connections this process opens. Default: 10.
    pub max_connections: u32,
    /// `timeout`: how long a request waits for a connection and for its statement, in seconds.
    /// Default: 5.
    pub timeout: Duration,
    /// `conn_max_age`: how old a connection gets, in seconds. Django's `CONN_MAX_AGE`. Default: 1800.
    pub conn_max_age: Duration,
    /// The URL without these three, with the password in it.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        allow(dead_code, reason = "there is no driver to read it")
    )]
    driver_url: String,
    /// The URL without password and options, for people.
    shown: String,
}

/// The options that each driver knows; another is a slip of the pen.
const POSTGRES: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];
const MYSQL: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslca",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "charset",
    "collation",
    "statement-cache-capacity",
    "socket",
];

impl ServerUrl {
    /// Reads a URL, which the driver is told with this scheme.
    pub(super) fn parse(scheme: &str, url: &str) -> Result<Self, ConfigError> {
        let read = Self::read(scheme, url);
        read.map_err(|wrong| ConfigError::conflict(SETTING, wrong.found, wrong.allowed))
    }

    fn read(scheme: &str, url: &str) -> Result<Self, Wrong> {
        let (drivers, default_port) =
            if scheme == "postgres" { (POSTGRES, 5432) } else { (MYSQL, 3306) };
        let mut parts = Parts::split(url, "postgres:// or mysql://")?;
        if parts.path.is_empty() {
            let allowed = format!("{scheme}://user:password@host:port/database");
            return Err(wrong("no name of a database at the end", allowed));
        }
        let hosts = parts.authority.rsplit_once('@').map_or(parts.authority, |(_, hosts)| hosts);
        // None, where an option names the socket.
        let host = match hosts {
            "" => "localhost".to_owned(),
            _ => Host::read(hosts, default_port)?.to_string(),
        };
        let max_connections = parts.number("max_connections", 1..=10_000)?;
        let timeout = parts.seconds("timeout")?;
        let conn_max_age = parts.seconds("conn_max_age")?;
        let (authority, path) = (parts.authority, parts.path);
        let rest = parts.rest(drivers)?;
        let mark = if rest.is_empty() { "" } else { "?" };
        Ok(Self {
            max_connections: max_connections.unwrap_or(10),
            timeout: timeout.unwrap_or(Duration::from_secs(5)),
            conn_max_age: conn_max_age.unwrap_or(Duration::from_secs(1800)),
            driver_url: format!("{scheme}://{authority}/{path}{mark}{rest}"),
            shown: format!("{scheme}://{host}/{path}"),
        })
    }

    /// Whether its password is this key.
    #[cfg(feature = "manage")]
    pub(super) fn has_password(&self, key: &SecretKey) -> bool {
        let Ok(mut parts) = Parts::split(&self.driver_url, "") else { return false };
        let passwords = [parts.password(), parts.text("password")];
        let is_key = |password: String| SecretKey::new(password.as_str()) == *key;
        passwords.into_iter().filter_map(|found| found.ok().flatten()).any(is_key)
    }

    /// The host, where it is another machine of which no certificate is asked.
    #[cfg(feature = "manage")]
    pub(super) fn trusts_the_network(&self) -> Option<String> {
        let mut parts = Parts::split(&self.driver_url, "").ok()?;
        let hosts = parts.authority.rsplit_once('@').map_or(parts.authority, |(_, hosts)| hosts);
        let mut option = |name| parts.text(name).ok().flatten();
        let (socket, host, address) = (option("socket"), option("host"), option("hostaddr"));
        if socket.is_some() || host.as_ref().is_some_and(|host| host.starts_with('/')) {
            return None;
        }
        let named = address.or(host);
        let mode = option("sslmode").or_else(|| option("ssl-mode")).unwrap_or_default();
        // The port is not asked for.
        let host = Host::read(named.as_deref().unwrap_or(hosts), 1).ok()?;
        let asks = mode.to_ascii_lowercase().starts_with("verify");
        (!asks && !host.is_near()).then_some(host.name)
    }

    /// The URL for the driver, password included: keep it out of logs.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn driver_url(&self) -> &str {
        &self.driver_url
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerUrl")
            .field("server", &self.shown)
            .field("max_connections", &self.max_connections)
            .field("timeout", &self.timeout)
            .field("conn_max_age", &self.conn_max_age)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(rest: &str) -> ServerUrl {
        ServerUrl::parse("postgres", &format!("postgresql://{rest}")).unwrap()
    }

    #[test]
    fn our_options_are_taken_and_the_drivers_are_left() {
        let url = postgres(
            "u:p%40ss@db.example:5433/site?timeout=0.5&sslmode=verify-full&max_connections=3",
        );
        assert_eq!(url.timeout, Duration::from_millis(500));
        assert_eq!((url.max_connections, url.conn_max_age.as_secs()), (3, 1800));
        let driver = "postgres://u:p%40ss@db.example:5433/site?sslmode=verify-full";
        assert_eq!(url.driver_url, driver);
        assert_eq!(url.to_string(), "postgres://db.example:5433/site");
        assert!(!format!("{url:?}").contains("p%40ss"));
        let socket = postgres("u@/site?host=/run/postgresql");
        assert_eq!(socket.driver_url, "postgres://u@/site?host=/run/postgresql");
        assert_eq!(postgres("h/site").to_string(), "postgres://h:5432/site");
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        for (rest, expected) in [
            ("u:secret@h", "no name of a database"),
            ("u:secret@h/", "no name of a database"),
            ("u:secret@h:port/d", "an address that is none"),
            ("u:secret#@h/d", "a space or a #"),
            ("u:secret/@h/d", "an @ behind the hosts"),
            ("u:secret@h/d?timeout=0", "timeout=0"),
            ("u:secret@h/d?max_connections=0", "a number from 1 to 10000"),
            ("u:secret@h/d?time_out=3", "the option \"time_out\""),
        ] {
            let error = ServerUrl::parse("mysql", &format!("mysql://{rest}")).unwrap_err();
            let error = error.to_string();
            assert!(error.starts_with("DATABASE_URL: found "), "{error}");
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
