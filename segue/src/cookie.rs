//! Cookies: finding one in a request, setting and removing it in a response.

mod session;

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE, VARY};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::settings::SameSite;

pub(crate) use session::{Found, SessionCookie};

/// A cookie's name, and its attributes as they stand in every `Set-Cookie`.
#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    name: String,
    domain: String,
    http_only: &'static str,
    /// `Path`, `SameSite` and `Secure`, which come last and are the same when it is removed.
    rest: String,
}

/// What the settings say of a cookie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a> {
    pub(crate) name: &'a str,
    pub(crate) domain: Option<&'a str>,
    pub(crate) path: &'a str,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: SameSite,
}

impl Cookie {
    pub(crate) fn new(attributes: &Attributes<'_>) -> Self {
        let same_site = match attributes.same_site {
            SameSite::Lax => "; SameSite=Lax",
            SameSite::Strict => "; SameSite=Strict",
            SameSite::None => "; SameSite=None",
            SameSite::Omitted => "",
        };
        let secure = if attributes.secure { "; Secure" } else { "" };
        Self {
            name: attributes.name.to_owned(),
            domain: attributes.domain.map(|name| format!("; Domain={name}")).unwrap_or_default(),
            http_only: if attributes.http_only { "; HttpOnly" } else { "" },
            rest: format!("; Path={}{same_site}{secure}", attributes.path),
        }
    }

    /// Finds the value in the request's cookies. Of several cookies of the name the last one
    /// counts, as in Django's `parse_cookie`, so that both servers see the same.
    pub(crate) fn find<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        headers.get_all(COOKIE).iter().rev().find_map(|header| self.find_in(header))
    }

    /// As [`find`](Self::find), in one header.
    fn find_in<'a>(&self, header: &'a HeaderValue) -> Option<&'a [u8]> {
        header.as_bytes().rsplit(|byte| *byte == b';').find_map(|pair| {
            let equals = memchr::memchr(b'=', pair)?;
            let (name, value) = pair.split_at_checked(equals)?;
            let is_ours = name.trim_ascii() == self.name.as_bytes();
            is_ours.then(|| unquote(value.get(1..).unwrap_or_default().trim_ascii()))
        })
    }

    /// Sets it: until the date, which is so many seconds from now, or until the browser is closed.
    pub(crate) fn set(
        &self,
        value: &str,
        expires: Option<(i64, Timestamp)>,
        headers: &mut HeaderMap,
    ) {
        let Self { name, domain, http_only, rest } = self;
        let (date, age) = match expires {
            Some((age, date)) => (http_date(date), age.to_string()),
            None => (String::new(), String::new()),
        };
        let (expires, max_age) = match expires {
            Some(_) => ("; expires=", "; Max-Age="),
            None => ("", ""),
        };
        let parts: [&str; 10] =
            [name, "=", value, domain, expires, &date, http_only, max_age, &age, rest];
        append(parts.concat(), headers);
    }

    pub(crate) fn remove(&self, headers: &mut HeaderMap) {
        let Self { name, domain, rest, .. } = self;
        let date = http_date(Timestamp::UNIX_EPOCH);
        append(format!("{name}=\"\"{domain}; expires={date}; Max-Age=0{rest}"), headers);
    }
}

fn append(cookie: String, headers: &mut HeaderMap) {
    // The settings were checked, and so were the values: nothing in it can be refused as a header.
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        headers.append(SET_COOKIE, cookie);
    }
}

fn unquote(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

/// A date as RFC 9110, 5.6.7 has it; all before 1970 is as much in the past.
fn http_date(date: Timestamp) -> String {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&date.max(Timestamp::UNIX_EPOCH))
        .unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned())
}

/// Tells caches that the page depends on the cookie. Source: `patch_vary_headers` in
/// `django/utils/cache.py`.
pub(crate) fn vary_on_cookie(headers: &mut HeaderMap) {
    let names = |header: &HeaderValue| {
        let names = header.as_bytes().split(|byte| *byte == b',');
        names
            .map(<[u8]>::trim_ascii)
            .any(|name| name == b"*" || name.eq_ignore_ascii_case(b"cookie"))
    };
    if headers.get_all(VARY).iter().any(names) {
        return;
    }
    let mut lines = headers.get_all(VARY).iter();
    let merged = match (lines.next().map(HeaderValue::to_str), lines.next()) {
        (Some(Ok(others)), None) => HeaderValue::try_from(format!("{others}, Cookie")).ok(),
        _ => None,
    };
    match merged {
        Some(merged) => drop(headers.insert(VARY, merged)),
        // Several lines say the same as one; none of them may get lost.
        None => drop(headers.append(VARY, HeaderValue::from_static("Cookie"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vary_is_merged_as_django_does() {
        let vary = |before: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(before.map(|value| (VARY, HeaderValue::from_static(value))));
            vary_on_cookie(&mut headers);
            headers[VARY].to_str().unwrap().to_owned()
        };
        assert_eq!(vary(None), "Cookie");
        assert_eq!(vary(Some("Accept")), "Accept, Cookie");
        assert_eq!(vary(Some("accept, cookie")), "accept, cookie");
        assert_eq!(vary(Some("*")), "*");
    }

    #[test]
    fn of_several_vary_lines_none_is_lost() {
        let mut headers = HeaderMap::new();
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
        headers.append(VARY, HeaderValue::from_static("origin"));
        vary_on_cookie(&mut headers);
        vary_on_cookie(&mut headers);
        let lines: Vec<&HeaderValue> = headers.get_all(VARY).iter().collect();
        assert_eq!(lines, ["accept-encoding", "origin", "Cookie"]);
    }
}
