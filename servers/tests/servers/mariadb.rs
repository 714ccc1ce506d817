use servers::MariaDb;

use crate::{is_gone, is_silent};

#[test]
fn it_lives_as_it_should() {
    let server = MariaDb::start().unwrap();
    server.create_database("mine").unwrap();
    assert!(server.create_database("mine").unwrap_err().to_string().contains("exists"));
    server.query("mine", "CREATE TABLE t AS SELECT 'A' AS name").unwrap();
    let same = server.query("mine", "SELECT COUNT(*) FROM t WHERE name = 'a'").unwrap();
    assert_eq!(same, "1\n", "capital and small letters are the same");

    let pid = server.pid().unwrap();
    server.kill().unwrap();
    assert!(is_gone(pid) && !server.is_running());
    assert!(server.query("mine", "SELECT 1").is_err());
    server.restart().unwrap();
    assert_eq!(server.query("mine", "SELECT name FROM t").unwrap(), "A\n");

    server.pause().unwrap();
    let url = server.url("mine");
    assert!(url.starts_with("mysql://"), "{url}");
    let port = server.port().to_string();
    let client = ["--no-defaults", "--protocol=tcp", "-h127.0.0.1", "-P", &port, "-usegue"];
    assert!(is_silent("mariadb", &[&client[..], &["--password=mariadb-password"]].concat()));
    server.resume().unwrap();
    assert_eq!(server.query("mine", "SELECT name FROM t").unwrap(), "A\n");

    let authority = format!("--ssl-ca={}", server.certificate().display());
    let sql = ["-e", "SHOW STATUS LIKE 'Ssl_version'", "--ssl-verify-server-cert"];
    let mut mariadb = std::process::Command::new("mariadb");
    mariadb.args(client).args([&authority, "--password=mariadb-password"]).args(sql);
    let output = mariadb.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("TLSv1."), "{text}{}", String::from_utf8_lossy(&output.stderr));

    let pid = server.pid().unwrap();
    drop(server);
    assert!(is_gone(pid));
}

#[test]
fn each_test_has_a_database_of_its_own() {
    let base = servers::shared::mariadb();
    let (one, two) =
        (servers::fresh_database(base).unwrap(), servers::fresh_database(base).unwrap());
    assert_ne!(one, two);
    let server = base.strip_suffix("/mysql").unwrap();
    assert!(one.starts_with(&format!("{server}/segue_")), "{one}");
}
