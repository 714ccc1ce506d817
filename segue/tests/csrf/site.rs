//! A protected site that counts how often its handler ran.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, VARY};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use axum::routing::{any, get};
use segue::{Clock, CsrfFailure, CsrfLayer, CsrfToken, Settings, Timestamp};
use tower::ServiceExt as _;

pub const SECRET: &str = "lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ";
/// Of that secret.
pub const TOKEN: &str = "abcdefghijklmnopqrstuvwxyzABCDEFlIL5l1ikE7IG1cFUQfg8v79o6LRD8WPu";
/// Of another one.
pub const OTHER: &str = "zHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ";

pub const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Clone)]
pub struct Site {
    pub app: Router,
    runs: Arc<AtomicUsize>,
}

/// What a request came to.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub failure: Option<CsrfFailure>,
    pub cookies: Vec<String>,
    pub vary: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// How often the handler has run for this request.
    pub runs: usize,
}

/// Django's defaults, for `example.com`.
pub fn settings() -> Settings {
    let mut settings = Settings::new("a secret key for the tests");
    settings.allowed_hosts.push("example.com".to_owned());
    settings.session.cookie_secure = false;
    settings.csrf.cookie_secure = false;
    settings
}

pub fn with(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = settings();
    change(&mut settings);
    settings
}

/// Two days after nobody's birthday, as in `vectors.json`.
pub fn clock() -> Clock {
    Clock::fixed(Timestamp::from_second(1_700_000_000).unwrap())
}

impl Site {
    pub fn new(settings: &Settings) -> Self {
        Self::with_layer(CsrfLayer::with_clock(settings, clock()).unwrap())
    }

    pub fn with_layer(layer: CsrfLayer) -> Self {
        Self::with_routes(|routes| routes.layer(layer))
    }

    pub fn with_routes(layers: impl FnOnce(Router) -> Router) -> Self {
        let runs = Arc::new(AtomicUsize::new(0));
        let routes = Router::new()
            .route("/token", get(token))
            .route("/twice", get(twice))
            .route("/rotate", any(rotate))
            .fallback(echo)
            .with_state(Arc::clone(&runs));
        Self { app: layers(routes), runs }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let before = self.runs();
        let response = self.app.clone().oneshot(request).await.unwrap();
        Answer::of(response, || self.runs() - before).await
    }

    /// How often its handler has run.
    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    pub async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        let mut request = request(Method::GET, path);
        if let Some(cookie) = cookie {
            request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
        }
        self.send(request).await
    }
}

impl Answer {
    async fn of(response: Response<Body>, runs: impl FnOnce() -> usize) -> Self {
        let (parts, body) = response.into_parts();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
        Self {
            status: parts.status,
            failure: parts.extensions.get().cloned(),
            cookies: parts.headers.get_all(SET_COOKIE).iter().map(text).collect(),
            vary: parts.headers.get(VARY).map(text),
            body: to_bytes(body, usize::MAX).await.unwrap(),
            headers: parts.headers,
            runs: runs(),
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Accepted, or status and reason.
    #[track_caller]
    pub fn verdict(&self) -> String {
        match &self.failure {
            None => {
                assert_eq!((self.status, self.runs), (StatusCode::OK, 1));
                "accept".to_owned()
            }
            Some(failure) => {
                assert_eq!(self.runs, 0, "the handler ran: {failure}");
                assert_eq!(self.status.as_u16(), failure.status());
                format!("{}: {failure}", self.status.as_u16())
            }
        }
    }

    /// The pair of the one cookie that was set.
    #[track_caller]
    pub fn cookie(&self) -> &str {
        assert_eq!(self.cookies.len(), 1, "{:?}", self.cookies);
        self.cookies[0].split(';').next().unwrap()
    }
}

pub fn request(method: Method, path: &str) -> Request<Body> {
    let uri: Uri = path.parse().unwrap();
    let request = Request::builder().method(method).uri(uri).header(HOST, "example.com");
    request.body(Body::empty()).unwrap()
}

/// A form, urlencoded, from a visitor with this secret in the cookie.
pub fn form(cookie: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = request(Method::POST, "/");
    if let Some(cookie) = cookie {
        let cookie = format!("csrftoken={cookie}");
        request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
    }
    request.headers_mut().insert(CONTENT_TYPE, FORM.parse().unwrap());
    *request.body_mut() = body.into();
    request
}

async fn echo(State(runs): State<Arc<AtomicUsize>>, body: Bytes) -> Bytes {
    runs.fetch_add(1, Ordering::SeqCst);
    body
}

async fn token(token: CsrfToken) -> String {
    token.get()
}

async fn twice(token: CsrfToken) -> String {
    format!("{token} {}", token.input())
}

async fn rotate(token: CsrfToken) -> &'static str {
    token.rotate();
    "rotated"
}
