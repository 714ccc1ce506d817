//! axum's own extractors behind the layer: they read a request as if there were none.

use std::collections::HashMap;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Multipart};
use axum::http::{HeaderName, HeaderValue, Request};
use axum::routing::post;
use axum::{Form, Json, Router};
use segue::{CsrfFailure, CsrfLayer, Settings};
use tower::ServiceExt as _;

use crate::bodies::{FIELD, content, multipart, pieces, typed, upload, with_header};
use crate::site::{OTHER, SECRET, TOKEN, form, settings, with};

async fn fields(Form(fields): Form<HashMap<String, String>>) -> String {
    format!("{} {}", fields["name"], fields.len())
}

async fn json(Json(fields): Json<HashMap<String, String>>) -> String {
    fields["name"].clone()
}

async fn size(body: Bytes) -> String {
    body.len().to_string()
}

/// Name and size of each part, and a sum over its bytes.
async fn parts(mut form: Multipart) -> String {
    let mut seen = String::new();
    while let Some(mut part) = form.next_field().await.unwrap() {
        let (name, mut size, mut sum) = (part.name().unwrap().to_owned(), 0_u64, 0_u64);
        while let Some(piece) = part.chunk().await.unwrap() {
            size += piece.len() as u64;
            sum += piece.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }
        seen = format!("{seen}{name} {size} {sum}; ");
    }
    seen
}

fn app(settings: &Settings) -> Router {
    Router::new()
        .route("/form", post(fields))
        .route("/json", post(json))
        .route("/size", post(size))
        .route("/parts", post(parts))
        .layer(CsrfLayer::new(settings).unwrap())
}

/// The status, whether it was refused as forged, and the page.
async fn send(app: &Router, path: &'static str, mut request: Request<Body>) -> (u16, bool, String) {
    *request.uri_mut() = path.parse().unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let refused = response.extensions().get::<CsrfFailure>().is_some();
    let status = response.status().as_u16();
    let page = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, refused, String::from_utf8(page.to_vec()).unwrap())
}

fn served(page: &str) -> (u16, bool, String) {
    (200, false, page.to_owned())
}

#[tokio::test]
async fn forms_and_json_are_read_as_without_the_layer() {
    let app = app(&settings());
    let body = format!("name=man%20ish&{FIELD}={TOKEN}");
    for size in [1, 1000] {
        let request = form(Some(SECRET), pieces(body.as_bytes(), size));
        assert_eq!(send(&app, "/form", request).await, served("man ish 2"));
        let request = form(Some(SECRET), pieces(b"{\"name\": \"manish\"}", size));
        let request = with_header(typed(request, "application/json"), TOKEN);
        assert_eq!(send(&app, "/json", request).await, served("manish"));
    }
    // What is wrong with the request itself is still axum's to say.
    let request = with_header(typed(form(Some(SECRET), "{"), "application/json"), TOKEN);
    assert_eq!(send(&app, "/json", request).await.0, 400);
    let request = typed(form(Some(SECRET), format!("name=a&{FIELD}={TOKEN}")), "text/plain");
    assert_eq!(send(&app, "/form", with_header(request, TOKEN)).await.0, 415);
}

/// Wherever the token stands: what waited for it, in memory or on the disk, comes first.
#[tokio::test]
async fn uploads_are_read_part_by_part() {
    let app = app(&settings()).layer(DefaultBodyLimit::disable());
    let (small, large) = (content(3000), content(1_500_000));
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let token = (FIELD, None, TOKEN.as_bytes());
    let files = [("small", Some("a"), &small[..]), ("large", Some("b"), &large[..])];
    for at in 0..=files.len() {
        let mut form = files.to_vec();
        form.insert(at, token);
        let expected: String = form
            .iter()
            .map(|(name, _, content)| format!("{name} {} {}; ", content.len(), sum(content)))
            .collect();
        let body = multipart(&form);
        for size in [1000, 70_000, 10_000_000] {
            let answer = send(&app, "/parts", upload(pieces(&body, size))).await;
            assert_eq!(answer, served(&expected), "in pieces of {size}");
        }
        form[at].2 = OTHER.as_bytes();
        let answer = send(&app, "/parts", upload(multipart(&form))).await;
        assert_eq!((answer.0, answer.1), (403, true));
    }
}

/// axum's own limit counts what the extractor reads, and so all of the body: what the layer has read
/// before as well.
#[tokio::test]
async fn the_limit_of_axum_holds_behind_the_layer() {
    let app = app(&with(|s| s.data_upload_max_memory_size = 10 << 20));
    let limit = 2 << 20;
    for (size, status) in [(limit, 200), (limit + 1, 413)] {
        let start = format!("{FIELD}={TOKEN}&a=");
        let text = format!("{start}{}", "x".repeat(size - start.len()));
        let answer = send(&app, "/size", form(Some(SECRET), pieces(text.as_bytes(), 50_000))).await;
        assert_eq!((answer.0, answer.1), (status, false), "a form of {size}");
        let mut request = typed(form(Some(SECRET), vec![b'x'; size]), "text/plain");
        let name = HeaderName::from_static("x-csrftoken");
        request.headers_mut().insert(name, HeaderValue::from_static(TOKEN));
        let answer = send(&app, "/size", request).await;
        assert_eq!((answer.0, answer.1), (status, false), "a text of {size}");
    }
    let narrow = app.layer(DefaultBodyLimit::max(100));
    let body = format!("name={}&{FIELD}={TOKEN}", "x".repeat(100));
    let answer = send(&narrow, "/form", form(Some(SECRET), body)).await;
    assert_eq!((answer.0, answer.1), (413, false));
}
