//! The worked examples of `vectors.json`, made by running Django: each verdict and its reason.

use axum::body::Body;
use axum::http::header::{ORIGIN, REFERER};
use axum::http::{HeaderName, HeaderValue, Method, Request, header};
use segue::Settings;
use serde_json::Value;

use crate::site::{OTHER, SECRET, Site, TOKEN, form, request, settings, with};

fn vectors() -> Value {
    let all: Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    all["csrf"].clone()
}

fn add(mut request: Request<Body>, name: HeaderName, value: &'static str) -> Request<Body> {
    request.headers_mut().append(name, HeaderValue::from_static(value));
    request
}

fn header_token(request: Request<Body>, token: &'static str) -> Request<Body> {
    add(request, HeaderName::from_static("x-csrftoken"), token)
}

fn good() -> Request<Body> {
    form(Some(SECRET), format!("csrfmiddlewaretoken={TOKEN}"))
}

/// A good form, from a page at this origin.
fn origin(value: &'static str) -> Request<Body> {
    add(good(), ORIGIN, value)
}

/// A good form over https, from this page.
fn referer(value: &'static str) -> Request<Body> {
    add(https(good()), REFERER, value)
}

fn https(request: Request<Body>) -> Request<Body> {
    add(request, HeaderName::from_static("x-forwarded-proto"), "https")
}

/// The cases by the names that they have there.
fn cases() -> Vec<(&'static str, Settings, Request<Body>)> {
    let field = |value: &str| form(Some(SECRET), format!("a=b&csrfmiddlewaretoken={value}"));
    let method = |method| {
        let cookie = format!("csrftoken={SECRET}").parse().unwrap();
        let mut request = request(method, "/");
        request.headers_mut().insert(header::COOKIE, cookie);
        request
    };
    let wrong = format!("{OTHER}{OTHER}");
    let proxied = || with(|s| s.secure_proxy_ssl_header = Some(proto()));
    let trusting = |origins: &[&str]| {
        let mut settings = proxied();
        settings.csrf.trusted_origins = origins.iter().map(|text| (*text).to_owned()).collect();
        settings
    };
    let wildcard = || trusting(&["https://*.trusted.com"]);
    let domain = || {
        let mut settings = proxied();
        settings.csrf.cookie_domain = Some(".example.com".to_owned());
        settings
    };
    vec![
        ("POST masked token", settings(), good()),
        ("POST unmasked token (32)", settings(), field(SECRET)),
        ("POST no cookie", settings(), form(None, format!("csrfmiddlewaretoken={TOKEN}"))),
        ("POST missing token", settings(), form(Some(SECRET), "a=b")),
        ("POST wrong token", settings(), field(&wrong)),
        ("POST short token", settings(), field("abc")),
        ("POST bad chars", settings(), field(&"-".repeat(64))),
        ("POST header only", settings(), header_token(form(Some(SECRET), "a=b"), TOKEN)),
        ("POST form empty + header", settings(), header_token(field(""), TOKEN)),
        ("POST form wrong + header right", settings(), header_token(field(&wrong), TOKEN)),
        ("POST header wrong", settings(), header_token(form(Some(SECRET), "a=b"), OTHER)),
        ("PUT header", settings(), header_token(method(Method::PUT), TOKEN)),
        ("bad cookie", settings(), form(Some("abc"), format!("csrfmiddlewaretoken={TOKEN}"))),
        (
            "masked (64) cookie accepted",
            settings(),
            form(Some(TOKEN), format!("csrfmiddlewaretoken={TOKEN}")),
        ),
        ("Origin same http", settings(), origin("http://example.com")),
        ("Origin null", settings(), origin("null")),
        ("Origin other", settings(), origin("https://evil.com")),
        ("Origin https vs http req", settings(), origin("https://example.com")),
        ("Origin trusted wildcard", wildcard(), origin("https://a.trusted.com")),
        ("Origin trusted wildcard apex", wildcard(), origin("https://trusted.com")),
        ("Origin trusted exact", trusting(&["https://t.com"]), origin("https://t.com")),
        ("https no referer no origin", proxied(), https(good())),
        ("https referer same", proxied(), referer("https://example.com/page")),
        ("https referer http", proxied(), referer("http://example.com/page")),
        ("https referer malformed", proxied(), referer("nonsense")),
        ("https referer other", proxied(), referer("https://evil.com/")),
        ("https referer trusted", wildcard(), referer("https://a.trusted.com/page")),
        ("https referer cookie-domain", domain(), referer("https://sub.example.com/")),
        ("https origin ok, referer absent", proxied(), https(origin("https://example.com"))),
        ("Origin with uppercase host", settings(), origin("http://EXAMPLE.com")),
        ("Origin empty string", settings(), origin("")),
        ("DELETE no token", settings(), method(Method::DELETE)),
        ("OPTIONS", settings(), method(Method::OPTIONS)),
    ]
}

pub fn proto() -> (String, String) {
    ("HTTP_X_FORWARDED_PROTO".to_owned(), "https".to_owned())
}

#[tokio::test]
async fn every_case_has_djangos_verdict_and_reason() {
    let vectors = vectors();
    let expected = vectors["cases"].as_object().unwrap();
    let cases = cases();
    assert_eq!(expected.len(), 33);
    let mut names: Vec<&str> = cases.iter().map(|(name, ..)| *name).collect();
    names.sort_unstable();
    assert_eq!(names, expected.keys().collect::<Vec<_>>());
    for (name, settings, request) in cases {
        let answer = Site::new(&settings).send(request).await;
        assert_eq!(answer.verdict(), expected[name].as_str().unwrap(), "{name}");
    }
}

#[tokio::test]
async fn the_cookie_is_djangos_to_the_byte() {
    let vectors = vectors();
    let expected = vectors["fresh_get_token_set_cookie"][0].as_str().unwrap();
    let (_, attributes) = expected.split_once(';').unwrap();
    let answer = Site::new(&settings()).get("/token", None).await;
    let (pair, ours) = answer.cookies[0].split_once(';').unwrap();
    assert_eq!(ours, attributes);
    let secret = pair.strip_prefix("csrftoken=").unwrap();
    assert!(secret.len() == 32 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(answer.vary.as_deref(), vectors["vary"].as_str());
}
