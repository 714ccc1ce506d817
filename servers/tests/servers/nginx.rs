use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use servers::Nginx;

use crate::is_gone;

/// As one writes it: a line for each directive.
fn sites(answer: &str) -> String {
    format!(
        "server {{\n    listen 80;\n    listen [::]:80;\n    return 200 {answer};\n}}\n\
         server {{\n    listen 443 ssl;\n    ssl_certificate /etc/ssl/nowhere.pem;\n    \
         ssl_certificate_key /etc/ssl/nowhere.key;\n}}\n"
    )
}

/// What it answers over http.
fn get(server: &Nginx) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.http_port()))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
}

#[test]
fn it_serves_what_it_is_given_and_takes_up_another_configuration() {
    let server = Nginx::start(&sites("one")).unwrap();
    assert_eq!(get(&server).unwrap(), "one");
    server.reload(&sites("two")).unwrap();
    assert_eq!(get(&server).unwrap(), "two");

    let refused = server.reload("server { listn 80; }").unwrap_err().to_string();
    assert!(refused.contains("unknown directive \"listn\""), "{refused}");
    assert_eq!(get(&server).unwrap(), "two", "it keeps what it had");
    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!(get(&server).unwrap(), "two");

    let pid = server.pid().unwrap();
    drop(server);
    assert!(is_gone(pid));
}

#[test]
fn a_configuration_is_checked_without_a_start() {
    Nginx::check(&sites("one")).unwrap();
    let wrong = Nginx::check(&sites("one; proxy_pass http://nowhere:x"));
    let wrong = wrong.unwrap_err().to_string();
    assert!(wrong.contains("\"proxy_pass\" directive is not allowed here"), "{wrong}");
}
