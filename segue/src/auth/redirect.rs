//! Where visitors are sent to, and where they must not be sent to.

use axum::response::{IntoResponse as _, Response};
use form_urlencoded::Serializer;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::extract::handle;
use super::layer::Rules;
use crate::error::AuthError;
use crate::url::Url;

/// More of a URL nobody needs. Django's `MAX_URL_LENGTH`.
const MOST: usize = 2048;

/// The name of the field that says where to go after the login. Django's `REDIRECT_FIELD_NAME`.
pub(super) const NEXT: &str = "next";

/// What may not stand in the value of a field. Slashes may, and are easier to read.
const VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What may not stand in a URL. Django's `iri_to_uri`.
const URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Sends the visitor to a URL.
pub(super) fn found(url: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location(url))]).into_response()
}

/// A URL as the header `Location` takes it: nothing in it ends the line.
fn location(url: &str) -> HeaderValue {
    let text = utf8_percent_encode(url, URI).to_string();
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("/"))
}

/// Where to log in, with the page that the visitor wanted. Django's `redirect_to_login`, and what
/// `login_required` gives to it.
pub(super) fn to_login(parts: &Parts, rules: &Rules) -> String {
    let login = &rules.settings.login_url;
    let path = asked_for(parts).path_and_query().map_or("/", |path| path.as_str());
    let request = request_of(parts);
    let scheme = if rules.hosts.is_secure(&request) { "https" } else { "http" };
    let Ok(host) = rules.hosts.host(&request) else { return with_next(login, path) };
    let is_elsewhere =
        |url: &Url| !url.netloc.is_empty() && (url.scheme.as_str(), &url.netloc) != (scheme, &host);
    if Url::split(login).as_ref().is_some_and(is_elsewhere) {
        // That site must know whence the visitor comes.
        return with_next(login, &format!("{scheme}://{host}{path}"));
    }
    with_next(login, path)
}

/// The login's URL with the field `next`, in the place of one that it has.
fn with_next(login: &str, next: &str) -> String {
    let (rest, fragment) = login.split_once('#').map_or((login, None), |(r, f)| (r, Some(f)));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut fields = Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != NEXT) {
        fields.append_pair(&name, &value);
    }
    let mut query = fields.finish();
    if !query.is_empty() {
        query.push('&');
    }
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{path}?{query}{NEXT}={}{fragment}", utf8_percent_encode(next, VALUE))
}

/// The URI as the client sent it, not as a nested router sees it.
pub(super) fn asked_for(parts: &Parts) -> &Uri {
    match parts.extensions.get::<axum::extract::OriginalUri>() {
        Some(original) => &original.0,
        None => &parts.uri,
    }
}

/// What the rules about hosts look at.
fn request_of(parts: &Parts) -> Request<()> {
    Request::from_parts(parts.clone(), ())
}

/// Whether the visitor of a request may be sent to a URL that they brought along, `next` for example:
/// whether it leads to this site, and by https where the request came by it. Django's function of
/// that name.
///
/// ```
/// use axum::http::request::Parts;
/// use axum::response::{Redirect, Result};
/// use segue::auth::url_has_allowed_host_and_scheme;
///
/// async fn back(parts: Parts) -> Result<Redirect> {
///     let next = parts.uri.query().unwrap_or_default();
///     let next = if url_has_allowed_host_and_scheme(next, &parts)? { next } else { "/" };
///     Ok(Redirect::to(next))
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(back));
/// ```
///
/// # Errors
/// When no [`AuthLayer`](super::AuthLayer) stands around the route.
pub fn url_has_allowed_host_and_scheme(url: &str, parts: &Parts) -> Result<bool, AuthError> {
    Ok(is_safe(url, parts, handle(parts)?.0.rules()))
}

pub(super) fn is_safe(url: &str, parts: &Parts, rules: &Rules) -> bool {
    let request = request_of(parts);
    let secure = rules.hosts.is_secure(&request);
    rules.hosts.host(&request).is_ok_and(|host| has_allowed_host_and_scheme(url, &host, secure))
}

