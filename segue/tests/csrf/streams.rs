//! Bodies at their ends: what was read to its end is not asked again, and who still sends is
//! listened to.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::EXPECT;
use axum::http::{HeaderMap, HeaderValue};
use http_body::Frame;

use crate::bodies::{
    BoxError, FIELD, Pieces, content, multipart, pieces, typed, upload, with_header,
};
use crate::site::{OTHER, SECRET, Site, TOKEN, form, settings, with};

/// A body that must not be asked again after its end: http-body allows it to panic then, and a
/// stream that somebody wrote by hand does.
struct Once(VecDeque<Result<Frame<Bytes>, BoxError>>, bool);

impl http_body::Body for Once {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        assert!(!self.1, "asked again after the end");
        let frame = self.0.pop_front();
        self.1 = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }
}

fn once(text: &str, end: Option<Result<Frame<Bytes>, BoxError>>) -> Body {
    let text = Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes())));
    Body::new(Once([Some(text), end].into_iter().flatten().collect(), false))
}

#[tokio::test]
async fn a_body_is_not_asked_again_after_its_end() {
    let site = Site::new(&settings());
    let json = |body| typed(form(Some(SECRET), body), "application/json");
    let good = format!("{FIELD}={TOKEN}");
    let answer = site.send(form(Some(SECRET), once(&good, None))).await;
    assert_eq!((answer.verdict().as_str(), answer.text()), ("accept", good.as_str()));
    let late = multipart(&[("a", None, b"b")]);
    let late = String::from_utf8(late).unwrap();
    let answer = site.send(with_header(upload(once(&late, None)), TOKEN)).await;
    assert_eq!((answer.verdict().as_str(), answer.text()), ("accept", late.as_str()));
    let answer = site.send(with_header(json(once("{}", None)), TOKEN)).await;
    assert_eq!(answer.verdict(), "accept");
    let trailers = || Some(Ok(Frame::trailers(HeaderMap::new())));
    let answer = site.send(form(Some(SECRET), once(&good, trailers()))).await;
    assert_eq!((answer.verdict().as_str(), answer.text()), ("accept", good.as_str()));

    // What is refused is read out, and not beyond its end either.
    let missing = "403: CSRF token missing.";
    let broken = || Some(Err("the line is dead".into()));
    for end in [None, trailers(), broken()] {
        assert_eq!(site.send(form(Some(SECRET), once("a=b", end))).await.verdict(), missing);
    }
    for end in [None, trailers(), broken()] {
        assert_eq!(site.send(json(once("{}", end))).await.verdict(), missing);
    }
}

/// A client that waits for a word before it sends has had that word once its body was asked for.
/// From then on it sends, as all others do, and sees the page if it is listened to.
#[tokio::test]
async fn who_was_told_to_send_is_listened_to() {
    let site = Site::new(&settings());
    let wrong = multipart(&[(FIELD, None, OTHER.as_bytes()), ("f", Some("a"), &content(100_000))]);
    for (cookie, verdict, everything) in [
        (Some(SECRET), "403: CSRF token from POST incorrect.", true),
        // Nobody asked for the body, so the client was not told to send it.
        (None, "403: CSRF cookie not set.", false),
    ] {
        let polled = Arc::new(AtomicUsize::new(0));
        let frames: VecDeque<_> = wrong
            .chunks(10_000)
            .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        let most = 2 * frames.len();
        let body = Body::new(Pieces { frames, polled: Arc::clone(&polled) });
        let mut request = typed(form(cookie, body), "multipart/form-data; boundary=xYzZY");
        request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
        assert_eq!(site.send(request).await.verdict(), verdict);
        let polled = polled.load(Ordering::SeqCst);
        assert_eq!((polled >= most, polled == 0), (everything, !everything), "{polled} of {most}");
    }
}

/// Forms without files have a limit of their own. Where uploads may wait for little, they must not
/// run out of room for it.
#[tokio::test]
async fn a_form_has_room_however_little_an_upload_may_have() {
    let site = Site::new(&with(|s| s.csrf.search_max_size = 1000));
    let good = format!("a={}&{FIELD}={TOKEN}", "x".repeat(500_000));
    for size in [10_000, 100_000, 1_000_000] {
        let answer = site.send(form(Some(SECRET), pieces(good.as_bytes(), size))).await;
        assert_eq!(answer.verdict(), "accept");
        assert!(answer.text() == good, "in pieces of {size}");
    }
}
