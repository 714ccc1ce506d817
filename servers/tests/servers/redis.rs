use servers::Redis;

use crate::{is_gone, is_silent, wait_for};

#[test]
fn it_lives_as_it_should() {
    let server = Redis::options().durable().start().unwrap();
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
    server.cli(&["SET", "key", "value"]).unwrap();

    let pid = server.pid().unwrap();
    server.kill().unwrap();
    assert!(is_gone(pid) && server.cli(&["PING"]).is_err());
    server.restart().unwrap();
    assert_eq!(server.cli(&["GET", "key"]).unwrap(), "value\n");

    server.pause().unwrap();
    assert!(is_silent("redis-cli", &["-p", &server.port().to_string(), "PING"]));
    server.resume().unwrap();
    assert_eq!(server.cli(&["GET", "key"]).unwrap(), "value\n");

    let pid = server.pid().unwrap();
    drop(server);
    assert!(is_gone(pid));
}

#[test]
fn it_leaves_no_folder() {
    let server = Redis::options().tls().start().unwrap();
    let folder = server.certificate().unwrap().parent().unwrap().to_owned();
    assert!(folder.is_dir());
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn without_more_it_forgets_and_asks_for_no_password() {
    let server = Redis::start().unwrap();
    server.cli(&["SET", "key", "value"]).unwrap();
    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!(server.cli(&["EXISTS", "key"]).unwrap(), "0\n");
    assert!(server.tls_url().is_none() && server.certificate().is_none());
}

#[test]
fn it_asks_for_a_password_and_speaks_tls() {
    let options = Redis::options().password("p@ss \"1\"").tls().setting("maxmemory", "3mb");
    let server = options.clone().start().unwrap();
    assert_eq!(server.cli(&["PING"]).unwrap(), "PONG\n");
    assert!(server.cli(&["CONFIG", "GET", "maxmemory"]).unwrap().contains("3145728"));
    let ask = |url: String, more: &[&str]| {
        // `redis-cli` alone does not understand a password without a user.
        let url = url.replace("//:", "//default:");
        let mut cli = std::process::Command::new("redis-cli");
        let output = cli.args(["-u", &url]).args(more).arg("PING").output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    assert!(ask(server.url(), &[]).contains("PONG"), "{}", server.url());
    let nobody = format!("redis://127.0.0.1:{}", server.port());
    assert!(ask(nobody, &[]).contains("NOAUTH"));
    let url = server.tls_url().unwrap();
    assert!(url.starts_with("rediss://:p%40ss%20%221%22@"), "{url}");
    let authority = server.certificate().unwrap().display().to_string();
    assert!(ask(url.clone(), &["--cacert", &authority]).contains("PONG"));
    let other = options.start().unwrap();
    let authority = other.certificate().unwrap().display().to_string();
    assert!(ask(url, &["--cacert", &authority]).contains("certificate verify failed"));
}

#[test]
fn a_replica_has_what_its_primary_has() {
    let primary = Redis::options().password("secret").start().unwrap();
    primary.cli(&["SET", "key", "value"]).unwrap();
    let replica = Redis::options().replica_of(&primary).start().unwrap();
    wait_for("copy", || replica.cli(&["GET", "key"]).ok().filter(|value| value == "value\n"));
    assert!(replica.cli(&["SET", "key", "other"]).is_err(), "it only reads");
}

#[test]
fn what_does_not_start_shows_its_log() {
    let error = Redis::options().setting("maxmemory", "much").start().unwrap_err();
    assert!(error.to_string().contains("argument must be a memory value"), "{error}");
}