/// Source: `django/utils/http.py`. Unlike there, a URL that has control characters, begins with a
/// letter beyond ASCII, or has white space at an end, is never safe: what browsers make of them is
/// theirs to know.
fn has_allowed_host_and_scheme(url: &str, host: &str, require_https: bool) -> bool {
    // Browsers take a backslash for a slash; it may also be part of a password.
    is_allowed(url, host, require_https) && is_allowed(&url.replace('\\', "/"), host, require_https)
}

fn is_allowed(url: &str, host: &str, require_https: bool) -> bool {
    // Browsers take any number of slashes for two.
    if url.starts_with("///") || url.chars().count() > MOST {
        return false;
    }
    let is_plain =
        url.starts_with(|c: char| c.is_ascii_graphic()) && !url.ends_with(char::is_whitespace);
    if !is_plain || url.chars().any(char::is_control) {
        return false;
    }
    let Some(Url { scheme, netloc, .. }) = Url::split(url) else { return false };
    // `http:///example.com` is the host example.com to a browser.
    if netloc.is_empty() && !scheme.is_empty() {
        return false;
    }
    let scheme = if scheme.is_empty() && !netloc.is_empty() { "http" } else { &scheme };
    let is_ours = netloc.is_empty() || netloc == host;
    is_ours && (scheme.is_empty() || scheme == "https" || (scheme == "http" && !require_https))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_url_gets_the_page_that_was_wanted() {
        for (login, next, expected) in [
            ("/login/", "/members/", "/login/?next=/members/"),
            ("/login/", "/a?b=c&d=é#", "/login/?next=/a%3Fb%3Dc%26d%3D%C3%A9%23"),
            ("/login/?a=b&next=/x", "/y", "/login/?a=b&next=/y"),
            ("https://sso.example/#top", "/y z", "https://sso.example/?next=/y%20z#top"),
            ("/login/", "/a\r\nb", "/login/?next=/a%0D%0Ab"),
        ] {
            assert_eq!(with_next(login, next), expected);
        }
    }

    #[test]
    fn nothing_ends_the_line_of_the_header() {
        assert_eq!(location("/a\r\nset-cookie: b=c"), "/a%0D%0Aset-cookie:%20b=c");
        assert_eq!(location("/é?a=%20#b"), "/%C3%A9?a=%20#b");
    }

    #[test]
    fn visitors_are_sent_to_this_site_only() {
        let safe = |url: &str| has_allowed_host_and_scheme(url, "example.com", false);
        for url in [
            "/",
            "/a?next=//evil.example",
            "a/b",
            "http://example.com/",
            "?a=b",
            "#top",
            "https://example.com/a",
            "//example.com/a",
            "/a/é",
            "/http://evil.example",
        ] {
            assert!(safe(url), "{url}");
        }
        for url in [
            "",
            " ",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "http:evil.example",
            "http:/evil.example",
            "http:///evil.example",
            "https://example.com@evil.example",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "ftp://example.com/",
            "http://example.com:1/",
            "http://EXAMPLE.com.evil.example/",
            " //evil.example",
            "\t//evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\u{8}//evil.example",
            "\u{a0}//evil.example",
            "\u{200b}//evil.example",
            "http://[::1",
            "/a ",
            "// ",
            "/a\u{3000}",
            "https://evil.example\\@example.com",
            "https://example.com\\@evil.example",
        ] {
            assert!(!safe(url), "{url:?}");
        }
        assert!(!safe(&format!("/{}", "a".repeat(MOST))));
        assert!(safe(&format!("/{}", "a".repeat(MOST - 1))));
        // Whoever came by https is not sent back to plain http.
        assert!(!has_allowed_host_and_scheme("http://example.com/", "example.com", true));
        assert!(has_allowed_host_and_scheme("https://example.com/", "example.com", true));
        assert!(!has_allowed_host_and_scheme("//example.com/", "example.com", true));
        assert!(has_allowed_host_and_scheme("/a", "example.com", true));
    }
}
