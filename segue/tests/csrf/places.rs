//! Where the site stands: behind a proxy, on which hosts.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use segue::{CsrfLayer, Settings};

use crate::site::{SECRET, Site, TOKEN, form, settings, with};
use crate::vectors::proto;

fn good(headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = form(Some(SECRET), format!("csrfmiddlewaretoken={TOKEN}"));
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

async fn verdict(settings: &Settings, headers: &[(&str, &str)]) -> String {
    Site::new(settings).send(good(headers)).await.verdict()
}

/// The trouble of many Django sites behind a proxy that speaks https for them.
#[tokio::test]
async fn behind_a_proxy_the_origin_is_what_the_visitor_sees() {
    let origin = ("origin", "https://example.com");
    let forwarded = ("x-forwarded-proto", "https");
    let refused =
        "403: Origin checking failed - https://example.com does not match any trusted origins.";
    assert_eq!(verdict(&settings(), &[origin, forwarded]).await, refused);
    let proxied = with(|s| s.secure_proxy_ssl_header = Some(proto()));
    assert_eq!(verdict(&proxied, &[origin, forwarded]).await, "accept");
    assert_eq!(verdict(&proxied, &[origin, ("x-forwarded-proto", "https, http")]).await, "accept");
    assert_eq!(verdict(&proxied, &[origin, ("x-forwarded-proto", "http")]).await, refused);
    assert_eq!(verdict(&proxied, &[origin]).await, refused);

    let inside = ("host", "10.0.0.7:8000");
    let outside = ("x-forwarded-host", "example.com");
    assert_eq!(verdict(&proxied, &[origin, forwarded, inside, outside]).await, refused);
    let both = with(|s| {
        s.secure_proxy_ssl_header = Some(proto());
        s.use_x_forwarded_host = true;
    });
    assert_eq!(verdict(&both, &[origin, forwarded, inside, outside]).await, "accept");
}

/// A visitor's browser, led by an attacker's page, cannot set these headers; but if it could, a
/// site that did not ask for them would not listen.
#[tokio::test]
async fn what_a_proxy_says_counts_only_where_there_is_one() {
    let evil = [("origin", "http://evil.com"), ("x-forwarded-host", "evil.com")];
    assert!(verdict(&settings(), &evil).await.starts_with("403: Origin checking failed"));
    let forwarded = with(|s| s.use_x_forwarded_host = true);
    assert!(verdict(&forwarded, &evil).await.starts_with("403: Origin checking failed"));
}

#[tokio::test]
async fn a_cookie_for_a_domain_lets_its_hosts_refer_to_each_other() {
    let domain = with(|s| {
        s.secure_proxy_ssl_header = Some(proto());
        s.csrf.cookie_domain = Some(".example.com".to_owned());
        s.allowed_hosts = vec![".example.com".to_owned()];
    });
    let https = ("x-forwarded-proto", "https");
    for (host, referer, accepted) in [
        ("example.com", "https://a.example.com/", true),
        ("example.com:8443", "https://a.example.com:8443/", true),
        ("example.com:8443", "https://a.example.com/", false),
        ("example.com", "https://notexample.com/", false),
        ("example.com", "https://a.example.com@evil.com/", false),
    ] {
        let verdict = verdict(&domain, &[https, ("host", host), ("referer", referer)]).await;
        assert_eq!(verdict == "accept", accepted, "{host} {referer}: {verdict}");
    }
}

#[test]
fn wrong_settings_stop_the_start() {
    let refused = |settings: &Settings| CsrfLayer::new(settings).unwrap_err().to_string();
    let error = refused(&with(|s| s.allowed_hosts.clear()));
    assert!(error.starts_with("ALLOWED_HOSTS"), "{error}");
    let error = refused(&with(|s| s.file_upload_temp_dir = Some("/no/such/folder".into())));
    assert!(error.starts_with("FILE_UPLOAD_TEMP_DIR: found /no/such/folder"), "{error}");
    let error = refused(&with(|s| s.csrf.trusted_origins.push("example.org".to_owned())));
    assert!(error.starts_with("CSRF_TRUSTED_ORIGINS"), "{error}");
}
