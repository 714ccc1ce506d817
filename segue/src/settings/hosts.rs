//! The patterns of `ALLOWED_HOSTS`.

use crate::error::ConfigError;

pub(super) const ALLOWED: &str = "a list of host names without scheme, port and path: \"example.com\", \
                                  \".example.com\" with its subdomains, \"[::1]\", \"*\"";

/// A host name, an address, `.example.com` for a domain with its subdomains, or `*`.
///
/// Source: `validate_host` in `django/http/request.py`.
pub(super) fn validate(host: &str) -> Result<(), ConfigError> {
    let name = host.strip_prefix('.').unwrap_or(host);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let valid = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    };
    if valid || host == "*" {
        return Ok(());
    }
    Err(ConfigError::conflict("ALLOWED_HOSTS", format_args!("{host:?}"), ALLOWED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_neither_scheme_nor_port() {
        for host in ["*", "example.com", ".example.com", "127.0.0.1", "[::1]", "localhost"] {
            assert!(validate(host).is_ok(), "{host}");
        }
        for host in ["", ".", "https://example.com", "example.com:8000", "a b", "[x]", "a/b"] {
            assert!(validate(host).is_err(), "{host}");
        }
    }
}
