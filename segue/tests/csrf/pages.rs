//! What the visitor, the developer and the log are told of a refused request.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ORIGIN, REFERER};
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use segue::{CsrfFailure, CsrfLayer};

use crate::common::Log;
use crate::site::{OTHER, SECRET, Site, TOKEN, form, settings, with};
use crate::vectors::proto;

fn evil_referer() -> Request<Body> {
    let mut request = form(Some(SECRET), format!("csrfmiddlewaretoken={TOKEN}"));
    request.headers_mut().insert(
        REFERER,
        HeaderValue::from_static("https://evil.com/<script>alert(1)</script>?token=hunter2"),
    );
    let name = HeaderName::from_static("x-forwarded-proto");
    request.headers_mut().insert(name, HeaderValue::from_static("https"));
    request
}

#[tokio::test]
async fn the_page_says_what_a_visitor_can_do_and_nothing_of_the_inside() {
    let site = Site::new(&settings());
    let answer = site.send(form(None, "a=b")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.headers[CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(answer.text().starts_with("<!DOCTYPE html>"));
    assert!(answer.text().contains("<h1>Forbidden <small>(403)</small></h1>"));
    assert!(answer.text().contains("If you have turned cookies off"));
    for inside in ["CSRF cookie not set", "DEBUG", "csrf_token", "Reason"] {
        assert!(!answer.text().contains(inside), "{inside}");
    }
}

/// Who was lured to another page has nothing to load again.
#[tokio::test]
async fn it_says_so_when_the_form_was_on_another_site() {
    let site = Site::new(&settings());
    let mut request = form(Some(SECRET), format!("csrfmiddlewaretoken={TOKEN}"));
    request.headers_mut().insert(ORIGIN, HeaderValue::from_static("https://evil.com"));
    let answer = site.send(request).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("the form was on a page of another site"));
    assert!(!answer.text().contains("evil.com") && !answer.text().contains("go back"));
}

#[tokio::test]
async fn with_debug_it_says_how_to_mend_it() {
    let site = Site::new(&with(|s| s.debug = true));
    let answer = site.send(form(None, "a=b")).await;
    assert!(answer.text().contains("<code id=\"reason\">CSRF cookie not set.</code>"));
    assert!(answer.text().contains("{% csrf_token %}"));
    assert!(answer.text().contains("CSRF_COOKIE_SECURE"));
    let mut request = form(Some(SECRET), "a=b");
    request.headers_mut().insert(ORIGIN, HeaderValue::from_static("https://example.com"));
    let answer = site.send(request).await;
    assert!(answer.text().contains("SECURE_PROXY_SSL_HEADER"));
}

/// Whoever sends a visitor here decides what stands in these headers.
#[tokio::test]
async fn what_the_request_says_is_shown_and_never_run() {
    let site = Site::new(&with(|s| {
        s.debug = true;
        s.secure_proxy_ssl_header = Some(proto());
    }));
    let answer = site.send(evil_referer()).await;
    assert!(answer.verdict().contains("<script>"), "the reason is Django's to the letter");
    assert!(!answer.text().contains("<script"), "{}", answer.text());
    assert!(answer.text().contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let mut request = form(Some(SECRET), "");
    request.headers_mut().insert(ORIGIN, HeaderValue::from_static("\"><img src=x onerror='a&b'>"));
    let answer = site.send(request).await;
    assert!(answer.text().contains("&quot;&gt;&lt;img src=x onerror=&#x27;a&amp;b&#x27;&gt;"));
}

#[tokio::test]
async fn the_page_can_be_replaced_and_the_reason_stands_in_the_extensions() {
    let layer = CsrfLayer::new(&settings()).unwrap().on_failure(|request, failure| {
        assert_eq!(*failure, CsrfFailure::NoCookie);
        let mut response = Response::new(format!("{{\"path\":\"{}\"}}", request.uri.path()));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    });
    let site = Site::with_layer(layer);
    let answer = site.send(form(None, "a=b")).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::IM_A_TEAPOT, "{\"path\":\"/\"}"));
    assert_eq!(answer.failure, Some(CsrfFailure::NoCookie));
}

#[tokio::test]
async fn the_log_has_the_reason_and_no_secret() {
    let log = Log::start();
    let site = Site::new(&with(|s| s.secure_proxy_ssl_header = Some(proto())));

    site.send(evil_referer()).await;
    let reason = "Referer checking failed - https://evil.com does not match any trusted origins.";
    let text = log.take();
    assert!(text.contains(reason), "{text}");
    assert!(text.contains("WARN") && text.contains("path=\"/\""), "{text}");

    site.send(form(Some(SECRET), format!("csrfmiddlewaretoken={OTHER}"))).await;
    site.send(form(Some("short"), format!("csrfmiddlewaretoken={TOKEN}"))).await;
    let mut request = form(Some(SECRET), "");
    *request.uri_mut() = "/reset%0A/?token=hunter2".parse().unwrap();
    request.headers_mut().insert(ORIGIN, HeaderValue::from_bytes(b"http://a\x85\xe9b").unwrap());
    site.send(request).await;
    let text = log.take();
    assert_eq!(text.lines().count(), 3, "a line for each: {text}");
    assert!(!text.contains('\u{85}'), "what ends a line on some terminals is written out");
    for secret in [SECRET, TOKEN, OTHER, "hunter2", "short", "<script>"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

/// A refused request must not fill the disk: escaped, each letter would take six.
#[tokio::test]
async fn the_log_is_short_whatever_was_sent() {
    let log = Log::start();
    let site = Site::new(&settings());
    let mut request = form(Some(SECRET), "");
    *request.method_mut() = "M".repeat(60_000).parse().unwrap();
    *request.uri_mut() = format!("/{}", "p".repeat(60_000)).parse().unwrap();
    let origin = HeaderValue::from_bytes(&b"\x85".repeat(60_000)).unwrap();
    request.headers_mut().insert(ORIGIN, origin);
    let answer = site.send(request).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let text = log.take();
    assert!(text.contains("Origin checking failed - \\u{85}"), "{text}");
    assert!(text.len() < 5000, "{} bytes", text.len());
}

#[tokio::test]
async fn nothing_shows_in_debug() {
    let site = Site::with_routes(|routes| {
        routes
            .route(
                "/debug",
                axum::routing::get(|token: segue::CsrfToken, request: Request<Body>| async move {
                    format!("{token:?} {:?}", request.extensions())
                }),
            )
            .layer(CsrfLayer::new(&settings()).unwrap())
    });
    let answer = site.get("/debug", Some(&format!("csrftoken={SECRET}"))).await;
    assert!(answer.text().starts_with("CsrfToken(..)"));
    assert!(!answer.text().contains(SECRET));
    let layer = CsrfLayer::new(&settings()).unwrap();
    assert!(!format!("{layer:?}").contains("secret key"));
}
