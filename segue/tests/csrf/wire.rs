//! Real connections: what a browser sees that sends a form to a real server.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::bodies::{FIELD, content, multipart};
use crate::site::{FORM, OTHER, SECRET, Site, TOKEN, settings, with};

/// The site behind axum's server, at a free port.
pub struct Server {
    address: std::net::SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    pub async fn of(app: axum::Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, serving }
    }

    pub async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { stream, read: Vec::new() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next response: its status and body. Nothing where the connection ends before it.
    pub async fn answer(&mut self) -> Option<(StatusCode, Vec<u8>)> {
        let mut at = 0;
        let (status, length) = loop {
            let head = String::from_utf8_lossy(&self.read[at..]).into_owned();
            if let Some((head, _)) = head.split_once("\r\n\r\n") {
                at += head.len() + 4;
                let status = head.split(' ').nth(1).unwrap().parse::<StatusCode>().unwrap();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                break (status, length.map_or(0, |length| length.parse().unwrap()));
            }
            if !self.more().await {
                assert_eq!(String::from_utf8_lossy(&self.read), "", "no whole head");
                return None;
            }
        };
        while self.read.len() < at + length {
            assert!(self.more().await, "no whole body");
        }
        let rest = self.read.split_off(at + length);
        let body = std::mem::replace(&mut self.read, rest).split_off(at);
        Some((status, body))
    }

    pub async fn status(&mut self) -> u16 {
        self.answer().await.map_or(0, |(status, _)| status.as_u16())
    }

    /// Reads what is there; nothing comes any more when the connection was closed, or broken.
    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.read);
        let read = tokio::time::timeout(Duration::from_secs(20), read).await.expect("it hangs");
        read.is_ok_and(|read| read > 0)
    }
}

/// A `POST` to `/`, as far as its body.
pub fn head(length: usize, more: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: {length}\r\n{more}\r\n")
}

/// The lines of a visitor who has a cookie, and sends a form of this type.
fn visitor(content_type: &str) -> String {
    format!("Cookie: csrftoken={SECRET}\r\nContent-Type: {content_type}\r\n")
}

const UPLOAD: &str = "multipart/form-data; boundary=xYzZY";

const GET: &str = "GET /token HTTP/1.1\r\nHost: example.com\r\n\r\n";

async fn pause() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn a_form_that_comes_slowly_gets_its_answer_and_the_connection_goes_on() {
    let site = Site::new(&settings());
    let server = Server::of(site.app.clone()).await;
    let mut connection = server.connect().await;
    let good = format!("{FIELD}={TOKEN}");
    for (lines, body, status) in [
        // Refused before a byte of the form has come.
        (format!("Content-Type: {FORM}\r\n"), "a=b&c=d".to_owned(), 403),
        (visitor(FORM), "a=b&c=d".to_owned(), 403),
        (visitor(FORM), format!("{FIELD}={OTHER}"), 403),
        (visitor(FORM), good.clone(), 200),
        (visitor("application/json"), good, 403),
    ] {
        let (start, end) = body.split_at(body.len() / 2);
        connection.send(head(body.len(), &lines)).await;
        pause().await;
        connection.send(start).await;
        pause().await;
        connection.send(end).await;
        assert_eq!(connection.status().await, status, "{lines}{body}");
    }
    connection.send(GET).await;
    assert_eq!(connection.status().await, 200);
}

/// The body of a refused request looks like requests. Were it not read, or the connection not
/// closed, the server would answer them: with the next visitor's cookies, where a proxy shares the
/// connection.
#[tokio::test]
async fn nothing_in_a_refused_body_is_taken_for_a_request() {
    let site = Site::new(&settings());
    let server = Server::of(site.app.clone()).await;
    let smuggled = "GET /rotate HTTP/1.1\r\nHost: example.com\r\n\r\n";
    for count in [1, 1000, 10_000, 100_000] {
        for lines in [format!("Content-Type: {FORM}\r\n"), visitor("application/json")] {
            let mut connection = server.connect().await;
            let body = smuggled.repeat(count);
            connection.send(head(body.len(), &lines)).await;
            // The server may close before all of it was sent.
            let _ = connection.stream.write_all(body.as_bytes()).await;
            let _ = connection.stream.write_all(GET.as_bytes()).await;
            assert_eq!(connection.status().await, 403);
            match connection.answer().await {
                Some((status, token)) => assert_eq!((status.as_u16(), token.len()), (200, 64)),
                None => assert!(count > 1000, "a small form keeps its connection"),
            }
        }
    }
}

#[tokio::test]
async fn two_lengths_are_no_way_in() {
    let site = Site::new(&settings());
    let server = Server::of(site.app.clone()).await;
    let rotate = "GET /rotate HTTP/1.1\r\nHost: example.com\r\n\r\n";
    let chunked = |body: &str| format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let mut connection = server.connect().await;
    let head = head(4, &format!("Transfer-Encoding: chunked\r\n{}", visitor(FORM)));
    connection.send(format!("{head}{}{GET}", chunked(rotate))).await;
    assert_eq!(connection.status().await, 403);
    // The chunks count, as RFC 9112, 6.3 says, and the connection may end here.
    if let Some((status, token)) = connection.answer().await {
        assert_eq!((status.as_u16(), token.len()), (200, 64));
    }
    let mut connection = server.connect().await;
    connection.send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 4\r\n").await;
    connection.send("Content-Length: 5\r\n\r\nabcde").await;
    assert_eq!(connection.status().await, 400);
    assert_eq!(connection.status().await, 0);
}

