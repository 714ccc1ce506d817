//! `APPEND_SLASH`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use tower_service::Service as _;

use super::Routes;

/// Sends who asks for `/set` to `/set/` where only that has a route: not before the site has nothing
/// to say to it, and only who reads.
///
/// It stands in the place of the site's fallback and asks that first, so that a path that has a route
/// pays nothing.
///
/// Source: `CommonMiddleware` in `django/middleware/common.py`.
pub(crate) fn append_slash(site: Router, routes: Arc<Routes>) -> Router {
    let with_fallback = site.clone();
    site.fallback(
        move |request: Request| async move { answer(with_fallback, &routes, request).await },
    )
}

async fn answer(mut site: Router, routes: &Routes, request: Request) -> Response {
    let may = matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.uri().path().ends_with('/');
    let uri = may.then(|| request.uri().clone());
    let response = match site.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let Some(uri) = uri.filter(|_| response.status() == StatusCode::NOT_FOUND) else {
        return response;
    };
    match with_slash(routes, &uri).await {
        Some(location) => moved(location, response),
        None => response,
    }
}

async fn with_slash(routes: &Routes, uri: &Uri) -> Option<HeaderValue> {
    let path = format!("{}/", uri.path());
    if !routes.have(&path).await {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    HeaderValue::from_str(&format!("{}{}", local(&path), encoded(&query))).ok()
}

/// The path as it may stand in `Location`. Two slashes at its beginning would name another host,
/// and browsers take `\` for a slash.
///
/// Source: `escape_leading_slashes` in `django/utils/http.py`.
fn local(path: &str) -> String {
    let path = encoded(&path.replace('\\', "%5C"));
    match path.strip_prefix("//") {
        Some(rest) => format!("/%2F{rest}"),
        None => path,
    }
}

/// With everything that is not ASCII as it is sent.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A 301 in the place of the page, with what else the page brought, a cookie for example.
fn moved(location: HeaderValue, response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::MOVED_PERMANENTLY;
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        parts.headers.remove(name);
    }
    parts.headers.insert(header::LOCATION, location);
    Response::from_parts(parts, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_stays_on_this_host() {
        for (path, expected) in [
            ("/set/", "/set/"),
            ("//evil.example/", "/%2Fevil.example/"),
            ("///evil.example/", "/%2F/evil.example/"),
            ("/\\evil.example/", "/%5Cevil.example/"),
            ("/é/", "/%C3%A9/"),
            ("/a%20b/", "/a%20b/"),
        ] {
            assert_eq!(local(path), expected);
        }
    }
}
