//! Bodies of forms, through the layer, in pieces of every size.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderValue};
use http::{Request, Response};
use http_body::{Body, Frame};
use segue::csrf::{CsrfBody, CsrfFailure, CsrfLayer, TokenSource};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::{block_on, settings};

/// The secret of the visitor; a form needs it.
const TOKEN: &str = "lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ";

/// The first line is the `Content-Type` of a form, the rest its body.
pub fn form(input: &[u8]) {
    let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (content_type, body) = input.split_at(line);
    let body = body.get(1..).unwrap_or_default();
    let Ok(content_type) = HeaderValue::from_bytes(content_type.trim_ascii()) else { return };

    let verdict = send(&content_type, body, body.len().max(1));
    for size in [1, 2, 7, 61] {
        assert_eq!(send(&content_type, body, size), verdict, "in pieces of {size}");
    }
    let url_encoded = b"application/x-www-form-urlencoded";
    let media_type = content_type.as_bytes().split(|byte| *byte == b';').next();
    if media_type.is_some_and(|text| text.trim_ascii().eq_ignore_ascii_case(url_encoded)) {
        // Django takes the last one: `QueryDict.get`.
        let fields = form_urlencoded::parse(body);
        let token = fields.filter(|(name, _)| name == "csrfmiddlewaretoken").last();
        assert_eq!(verdict, expected(token.as_ref().map_or("", |(_, value)| value)));
    }
    if verdict == Verdict::Passed {
        // In an upload it stands as it is.
        let found = |part: &[u8]| part.windows(TOKEN.len()).any(|text| text == TOKEN.as_bytes());
        assert!(found(body) || body.contains(&b'%') || found(&unmasked(body)));
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Refused(CsrfFailure),
}

fn expected(token: &str) -> Verdict {
    use segue::csrf::Malformed;

    let length = token.chars().count();
    let fault = |fault| Verdict::Refused(CsrfFailure::BadToken(TokenSource::Form, fault));
    match length {
        0 => Verdict::Refused(CsrfFailure::TokenMissing),
        32 | 64 if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            fault(Malformed::Characters)
        }
        32 if token == TOKEN => Verdict::Passed,
        64 if unmask(token.as_bytes()) == TOKEN.as_bytes() => Verdict::Passed,
        32 | 64 => Verdict::Refused(CsrfFailure::WrongToken(TokenSource::Form)),
        _ => fault(Malformed::Length),
    }
}

/// The secret in a token, by another way than the library's.
fn unmask(token: &[u8]) -> Vec<u8> {
    let letters: Vec<u8> = (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'9').collect();
    let place = |byte: u8| letters.iter().position(|letter| *letter == byte).unwrap_or(0);
    let (mask, cipher) = token.split_at(token.len() / 2);
    let pairs = mask.iter().zip(cipher);
    pairs.map(|(mask, cipher)| letters[(place(*cipher) + 62 - place(*mask)) % 62]).collect()
}

/// What any 64 bytes of the body would be as a token.
fn unmasked(body: &[u8]) -> Vec<u8> {
    body.windows(64).flat_map(unmask).collect()
}

/// Sends it, and looks whether the handler gets what was sent.
fn send(content_type: &HeaderValue, body: &[u8], size: usize) -> Verdict {
    thread_local! {
        static LAYER: CsrfLayer = {
            let mut settings = settings();
            settings.allowed_hosts.push("*".to_owned());
            CsrfLayer::new(&settings).expect("good settings")
        };
    }
    let pieces = body.chunks(size).map(Bytes::copy_from_slice).collect();
    let mut request = Request::post("/").body(Pieces(pieces)).expect("a request");
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("example.com"));
    headers.insert(CONTENT_TYPE, content_type.clone());
    let cookie = HeaderValue::try_from(format!("csrftoken={TOKEN}")).expect("a cookie");
    headers.insert(COOKIE, cookie);
    let handler = service_fn(async |request: Request<CsrfBody<Pieces>>| {
        Ok::<_, Infallible>(Response::new(Pieces([read(request.into_body()).await.into()].into())))
    });
    let service = LAYER.with(|layer| layer.layer(handler));
    let response = block_on(service.oneshot(request)).expect("an answer");
    match response.extensions().get::<CsrfFailure>() {
        Some(failure) => Verdict::Refused(failure.clone()),
        None => {
            let received = block_on(read(response.into_body()));
            assert!(received == body, "the handler gets what was sent");
            Verdict::Passed
        }
    }
}

async fn read(body: impl Body<Data = Bytes, Error: std::fmt::Debug>) -> Vec<u8> {
    let mut body = Box::pin(body);
    let mut read = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame.expect("a whole body").into_data() {
            read.extend_from_slice(&data);
        }
    }
    read
}

/// A body that comes in these pieces.
struct Pieces(VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}
