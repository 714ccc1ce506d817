//! `CSRF_MODE = "fetch-metadata"` and `"both"`.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use segue::Settings;
use segue::settings::CsrfMode;

use crate::site::{SECRET, Site, TOKEN, form, request, with};

fn settings(mode: CsrfMode) -> Settings {
    with(|s| {
        s.csrf.mode = mode;
        s.csrf.trusted_origins = vec!["https://*.trusted.com".into(), "https://t.com".into()];
    })
}

fn post(site: Option<&str>, origin: Option<&str>) -> Request<Body> {
    headed(request(Method::POST, "/"), site, origin)
}

fn headed(mut request: Request<Body>, site: Option<&str>, origin: Option<&str>) -> Request<Body> {
    for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
        if let Some(value) = value {
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
    }
    request
}

/// The cases of Go's `CrossOriginProtection`, and where ours differ: hosts of ours are checked.
#[tokio::test]
async fn a_request_is_let_pass_by_what_the_browser_says_of_it() {
    let site = Site::new(&settings(CsrfMode::FetchMetadata));
    for (fetch_site, origin) in [
        (Some("same-origin"), None),
        (Some("none"), None),
        (Some("same-origin"), Some("https://evil.com")),
        (Some(""), None),
        (None, None),
        (None, Some("")),
        (None, Some("http://example.com")),
        // Over plain http browsers do not send the header, and a proxy may have spoken https.
        (None, Some("https://example.com")),
        (Some("cross-site"), Some("https://t.com")),
        (Some("same-site"), Some("https://a.trusted.com")),
        (None, Some("https://a.trusted.com")),
    ] {
        let verdict = site.send(post(fetch_site, origin)).await.verdict();
        assert_eq!(verdict, "accept", "{fetch_site:?} {origin:?}");
    }
    for (fetch_site, origin, reason) in [
        (
            Some("cross-site"),
            None,
            "Sec-Fetch-Site checking failed - cross-site, and an unknown origin does not match any \
             trusted origins.",
        ),
        (
            Some("same-site"),
            Some("http://a.example.com"),
            "Sec-Fetch-Site checking failed - same-site, and http://a.example.com does not match \
             any trusted origins.",
        ),
        (
            Some("cross-site"),
            Some("http://example.com"),
            "Sec-Fetch-Site checking failed - cross-site, and http://example.com does not match \
             any trusted origins.",
        ),
        (
            Some("SAME-ORIGIN"),
            None,
            "Sec-Fetch-Site checking failed - SAME-ORIGIN, and an unknown origin does not match \
             any trusted origins.",
        ),
        (
            None,
            Some("https://evil.com"),
            "Origin checking failed - https://evil.com does not match the host or any trusted \
             origins.",
        ),
        (
            None,
            Some("null"),
            "Origin checking failed - null does not match the host or any trusted origins.",
        ),
        (
            None,
            Some("http://example.com:8000"),
            "Origin checking failed - http://example.com:8000 does not match the host or any \
             trusted origins.",
        ),
    ] {
        let verdict = site.send(post(fetch_site, origin)).await.verdict();
        assert_eq!(verdict, format!("403: {reason}"), "{fetch_site:?} {origin:?}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_no_host_of_ours() {
    let site = Site::new(&settings(CsrfMode::FetchMetadata));
    let mut request = post(None, Some("http://evil.com"));
    request.headers_mut().insert("host", HeaderValue::from_static("evil.com"));
    assert!(site.send(request).await.verdict().starts_with("403: Origin checking failed"));
}

#[tokio::test]
async fn safe_methods_are_not_asked() {
    let site = Site::new(&settings(CsrfMode::FetchMetadata));
    let answer = site.send(headed(request(Method::GET, "/"), Some("cross-site"), None)).await;
    assert_eq!(answer.verdict(), "accept");
}

#[tokio::test]
async fn pages_have_tokens_in_every_mode() {
    let site = Site::new(&settings(CsrfMode::FetchMetadata));
    assert_eq!(site.get("/token", None).await.text().len(), 64);
}

#[tokio::test]
async fn both_means_both() {
    let site = Site::new(&settings(CsrfMode::Both));
    let token = || form(Some(SECRET), format!("csrfmiddlewaretoken={TOKEN}"));
    let verdict = site.send(headed(token(), Some("same-origin"), None)).await.verdict();
    assert_eq!(verdict, "accept");
    let verdict = site.send(headed(token(), Some("cross-site"), None)).await.verdict();
    assert!(verdict.starts_with("403: Sec-Fetch-Site"), "{verdict}");
    let verdict = site.send(post(Some("same-origin"), None)).await.verdict();
    assert_eq!(verdict, "403: CSRF cookie not set.");
    // What Go lets pass, the token's own look at the origin refuses.
    let verdict =
        site.send(headed(token(), Some("same-origin"), Some("https://evil.com"))).await.verdict();
    assert!(verdict.starts_with("403: Origin checking failed"), "{verdict}");
}

#[tokio::test]
async fn the_default_does_not_look_at_it() {
    let site = Site::new(&settings(CsrfMode::Token));
    let token = form(Some(SECRET), format!("csrfmiddlewaretoken={TOKEN}"));
    assert_eq!(site.send(headed(token, Some("cross-site"), None)).await.verdict(), "accept");
}
