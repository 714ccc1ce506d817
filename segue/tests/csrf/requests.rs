//! Who is let pass.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use segue::CsrfLayer;

use crate::site::{FORM, OTHER, SECRET, Site, TOKEN, form, request, settings, with};

fn header(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    request
}

fn good() -> Request<Body> {
    form(Some(SECRET), format!("csrfmiddlewaretoken={TOKEN}"))
}

#[tokio::test]
async fn every_method_that_is_not_safe_needs_a_token() {
    let site = Site::new(&settings());
    for method in ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "PROPFIND", "post", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = site.send(request(method.clone(), "/")).await;
        assert_eq!(answer.verdict(), "403: CSRF cookie not set.", "{method}");
    }
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        let answer = site.send(request(method.clone(), "/")).await;
        assert_eq!((answer.status, answer.runs), (StatusCode::OK, 1), "{method}");
        assert_eq!((answer.cookies.len(), answer.vary), (0, None), "nothing was asked for");
    }
}

#[tokio::test]
async fn a_form_field_counts_in_a_post_only() {
    let site = Site::new(&settings());
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let mut request = good();
        *request.method_mut() = method;
        assert_eq!(site.send(request).await.verdict(), "403: CSRF token missing.");
    }
}

#[tokio::test]
async fn a_token_in_the_address_is_none() {
    let site = Site::new(&settings());
    let mut request = form(Some(SECRET), "");
    *request.uri_mut() = format!("/?csrfmiddlewaretoken={TOKEN}").parse().unwrap();
    assert_eq!(site.send(request).await.verdict(), "403: CSRF token missing.");
}

#[tokio::test]
async fn a_token_in_json_is_none_and_the_header_is_taken() {
    let site = Site::new(&settings());
    let json = || {
        let mut request = form(Some(SECRET), format!("{{\"csrfmiddlewaretoken\":\"{TOKEN}\"}}"));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    };
    assert_eq!(site.send(json()).await.verdict(), "403: CSRF token missing.");
    let answer = site.send(header(json(), "x-csrftoken", TOKEN)).await;
    assert_eq!(answer.verdict(), "accept");
    assert!(answer.text().starts_with("{\"csrf"), "the body comes whole");
    // A page of another site can send this type without being asked first.
    let mut plain = json();
    plain.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    assert_eq!(site.send(plain).await.verdict(), "403: CSRF token missing.");
}

#[tokio::test]
async fn the_header_has_the_name_that_the_settings_say() {
    for name in ["HTTP_X_XSRF_TOKEN", "X-XSRF-TOKEN", "x-xsrf-token"] {
        let site = Site::new(&with(|s| s.csrf.header_name = name.to_owned()));
        let request = || form(Some(SECRET), "");
        let answer = site.send(header(request(), "x-xsrf-token", TOKEN)).await;
        assert_eq!(answer.verdict(), "accept");
        let answer = site.send(header(request(), "x-csrftoken", TOKEN)).await;
        assert_eq!(answer.verdict(), "403: CSRF token missing.");
        let answer = site.send(header(request(), "x-xsrf-token", OTHER)).await;
        assert_eq!(
            answer.verdict(),
            "403: CSRF token from the 'X-Xsrf-Token' HTTP header incorrect."
        );
    }
}

#[tokio::test]
async fn two_tokens_in_headers_are_none() {
    let site = Site::new(&settings());
    let request = header(form(Some(SECRET), ""), "x-csrftoken", TOKEN);
    let answer = site.send(header(request, "x-csrftoken", TOKEN)).await;
    assert!(answer.verdict().ends_with("has incorrect length."), "{}", answer.verdict());
}

