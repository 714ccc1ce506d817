//! The pages that a developer sees with `DEBUG`: what failed, where, and how to mend it.
//!
//! An error leaves itself in the extensions of the response that it became. This middleware makes a
//! page of it. Without `DEBUG` it is not there, and visitors get what they always get.
//!
//! What is shown is the error's own text, lines of the project's files, of the request its method and
//! path, and of the settings where they were read from and where sessions are kept, without passwords.
//! Neither headers nor cookies, query, session or other settings are at hand here.

mod excerpt;
mod kinds;
mod not_found;
mod page;
mod report;
mod text;
mod welcome;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{self, HeaderName};
use http::response::Parts;
use http::{HeaderValue, Method, StatusCode};

use crate::csrf::CsrfFailure;
use crate::meta::wants_page;
use crate::panics;
use crate::routes::Routes;
use crate::settings::Settings;

use report::Report;

/// No more of a response is read to be shown.
const MOST: u64 = 64 * 1024;

/// What the pages know of the site.
#[derive(Clone)]
pub(crate) struct DebugPages {
    base_dir: PathBuf,
    /// What the settings were read from, in words.
    settings: String,
    /// Where sessions are kept, in words.
    store: String,
    routes: Arc<Routes>,
}

/// What the pages know of a request.
struct Asked {
    method: Method,
    path: String,
    /// A browser opens a page.
    wants_page: bool,
}

impl DebugPages {
    /// The pages of a site with these settings, whose sessions are in this store.
    pub(crate) fn new(settings: &Settings, store: String) -> Self {
        panics::remember_where();
        let environment = || "the program and the environment".to_owned();
        Self {
            base_dir: settings.base_dir.clone(),
            settings: settings.file.as_ref().map_or_else(environment, |f| f.display().to_string()),
            store,
            routes: Arc::default(),
        }
    }

    /// The pages of a site with these routes.
    pub(crate) fn with_routes(self, routes: Arc<Routes>) -> Self {
        Self { routes, ..self }
    }
}

impl fmt::Debug for DebugPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DebugPages").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The middleware, for [`from_fn_with_state`](axum::middleware::from_fn_with_state).
pub(crate) async fn show(
    State(pages): State<Arc<DebugPages>>,
    request: Request,
    next: Next,
) -> Response {
    let asked = Asked {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        wants_page: wants_page(request.headers()),
    };
    let response = next.run(request).await;
    if response.extensions().get::<CsrfFailure>().is_some() {
        // It has a page of its own, which knows `DEBUG`.
        return response;
    }
    match response.status() {
        StatusCode::NOT_FOUND => pages.not_found(&asked, response).await,
        status if status.is_server_error() => pages.server_error(&asked, response).await,
        _ => response,
    }
}

impl DebugPages {
    async fn server_error(&self, asked: &Asked, response: Response) -> Response {
        let known = kinds::known(self, response.extensions());
        let media = Media::of(&response);
        match known {
            // A script reads what was made for it.
            Some(report) if asked.wants_page || media.is_plain() => {
                let (parts, _) = response.into_parts();
                self.answer(asked, parts, report)
            }
            None if asked.wants_page && media.is_text() && is_short(&response) => {
                let (parts, body) = response.into_parts();
                let said = read(body).await;
                let report = kinds::answered(parts.status, &said);
                self.answer(asked, parts, report)
            }
            _ => response,
        }
    }

    async fn not_found(&self, asked: &Asked, response: Response) -> Response {
        let media = Media::of(&response);
        // A page of the project's own stays, and so does what was made for a script.
        let is_bare = media == Media::Nothing;
        if !(is_bare || asked.wants_page && media.is_plain()) || !is_short(&response) {
            return response;
        }
        let (parts, body) = response.into_parts();
        let said = read(body).await;
        if is_bare && self.is_new(asked).await {
            return welcome::answer(asked.wants_page, parts);
        }
        let report = self.describe_missing(asked, &said).await;
        self.answer(asked, parts, report)
    }

    /// Puts the report into the place of the response, whose other headers stay: a cookie for example.
    fn answer(&self, asked: &Asked, parts: Parts, mut report: Report) -> Response {
        report.facts.extend([
            ("Request", format!("{} {}", asked.method, asked.path)),
            ("Status", parts.status.to_string()),
            ("Settings", self.settings.clone()),
        ]);
        respond(asked.wants_page, parts, || page::of(&report), || text::of(&report))
    }
}

/// What kind of text a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Nothing,
    Plain,
    /// JSON for example.
    Text,
    Page,
    Other,
}

impl Media {
    fn of(response: &Response) -> Self {
        let headers = response.headers();
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Self::Other;
        }
        let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Self::Nothing };
        let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        match kind {
            "text/plain" => Self::Plain,
            "text/html" | "application/xhtml+xml" => Self::Page,
            "application/json" | "application/xml" => Self::Text,
            _ if kind.starts_with("text/") || kind.ends_with("+json") => Self::Text,
            _ => Self::Other,
        }
    }

    /// It can be shown on a page.
    fn is_text(self) -> bool {
        matches!(self, Self::Nothing | Self::Plain | Self::Text)
    }

    /// Made for nobody in particular.
    fn is_plain(self) -> bool {
        matches!(self, Self::Nothing | Self::Plain)
    }
}

/// Whether the whole of a response can be read at once.
fn is_short(response: &Response) -> bool {
    response.body().size_hint().upper().is_some_and(|length| length <= MOST)
}

async fn read(body: Body) -> String {
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    let bytes = to_bytes(body, most).await.unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// A page for browsers, a text for everybody else.
fn respond(
    wants_page: bool,
    mut parts: Parts,
    page: impl FnOnce() -> String,
    text: impl FnOnce() -> String,
) -> Response {
    const OF_THE_OLD_BODY: [HeaderName; 5] = [
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::TRANSFER_ENCODING,
        header::ETAG,
        header::LAST_MODIFIED,
    ];
    for name in OF_THE_OLD_BODY {
        parts.headers.remove(name);
    }
    let mut set = |name, value| parts.headers.insert(name, HeaderValue::from_static(value));
    set(header::CACHE_CONTROL, "no-store");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    let body = if wants_page {
        set(header::CONTENT_TYPE, "text/html; charset=utf-8");
        parts.headers.insert(header::CONTENT_SECURITY_POLICY, page::policy());
        page()
    } else {
        set(header::CONTENT_TYPE, "text/plain; charset=utf-8");
        text()
    };
    Response::from_parts(parts, Body::from(body))
}
