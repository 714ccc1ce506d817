//! The handler has not run when the answer is no, and gets the body whole and in order otherwise.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body::Frame;
use proptest::prelude::*;

use crate::site::{OTHER, SECRET, Site, TOKEN, form, settings, with};

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that comes in these pieces.
pub struct Pieces {
    pub frames: VecDeque<Result<Frame<Bytes>, BoxError>>,
    pub polled: Arc<AtomicUsize>,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // Every other time it has to be waited for.
        if self.polled.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.frames.pop_front())
    }
}

pub fn pieces(body: &[u8], size: usize) -> Body {
    frames(body.chunks(size).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect())
}

pub fn frames(frames: VecDeque<Result<Frame<Bytes>, BoxError>>) -> Body {
    Body::new(Pieces { frames, polled: Arc::default() })
}

pub fn multipart(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let head =
            format!("--xYzZY\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--xYzZY--\r\n");
    body
}

pub fn upload(body: impl Into<Body>) -> Request<Body> {
    typed(form(Some(SECRET), body), "multipart/form-data; boundary=xYzZY")
}

pub fn typed(mut request: Request<Body>, content_type: &'static str) -> Request<Body> {
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    request
}

pub fn with_header(mut request: Request<Body>, token: &'static str) -> Request<Body> {
    let name = HeaderName::from_static("x-csrftoken");
    request.headers_mut().insert(name, HeaderValue::from_static(token));
    request
}

/// Bytes that look like nothing else.
pub fn content(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 31 + i / 251) as u8).collect()
}

pub const FIELD: &str = "csrfmiddlewaretoken";

#[tokio::test]
async fn the_handler_does_not_see_what_is_refused() {
    let site = Site::new(&settings());
    let wrong = multipart(&[(FIELD, None, OTHER.as_bytes()), ("f", Some("a"), &content(5000))]);
    let missing = multipart(&[("f", Some("a"), &content(200_000))]);
    let in_a_file = multipart(&[(FIELD, Some("a"), TOKEN.as_bytes())]);
    for (kind, request) in [
        ("empty", form(Some(SECRET), "")),
        ("urlencoded, missing", form(Some(SECRET), "a=b")),
        ("urlencoded, wrong", form(Some(SECRET), format!("{FIELD}={OTHER}"))),
        ("urlencoded, large", form(Some(SECRET), vec![b'a'; 1_000_000])),
        ("multipart, wrong", upload(wrong)),
        ("multipart, missing", upload(missing)),
        ("multipart, a file of that name", upload(in_a_file)),
        ("multipart, no boundary", typed(form(Some(SECRET), TOKEN), "multipart/form-data")),
        ("json", typed(form(Some(SECRET), format!("{{\"a\":\"{TOKEN}\"}}")), "application/json")),
        ("bytes", typed(form(Some(SECRET), content(9)), "application/octet-stream")),
        ("no type", {
            let mut request = form(Some(SECRET), format!("{FIELD}={TOKEN}"));
            request.headers_mut().remove(CONTENT_TYPE);
            request
        }),
    ] {
        let answer = site.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.runs), (403, 0), "{kind}");
    }
}

