//! What a visitor and a developer see when something goes wrong, and when there is no such page.

#![cfg(all(feature = "auth", feature = "templates"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod not_found;
mod panics;
mod secrets;
mod slashes;
mod stores;
mod templates;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use segue::{Settings, Site};
use tower::ServiceExt as _;

use common::{HOST, TestStore, clock};

/// A site with error pages, or without.
struct Pages {
    router: Router,
    store: TestStore,
}

/// What came back.
#[derive(Debug)]
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

fn settings(debug: bool) -> Settings {
    let mut settings = common::settings();
    settings.debug = debug;
    settings.file = Some("somewhere/settings.toml".into());
    settings
}

impl Pages {
    fn new(debug: bool, routes: Router) -> Self {
        Self::with(&settings(debug), routes, |site| site)
    }

    fn with(settings: &Settings, routes: Router, change: impl FnOnce(Site) -> Site) -> Self {
        let store = TestStore::new(clock());
        let site = Site::with_store(settings, store.clone(), routes).unwrap();
        Self { router: change(site).into_router(), store }
    }

    /// Opens a page in a browser.
    async fn open(&self, path: &str) -> Page {
        let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        self.send(Method::GET, path, &[("accept", accept)]).await
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Page {
        let mut request = Request::builder().method(method).uri(path).header("host", HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
        let text = String::from_utf8(body).unwrap();
        Page { status: parts.status, headers: parts.headers, text }
    }
}

impl Page {
    /// A page for developers, and these texts on it.
    #[track_caller]
    fn shows(&self, status: u16, texts: &[&str]) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "text/html; charset=utf-8");
        assert!(self.text.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"), "{}", self.text);
        assert!(self.text.contains("<code>DEBUG</code> is on"), "{}", self.text);
        assert!(self.text.contains("somewhere/settings.toml"), "{}", self.text);
        self.has(texts);
    }

    /// The same for those who read no HTML.
    #[track_caller]
    fn tells(&self, status: u16, texts: &[&str]) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "text/plain; charset=utf-8");
        assert!(self.text.ends_with("\nYou see this because DEBUG is on.\n"), "{}", self.text);
        self.has(texts);
    }

    #[track_caller]
    fn has(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.text.contains(text), "{text:?} is not in {}", self.text);
        }
    }

    /// This answer and nothing else.
    #[track_caller]
    fn is(&self, status: u16, text: &str) {
        assert_eq!((self.status.as_u16(), self.text.as_str()), (status, text));
    }
}
