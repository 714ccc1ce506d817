//! The parts of a URL with several hosts, which no library for URLs takes apart.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Host, SCHEMES, Wrong};

/// What a URL consists of, and the options that nobody asked for yet.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) scheme: &'a str,
    pub(super) authority: &'a str,
    /// Without the slash before it.
    pub(super) path: &'a str,
    options: Vec<(&'a str, &'a str)>,
    /// The names of the options that were asked for.
    known: Vec<&'static str>,
}

pub(super) fn wrong(found: impl Into<String>, allowed: impl Into<String>) -> Wrong {
    Wrong { found: found.into(), allowed: allowed.into() }
}

impl<'a> Parts<'a> {
    pub(super) fn split(url: &'a str) -> Result<Self, Wrong> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(wrong("a text without a scheme", SCHEMES));
        };
        if url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
            let mend = "a URL; in a password such characters are written %20, %23 and so on";
            return Err(wrong("a URL with a space or a # in it", mend));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if path.contains('@') || query.contains('@') {
            let mend =
                "an @ before the hosts only; in a password / ? and @ are written %2F %3F %40";
            return Err(wrong("an @ behind the hosts", mend));
        }
        let options = query.split('&').filter(|option| !option.is_empty());
        let options = options.map(|option| option.split_once('=').unwrap_or((option, "")));
        Ok(Self { scheme, authority, path, options: options.collect(), known: Vec::new() })
    }

    /// Every option must have been asked for.
    pub(super) fn finish(self) -> Result<(), Wrong> {
        match self.options.first() {
            None => Ok(()),
            Some((name, _)) => {
                let known = match self.known.as_slice() {
                    [] => "no options".to_owned(),
                    known => format!("the options {}", known.join(", ")),
                };
                let scheme = self.scheme;
                Err(wrong(format!("the option {name:?}"), format!("{known} behind {scheme}://")))
            }
        }
    }

    pub(super) fn hosts(&self, port: u16) -> Result<Vec<Host>, Wrong> {
        let hosts = self.authority.rsplit_once('@').map_or(self.authority, |(_, hosts)| hosts);
        hosts.split(',').map(|host| Host::read(host, port)).collect()
    }

    pub(super) fn user(&self) -> Result<Option<String>, Wrong> {
        let user =
            self.credentials().map(|user| user.split_once(':').map_or(user, |(user, _)| user));
        user.filter(|user| !user.is_empty()).map(decode).transpose()
    }

    pub(super) fn password(&self) -> Result<Option<String>, Wrong> {
        let password = self.credentials().and_then(|user| Some(user.split_once(':')?.1));
        password.filter(|password| !password.is_empty()).map(decode).transpose()
    }

    fn credentials(&self) -> Option<&'a str> {
        self.authority.rsplit_once('@').map(|(credentials, _)| credentials)
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, Wrong> {
        self.known.push(name);
        let place = self.options.iter().position(|(option, _)| *option == name);
        match place.map(|place| self.options.remove(place)) {
            None => Ok(None),
            Some((_, "")) => Err(wrong(format!("the option {name} without a value"), "a value")),
            Some((_, value)) => decode(value).map(Some),
        }
    }

    pub(super) fn number<T>(
        &mut self,
        name: &'static str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, Wrong>
    where
        T: std::str::FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let allowed = format!("a number from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| wrong(format!("{name}={text}"), allowed))
    }

    pub(super) fn seconds(&mut self, name: &'static str) -> Result<Option<Duration>, Wrong> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let seconds = text.parse().ok().filter(|seconds| (0.001..=3600.0).contains(seconds));
        let seconds = seconds.map(Duration::from_secs_f64);
        let allowed = "seconds from 0.001 to 3600";
        seconds.map(Some).ok_or_else(|| wrong(format!("{name}={text}"), allowed))
    }
}

impl Host {
    /// `host`, `host:port`, or `[address]:port` for IPv6.
    pub(super) fn read(text: &str, default_port: u16) -> Result<Self, Wrong> {
        let refuse =
            || wrong("an address that is none (not shown)", "host, host:port or [IPv6]:port");
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (name, port) = rest.split_once(']').ok_or_else(refuse)?;
                (name, if port.is_empty() { None } else { port.strip_prefix(':').or(Some("")) })
            }
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            None => default_port,
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(refuse)?,
        };
        let is_bad = |c: char| c.is_whitespace() || c.is_control() || "@/?#[]\\".contains(c);
        if name.is_empty() || name.contains(is_bad) {
            return Err(refuse());
        }
        Ok(Self { name: name.to_owned(), port })
    }
}