#[tokio::test]
async fn the_handler_gets_the_body_whole_and_in_order() {
    let site = Site::new(&settings());
    let token = TOKEN.as_bytes();
    let (small, large) = (content(3000), content(1_500_000));
    let early = multipart(&[(FIELD, None, token), ("f", Some("a"), &large)]);
    let late = multipart(&[("f", Some("a"), &large), (FIELD, None, token), ("g", None, &small)]);
    let middle = multipart(&[("f", Some("a"), &small), (FIELD, None, token), ("g", None, &large)]);
    for body in [early, late, middle] {
        for size in [100, 8192, 70_000, 10_000_000] {
            let answer = site.send(upload(pieces(&body, size))).await;
            assert_eq!(answer.verdict(), "accept");
            assert!(answer.body == body, "in pieces of {size}");
        }
    }
    let text = format!("a={}&{FIELD}={TOKEN}&b={}", "x".repeat(100_000), "y".repeat(100_000));
    for size in [100, 8192, 70_000, 10_000_000] {
        let answer = site.send(form(Some(SECRET), pieces(text.as_bytes(), size))).await;
        assert_eq!(answer.verdict(), "accept");
        assert!(answer.text() == text, "in pieces of {size}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_upload_comes_out_as_it_went_in(
        before in proptest::collection::vec(any::<u8>(), 0..200_000),
        after in proptest::collection::vec(any::<u8>(), 0..5_000),
        size in 50..100_000_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let body = multipart(&[
            ("f", Some("a"), &before),
            (FIELD, None, TOKEN.as_bytes()),
            ("g", Some("b"), &after),
        ]);
        let site = Site::new(&settings());
        let answer = runtime.block_on(site.send(upload(pieces(&body, size))));
        prop_assert_eq!(answer.verdict(), "accept");
        prop_assert!(answer.body == body);
    }
}

#[tokio::test]
async fn a_token_at_the_beginning_lets_the_rest_stream() {
    let polled = Arc::new(AtomicUsize::new(0));
    let start = multipart(&[(FIELD, None, TOKEN.as_bytes()), ("f", None, b"x")]);
    let mut pieces: VecDeque<_> = [Ok(Frame::data(Bytes::from(start)))].into();
    pieces.extend((0..100).map(|_| Ok(Frame::data(Bytes::from_static(b"more")))));
    let body = Pieces { frames: pieces, polled: Arc::clone(&polled) };
    // Who takes nothing of the body sees that nothing more was read than the token's piece.
    let layer = segue::CsrfLayer::new(&settings()).unwrap();
    let seen = Arc::clone(&polled);
    let app = axum::Router::new()
        .fallback(move || async move { seen.load(Ordering::SeqCst).to_string() })
        .layer(layer);
    let response = tower::ServiceExt::oneshot(app, upload(Body::new(body))).await.unwrap();
    let read = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    assert_eq!(read, "2", "one piece, after one wait");
}

#[tokio::test]
async fn a_right_header_lets_an_upload_stream_and_a_wrong_field_near_its_beginning_does_not() {
    let site = Site::new(&settings());
    let polled = Arc::new(AtomicUsize::new(0));
    let mut body = multipart(&[("f", Some("a"), &content(1_000_000))]);
    body.truncate(900_000);
    let frames: VecDeque<_> =
        body.chunks(10_000).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let count = frames.len();
    let streamed = Body::new(Pieces { frames, polled: Arc::clone(&polled) });
    let app = {
        let layer = segue::CsrfLayer::new(&settings()).unwrap();
        let seen = Arc::clone(&polled);
        axum::Router::new()
            .fallback(move || async move { seen.load(Ordering::SeqCst).to_string() })
            .layer(layer)
    };
    let request = with_header(upload(streamed), TOKEN);
    let response = tower::ServiceExt::oneshot(app, request).await.unwrap();
    let read = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    let read: usize = std::str::from_utf8(&read).unwrap().parse().unwrap();
    assert!((10..2 * count / 4).contains(&read), "{read} of {count} pieces");

    let wrong = multipart(&[(FIELD, None, OTHER.as_bytes()), ("f", Some("a"), &body)]);
    let answer = site.send(with_header(upload(wrong), TOKEN)).await;
    assert_eq!(answer.verdict(), "403: CSRF token from POST incorrect.");
    let whole = with_header(upload(pieces(&body, 10_000)), TOKEN);
    let answer = site.send(whole).await;
    assert_eq!(answer.verdict(), "accept");
    assert!(answer.body == body);
}

#[tokio::test]
async fn of_several_fields_the_last_counts_and_in_uploads_the_first() {
    let site = Site::new(&settings());
    let twice = |one: &str, other: &str| format!("{FIELD}={one}&{FIELD}={other}");
    let answer = site.send(form(Some(SECRET), twice(OTHER, TOKEN))).await;
    assert_eq!(answer.verdict(), "accept");
    let answer = site.send(form(Some(SECRET), twice(TOKEN, OTHER))).await;
    assert_eq!(answer.verdict(), "403: CSRF token from POST incorrect.");
    let (right, wrong) = (TOKEN.as_bytes(), OTHER.as_bytes());
    let answer = site.send(upload(multipart(&[(FIELD, None, right), (FIELD, None, wrong)]))).await;
    assert_eq!(answer.verdict(), "accept");
    let answer = site.send(upload(multipart(&[(FIELD, None, wrong), (FIELD, None, right)]))).await;
    assert_eq!(answer.verdict(), "403: CSRF token from POST incorrect.");
    let answer = site.send(upload(multipart(&[(FIELD, None, b""), (FIELD, None, right)]))).await;
    assert_eq!(answer.verdict(), "accept");
}

#[tokio::test]
async fn a_form_over_the_limit_is_a_413() {
    let site = Site::new(&with(|s| s.data_upload_max_memory_size = 1000));
    let start = format!("{FIELD}={TOKEN}&a=");
    let sized = |size: usize| format!("{start}{}", "x".repeat(size - start.len()));
    assert_eq!(site.send(form(Some(SECRET), sized(1000))).await.verdict(), "accept");
    let too_large = "413: Form too large: more than 1000 bytes, or as many before its token.";
    assert_eq!(site.send(form(Some(SECRET), sized(1001))).await.verdict(), too_large);
    let pieces = pieces(sized(5000).as_bytes(), 100);
    assert_eq!(site.send(form(Some(SECRET), pieces)).await.verdict(), too_large);

    // What the head says is believed before anything is read.
    let polled = Arc::new(AtomicUsize::new(0));
    let body = Pieces { frames: VecDeque::new(), polled: Arc::clone(&polled) };
    let mut request = form(Some(SECRET), Body::new(body));
    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("1001"));
    request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
    assert_eq!(site.send(request).await.verdict(), too_large);
    assert_eq!(polled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_upload_whose_token_does_not_come_is_a_413() {
    let site = Site::new(&with(|s| s.csrf.search_max_size = 100_000));
    let parts =
        |size| multipart(&[("f", Some("a"), &content(size)), (FIELD, None, TOKEN.as_bytes())]);
    let answer = site.send(upload(pieces(&parts(99_000), 1000))).await;
    assert_eq!(answer.verdict(), "accept");
    let answer = site.send(upload(pieces(&parts(101_000), 1000))).await;
    assert_eq!(
        answer.verdict(),
        "413: Form too large: more than 100000 bytes, or as many before its token."
    );
    // What comes behind the token has no limit.
    let body = multipart(&[(FIELD, None, TOKEN.as_bytes()), ("f", Some("a"), &content(900_000))]);
    assert_eq!(site.send(upload(body)).await.verdict(), "accept");
}

/// The limit is for what has to wait for its token; with a right header nothing has.
#[tokio::test]
async fn an_upload_with_a_right_header_has_no_limit() {
    let site = Site::new(&with(|s| s.csrf.search_max_size = 1000));
    let body = multipart(&[("f", Some("a"), &content(200_000))]);
    for size in [100, 5000, 300_000] {
        let answer = site.send(with_header(upload(pieces(&body, size)), TOKEN)).await;
        assert_eq!(answer.verdict(), "accept", "in pieces of {size}");
        assert!(answer.body == body);
    }
}

#[tokio::test]
async fn uploads_that_wait_share_their_room_and_give_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&with(|s| {
        s.csrf.search_max_size = 100_000;
        s.data_upload_max_memory_size = 100_000;
        s.file_upload_temp_dir = Some(folder.path().to_owned());
    }));
    let waiting: Vec<_> = (0..40)
        .map(|_| {
            // Forms that never end: each has taken its place on the disk when it is waited for.
            let (site, body) = (site.clone(), content(90_000));
            tokio::spawn(async move {
                let endless = Endless(vec![Bytes::from_static(b"more"), multipart_start(&body)]);
                site.send(upload(Body::new(endless))).await.status
            })
        })
        .collect();
    // A refused one waits a little for its rest.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let full = waiting.iter().filter(|task| task.is_finished()).count();
    assert!((20..30).contains(&full), "{full} of 40 found no room");
    for task in &waiting {
        task.abort();
    }
    for task in waiting {
        if let Ok(status) = task.await {
            assert_eq!(status.as_u16(), 503);
        }
    }
    let late = multipart(&[("f", Some("a"), &content(90_000)), (FIELD, None, TOKEN.as_bytes())]);
    assert_eq!(site.send(upload(late)).await.verdict(), "accept");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the files have no names");
}

