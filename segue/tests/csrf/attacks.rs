//! What an attacker puts into a request, and what it costs to look at it.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Request};

use crate::bodies::{FIELD, multipart, pieces};
use crate::site::{FORM, OTHER, SECRET, Site, TOKEN, form, settings, with};

fn header(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
    request.headers_mut().append(HeaderName::from_static(name), value);
    request
}

/// A subdomain of an attacker's can give the visitor cookies for the whole domain, but none with
/// this prefix, in any spelling: browsers refuse them. Spellings that they might let through are
/// other cookies for us.
#[tokio::test]
async fn a_cookie_for_this_host_alone_is_not_mistaken_for_another() {
    let site = Site::new(&with(|s| {
        s.csrf.cookie_name = "__Host-csrf".to_owned();
        s.csrf.cookie_secure = true;
    }));
    let planted = format!("{FIELD}={OTHER}");
    for cookie in [
        "__host-csrf=",
        "__HOST-csrf=",
        "__Host-CSRF=",
        "__Host_csrf=",
        "_-Host-csrf=",
        "x__Host-csrf=",
        "=__Host-csrf=",
        "%5f_Host-csrf=",
        "csrf=",
        "csrftoken=",
        "$Version=1,__Host-csrf=",
        "a=\"; __Host-csrf-=",
    ] {
        let request = header(form(None, planted.clone()), "cookie", &format!("{cookie}{OTHER}"));
        assert_eq!(site.send(request).await.verdict(), "403: CSRF cookie not set.", "{cookie}");
    }
    let request = header(form(None, planted), "cookie", &format!("__Host-csrf={OTHER}"));
    assert_eq!(site.send(request).await.verdict(), "accept", "the control");
}

/// What is no form to Django is none to us, however right the token in it is: the two must not
/// differ in what a request is.
#[tokio::test]
async fn a_type_that_is_nearly_a_form_is_none() {
    let site = Site::new(&settings());
    let bodies = [
        format!("{FIELD}={TOKEN}"),
        String::from_utf8(multipart(&[(FIELD, None, TOKEN.as_bytes())])).unwrap(),
    ];
    let send = async |types: &[&str]| {
        for body in &bodies {
            let mut request = form(Some(SECRET), body.clone());
            request.headers_mut().remove(CONTENT_TYPE);
            let typed = |request, kind: &&str| header(request, "content-type", kind);
            let answer = site.send(types.iter().fold(request, typed)).await;
            assert_eq!(answer.verdict(), "403: CSRF token missing.", "{types:?}");
        }
    };
    for content_type in [
        "",
        "text/plain; application/x-www-form-urlencoded",
        "application/json; application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded\u{a0}",
        "\"application/x-www-form-urlencoded\"",
        "application/x-www-form-urlencoded/",
        "multipart/form-data; boundary=\"xYzZY",
        "multipart/form-data; boundary*=utf-8''xYzZY",
        "multipart/form-data; boundary=xYzZY; boundary=",
        "multipart/mixed; boundary=xYzZY",
        "multipart/form-data/; boundary=xYzZY",
    ] {
        send(&[content_type]).await;
    }
    let upload = "multipart/form-data; boundary=xYzZY";
    for types in
        [[FORM, "text/plain"], ["text/plain", FORM], [FORM, FORM], ["", FORM], [FORM, upload]]
    {
        send(&types).await;
    }
}

/// Of what is large each byte is looked at once. That takes half a second at most; were each looked at
/// as often as there are bytes, it would take minutes.
#[tokio::test]
async fn nothing_takes_long_to_look_at() {
    let site = Site::new(&settings());
    let long = 400_000;
    let upload = |body: Vec<u8>, piece: usize| {
        let mut request = form(Some(SECRET), pieces(&body, piece));
        let kind = HeaderValue::from_static("multipart/form-data; boundary=xYzZY");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        request
    };
    let parameters = format!("multipart/form-data{}", "; boundary=\"a\\\"b".repeat(long / 16));
    let part = multipart(&[("f", None, b"")]);
    let (part, _) = part.split_at(part.len() - 11);
    let requests = [
        ("cookies", header(form(None, ""), "cookie", &"a=b; ".repeat(long / 5))),
        ("secrets", header(form(None, ""), "cookie", &"csrftoken=a; ".repeat(long / 13))),
        ("a token", header(form(Some(SECRET), ""), "x-csrftoken", &"a".repeat(long))),
        ("a type", header(form(Some(SECRET), ""), "content-type", &parameters)),
        ("an origin", header(form(Some(SECRET), ""), "origin", &"https://[".repeat(long / 9))),
        ("ampersands", form(Some(SECRET), vec![b'&'; long])),
        ("bytes", form(Some(SECRET), pieces(&vec![b'%'; long], 1))),
        ("names", form(Some(SECRET), FIELD.repeat(long / 19).replace("encsrf", "en&csrf"))),
        ("line breaks", upload(b"\r\n--xYzZ\r".repeat(long / 9), 1)),
        ("returns", upload(vec![b'\r'; long], 7)),
        ("parts", upload(part.repeat(long / part.len()), 100)),
        ("empty parts", upload(b"--xYzZY\r\n\r\n\r\n".repeat(long / 13), 1000)),
    ];
    for (what, request) in requests {
        let began = Instant::now();
        let answer = site.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.runs), (403, 0), "{what}");
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: {:?}", began.elapsed());
    }
}
