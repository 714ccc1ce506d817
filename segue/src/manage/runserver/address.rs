//! Where to listen.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, lookup_host};

const PORT: u16 = 8000;

/// An address and a port, either of which may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    host: Option<String>,
    port: u16,
}

impl Address {
    /// The addresses of IPv6, and none but these.
    pub(super) fn only_ipv6(self) -> Result<Self, String> {
        match &self.host {
            None => Ok(Self { host: Some(Ipv6Addr::LOCALHOST.to_string()), ..self }),
            Some(host) if host.parse::<Ipv4Addr>().is_ok() => {
                Err(format!("{host} is not an IPv6 address, which `--ipv6` asks for"))
            }
            Some(_) => Ok(self),
        }
    }

    fn host(&self) -> &str {
        self.host.as_deref().unwrap_or("127.0.0.1")
    }

    pub(super) async fn bind(&self, only_ipv6: bool) -> io::Result<TcpListener> {
        let found = lookup_host((self.host(), self.port)).await?;
        let found: Vec<SocketAddr> = found.filter(|at| !only_ipv6 || at.is_ipv6()).collect();
        if found.is_empty() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        TcpListener::bind(found.as_slice()).await
    }
}

impl Default for Address {
    fn default() -> Self {
        Self { host: None, port: PORT }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host() {
            host if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// Reads `8000`, `0.0.0.0`, `127.0.0.1:8000`, `[::1]:8000` or `localhost:8000`.
pub(super) fn parse(text: &str) -> Result<Address, String> {
    let (host, port) = match text.rsplit_once(':') {
        _ if text.parse::<u16>().is_ok() => (None, Some(text)),
        _ if text.parse::<Ipv6Addr>().is_ok() => (Some(text), None),
        Some((host, port)) if !host.is_empty() && !text.ends_with(']') => (Some(host), Some(port)),
        _ => (Some(text), None),
    };
    let port = port.map_or(Ok(PORT), |port| {
        port.parse().map_err(|_| format!("{port:?} is not a port (0 to 65535)"))
    })?;
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Address { host: host.map(bare), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_leave_out_either_part() {
        for (text, expected) in [
            ("8080", "127.0.0.1:8080"),
            ("0", "127.0.0.1:0"),
            ("0.0.0.0", "0.0.0.0:8000"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("localhost:0", "localhost:0"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::1]", "[::1]:8000"),
            ("::1", "[::1]:8000"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
        assert_eq!(Address::default().to_string(), "127.0.0.1:8000");
        assert!(parse("localhost:99999").is_err());
        assert!(parse("localhost:http").is_err());
    }

    #[test]
    fn ipv6_is_asked_for_by_an_option() {
        for (text, expected) in [
            ("8080", Ok("[::1]:8080")),
            ("[::]:8080", Ok("[::]:8080")),
            ("localhost:8080", Ok("localhost:8080")),
            ("0.0.0.0", Err("0.0.0.0 is not an IPv6 address, which `--ipv6` asks for")),
        ] {
            let address = parse(text).unwrap().only_ipv6().map(|address| address.to_string());
            assert_eq!(address, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }
}
