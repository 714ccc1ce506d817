mod ends;

use servers::Postgres;

use crate::{children, is_gone, is_silent};

#[test]
fn it_lives_as_it_should() {
    let server = Postgres::start().unwrap();
    server.create_database("mine").unwrap();
    assert!(server.create_database("mine").unwrap_err().to_string().contains("exists"));
    server.query("mine", "CREATE TABLE t AS SELECT 7 AS n").unwrap();

    let pid = server.pid().unwrap();
    let members = children(pid);
    assert!(members.len() > 3, "PostgreSQL is many processes");
    assert!(server.restart().unwrap_err().to_string().contains("was not killed"));
    server.kill().unwrap();
    assert!(!server.is_running() && server.pid().is_none());
    assert!(is_gone(pid) && members.into_iter().all(is_gone));
    assert!(server.query("mine", "SELECT 1").is_err());
    assert!(server.pause().is_err());

    server.restart().unwrap();
    assert_eq!(server.query("mine", "SELECT n FROM t").unwrap(), "7\n");

    server.pause().unwrap();
    assert!(server.is_running());
    assert!(is_silent("psql", &[&server.url("mine"), "-c", "SELECT 1"]));
    server.resume().unwrap();
    assert_eq!(server.query("mine", "SELECT n FROM t").unwrap(), "7\n");

    // A paused one is stopped like any other.
    server.pause().unwrap();
    let pid = server.pid().unwrap();
    let members = children(pid);
    drop(server);
    assert!(is_gone(pid) && members.into_iter().all(is_gone));
}

#[test]
fn it_speaks_tls_with_a_certificate_for_loopback() {
    let (server, other) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    let ask = |port: u16, host: &str, authority: &std::path::Path| {
        let url = server.url("postgres").replace(&server.port().to_string(), &port.to_string());
        let url = url.replace("127.0.0.1", host);
        let url = format!("{url}?sslmode=verify-full&sslrootcert={}", authority.display());
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let output = std::process::Command::new("psql").args(["-Atc", sql, &url]).output();
        let output = output.unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(ask(server.port(), "127.0.0.1", server.certificate()).0, "t\n");
    assert_eq!(ask(server.port(), "localhost", server.certificate()).0, "t\n");
    let (_, error) = ask(server.port(), "127.0.0.1", other.certificate());
    assert!(error.contains("certificate verify failed"), "{error}");
}

#[test]
fn each_test_has_a_database_of_its_own() {
    let base = servers::shared::postgres();
    assert_eq!(base, servers::shared::postgres(), "it is started once");
    let one = servers::fresh_database(base).unwrap();
    let two = servers::fresh_database(&format!("{base}?sslmode=require")).unwrap();
    assert_ne!(one, two);
    assert!(two.ends_with("?sslmode=require"), "{two}");
    for url in [one, two] {
        let mut psql = std::process::Command::new("psql");
        let output = psql.args(["-Atc", "SELECT current_database()", &url]).output().unwrap();
        let name = String::from_utf8(output.stdout).unwrap();
        assert!(name.starts_with("segue_"), "{output:?}", output = output.stderr);
    }
}
