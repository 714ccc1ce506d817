//! A client that speaks HTTP to either server and hides nothing.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    headers: Vec<(String, String)>,
}

/// What is asked of a server.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub cookie: Option<&'a str>,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a str,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self { method: "GET", path: "/", cookie: None, headers: &[], body: "" }
    }
}

/// Sends one GET, with this `Cookie` header if there is one.
pub async fn get(port: u16, path: &str, cookie: Option<&str>) -> Answer {
    send(port, Request { path, cookie, ..Request::default() }).await
}

/// Sends a request for the host `example.com`.
pub async fn send(port: u16, request: Request<'_>) -> Answer {
    let Request { method, path, cookie, headers, body } = request;
    let cookie = cookie.map(|cookie| ("Cookie", cookie));
    let headers: String =
        cookie.iter().chain(headers).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    Answer::parse(&answer)
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP response");
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers = lines.map(header).collect();
        Self { status, body: body.to_owned(), headers }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Each header of this name.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(found, _)| found == name).map(|(_, value)| &**value)
    }

    /// The `Cookie` header that a browser would send after this response.
    pub fn cookie(&self) -> Option<String> {
        let cookie = self.header("set-cookie")?.split(';').next()?;
        Some(cookie.to_owned())
    }

    /// The attributes of the cookie in some order; of a date only that it is there.
    pub fn cookie_attributes(&self) -> Vec<String> {
        let cookie = self.header("set-cookie").unwrap_or_else(|| panic!("no cookie in {self:?}"));
        let mut attributes: Vec<String> = cookie
            .split("; ")
            .skip(1)
            .map(|attribute| match attribute.split_once('=') {
                Some(("expires", date)) if !date.contains("1970") => "expires".to_owned(),
                _ => attribute.to_owned(),
            })
            .collect();
        attributes.sort();
        attributes
    }
}