fn multipart_start(content: &[u8]) -> Bytes {
    let mut body = multipart(&[("f", Some("a"), content)]);
    body.truncate(body.len() - 20);
    body.into()
}

/// These pieces, the last one first, and then nothing for ever.
pub struct Endless(pub Vec<Bytes>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.pop().map_or(Poll::Pending, |piece| Poll::Ready(Some(Ok(Frame::data(piece)))))
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_has_no_token() {
    let site = Site::new(&settings());
    let broken = || {
        let start = format!("{FIELD}={TOKEN}");
        frames([Ok(Frame::data(Bytes::from(start))), Err("the line is dead".into())].into())
    };
    // The token was there, but who knows what would have followed. Django reads nothing of it.
    let answer = site.send(form(Some(SECRET), broken())).await;
    assert_eq!(answer.verdict(), "403: CSRF token missing.");
    // With a right header the handler sees the same broken body.
    let answer = site.send(with_header(form(Some(SECRET), broken()), TOKEN)).await;
    assert_eq!((answer.failure, answer.runs), (None, 0));
    assert_eq!(answer.status.as_u16(), 400, "axum's answer to a body that breaks off");
}

#[tokio::test]
async fn trailers_get_through() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("1"));
    let body = frames(
        [Ok(Frame::data(Bytes::from(format!("{FIELD}={TOKEN}")))), Ok(Frame::trailers(trailers))]
            .into(),
    );
    let layer = segue::CsrfLayer::new(&settings()).unwrap();
    let app = axum::Router::new()
        .fallback(|request: Request<Body>| async move {
            let mut body = request.into_body();
            let mut seen = Vec::new();
            while let Some(frame) =
                std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx))
                    .await
            {
                seen.push(match frame.unwrap().into_trailers() {
                    Ok(trailers) => format!("{trailers:?}"),
                    Err(data) => data.into_data().unwrap().len().to_string(),
                });
            }
            seen.join(" ")
        })
        .layer(layer);
    let response = tower::ServiceExt::oneshot(app, form(Some(SECRET), body)).await.unwrap();
    let seen = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    assert_eq!(seen, format!("{} {{\"x-checksum\": \"1\"}}", FIELD.len() + 1 + 64));
}

