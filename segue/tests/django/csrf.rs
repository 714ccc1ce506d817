//! CSRF protection beside Django's: the same verdict and the same reason for any request, and
//! tokens that either takes from the other.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::uri::Scheme;
use axum::http::{HeaderName, HeaderValue, Request};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use segue::engines::DatabaseStore;
use segue::{Clock, CsrfFailure, CsrfLayer, SessionLayer};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::csrf_cases::{Case, SECRET, Site, TOKEN};
use crate::place::{Place, start};

/// How many sites, and how many requests to each.
const SITES: usize = 80;
const REQUESTS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn every_request_has_djangos_verdict_and_djangos_reason() {
    let place = Place::new().await;
    let mut django = place.django();
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeMap::new();
    for _ in 0..SITES {
        let site = Site::any().new_tree(&mut runner).unwrap().current();
        let secrets = stored_secrets(&place).await;
        let cases: Vec<Case> = (0..REQUESTS)
            .map(|_| Case::any(&site, &secrets).new_tree(&mut runner).unwrap().current())
            .collect();
        let requests: Vec<Value> = cases.iter().map(|case| case.for_django(&site)).collect();
        let theirs = django
            .call(&json!({"op": "verdicts", "settings": site.for_django(), "requests": requests}));
        let app = ours(&place, &site);
        for (case, theirs) in cases.iter().zip(theirs.as_array().unwrap()) {
            let (ours, theirs) = (verdict(&app, case).await, theirs.as_str().unwrap());
            assert_eq!(ours, in_our_words(theirs), "{case:#?}\n{site:#?}");
            *seen.entry(kind(theirs)).or_insert(0) += 1;
        }
    }
    println!("{} requests: {seen:#?}", SITES * REQUESTS);
    // What was hardly tried is not shown.
    for kind in KINDS {
        assert!(seen.get(*kind).is_some_and(|count| *count >= 20), "{kind}: {seen:#?}");
    }
    assert!(seen["accept"] >= 1000, "{seen:#?}");
}

/// The reasons, and what else Django does.
const KINDS: &[&str] = &[
    "accept",
    "403: Origin checking failed",
    "403: Referer checking failed - no Referer.",
    "403: Referer checking failed - Referer is malformed.",
    "403: Referer checking failed - Referer is insecure while host is secure.",
    "403: Referer checking failed - https://",
    "403: CSRF cookie not set.",
    "403: CSRF cookie has incorrect length.",
    "403: CSRF cookie has invalid characters.",
    "403: CSRF token missing.",
    "403: CSRF token from POST incorrect.",
    "403: CSRF token from POST has incorrect length.",
    "403: CSRF token from POST has invalid characters.",
    "403: CSRF token from the 'X-Csrftoken' HTTP header incorrect.",
    "403: CSRF token from the 'X-Csrftoken' HTTP header has incorrect length.",
    "403: CSRF token from the 'X-Csrftoken' HTTP header has invalid characters.",
    "403: CSRF token from the 'X-Xsrf-Token' HTTP header",
    "403: CSRF token from the 'Xt2-A' HTTP header",
    "RequestDataTooBig",
];

fn kind(verdict: &str) -> String {
    let kind = KINDS.iter().find(|kind| verdict.starts_with(**kind));
    kind.map_or_else(|| format!("unexpected: {verdict}"), |kind| (*kind).to_owned())
}

/// Django answers a form that is too large with 400 and no reason.
fn in_our_words(theirs: &str) -> String {
    match theirs {
        "RequestDataTooBig" => {
            "413: Form too large: more than 400 bytes, or as many before its token."
        }
        other => other,
    }
    .to_owned()
}

/// Our side: the same settings, on the same database.
fn ours(place: &Place, site: &Site) -> Router {
    let settings = site.for_segue();
    let routes = Router::new().fallback(|| async { "accept" });
    let protected = routes.layer(CsrfLayer::new(&settings).unwrap());
    if !site.uses_sessions() {
        return protected;
    }
    let store = DatabaseStore::new(place.database.clone(), Clock::system());
    protected.layer(SessionLayer::new(store, &settings).unwrap())
}

async fn verdict(app: &Router, case: &Case) -> String {
    let bytes = |text: &str| text.chars().map(|c| u8::try_from(c).unwrap()).collect::<Vec<_>>();
    let mut request = Request::new(Body::from(bytes(&case.body)));
    *request.method_mut() = case.method.parse().unwrap();
    *request.uri_mut() = "/csrf/taken".parse().unwrap();
    for (name, value) in &case.headers {
        let name = HeaderName::from_bytes(name.to_lowercase().as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_bytes(&bytes(value)).unwrap());
    }
    if case.https {
        request.extensions_mut().insert(Scheme::HTTPS);
    }
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let failure = response.extensions().get::<CsrfFailure>().cloned();
    let text = to_bytes(response.into_body(), 100_000).await.unwrap();
    match failure {
        Some(failure) => format!("{status}: {failure}"),
        None if status == 200 => "accept".to_owned(),
        None => panic!("{status}: {text:?} to {case:?}"),
    }
}

/// Sessions with a secret, with a masked one, with another, with none, and one that is not there.
async fn stored_secrets(place: &Place) -> Vec<String> {
    let mut keys = Vec::new();
    for secret in [Some(SECRET), Some(TOKEN), Some("zHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ"), None] {
        let session = start(&place.sessions()).await;
        session.insert("other", 1).unwrap();
        if let Some(secret) = secret {
            session.insert("_csrftoken", secret).unwrap();
        }
        session.save().await.unwrap();
        keys.push(session.key().unwrap().expose().to_owned());
    }
    keys.push("a".repeat(32));
    keys
}
