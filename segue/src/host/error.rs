//! A request for a host that the site does not serve.

use std::error::Error;
use std::fmt;

use crate::meta::shown;

/// More of a host does not go into the log or onto a page.
const MOST: usize = 100;

/// The request is for a host that the site does not serve.
///
/// Its text names the host, escaped and not at length. [`AllowedHostsLayer`](super::AllowedHostsLayer)
/// puts it into the response's extensions.
#[derive(Clone, PartialEq, Eq)]
pub struct DisallowedHost(Fault);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// It names none.
    Missing,
    /// What it names is no host.
    Malformed(String),
    /// It says two things.
    Contradiction(String, String),
    /// The host, and what to add to the setting.
    NotAllowed(String, String),
}

impl DisallowedHost {
    pub(super) fn missing() -> Self {
        Self(Fault::Missing)
    }

    pub(super) fn malformed(host: &str) -> Self {
        Self(Fault::Malformed(shown(host, MOST)))
    }

    pub(super) fn contradiction(host: &str, authority: &str) -> Self {
        Self(Fault::Contradiction(shown(host, MOST), shown(authority, MOST)))
    }

    pub(super) fn not_allowed(host: &str, domain: &str) -> Self {
        Self(Fault::NotAllowed(shown(host, MOST), shown(domain, MOST)))
    }

    /// What a developer may do about it.
    pub(super) fn advice(&self) -> Option<String> {
        match &self.0 {
            Fault::NotAllowed(_, domain) => {
                Some(format!("You may need to add {domain} to ALLOWED_HOSTS."))
            }
            Fault::Missing | Fault::Malformed(_) | Fault::Contradiction(..) => None,
        }
    }
}

impl fmt::Display for DisallowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::Missing => f.write_str("the request names no host"),
            Fault::Malformed(host) => write!(f, "{host} is no host name"),
            Fault::Contradiction(host, authority) => {
                write!(f, "the request names two hosts, {host} and {authority}")
            }
            Fault::NotAllowed(host, _) => write!(f, "the host {host} is not in ALLOWED_HOSTS"),
        }
    }
}

impl fmt::Debug for DisallowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DisallowedHost({self})")
    }
}

impl Error for DisallowedHost {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_sent_is_escaped_and_not_at_length() {
        let error = DisallowedHost::malformed("a\r\nERROR \u{1b}[31m\"fire\"\u{9b}");
        let expected = r#""a\r\nERROR \u{1b}[31m\"fire\"\u{9b}" is no host name"#;
        assert_eq!(error.to_string(), expected);
        let long = DisallowedHost::not_allowed(&"é".repeat(1000), &"a".repeat(1000));
        assert!(long.to_string().chars().count() < 200, "{long}");
        assert!(long.advice().unwrap().len() < 200);
        assert_eq!(format!("{long:?}"), format!("DisallowedHost({long})"));
    }
}