/// `curl` asks before it sends an upload.
#[tokio::test]
async fn who_asks_before_sending_is_told_no_at_once() {
    let site = Site::new(&settings());
    let server = Server::of(site.app.clone()).await;
    let expect = "Expect: 100-continue\r\n";
    let mut connection = server.connect().await;
    let start = Instant::now();
    connection.send(head(1_000_000, &format!("{expect}Content-Type: {FORM}\r\n"))).await;
    assert_eq!(connection.status().await, 403);
    assert!(start.elapsed() < Duration::from_secs(1), "nobody waited for the form");
    assert_eq!(connection.status().await, 0, "what may follow is no request");

    for (token, status) in [(TOKEN, 200), (OTHER, 403)] {
        let body =
            multipart(&[(FIELD, None, token.as_bytes()), ("f", Some("a"), &content(90_000))]);
        let mut connection = server.connect().await;
        connection.send(head(body.len(), &format!("{expect}{}", visitor(UPLOAD)))).await;
        assert_eq!(connection.status().await, 100);
        for piece in body.chunks(40_000) {
            connection.send(piece).await;
            pause().await;
        }
        assert_eq!(connection.status().await, status);
        connection.send(GET).await;
        assert_eq!(connection.status().await, 200, "after {status}");
    }
}

/// Whoever sends a hundred megabytes to a site that does not want them is not waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_that_is_refused_ends_soon() {
    let site = Site::new(&with(|s| s.csrf.search_max_size = 1 << 20));
    let server = Server::of(site.app.clone()).await;
    let size = 100 << 20;
    let large = "x".repeat(1 << 20);
    for (lines, start, expected) in [
        (format!("Content-Type: {UPLOAD}\r\n"), multipart(&[]), 403),
        (visitor(UPLOAD), multipart(&[(FIELD, None, OTHER.as_bytes()), ("f", None, b"")]), 403),
        (visitor(UPLOAD), b"--xYzZY\r\n\r\n".to_vec(), 413),
        (visitor(FORM), b"a=".to_vec(), 413),
        (visitor("application/json"), b"{".to_vec(), 403),
    ] {
        let mut connection = server.connect().await;
        let began = Instant::now();
        connection.send(head(size, &lines)).await;
        connection.send(&start).await;
        let mut sent = start.len();
        while sent < size && connection.stream.write_all(large.as_bytes()).await.is_ok() {
            sent += large.len();
        }
        assert_eq!(connection.status().await, expected);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(sent < size / 2, "{sent} bytes were taken");
    }
}

/// Visitors who leave in the middle of an upload leave nothing behind: no room is taken, no handler
/// runs, and the next one is served.
#[tokio::test]
async fn who_leaves_in_the_middle_gives_the_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&with(|s| {
        s.csrf.search_max_size = 1_000_000;
        s.data_upload_max_memory_size = 1_000_000;
        s.file_upload_temp_dir = Some(folder.path().to_owned());
    }));
    let server = Server::of(site.app.clone()).await;
    let late = multipart(&[("f", Some("a"), &content(990_000)), (FIELD, None, TOKEN.as_bytes())]);
    let send = async |until: usize| {
        let mut connection = server.connect().await;
        connection.send(head(late.len(), &visitor(UPLOAD))).await;
        connection.send(&late[..until]).await;
        connection
    };
    let mut waiting = Vec::new();
    for _ in 0..40 {
        waiting.push(send(980_000).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(send(late.len()).await.status().await, 503, "all room is taken");
    drop(waiting);
    let began = Instant::now();
    while send(late.len()).await.status().await != 200 {
        assert!(began.elapsed() < Duration::from_secs(10), "the room is not given back");
        pause().await;
    }
    assert_eq!(site.runs(), 1, "of those that left no handler has run");
}

/// Before HTTP/1.1 nobody had to name a host, and a proxy's form of address may name another one.
#[tokio::test]
async fn whatever_the_request_line_says_the_host_is_that_of_the_header() {
    let site = Site::new(&settings());
    let server = Server::of(site.app.clone()).await;
    let good = format!("{FIELD}={TOKEN}");
    let lines = format!("Content-Length: {}\r\n{}", good.len(), visitor(FORM));
    let evil = "http://evil.com";
    for (first, more, status) in [
        ("POST / HTTP/1.0", String::new(), 200),
        ("POST / HTTP/1.0", format!("Origin: {evil}\r\n"), 403),
        ("POST / HTTP/1.0", "Origin: http://example.com\r\n".to_owned(), 403),
        ("POST http://evil.com/ HTTP/1.1", format!("Host: example.com\r\nOrigin: {evil}\r\n"), 403),
        ("POST http://example.com/ HTTP/1.1", format!("Host: evil.com\r\nOrigin: {evil}\r\n"), 403),
        // Not over https, whatever stands there: no referer is asked for.
        ("POST https://example.com/ HTTP/1.1", "Host: example.com\r\n".to_owned(), 200),
        ("POST / HTTP/1.1", format!("Host:\r\nHost: example.com\r\nOrigin: {evil}\r\n"), 403),
    ] {
        let mut connection = server.connect().await;
        connection.send(format!("{first}\r\n{more}{lines}\r\n{good}")).await;
        assert_eq!(connection.status().await, status, "{first} {more}");
    }
}
