//! The parts of a URL that our own servers, and such as a tester names, are called by.

use crate::error::{Error, Result};

/// `scheme://user:password@host:port/path`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) host: &'a str,
    pub(crate) port: &'a str,
    /// All before the path.
    pub(crate) server: &'a str,
    /// From its question mark.
    pub(crate) query: &'a str,
}

impl<'a> Url<'a> {
    pub(crate) fn read(url: &'a str) -> Result<Self> {
        Self::parts(url).ok_or_else(|| {
            // The text may hold a password.
            Error::new("a URL of a server is `scheme://user:password@host:port/name`")
        })
    }

    fn parts(url: &'a str) -> Option<Self> {
        let (before, query) = url.split_at(url.find('?').unwrap_or(url.len()));
        let (scheme, rest) = before.split_once("://")?;
        let authority = rest.split('/').next()?;
        let server = before.get(..scheme.len() + "://".len() + authority.len())?;
        let (user, host) = authority.rsplit_once('@')?;
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let (host, port) = host.rsplit_once(':')?;
        Some(Self { scheme, user, password, host, port, server, query })
    }
}

/// A user name or a password as it stands in a URL.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_in_its_parts() {
        let url = Url::read("mysql://me:pw@127.0.0.1:3306/db?ssl-mode=disabled").unwrap();
        assert_eq!((url.scheme, url.user, url.password), ("mysql", "me", "pw"));
        assert_eq!((url.host, url.port), ("127.0.0.1", "3306"));
        assert_eq!((url.server, url.query), ("mysql://me:pw@127.0.0.1:3306", "?ssl-mode=disabled"));
        let error = Url::read("mysql://me:secret").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_password_of_signs_is_encoded() {
        assert_eq!(encode("p@ss/w\u{f6}rd_1"), "p%40ss%2Fw%C3%B6rd_1");
    }
}
