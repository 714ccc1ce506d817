//! URLs as Python's `urlsplit` takes them apart, because the verdict depends on it.
//!
//! Source: `Lib/urllib/parse.py`. A URL library follows the WHATWG's rules instead, and would see
//! another host in what no browser sends.

use std::net::Ipv6Addr;

/// A URL in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    /// Host and port, and what else stands there.
    pub(crate) netloc: String,
    /// All of it, without what Python leaves out.
    pub(crate) text: String,
}

impl Url {
    /// Nothing where Python raises `ValueError`.
    pub(crate) fn split(text: &str) -> Option<Self> {
        let text = text.trim_start_matches(|c: char| c <= ' ').replace(['\t', '\r', '\n'], "");
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
            _ => (String::new(), text.as_str()),
        };
        let (netloc, rest) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
            None => ("", rest),
        };
        if !has_sound_brackets(netloc) {
            return None;
        }
        let text = format!("{scheme}://{netloc}{}", without_empty_parts(rest));
        Some(Self { netloc: netloc.to_owned(), text, scheme })
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Brackets come in pairs, around an address.
fn has_sound_brackets(netloc: &str) -> bool {
    if netloc.contains('[') != netloc.contains(']') {
        return false;
    }
    let Some((_, rest)) = netloc.split_once('[') else { return true };
    let host = rest.split_once(']').map_or(rest, |(host, _)| host);
    match host.strip_prefix('v') {
        Some(future) => future.split_once('.').is_some_and(|(version, address)| {
            !version.is_empty()
                && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !address.is_empty()
        }),
        None => {
            let (address, zone) = host.split_once('%').map_or((host, None), |(a, z)| (a, Some(z)));
            address.parse::<Ipv6Addr>().is_ok()
                && zone.is_none_or(|zone| !zone.is_empty() && !zone.contains('%'))
        }
    }
}

/// A `?` and a `#` with nothing behind them are lost when Python puts a URL together again.
fn without_empty_parts(rest: &str) -> String {
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut text = path.to_owned();
    for (mark, part) in [('?', query), ('#', fragment)] {
        if !part.is_empty() {
            text.push(mark);
            text.push_str(part);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_as_python_does() {
        for (text, scheme, netloc, whole) in [
            ("https://example.com/a?b#c", "https", "example.com", "https://example.com/a?b#c"),
            ("HTTPS://Example.com:1/?#", "https", "Example.com:1", "https://Example.com:1/"),
            (" \t\nhttps://e\nx.com", "https", "ex.com", "https://ex.com"),
            ("https://user:p@e.com?q", "https", "user:p@e.com", "https://user:p@e.com?q"),
            ("https://[::1]:8000/", "https", "[::1]:8000", "https://[::1]:8000/"),
            ("https://[v1.x]/", "https", "[v1.x]", "https://[v1.x]/"),
            (
                "https://evil.com\\@good.com/",
                "https",
                "evil.com\\@good.com",
                "https://evil.com\\@good.com/",
            ),
        ] {
            let url = Url::split(text).unwrap();
            assert_eq!((&*url.scheme, &*url.netloc, &*url.text), (scheme, netloc, whole), "{text}");
        }
        for (text, scheme, netloc) in [
            ("null", "", ""),
            ("", "", ""),
            ("//example.com", "", "example.com"),
            ("1a://b", "", ""),
            ("javascript:alert(1)", "javascript", ""),
            ("https:/a", "https", ""),
        ] {
            let url = Url::split(text).unwrap();
            assert_eq!((&*url.scheme, &*url.netloc), (scheme, netloc), "{text}");
        }
        for text in [
            "https://[",
            "https://]/",
            "https://[::1",
            "https://[1.2.3.4]/",
            "https://[v.x]",
            "https://[]",
        ] {
            assert_eq!(Url::split(text), None, "{text}");
        }
    }
}