#[tokio::test]
async fn the_size_of_the_body_stays_known() {
    let layer = segue::CsrfLayer::new(&settings()).unwrap();
    let app = axum::Router::new()
        .fallback(|request: Request<Body>| async move {
            format!("{:?}", http_body::Body::size_hint(request.body()).exact())
        })
        .layer(layer);
    for body in [
        upload(multipart(&[("f", Some("a"), &content(200_000)), (FIELD, None, TOKEN.as_bytes())])),
        form(Some(SECRET), format!("{FIELD}={TOKEN}")),
        with_header(typed(form(Some(SECRET), "{}"), "application/json"), TOKEN),
    ] {
        let size = http_body::Body::size_hint(body.body()).exact();
        let response = tower::ServiceExt::oneshot(app.clone(), body).await.unwrap();
        let seen = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert!(size.is_some());
        assert_eq!(seen, format!("{size:?}"));
    }
}

/// A browser sends all of its form before it looks for an answer; if nobody reads it, it sees a
/// broken connection in the place of the page.
#[tokio::test]
async fn a_refused_form_is_read_to_its_end_if_that_is_near() {
    let site = Site::new(&settings());
    for (size, rest) in [(100_000, 0), (2_000_000, 1)] {
        let polled = Arc::new(AtomicUsize::new(0));
        let frames: VecDeque<_> = content(size)
            .chunks(10_000)
            .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        let count = frames.len();
        let body = Body::new(Pieces { frames, polled: Arc::clone(&polled) });
        let answer = site.send(form(None, body)).await;
        assert_eq!(answer.verdict(), "403: CSRF cookie not set.");
        let read = polled.load(Ordering::SeqCst) / 2;
        assert_eq!(usize::from(read < count), rest, "{read} of {count} pieces");
    }
}