/// Undoes `%41`.
pub(super) fn decode(text: &str) -> Result<String, Wrong> {
    let refuse = || wrong("a % that does not stand before two hexadecimal digits", "%25 for a %");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit().ok_or_else(refuse)?, digit().ok_or_else(refuse)?);
            bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("a text that is not UTF-8", "UTF-8 behind each %"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{CacheUrl, MemcachedServer, RedisShape, RedisUrl};
    use super::*;

    fn redis(url: &str) -> RedisUrl {
        match CacheUrl::parse(url, Path::new("/base")).unwrap() {
            CacheUrl::Redis(url) => url,
            other => panic!("not Redis: {other:?}"),
        }
    }

    #[test]
    fn a_password_may_have_any_character() {
        let url =
            redis("rediss://me:p%40ss%2F%3A%25:@h:7000/3?timeout=0.25&wait=2&sslrootcert=ca.pem");
        assert_eq!(url.user.as_deref(), Some("me"));
        assert_eq!(url.password.as_ref().unwrap().expose(), "p@ss/:%:");
        assert_eq!((url.tls, url.database, url.wait), (true, 3, 2));
        assert_eq!(url.timeout, Duration::from_millis(250));
        assert_eq!(url.root_certificate.as_deref(), Some(Path::new("/base/ca.pem")));
        assert_eq!(format!("{url:?}"), "rediss://h:7000");
    }

    #[test]
    fn several_hosts_have_a_shape() {
        let url = redis("valkey+cluster://a,b:7001,[::1]:7002");
        assert!(url.shape == RedisShape::Cluster);
        assert_eq!(format!("{url:?}"), "redis+cluster://a:6379,b:7001,[::1]:7002");
        let url = redis("redis+sentinel://:x@a,b:7/my%20master/2?sentinel_password=y");
        assert!(url.shape == RedisShape::Sentinel("my master".to_owned()));
        assert_eq!((url.hosts[0].port, url.hosts[1].port, url.database), (26379, 7, 2));
        assert_eq!(url.sentinel_password.unwrap().expose(), "y");
    }

    #[test]
    fn memcached_has_hosts_or_a_socket() {
        let url = CacheUrl::parse("memcached://a,b:1?pool=9", Path::new("")).unwrap();
        assert_eq!(format!("{url:?}"), "memcached://a:11211,b:1");
        let CacheUrl::Memcached(url) = url else { panic!("not memcached") };
        assert_eq!(url.pool, 9);
        let url = CacheUrl::parse("memcached:///run/m.sock", Path::new("")).unwrap();
        let CacheUrl::Memcached(url) = url else { panic!("not memcached") };
        assert!(url.servers == [MemcachedServer::Unix("/run/m.sock".to_owned())]);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secrets() {
        let cases = [
            ("hunter2", "without a scheme"),
            ("oracle://u:hunter2@h", "the scheme \"oracle\""),
            ("redis+x://h", "the scheme \"redis+x\""),
            ("redis+://h", "the scheme \"redis+\""),
            ("redis://:hunter2@", "an address that is none"),
            ("redis://:hunter2@h:port", "an address that is none"),
            ("redis://:hunter2@::1", "an address that is none"),
            ("redis://:hunter2@h:0", "an address that is none"),
            ("redis://:hunter2@h:99999", "an address that is none"),
            ("redis://:hunter#2@h", "a space or a #"),
            ("redis://:hunter2/@h", "an @ behind the hosts"),
            ("redis://:hunter2?@h", "an @ behind the hosts"),
            ("redis://:hunter2%@h", "a % that does not stand before"),
            ("redis://:hunter2@a,b", "several hosts"),
            ("redis://:hunter2@a/x", "no number of a database"),
            ("redis+cluster://:hunter2@a/1", "a database in a Redis Cluster"),
            ("redis+sentinel://:hunter2@a", "no name of a master"),
            ("redis://:hunter2@a?timeout=0", "timeout=0"),
            ("redis://:hunter2@a?timeout=NaN", "timeout=NaN"),
            ("redis://:hunter2@a?wait=-1", "wait=-1"),
            ("redis://:hunter2@a?tiemout=1", "the option \"tiemout\""),
            ("redis://:hunter2@a?sslrootcert=x", "sslrootcert without TLS"),
            ("redis://a?sentinel_password=hunter2", "the option \"sentinel_password\""),
            ("memory://hunter2", "something behind memory://"),
            ("memory://?max_entries=0", "max_entries=0"),
            ("memcached://u:hunter2@a", "a user or a password"),
            ("memcached://a/b", "a path behind"),
            ("memcached://", "an address that is none"),
        ];
        for (url, expected) in cases {
            let error = CacheUrl::parse(url, Path::new("")).unwrap_err().to_string();
            assert!(
                error.starts_with("CACHES: found ") && error.contains(expected),
                "{url}: {error}"
            );
            assert!(!error.contains("hunter"), "{error}");
        }
    }
}
