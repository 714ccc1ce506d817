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
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use segue::{CsrfLayer, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

const SECRET: &str = "lHJ2hWcdwYyvPZrFAYYPbMN1ImrcGtlZ";
const PIECE: usize = 16 * 1024;
const MEBIBYTE: u64 = 1 << 20;

/// A file of this many bytes, and behind it the token, piece by piece.
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
        let piece = |piece: &Option<Bytes>| piece.as_ref().map_or(0, Bytes::len) as u64;
        piece(&self.start) + self.left + piece(&self.end)
    }
}

/// What stands at a place of the file.
fn byte(place: u64) -> u8 {
    (place ^ (place >> 8) ^ (place >> 16)) as u8
}

impl Iterator for Upload {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if let Some(start) = self.start.take() {
            return Some(start);
        }
        if self.left == 0 {
            return self.end.take();
        }
        let size = self.left.min(PIECE as u64);
        let piece = (self.left - size..self.left).rev().map(byte).collect::<Vec<_>>();
        self.left -= size;
        Some(piece.into())
    }
}

/// Counts what it gets, and compares it with what was sent.
async fn receive(body: Body, size: u64, received: &AtomicU64) -> String {
    let mut sent = Upload::of(size);
    let mut expected = Bytes::new();
    let mut body = body;
    while let Some(frame) = poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx)).await
    {
        let mut piece = frame.unwrap().into_data().unwrap();
        received.fetch_add(piece.len() as u64, Ordering::SeqCst);
        while !piece.is_empty() {
            if expected.is_empty() {
                expected = sent.next().unwrap();
            }
            let common = piece.len().min(expected.len());
            if piece.split_to(common) != expected.split_to(common) {
                return "damaged".to_owned();
            }
        }
    }
    "whole".to_owned()
}

/// As `axum::serve` does it, but that what hyper reads ahead stays small: two pieces of 408 KiB it
/// would be, for any handler that is slower than its client, and they are not what is measured.
async fn serve(listener: TcpListener, app: Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let app = app.clone().map_request(|request: Request<Incoming>| request.map(Body::new));
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1().max_buf_size(64 * 1024);
        http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)).await.unwrap();
    }
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

#[tokio::test]
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
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, app));
    let send = async |size: u64| {
        let upload = Upload::of(size);
        let whole = upload.size();
        received.store(0, Ordering::SeqCst);
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\nX-Size: {size}\r\n\
             Cookie: csrftoken={SECRET}\r\nContent-Length: {whole}\r\n\
             Content-Type: multipart/form-data; boundary=bound\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for piece in upload {
            stream.write_all(&piece).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("whole"), "{answer}");
        assert_eq!(received.load(Ordering::SeqCst), whole);
    };
    // What is set up once: threads, and buffers that grow with the speed of the sender.
    for _ in 0..3 {
        send(8 * MEBIBYTE).await;
    }
    reset();
    let before = most_memory();
    send(50 * MEBIBYTE).await;
    let grown = most_memory().saturating_sub(before);
    assert!(grown < MEBIBYTE, "{grown} bytes more");
    assert_eq!(runs.load(Ordering::SeqCst), 4);
    println!("50 MiB before the token took {} KiB more of memory", grown / 1024);
}
