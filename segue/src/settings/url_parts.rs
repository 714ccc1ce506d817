//! The parts of a URL of a store, which may have several hosts: no library for URLs takes those apart.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What is wrong with a URL, without its secrets.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) found: String,
    pub(super) allowed: String,
}

/// A host and its port.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// Without the brackets around an IPv6 address.
    pub(crate) name: String,
    pub(crate) port: u16,
}

#[cfg(feature = "manage")]
impl Host {
    /// Whether it is this machine, or has a name without a dot: in networks of containers and of a
    /// house machines are called so, and nobody else is on the way.
    pub(super) fn is_near(&self) -> bool {
        match self.name.parse::<std::net::IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => !self.name.contains('.'),
        }
    }
}

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
    /// Takes a URL apart; `schemes` is what may stand before it.
    pub(super) fn split(url: &'a str, schemes: &str) -> Result<Self, Wrong> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(wrong("a text without a scheme", schemes));
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

    /// The options that nobody asked for, as they stand in the URL, if all of them are in `others`.
    pub(super) fn rest(&mut self, others: &[&'static str]) -> Result<String, Wrong> {
        let is_other = |(name, _): &(&str, &str)| others.contains(name);
        self.known.extend(others);
        let (rest, strangers) = self.options.drain(..).partition(is_other);
        self.options = strangers;
        let rest: Vec<(&str, &str)> = rest;
        self.refuse_others()?;
        let rest: Vec<String> =
            rest.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(rest.join("&"))
    }

    /// Every option must have been asked for.
    pub(super) fn finish(self) -> Result<(), Wrong> {
        self.refuse_others()
    }

    fn refuse_others(&self) -> Result<(), Wrong> {
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

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}
