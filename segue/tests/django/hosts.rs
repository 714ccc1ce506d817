//! `ALLOWED_HOSTS`: both sides let the same requests in.

use std::convert::Infallible;

use axum::body::Body;
use http::{HeaderValue, Request, Response};
use segue::host::AllowedHostsLayer;
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::place::{Place, settings};

/// Parts of hosts, from which all sorts of hosts are put together.
const PARTS: &[&str] = &[
    "example.com",
    "www.",
    "Evil",
    ".",
    ":",
    ":80",
    "8",
    "-",
    "_",
    "[",
    "]",
    "[::1]",
    "::1",
    "fe80",
    ",",
    " ",
    "@",
    "/",
    "\\",
    "%",
    "localhost",
    "127.0.0.1",
    "é",
    "x",
    "g",
    "*",
    "?",
];

/// Each part, two, and three of them in a row.
fn hosts() -> Vec<String> {
    let mut hosts = vec![String::new()];
    let mut longer = hosts.clone();
    for _ in 0..3 {
        longer = longer
            .iter()
            .flat_map(|start| PARTS.iter().map(move |part| format!("{start}{part}")))
            .collect();
        hosts.extend(longer.iter().cloned());
    }
    hosts
}

/// A server takes the blanks around a header's value away, and reads its bytes as Latin-1.
fn as_django_gets_it(host: &str) -> String {
    host.trim().bytes().map(char::from).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_let_the_same_hosts_in() {
    let place = Place::empty().await;
    let mut django = place.django();
    let hosts = hosts();
    for (header, debug, allowed) in [
        ("host", false, vec!["example.com", "[::1]"]),
        ("x-forwarded-host", false, vec![".Example.com", "127.0.0.1"]),
        ("host", false, vec!["*"]),
        ("host", true, vec![]),
    ] {
        let django_header = header.to_uppercase().replace('-', "_");
        let requests: Vec<Value> = hosts
            .iter()
            .map(|host| json!({"HOST": "x", &*django_header: as_django_gets_it(host)}))
            .collect();
        let told = django.call(&json!({
            "op": "hosts",
            "requests": requests,
            "ALLOWED_HOSTS": allowed,
            "DEBUG": debug,
            "USE_X_FORWARDED_HOST": true,
        }));
        let mut settings = settings();
        settings.debug = debug;
        settings.allowed_hosts = allowed.iter().map(|host| (*host).to_owned()).collect();
        settings.use_x_forwarded_host = true;
        let served = service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::from("served"))));
        let service = AllowedHostsLayer::new(&settings).unwrap().layer(served);
        let mut let_in = 0;
        for (host, told) in hosts.iter().zip(told.as_array().unwrap()) {
            let mut request = Request::new(());
            request.headers_mut().insert("host", HeaderValue::from_static("x"));
            let value = HeaderValue::from_bytes(host.as_bytes()).unwrap();
            request.headers_mut().insert(header, value);
            let status = service.clone().oneshot(request).await.unwrap().status();
            let expected = if told.is_null() { 400 } else { 200 };
            assert_eq!(status, expected, "{header}: {host:?}, allowed: {allowed:?}");
            let_in += usize::from(!told.is_null());
        }
        assert!(let_in > 3, "some are let in: {let_in} of {}", hosts.len());
    }
}