#[tokio::test]
async fn two_origins_are_none() {
    let site = Site::new(&settings());
    let request = header(good(), "origin", "http://example.com");
    let answer = site.send(header(request, "origin", "https://evil.com")).await;
    let reason = "403: Origin checking failed - http://example.com,https://evil.com does not match";
    assert!(answer.verdict().starts_with(reason), "{}", answer.verdict());
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_no_origin_of_ours() {
    let site = Site::new(&settings());
    for host in ["evil.com", "example.com.evil.com", "", "example.com@evil.com"] {
        let mut request = good();
        request.headers_mut().insert(HOST, host.parse().unwrap());
        request.headers_mut().insert(ORIGIN, format!("http://{host}").parse().unwrap());
        let verdict = site.send(request).await.verdict();
        assert!(verdict.starts_with("403: Origin checking failed"), "{host}: {verdict}");
    }
}

/// A cookie from a subdomain that an attacker has (or from the network over http) is no way in
/// where the page is known.
#[tokio::test]
async fn a_secret_that_the_attacker_set_does_not_help_another_origin() {
    let site = Site::new(&settings());
    let request = form(Some(OTHER), format!("csrfmiddlewaretoken={OTHER}"));
    let answer = site.send(header(request, "origin", "http://evil.example.com")).await;
    assert!(answer.verdict().starts_with("403: Origin checking failed"));
}

#[tokio::test]
async fn the_last_cookie_of_the_name_counts() {
    let site = Site::new(&settings());
    for (cookie, verdict) in [
        (format!("csrftoken={OTHER}; csrftoken={SECRET}"), "accept"),
        (format!("csrftoken=\"{SECRET}\""), "accept"),
        (format!("csrftoken={SECRET}; csrftoken={OTHER}"), "403: CSRF token from POST incorrect."),
        (format!("CSRFTOKEN={SECRET}"), "403: CSRF cookie not set."),
        ("csrftoken=".to_owned(), "403: CSRF cookie has incorrect length."),
        (format!("csrftoken={}", "é".repeat(32)), "403: CSRF cookie has invalid characters."),
    ] {
        let mut request = good();
        let value = HeaderValue::from_bytes(cookie.as_bytes()).unwrap();
        request.headers_mut().insert(COOKIE, value);
        assert_eq!(site.send(request).await.verdict(), verdict, "{cookie}");
    }
}

#[tokio::test]
async fn a_layer_within_another_checks_once_and_sets_one_cookie() {
    let layer = CsrfLayer::new(&settings()).unwrap();
    let site = Site::with_routes(|routes| routes.layer(layer.clone()).layer(layer));
    assert_eq!(site.send(good()).await.verdict(), "accept");
    let answer = site.send(form(Some(SECRET), "")).await;
    assert_eq!(answer.verdict(), "403: CSRF token missing.");
    let answer = site.get("/token", None).await;
    let cookie = answer.cookie().to_owned();
    let mut request = form(None, format!("csrfmiddlewaretoken={}", answer.text()));
    request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
    assert_eq!(site.send(request).await.verdict(), "accept");
}

#[tokio::test]
async fn layers_with_different_cookies_both_check() {
    let other = with(|s| s.csrf.cookie_name = "other".to_owned());
    let (outer, inner) = (CsrfLayer::new(&settings()).unwrap(), CsrfLayer::new(&other).unwrap());
    let site = Site::with_routes(|routes| routes.layer(inner).layer(outer));
    assert_eq!(site.send(good()).await.verdict(), "403: CSRF cookie not set.");
    let mut request = good();
    let cookies = format!("csrftoken={SECRET}; other={SECRET}");
    request.headers_mut().insert(COOKIE, cookies.parse().unwrap());
    assert_eq!(site.send(request).await.verdict(), "accept");
}

#[tokio::test]
async fn an_exempt_layer_lets_pass_and_still_gives_tokens() {
    let layer = CsrfLayer::new(&settings()).unwrap().exempt();
    let site = Site::with_layer(layer);
    assert_eq!(site.send(form(None, "a=b")).await.verdict(), "accept");
    let mut evil = form(None, "a=b");
    evil.headers_mut().insert(ORIGIN, HeaderValue::from_static("https://evil.com"));
    assert_eq!(site.send(evil).await.verdict(), "accept");
    assert!(site.get("/token", None).await.cookie().starts_with("csrftoken="));
}

/// An exempt layer around one that checks is no way round it.
#[tokio::test]
async fn an_exempt_layer_outside_does_not_open_the_one_inside() {
    let layer = CsrfLayer::new(&settings()).unwrap();
    let exempt = layer.exempt();
    let site = Site::with_routes(|routes| routes.layer(layer).layer(exempt));
    assert_eq!(site.send(form(None, "a=b")).await.verdict(), "403: CSRF cookie not set.");
    assert_eq!(site.send(good()).await.verdict(), "accept");
}

#[tokio::test]
async fn what_nobody_serves_is_protected_as_well() {
    let site = Site::new(&settings());
    let mut request = request(Method::POST, "/token");
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    let answer = site.send(request).await;
    assert_eq!(answer.verdict(), "403: CSRF cookie not set.");
}
