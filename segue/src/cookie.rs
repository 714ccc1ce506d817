//! The session cookie: finding it in a request, setting and removing it in a response.

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE, VARY};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::key::SessionKey;
use crate::session::CookieChange;
use crate::settings::{SameSite, SessionSettings};

/// The cookie's name, and its attributes as they stand in every `Set-Cookie`.
#[derive(Clone, Debug)]
pub(crate) struct SessionCookie {
    name: String,
    domain: String,
    http_only: &'static str,
    /// `Path`, `SameSite` and `Secure`, which come last and are the same when it is removed.
    rest: String,
    /// The value is the session itself, not an id.
    is_session: bool,
}

/// What a request has in the place of the session cookie.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// Something that no session can have as its key.
    NoKey,
    Key(SessionKey),
}

impl SessionCookie {
    /// The cookie by these settings; `is_session` where its value is the session itself.
    pub(crate) fn new(settings: &SessionSettings, is_session: bool) -> Self {
        let same_site = match settings.cookie_samesite {
            SameSite::Lax => "; SameSite=Lax",
            SameSite::Strict => "; SameSite=Strict",
            SameSite::None => "; SameSite=None",
            SameSite::Omitted => "",
        };
        let secure = if settings.cookie_secure { "; Secure" } else { "" };
        let domain = settings.cookie_domain.as_ref();
        Self {
            name: settings.cookie_name.clone(),
            domain: domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default(),
            http_only: if settings.cookie_httponly { "; HttpOnly" } else { "" },
            rest: format!("; Path={}{same_site}{secure}", settings.cookie_path),
            is_session,
        }
    }

    /// Finds the key in the request's cookies. Of several cookies of the name the last one counts,
    /// as in Django's `parse_cookie`, so that both servers see the same session.
    pub(crate) fn find(&self, headers: &HeaderMap) -> Found {
        let mut found = Found::Nothing;
        for header in headers.get_all(COOKIE) {
            for pair in header.as_bytes().split(|byte| *byte == b';') {
                let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
                let (name, value) = (&pair[..equals], &pair[equals + 1..]);
                if name.trim_ascii() == self.name.as_bytes() {
                    let text = std::str::from_utf8(unquote(value.trim_ascii())).ok();
                    let read = if self.is_session { SessionKey::sealed } else { SessionKey::parse };
                    found = text.and_then(read).map_or(Found::NoKey, Found::Key);
                }
            }
        }
        found
    }

    /// Writes what becomes of the cookie into the response of a request that looked at its session.
    pub(crate) fn write(&self, change: &CookieChange, was_sent: bool, headers: &mut HeaderMap) {
        let cookie = match change {
            CookieChange::Set { key, expires } => Some(self.set(key, *expires)),
            CookieChange::Remove if was_sent => Some(self.remove()),
            CookieChange::Remove | CookieChange::Keep => None,
        };
        // The settings were checked: nothing in it can be refused as a header.
        if let Some(mut cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
            cookie.set_sensitive(true);
            headers.append(SET_COOKIE, cookie);
        }
        vary_on_cookie(headers);
    }

    fn set(&self, key: &SessionKey, expires: Option<(i64, Timestamp)>) -> String {
        let Self { name, domain, http_only, rest, .. } = self;
        let key = key.expose();
        match expires {
            Some((age, date)) => {
                let date = http_date(date);
                format!("{name}={key}{domain}; expires={date}{http_only}; Max-Age={age}{rest}")
            }
            None => format!("{name}={key}{domain}{http_only}{rest}"),
        }
    }

    fn remove(&self) -> String {
        let Self { name, domain, rest, .. } = self;
        let date = http_date(Timestamp::UNIX_EPOCH);
        format!("{name}=\"\"{domain}; expires={date}; Max-Age=0{rest}")
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
fn vary_on_cookie(headers: &mut HeaderMap) {
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

    const KEY: &str = "abcdefghijklmnopqrstuvwxyz012345";

    fn cookie() -> SessionCookie {
        SessionCookie::new(&SessionSettings::new(false), false)
    }

    fn find(headers: &[&[u8]]) -> Found {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(COOKIE, HeaderValue::from_bytes(header).unwrap());
        }
        cookie().find(&map)
    }

    #[test]
    fn the_last_cookie_of_the_name_counts() {
        let key = Found::Key(SessionKey::parse(KEY).unwrap());
        assert_eq!(find(&[]), Found::Nothing);
        assert_eq!(find(&[format!("a=b; sessionid={KEY} ;c=d").as_bytes()]), key);
        assert_eq!(find(&[format!("sessionid=\"{KEY}\"").as_bytes()]), key);
        assert_eq!(find(&[format!("sessionid=x; sessionid={KEY}").as_bytes()]), key);
        assert_eq!(find(&[b"sessionid=x", format!("sessionid={KEY}").as_bytes()]), key);
        assert_eq!(find(&[format!("sessionid={KEY}; sessionid=x").as_bytes()]), Found::NoKey);
        assert_eq!(find(&[format!("xsessionid={KEY}; sessionid").as_bytes()]), Found::Nothing);
        assert_eq!(find(&[format!("SESSIONID={KEY}").as_bytes()]), Found::Nothing);
    }

    #[test]
    fn what_is_no_key_is_none() {
        let long = [b"sessionid=".as_slice(), &vec![b'a'; 10_000_000]].concat();
        for value in [b"sessionid=".as_slice(), b"sessionid=../etc", b"sessionid=\xff\xfe", &long] {
            assert_eq!(find(&[value]), Found::NoKey);
        }
    }

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

    #[test]
    fn the_cookie_does_not_show_in_debug() {
        let mut headers = HeaderMap::new();
        let key = SessionKey::parse(KEY).unwrap();
        cookie().write(&CookieChange::Set { key, expires: None }, false, &mut headers);
        assert!(!format!("{headers:?}").contains(KEY));
    }
}
