//! One HTTP request at a time, on a connection of its own.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    head: String,
}

/// A token of the client's own making: all that Django asks of a form is that it agrees with the
/// cookie, which another site cannot set.
pub const TOKEN: &str = "abcdefghijklmnopqrstuvwxyzABCDEF";

/// Sends a request; a body is a form. A POST has a token.
pub fn request(
    address: &str,
    method: &str,
    path: &str,
    cookie: Option<&str>,
    body: &str,
) -> io::Result<Answer> {
    let host = address.trim_start_matches("http://");
    let (mut cookies, mut body) = (cookie.map(str::to_owned), body.to_owned());
    if method == "POST" {
        cookies = Some(format!("csrftoken={TOKEN}; {}", cookie.unwrap_or_default()));
        body = format!("csrfmiddlewaretoken={TOKEN}&{body}");
    }
    let cookies = cookies.map(|cookies| format!("Cookie: {cookies}\r\n")).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{cookies}Content-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Answer::parse(&answer)
        .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "the answer is not whole"))
}

impl Answer {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let answer = Self { status, body: body.to_owned(), head: head.to_owned() };
        let length: usize = answer.header("content-length")?.parse().ok()?;
        (answer.body.len() == length).then_some(answer)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Each `Set-Cookie`.
    pub fn set_cookies(&self) -> impl Iterator<Item = &str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).map(|(_, value)| value)
    }

    /// The `Cookie` header that a browser would send after this response.
    pub fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").unwrap_or_else(|| panic!("no cookie in {self:?}"));
        cookie.split(';').next().unwrap().to_owned()
    }
}
