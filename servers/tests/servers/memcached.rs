use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use servers::Memcached;

use crate::is_gone;

fn ask(address: &str, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(format!("{line}\r\n").as_bytes())?;
    let mut answer = [0; 100];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

#[test]
fn it_lives_as_it_should() {
    let (server, other) = (Memcached::start().unwrap(), Memcached::start().unwrap());
    let address = server.address();
    assert_ne!(address, other.address());
    assert_eq!(ask(&address, "set key 0 0 5\r\nvalue").unwrap(), "STORED\r\n");
    assert_eq!(ask(&other.address(), "get key").unwrap(), "END\r\n");

    server.pause().unwrap();
    assert!(ask(&address, "version").is_err(), "it was to wait in vain");
    server.resume().unwrap();
    assert!(ask(&address, "get key").unwrap().contains("value"));

    let pid = server.pid().unwrap();
    server.kill().unwrap();
    assert!(is_gone(pid) && ask(&address, "version").is_err());
    server.restart().unwrap();
    assert_eq!(ask(&address, "get key").unwrap(), "END\r\n", "it forgets");

    let pid = server.pid().unwrap();
    drop(server);
    assert!(is_gone(pid) && other.is_running());
}

#[test]
fn two_are_shared() {
    let addresses = servers::shared::memcached();
    assert_eq!(addresses.len(), 2);
    for address in addresses {
        assert!(ask(address, "version").unwrap().starts_with("VERSION"));
    }
}

/// In a second process, whose environment names them.
#[test]
fn helper() {
    if std::env::var_os("SEGUE_TEST_MEMCACHED").is_some() {
        println!("\nSHARED {}", servers::shared::memcached().join(" and "));
    }
}

#[test]
fn those_that_the_environment_names_are_used() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memcached::helper", "--nocapture"])
        .env("SEGUE_TEST_MEMCACHED", "a:1,b:2")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("SHARED a:1 and b:2\n"), "{text}");
}
