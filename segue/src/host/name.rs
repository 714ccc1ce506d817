//! The syntax of a `Host` header, and the patterns of `ALLOWED_HOSTS`.

/// Takes a host apart: the name in lower case without a dot at its end, and the port if there is
/// one. Nothing if it is neither a name nor an address.
///
/// Source: `host_validation_re` and `split_domain_port` in `django/http/request.py`.
pub(super) fn split_domain_port(host: &str) -> Option<(String, Option<&str>)> {
    split(host).map(|(name, port)| (name.to_ascii_lowercase(), port))
}

/// As [`split_domain_port`], with the name as it was written.
pub(super) fn split(host: &str) -> Option<(&str, Option<&str>)> {
    let end = match host.find(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    let (domain, port) = host.split_at(end);
    let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
    if port.is_some_and(|port| !is_number(port)) || !(is_name(domain) || is_address(domain)) {
        return None;
    }
    let name = domain.strip_suffix('.').unwrap_or(domain);
    (!name.is_empty()).then_some((name, port))
}

pub(super) fn is_number(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(domain: &str) -> bool {
    domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

/// What may be an IPv6 address in brackets.
fn is_address(domain: &str) -> bool {
    let address = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']'));
    let Some((start, rest)) = address.and_then(|address| address.split_once(':')) else {
        return false;
    };
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    start.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !rest.is_empty()
        && rest.bytes().all(is_part)
}

/// Whether a host in lower case is the pattern, or one of its subdomains where it begins with a
/// dot.
///
/// Source: `is_same_domain` in `django/utils/http.py`.
pub(crate) fn is_same_domain(host: &str, pattern: &str) -> bool {
    let (host, pattern) = (host.as_bytes(), pattern.as_bytes());
    match pattern.strip_prefix(b".") {
        Some(domain) => {
            let end = host.len().checked_sub(pattern.len()).and_then(|start| host.get(start..));
            end.is_some_and(|end| is_lowered(end, pattern)) || is_lowered(host, domain)
        }
        None => !pattern.is_empty() && is_lowered(host, pattern),
    }
}

/// Whether this is the text in lower case.
fn is_lowered(lowered: &[u8], text: &[u8]) -> bool {
    lowered.iter().copied().eq(text.iter().map(u8::to_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_apart_as_django_does() {
        for (host, domain, port) in [
            ("example.com", "example.com", None),
            ("Example.COM", "example.com", None),
            ("example.com.", "example.com", None),
            ("example.com.:80", "example.com", Some("80")),
            ("example.com..", "example.com.", None),
            ("example.com:8000", "example.com", Some("8000")),
            ("example.com:999999999999", "example.com", Some("999999999999")),
            ("127.0.0.1:80", "127.0.0.1", Some("80")),
            ("[::1]", "[::1]", None),
            ("[::1]:8000", "[::1]", Some("8000")),
            ("[2001:DB8::1]", "[2001:db8::1]", None),
            ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", None),
            ("-", "-", None),
            (".example.com", ".example.com", None),
        ] {
            assert_eq!(split_domain_port(host), Some((domain.to_owned(), port)), "{host}");
        }
    }

    #[test]
    fn what_is_no_host_is_none() {
        for host in [
            "",
            ".",
            ":80",
            ".:80",
            "example.com:",
            "example.com:http",
            "example.com:80:80",
            "example.com:-1",
            "example.com:+1",
            "example.com:80\n",
            "example.com: 80",
            "example.com:８０",
            "a, b",
            "a,a",
            "a b",
            " a",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a@b",
            "a:80@evil.example",
            "user:word@a",
            "a_b",
            "http://a",
            "a\r\nX: y",
            "a\0",
            "a\u{e9}",
            "a\u{212a}",
            "\u{130}",
            "[]",
            "[:]",
            "[::1",
            "::1",
            "[::1]80",
            "[::1]:",
            "[::1]:x",
            "[::1].",
            "[::1]a",
            "a[::1]",
            "[::1][::1]",
            "[fe80::1%eth0]",
            "[g::1]",
            "[127.0.0.1]",
            "[1.2:3]",
            "<script>",
        ] {
            assert_eq!(split_domain_port(host), None, "{host:?}");
        }
        assert_eq!(split_domain_port(&format!("{},", "a".repeat(10_000_000))), None);
        assert!(split_domain_port(&"a".repeat(10_000_000)).is_some(), "a name of any length");
    }

    #[test]
    fn a_dot_stands_for_the_subdomains() {
        for (host, pattern, same) in [
            ("example.com", "example.com", true),
            ("example.com", "EXAMPLE.com", true),
            ("www.example.com", "example.com", false),
            ("example.com", ".example.com", true),
            ("www.example.com", ".example.com", true),
            ("a.www.example.com", ".Example.com", true),
            ("evilexample.com", ".example.com", false),
            ("example.com.evil.example", ".example.com", false),
            ("example.com", "", false),
            ("", "", false),
            ("[::1]", "[::1]", true),
        ] {
            assert_eq!(is_same_domain(host, pattern), same, "{host} {pattern}");
        }
    }
}
