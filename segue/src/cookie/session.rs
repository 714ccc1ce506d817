//! The session cookie.

use http::header::{COOKIE, HeaderMap, HeaderValue};

use super::{Attributes, Cookie, vary_on_cookie};
use crate::key::SessionKey;
use crate::session::CookieChange;
use crate::settings::SessionSettings;

/// The session cookie as the settings have it.
#[derive(Clone, Debug)]
pub(crate) struct SessionCookie {
    cookie: Cookie,
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
        let cookie = Cookie::new(&Attributes {
            name: &settings.cookie_name,
            domain: settings.cookie_domain.as_deref(),
            path: &settings.cookie_path,
            secure: settings.cookie_secure,
            http_only: settings.cookie_httponly,
            same_site: settings.cookie_samesite,
        });
        Self { cookie, is_session }
    }

    /// The header in which the cookie would be. Most requests have one, into which nobody looks
    /// before the session is asked for; HTTP/2 may send each cookie in a header of its own.
    pub(crate) fn header<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let mut all = headers.get_all(COOKIE).iter();
        let first = all.next()?;
        if all.next().is_none() {
            return Some(first);
        }
        headers.get_all(COOKIE).iter().rev().find(|header| self.cookie.find_in(header).is_some())
    }

    /// Finds the key in that header.
    pub(crate) fn find_in(&self, header: &HeaderValue) -> Found {
        let Some(value) = self.cookie.find_in(header) else { return Found::Nothing };
        let read = if self.is_session { SessionKey::sealed } else { SessionKey::parse };
        std::str::from_utf8(value).ok().and_then(read).map_or(Found::NoKey, Found::Key)
    }

    /// Writes what becomes of the cookie into the response of a request that looked at its session.
    pub(crate) fn write(&self, change: &CookieChange, was_sent: bool, headers: &mut HeaderMap) {
        match change {
            CookieChange::Set { key, expires } => self.cookie.set(key.expose(), *expires, headers),
            CookieChange::Remove if was_sent => self.cookie.remove(headers),
            CookieChange::Remove | CookieChange::Keep => {}
        }
        vary_on_cookie(headers);
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
        cookie().header(&map).map_or(Found::Nothing, |header| cookie().find_in(header))
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
    fn the_cookie_does_not_show_in_debug() {
        let mut headers = HeaderMap::new();
        let key = SessionKey::parse(KEY).unwrap();
        cookie().write(&CookieChange::Set { key, expires: None }, false, &mut headers);
        assert!(!format!("{headers:?}").contains(KEY));
    }
}
