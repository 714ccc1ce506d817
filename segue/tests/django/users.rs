//! Names of users and the way to the login and back, beside Django's.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use http::{Method, Request, Response};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use segue::auth::{login_required, views};
use segue::users::{email_problem, normalize_email, normalize_username, username_problem};
use segue::{Settings, Site, Templates};
use serde_json::json;
use tower::ServiceExt as _;

use crate::place::{Place, SECRET};
use crate::side::Django;

pub const HOST: &str = "example.com";

/// A Django with its users in this database, and hashes that are quick.
pub fn django(place: &Place) -> Django {
    let validator =
        |name: &str| json!({"NAME": format!("django.contrib.auth.password_validation.{name}")});
    let validators = [
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    ];
    Django::configured(json!({
        "database": place.path(),
        "secret_key": SECRET,
        "auth": true,
        "extra": {
            "PASSWORD_HASHERS": ["passwords_side.Sha256"],
            "AUTH_PASSWORD_VALIDATORS": validators.map(validator),
        },
    }))
}

/// Every character that Unicode has given a meaning, and texts of all sorts of them.
fn names() -> Vec<String> {
    let mut names: Vec<String> =
        ('\0'..'\u{32400}').chain('\u{e0000}'..'\u{e0200}').map(String::from).collect();
    names.extend(["".to_owned(), "ann smith".to_owned(), " ann".to_owned(), "ann\n".to_owned()]);
    names.extend([149, 150, 151, 300].map(|length| "é".repeat(length)));
    names.extend([149, 150, 151].map(|length| " ".repeat(length)));
    let mut runner = TestRunner::deterministic();
    for pattern in
        ["\\PC{0,8}", "[a-z@.+_-]{0,10}", "[e\u{301}\u{fb01}Åａ½ℌ²ßİ가\u{1100}\u{1161}]{1,9}"]
    {
        let any = proptest::string::string_regex(pattern).unwrap();
        names.extend((0..1000).map(|_| any.new_tree(&mut runner).unwrap().current()));
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_stored_and_refused_as_django_does() {
    let place = Place::new().await;
    let mut django = django(&place);
    let names = names();
    let (mut refused, mut unknown) = (0, 0);
    let mut differ = BTreeMap::new();
    for names in names.chunks(50_000) {
        let told = django.call(&json!({"op": "user_names", "names": names}));
        for (name, told) in names.iter().zip(told.as_array().unwrap()) {
            let ours = (normalize_username(name), username_problem(name));
            let theirs =
                (told[0].as_str().unwrap().to_owned(), told[1].as_str().map(str::to_owned));
            refused += usize::from(theirs.1.is_some());
            // Python's Unicode is an older one.
            let is_known = told[2].as_bool().unwrap();
            unknown += usize::from(!is_known);
            if is_known && ours != theirs {
                differ.insert(name.clone(), (ours, theirs));
            }
        }
    }
    assert!(refused > 10_000 && names.len() - refused > 100_000, "{refused}");
    println!("{refused} refused, {unknown} unknown, {} differ", differ.len());
    assert!(differ.is_empty(), "{:?}", differ.iter().take(60).collect::<Vec<_>>());
}

/// What is no address is refused with the same words: generated ones, and each character in each part.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_judged_as_django_does() {
    let place = Place::new().await;
    let mut django = django(&place);
    let mut runner = TestRunner::deterministic();
    let long = |length| "a".repeat(length);
    let mut addresses = vec![
        String::new(),
        " ".to_owned(),
        "a@localhost".to_owned(),
        "a@LOCALHOST".to_owned(),
        format!("{}@example.com", long(242)),
        format!("{}@example.com", long(243)),
        format!("{}@example.com", long(308)),
        format!("{}@example.com", long(309)),
        format!("a@{}.com", long(63)),
        format!("a@{}.com", long(64)),
        format!("a@b.{}", long(63)),
        format!("a@b.{}", long(64)),
        format!("a@b.xn--{}", "1".repeat(59)),
        format!("a@b.xn--{}", "1".repeat(60)),
    ];
    for pattern in [
        "[A-Za-z0-9.+_\"\\\\ -]{0,6}@[A-Za-z0-9.-]{0,9}",
        "[ab.]{1,3}@([a1-]{1,3}\\.){1,3}([a1-]{1,4}|XN--[a1-]{0,3})",
        "\"[ab\\\\\"\u{1}\t\n\r\u{7f}@.]{0,5}\"@a\\.bc",
        "a@\\[[0-9a-fA-Fg:.]{1,16}\\]?",
        "a@\\[(0|1|01|255|256)(\\.(0|1|01|255|256)){2,4}\\]",
        "[aéıſKİß漢🦀]{1,2}@[aéıſKİß漢🦀.]{1,6}\\.[aéıſKİß漢🦀-]{1,4}",
    ] {
        let any = proptest::string::string_regex(pattern).unwrap();
        addresses.extend((0..2000).map(|_| any.new_tree(&mut runner).unwrap().current()));
    }
    for character in (1..0x3000).chain([0xfffe, 0xffff, 0x1_0000]).filter_map(char::from_u32) {
        addresses.extend([
            format!("a{character}@example.com"),
            format!("\"a{character}\"@example.com"),
            format!("\"a\\{character}\"@example.com"),
            format!("a@b{character}c.com"),
            format!("a@b.{character}om"),
        ]);
    }
    let told = django.call(&json!({"op": "email_problems", "addresses": addresses}));
    let mut refused = 0;
    let mut differ = Vec::new();
    for (address, told) in addresses.iter().zip(told.as_array().unwrap()) {
        let (ours, theirs) = (email_problem(address), told.as_str().map(str::to_owned));
        refused += usize::from(theirs.is_some());
        if ours != theirs {
            differ.push((address, ours, theirs));
        }
    }
    println!("{refused} of {} refused, {} differ", addresses.len(), differ.len());
    assert!(refused > 10_000 && addresses.len() - refused > 10_000, "{refused}");
    assert!(differ.is_empty(), "{:?}", differ.iter().take(40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_normalised_as_django_does() {
    let place = Place::new().await;
    let mut django = django(&place);
    let mut runner = TestRunner::deterministic();
    let mut addresses = vec![String::new(), "@".to_owned(), "a@b@C.D".to_owned(), "ANN".to_owned()];
    for pattern in [
        "[A-Za-z.]{0,6}@[A-Za-z.]{0,6}",
        "[ \t\n\u{1c}\u{1f}\u{85}\u{a0}\u{200b}A@ΣςİÉßǅ\u{345}.]{0,9}",
    ] {
        let any = proptest::string::string_regex(pattern).unwrap();
        addresses.extend((0..2000).map(|_| any.new_tree(&mut runner).unwrap().current()));
    }
    let told = django.call(&json!({"op": "emails", "addresses": addresses}));
    for (address, told) in addresses.iter().zip(told.as_array().unwrap()) {
        assert_eq!(normalize_email(address), told.as_str().unwrap(), "{address:?}");
    }
}

pub fn settings() -> Settings {
    let mut settings = Settings::new(SECRET);
    settings.allowed_hosts = vec![HOST.to_owned()];
    settings.session.cookie_secure = false;
    settings.throttle.limit = 0;
    let header = ("x-forwarded-proto".to_owned(), "https".to_owned());
    settings.secure_proxy_ssl_header = Some(header);
    settings
}

/// A request as a browser makes it, by https where a proxy says so.
pub async fn send(app: &Router, request: http::request::Builder, body: &str) -> Response<Body> {
    let request = request
        .header("host", HOST)
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
}

pub async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// From these all sorts of URLs are put together.
const PARTS: &[&str] = &[
    "/",
    "//",
    "\\",
    "http:",
    "https:",
    "HTTPS:",
    "javascript:",
    "ftp:",
    ":",
    "@",
    "example.com",
    "evil.example",
    "Example.com",
    ":80",
    "?",
    "#",
    ".",
    " ",
    "\t",
    "\n",
    "\u{8}",
    "\u{a0}",
    "\u{feff}",
    "é",
    "[",
    "]",
    "[::1]",
    "a",
    "%2f",
    ";",
];

/// Each part, two, and three in a row, and some of them behind whole beginnings.
fn urls() -> Vec<String> {
    let mut urls = vec![String::new()];
    let mut longer = urls.clone();
    for _ in 0..3 {
        longer = longer
            .iter()
            .flat_map(|start| PARTS.iter().map(move |part| format!("{start}{part}")))
            .collect();
        urls.extend(longer.iter().cloned());
    }
    for start in ["http://", "https://", "//", "/\\", "http:///", "https://example.com", "///"] {
        for one in PARTS {
            urls.extend(PARTS.iter().map(|two| format!("{start}{one}{two}")));
        }
    }
    urls.extend([2046, 2047, 2048, 2049].map(|length| format!("/{}", "é".repeat(length))));
    urls
}

/// Where we refuse and Django does not: the ways in which we are stricter.
fn is_stranger(url: &str) -> bool {
    let has_control = url.chars().any(char::is_control);
    let is_plain = url.starts_with(|c: char| c.is_ascii_graphic());
    has_control || !is_plain || url.ends_with(char::is_whitespace)
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_are_sent_on_where_django_sends_them() {
    let place = Place::new().await;
    let mut django = django(&place);
    let mut settings = settings();
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates/registration");
    std::fs::create_dir_all(&templates).unwrap();
    std::fs::write(templates.join("login.html"), "{{ next|safe }}").unwrap();
    settings.base_dir = folder.path().to_owned();
    settings.auth.logout_redirect_url = Some("/who".to_owned());
    let routes = Router::new().nest("/accounts", views::urls());
    let exempt = routes.with_state(Templates::new(&settings));
    settings.database_url = database(&place);
    let site = Site::new(settings, Router::new()).await.unwrap();
    let app = site.csrf_exempt(exempt).into_router();
    let urls = urls();
    let mut seen = BTreeMap::new();
    for (secure, proto) in [(false, "http"), (true, "https")] {
        // By https fewer of them: it is a matter of how they begin.
        let urls: Vec<&String> = urls.iter().step_by(if secure { 7 } else { 1 }).collect();
        let told =
            django.call(&json!({"op": "safe_urls", "urls": urls, "host": HOST, "secure": secure}));
        let mut safe = Vec::new();
        for (url, told) in urls.iter().zip(told.as_array().unwrap()) {
            let path = format!("/accounts/login/?{}", form(&[("next", url)]));
            let request = Request::get(path).header("x-forwarded-proto", proto);
            let next = text(send(&app, request, "").await).await;
            let is_safe = !next.is_empty();
            assert!(!is_safe || next == **url, "{url:?} became {next:?}");
            let theirs = told.as_bool().unwrap();
            if is_safe != theirs {
                assert!(theirs && is_stranger(url), "{url:?}: {is_safe}, Django: {theirs}");
                *seen.entry("stricter").or_insert(0) += 1;
            }
            *seen.entry(if is_safe { "safe" } else { "unsafe" }).or_insert(0) += 1;
            if is_safe {
                safe.push(url);
            }
        }
        // And the header that sends them there.
        if !secure {
            let told = django.call(&json!({"op": "after_logout", "urls": safe, "host": HOST}));
            for (url, told) in safe.iter().zip(told.as_array().unwrap()) {
                let request = Request::post("/accounts/logout/");
                let response = send(&app, request, &form(&[("next", url)])).await;
                let location = response.headers()["location"].to_str().unwrap();
                assert_eq!(location, told.as_str().unwrap(), "{url:?}");
            }
        }
    }
    println!("{seen:?}");
    assert!(seen["safe"] > 5000 && seen["unsafe"] > 5000 && seen["stricter"] > 100, "{seen:?}");
}

pub fn database(place: &Place) -> segue::settings::DatabaseUrl {
    let url = format!("sqlite://{}", place.path().display());
    segue::settings::DatabaseUrl::parse(&url, std::path::Path::new("")).unwrap()
}

/// A `Location` in its parts: the fields in no order, and a field `next` read as Django's view reads
/// it, its path decoded.
fn parts(location: &str) -> (String, Vec<(String, String)>, String) {
    let (rest, fragment) = location.split_once('#').unwrap_or((location, ""));
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| match &*name {
            "next" => (name.into_owned(), decoded(&value)),
            _ => (name.into_owned(), value.into_owned()),
        })
        .collect();
    fields.sort();
    (base.to_owned(), fields, fragment.to_owned())
}

/// What the path is once it is decoded, which nobody may do twice; the query as it is.
fn decoded(url: &str) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    // A plus sign is one in a path.
    let path = path.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let (name, _) = form_urlencoded::parse(path.as_bytes()).next().unwrap_or_default();
    format!("{name}?{query}")
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_sent_to_the_login_as_django_sends_them() {
    let place = Place::new().await;
    let mut django = django(&place);
    let mut runner = TestRunner::deterministic();
    let mut targets: Vec<String> = ["/", "/a?", "/a?b", "/?next=/c&next=d", "//a/b", "/a%2Fb%2541"]
        .map(str::to_owned)
        .to_vec();
    let any = "/[a-zA-Z0-9/._~!$'()*+,:;@-]{0,8}(%(2[0-9A-F]|3[0-9A-F]|C3%A9|4[1-9])){0,2}\
               (\\?[a-z0-9=&+%!$'()*,/:;?@._~-]{0,10})?";
    let any = proptest::string::string_regex(any).unwrap();
    targets.extend((0..500).map(|_| any.new_tree(&mut runner).unwrap().current()));
    // Dots between slashes no browser sends; Django resolves them in some places.
    let is_plain = |target: &String| {
        let decoded = decoded(target);
        let path = decoded.split('?').next().unwrap_or_default();
        !path.split('/').any(|part| part == "." || part == "..")
    };
    targets.retain(|target| target.parse::<http::Uri>().is_ok() && is_plain(target));
    assert!(targets.len() > 400);
    for login_url in [
        "/login/",
        "/login/?a=b&next=/x&c=",
        "/login/?a=%20+b&a=c#top",
        "/é/?é=é",
        "http://example.com/login/",
        "https://example.com/login/",
        "http://example.com:80/login/",
        "https://sso.example/in?x=1#top",
    ] {
        for (secure, proto) in [(false, "http"), (true, "https")] {
            let mut settings = settings();
            settings.auth.login_url = login_url.to_owned();
            settings.database_url = database(&place);
            let routes =
                Router::new().fallback(get(|| async { "for members" })).layer(login_required());
            let app = Site::new(settings, routes).await.unwrap().into_router();
            let told = django.call(&json!({
                "op": "to_login", "login_url": login_url, "targets": targets, "host": HOST,
                "secure": secure,
            }));
            for (target, told) in targets.iter().zip(told.as_array().unwrap()) {
                let request = Request::builder().method(Method::GET).uri(target);
                let response = send(&app, request.header("x-forwarded-proto", proto), "").await;
                assert_eq!(response.status(), 302, "{target}");
                let location = response.headers()["location"].to_str().unwrap();
                let told = told.as_str().unwrap();
                assert_eq!(parts(location), parts(told), "{target}: {location} {told}");
            }
        }
    }
}
