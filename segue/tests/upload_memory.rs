//! An upload whose token comes last waits on the disk: the memory does not grow with it.
//!
//! The one test of this file, because it measures the process.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking, and nobody imports it"
)]

use std::fs;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use http_body::Frame;
use segue::{CsrfLayer, Settings};
use tower::ServiceExt as _;

const SECRET: &str = "lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ";
const PIECE: usize = 16 * 1024;
const MEBIBYTE: u64 = 1 << 20;

/// A file of this many bytes, and behind it the token.
struct Upload {
    start: Option<Bytes>,
    left: u64,
    end: Option<Bytes>,
}

impl Upload {
    fn of(size: u64) -> Self {
        let part = |name: &str| {
            format!("--bound\r\nContent-Disposition: form-data; name=\"{name}\r\n\r\n")
        };
        let end = format!("\r\n{}{SECRET}\r\n--bound--\r\n", part("csrfmiddlewaretoken\""));
        let start = part("file\"; filename=\"large\"");
        Self { start: Some(start.into()), left: size, end: Some(end.into()) }
    }

    fn size(&self) -> u64 {
        let piece = |piece: &Option<Bytes>| piece.as_ref().map_or(0, |piece| piece.len() as u64);
        piece(&self.start) + self.left + piece(&self.end)
    }
}

/// What stands at a place of the file.
fn byte(place: u64) -> u8 {
    (place ^ (place >> 8) ^ (place >> 16)) as u8
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = if let Some(start) = self.start.take() {
            Some(start)
        } else if self.left > 0 {
            let size = self.left.min(PIECE as u64);
            let piece = (self.left - size..self.left).rev().map(byte).collect::<Vec<_>>();
            self.left -= size;
            Some(piece.into())
        } else {
            self.end.take()
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// Counts what it gets, and compares it with what was sent.
async fn receive(body: Body, size: u64, received: &AtomicU64) -> String {
    let mut sent = Upload::of(size);
    let mut expected = Bytes::new();
    let mut body = body;
    loop {
        let frame = std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx));
        let Some(frame) = frame.await else { break };
        let mut piece = frame.unwrap().into_data().unwrap();
        received.fetch_add(piece.len() as u64, Ordering::SeqCst);
        while !piece.is_empty() {
            if expected.is_empty() {
                let next =
                    std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut sent), cx));
                expected = next.await.unwrap().unwrap().into_data().unwrap();
            }
            let common = piece.len().min(expected.len());
            if piece.split_to(common) != expected.split_to(common) {
                return "damaged".to_owned();
            }
        }
    }
    "whole".to_owned()
}

/// How much memory the process has had at the most since `reset`, in bytes.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn reset() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_behind_50_megabytes_is_found_and_the_memory_does_not_grow() {
    // Not under /tmp, which is memory on some machines.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut settings = Settings::new("a secret key");
    settings.allowed_hosts.push("example.com".to_owned());
    settings.file_upload_temp_dir = Some(folder.path().to_owned());
    let (received, runs) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let app = {
        let (received, runs) = (Arc::clone(&received), Arc::clone(&runs));
        Router::new()
            .fallback(move |request: Request<Body>| async move {
                runs.fetch_add(1, Ordering::SeqCst);
                let size = request.headers()["x-size"].to_str().unwrap().parse().unwrap();
                receive(request.into_body(), size, &received).await
            })
            .layer(CsrfLayer::new(&settings).unwrap())
    };
    let send = async |size: u64| {
        let upload = Upload::of(size);
        let whole = upload.size();
        let request = Request::post("/")
            .header(header::HOST, "example.com")
            .header(header::COOKIE, format!("csrftoken={SECRET}"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=bound")
            .header("x-size", size)
            .body(Body::new(upload))
            .unwrap();
        received.store(0, Ordering::SeqCst);
        let response = app.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let text = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        assert_eq!((status, &text[..]), (200, &b"whole"[..]));
        assert_eq!(received.load(Ordering::SeqCst), whole);
    };
    // What is set up once: threads, buffers.
    send(3 * MEBIBYTE).await;
    reset();
    let before = most_memory();
    send(50 * MEBIBYTE).await;
    let grown = most_memory().saturating_sub(before);
    assert!(grown < MEBIBYTE, "{grown} bytes more");
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    println!("50 MiB before the token took {} KiB more of memory", grown / 1024);
}
