//! The origins in `CSRF_TRUSTED_ORIGINS`.

use crate::error::ConfigError;

pub(super) const ALLOWED: &str = "a list of origins, \"https://example.com\", or \
                                  \"https://*.example.com\" with its subdomains: in lower case, \
                                  other letters as xn--…, a port only where it is not the usual \
                                  one, and nothing behind";

/// An origin as browsers send it. What they never send would be trusted in vain, without a word.
///
/// Source: `_origin_verified` in `django/middleware/csrf.py`; RFC 6454, 6.2.
pub(super) fn validate(origin: &str) -> Result<(), ConfigError> {
    let refuse = |allowed: &str| {
        let found = format!("{origin:?}");
        Err(ConfigError::conflict("CSRF_TRUSTED_ORIGINS", found, allowed))
    };
    let Some((scheme, host, port)) = split(origin) else { return refuse(ALLOWED) };
    match (scheme, port) {
        ("http", Some("80")) | ("https", Some("443")) => {
            refuse(&format!("\"{scheme}://{host}\": leave the port out, browsers do"))
        }
        _ => Ok(()),
    }
}

/// Scheme, host and port, if each of them can be one.
fn split(origin: &str) -> Option<(&str, &str, Option<&str>)> {
    let (scheme, rest) = origin.split_once("://")?;
    let end = match rest.find(']') {
        Some(bracket) => bracket + 1,
        None => rest.find(':').unwrap_or(rest.len()),
    };
    let (host, port) = rest.split_at(end);
    let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
    let valid = is_scheme(scheme) && is_host(host) && port.is_none_or(is_port);
    valid.then_some((scheme, host, port))
}

/// RFC 3986, 3.1.
fn is_scheme(scheme: &str) -> bool {
    let is_part = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'.' | b'-')
    };
    scheme.starts_with(|letter: char| letter.is_ascii_lowercase()) && scheme.bytes().all(is_part)
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let parsed = address.parse::<std::net::Ipv6Addr>();
        return parsed.is_ok() && *address == address.to_ascii_lowercase();
    }
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_part = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    !name.is_empty() && !name.starts_with('.') && !name.contains("..") && name.bytes().all(is_part)
}

fn is_port(port: &str) -> bool {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    digits && !port.starts_with('0') && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_send_is_taken() {
        for origin in [
            "https://example.com",
            "https://*.example.com",
            "http://localhost:8000",
            "https://example.com:8443",
            "https://*.example.com:8443",
            "http://example.com:443",
            "https://example.com:80",
            "https://[::1]",
            "https://[2001:db8::1]:8443",
            "https://127.0.0.1",
            "https://xn--bcher-kva.example",
            "https://my_host.example",
            "https://example.com.",
            "chrome-extension://abcdefghijklmnop",
            "coap+tcp://example.com",
        ] {
            assert!(validate(origin).is_ok(), "{origin}");
        }
    }

    #[test]
    fn what_they_never_send_is_refused() {
        for origin in [
            "",
            "null",
            "*",
            "example.com",
            "//example.com",
            "://example.com",
            "https:/example.com",
            "https://",
            "https://example.com/",
            "https://example.com/path",
            "https://example.com?a",
            "https://example.com#a",
            "https://user@example.com",
            "https://user:word@example.com",
            "https://Example.com",
            "HTTPS://example.com",
            "1http://example.com",
            "https://bücher.example",
            "https://a b",
            "https://example.com\r\n",
            " https://example.com",
            "https://example.com, https://example.org",
            "https://*",
            "https://*.",
            "https://*example.com",
            "https://a.*.example.com",
            "https://*.*.example.com",
            "https://.example.com",
            "https://a..b",
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:08443",
            "https://example.com:+8443",
            "https://example.com:65536",
            "https://example.com:https",
            "https://example.com:1:2",
            "https://[::1",
            "https://::1",
            "https://[::1]8443",
            "https://[::1]:",
            "https://[FE80::1]",
            "https://[x]",
            "https://*.[::1]",
            "https://a[::1]",
        ] {
            let error = validate(origin).expect_err(origin).to_string();
            assert!(error.starts_with(&format!("CSRF_TRUSTED_ORIGINS: found {origin:?} ")));
            assert!(
                error.contains("allowed: a list of origins, \"https://example.com\", or"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_usual_port_is_left_out() {
        for (origin, mend) in [
            ("https://example.com:443", "allowed: \"https://example.com\": leave the port out"),
            ("http://*.a.example:80", "allowed: \"http://*.a.example\": leave the port out"),
            ("https://[::1]:443", "allowed: \"https://[::1]\": leave the port out"),
        ] {
            let error = validate(origin).unwrap_err().to_string();
            assert!(error.contains(mend), "{error}");
        }
    }
}
