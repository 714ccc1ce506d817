//! Where a database server is, and how it is used.

use std::fmt;
use std::time::Duration;

use url::Url;

use crate::error::ConfigError;

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
    /// Reads the part behind the scheme, which the driver is told as `scheme`.
    pub(super) fn parse(scheme: &str, rest: &str) -> Result<Self, ConfigError> {
        let known = if scheme == "postgres" { POSTGRES } else { MYSQL };
        let mut url = Url::parse(&format!("{scheme}://{rest}")).map_err(|error| {
            refused(format!("something that is no URL ({error}; not shown)"), scheme)
        })?;
        if url.path().trim_matches('/').is_empty() && !has(&url, "dbname") {
            return Err(refused("no name of a database at the end".to_owned(), scheme));
        }
        if url.fragment().is_some() {
            let found = "a # in it (not shown): write %23 where it belongs to the password";
            return Err(refused(found.to_owned(), scheme));
        }
        let mut server = Self {
            max_connections: 10,
            timeout: Duration::from_secs(5),
            conn_max_age: Duration::from_secs(1800),
            driver_url: String::new(),
            shown: shown(&url),
        };
        let mut drivers = Vec::new();
        for (name, value) in url.query_pairs() {
            let found = || format!("{name}={value:?}");
            match &*name {
                "max_connections" => match value.parse() {
                    Ok(number @ 1..=10_000) => server.max_connections = number,
                    _ => return Err(option(found(), "1 to 10000 connections")),
                },
                "timeout" => {
                    server.timeout =
                        seconds(&value).ok_or_else(|| option(found(), "seconds, 0.1 to 3600"))?;
                }
                "conn_max_age" => {
                    server.conn_max_age =
                        seconds(&value).ok_or_else(|| option(found(), "seconds, 0.1 to 3600"))?;
                }
                known_one if known.contains(&known_one) || known_one.starts_with("options[") => {
                    drivers.push((name.clone().into_owned(), value.clone().into_owned()));
                }
                _ => {
                    let found = format!("an option {name:?}");
                    let allowed = format!(
                        "max_connections, timeout, conn_max_age and the driver's own: {}",
                        known.join(", ")
                    );
                    return Err(option(found, &allowed));
                }
            }
        }
        url.set_query(None);
        if !drivers.is_empty() {
            url.query_pairs_mut().extend_pairs(drivers);
        }
        server.driver_url = url.into();
        Ok(server)
    }

    /// The URL for the driver, password included: keep it out of logs.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn driver_url(&self) -> &str {
        &self.driver_url
    }
}

fn has(url: &Url, option: &str) -> bool {
    url.query_pairs().any(|(name, value)| name == option && !value.is_empty())
}

/// Scheme, host, port and database.
fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or("localhost");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    (0.1..=3600.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

fn refused(found: String, scheme: &str) -> ConfigError {
    let allowed = format!(
        "{scheme}://user:password@host:port/database, with %XX for special characters in the \
         password"
    );
    ConfigError::conflict(SETTING, found, allowed)
}

fn option(found: String, allowed: &str) -> ConfigError {
    ConfigError::conflict(SETTING, found, allowed)
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

    fn refusal(rest: &str) -> String {
        ServerUrl::parse("postgres", rest).unwrap_err().to_string()
    }

    #[test]
    fn our_options_are_taken_and_the_drivers_are_left() {
        let rest =
            "u:p%40ss@db.example:5433/site?timeout=0.5&sslmode=verify-full&max_connections=3";
        let url = ServerUrl::parse("postgres", rest).unwrap();
        assert_eq!(url.timeout, Duration::from_millis(500));
        assert_eq!((url.max_connections, url.conn_max_age.as_secs()), (3, 1800));
        let driver = "postgres://u:p%40ss@db.example:5433/site?sslmode=verify-full";
        assert_eq!(url.driver_url, driver);
        assert_eq!(url.to_string(), "postgres://db.example:5433/site");
        assert!(!format!("{url:?}").contains("p%40ss"));
        let socket = ServerUrl::parse("postgres", "/site?host=/run/postgresql").unwrap();
        assert_eq!(socket.driver_url, "postgres:///site?host=%2Frun%2Fpostgresql");
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        for (rest, expected) in [
            ("u:secret@h", "no name of a database"),
            ("u:secret@h/", "no name of a database"),
            ("u:secret@h:port/d", "no URL"),
            ("u:secret#@h/d", "not shown"),
            ("u:secret@h/d?timeout=0", "seconds, 0.1 to 3600"),
            ("u:secret@h/d?max_connections=0", "1 to 10000"),
            ("u:secret@h/d?time_out=3", "an option \"time_out\""),
        ] {
            let error = refusal(rest);
            assert!(error.starts_with("DATABASE_URL: found "), "{error}");
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
