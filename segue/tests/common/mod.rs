//! What several tests need: a store with knobs, and requests to a router.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod cache;
pub mod databases;
mod log;
pub mod matrix;
mod store;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, Response, StatusCode};
use segue::{Clock, SecretKeys, SessionKey, SessionLayer, Sessions, Settings, Timestamp};
use tower::ServiceExt as _;

pub use cache::{Health, TestCache};
pub use log::Log;
pub use store::{Calls, TestStore};

/// The key in the vectors.
pub const KEY: &str = "abcdefghijklmnopqrstuvwxyz012345";

/// The secret key in the vectors.
pub const SECRET: &str = "test-secret-key";

pub fn key() -> SessionKey {
    SessionKey::parse(KEY).unwrap()
}

pub fn keys() -> SecretKeys {
    SecretKeys::new(SECRET)
}

/// The clock stands at the time of the vectors: 2023-11-14 22:13:20 UTC.
pub fn clock() -> Clock {
    Clock::fixed(Timestamp::from_second(1_700_000_000).unwrap())
}

/// The host that requests are for.
pub const HOST: &str = "example.com";

/// Django's defaults to the letter: with a cookie that is not `Secure`.
pub fn settings() -> Settings {
    let mut settings = Settings::new(SECRET);
    settings.allowed_hosts.push(HOST.to_owned());
    settings.session.cookie_secure = false;
    settings
}

pub fn layer(store: &TestStore, settings: &Settings) -> SessionLayer {
    let sessions = Sessions::with_clock(store.clone(), settings, store.clock().clone()).unwrap();
    SessionLayer::from_sessions(sessions, settings).unwrap()
}

/// What a test looks at in a response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub set_cookie: Vec<String>,
    pub vary: Option<String>,
    pub body: String,
}

impl Answer {
    pub async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        Self {
            status: parts.status,
            set_cookie: parts.headers.get_all("set-cookie").iter().map(text).collect(),
            vary: parts.headers.get("vary").map(text),
            body: String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap(),
        }
    }

    /// The `name=value` that a browser would send back.
    pub fn cookie(&self) -> String {
        self.set_cookie[0].split(';').next().unwrap().to_owned()
    }
}

pub async fn send(app: &Router, method: Method, path: &str, cookie: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", HOST);
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    let request = request.body(Body::empty()).unwrap();
    Answer::of(app.clone().oneshot(request).await.unwrap()).await
}

pub async fn get(app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    send(app, Method::GET, path, cookie).await
}
