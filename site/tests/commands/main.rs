//! The demo's program, as an operator uses it: commands, settings, signals, trouble.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod cases;
mod check;
#[path = "../common/mod.rs"]
mod common;
mod deployment;
mod documents;
mod looks;
mod migrations;
mod reference;
mod runserver;
mod sessions;
mod settings;
#[path = "../../../segue/tests/django/side.rs"]
#[allow(dead_code, reason = "a part of it is enough here")]
mod side;
mod stores;
mod trouble;
mod users;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use common::{Demo, Project, TOKEN, request};

#[test]
fn the_help_names_every_command() {
    let help = Project::new().succeed(&["--help"]);
    for command in [
        "runserver",
        "makemigrations",
        "migrate",
        "showmigrations",
        "sqlmigrate",
        "clearsessions",
        "check",
        "--settings <FILE>",
    ] {
        assert!(help.contains(command), "{command} is not in\n{help}");
    }
    assert!(help.contains("Without a command: migrate, then runserver."), "{help}");
    let help = Project::new().succeed(&["runserver", "--help"]);
    assert!(help.contains("[ADDR:PORT]") && help.contains("127.0.0.1:8000"), "{help}");
    let complaint = Project::new().fail(&["runsever"]);
    assert!(complaint.contains("runserver"), "a slip of the pen is mended: {complaint}");
}

#[test]
fn without_arguments_it_migrates_and_serves() {
    let project = Project::new();
    // The default port may be taken here: then the program says so, and that is what is tested.
    let free = TcpListener::bind("127.0.0.1:8000").map(drop).is_ok();
    if free {
        let demo = Demo::start(&mut project.command());
        assert_eq!(demo.address, "http://127.0.0.1:8000");
        assert_eq!(demo.get("/set/", None).status, 200);
    } else {
        let complaint = project.fail(&[]);
        assert!(complaint.contains("another program listens there"), "{complaint}");
    }
    assert!(project.path("db.sqlite3").exists(), "it migrated first");
    assert!(project.succeed(&["migrate"]).contains("No migrations to apply."));
}

#[test]
fn migrate_says_what_it_did() {
    let project = Project::new();
    let said = project.succeed(&["migrate"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "Operations to perform:",
            "  Apply all migrations: auth, contenttypes, sessions",
            "Running migrations:",
            "  Applying contenttypes.0001_initial... OK",
            "  Applying contenttypes.0002_remove_content_type_name... OK",
        ]
    );
    assert_eq!(lines[lines.len() - 1], "  Applying sessions.0001_initial... OK");
    assert_eq!(lines.len(), 3 + 15);
    assert!(project.succeed(&["migrate"]).contains("No migrations to apply."));
}

#[test]
fn runserver_warns_of_what_is_not_migrated() {
    let project = Project::new();
    let mut command = project.command();
    command.args(["runserver", "127.0.0.1:0"]).stderr(std::process::Stdio::piped());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut errors = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut errors, &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        line.contains("15 unapplied migration(s) for app(s): auth, contenttypes, sessions."),
        "{line}"
    );
    assert!(line.contains("run `migrate`"), "{line}");
}

#[test]
fn clearsessions_counts() {
    let project = Project::new();
    let demo = project.serve();
    assert_eq!(demo.get("/set/", None).status, 200);
    assert_eq!(project.succeed(&["clearsessions"]), "No expired sessions to remove.\n");
    drop(demo);
    // A session that lives for a second.
    let mut command = project.command();
    command.env("SESSION_COOKIE_AGE", "1").args(["runserver", "127.0.0.1:0"]);
    let demo = Demo::start(&mut command);
    assert_eq!(demo.get("/set/", None).status, 200);
    assert_eq!(demo.get("/set/", None).status, 200);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(project.succeed(&["clearsessions"]), "Removed 2 expired sessions.\n");
}

#[test]
fn the_clean_up_task_runs_within_the_server() {
    let project = Project::new();
    project.succeed(&["migrate"]);
    let mut command = project.command();
    command.env("SESSION_COOKIE_AGE", "1").env("SESSION_CLEANUP_INTERVAL", "1");
    let demo = Demo::start(command.args(["runserver", "127.0.0.1:0"]));
    assert_eq!(demo.get("/set/", None).status, 200);
    std::thread::sleep(Duration::from_millis(3500));
    assert_eq!(project.succeed(&["clearsessions"]), "No expired sessions to remove.\n");
    demo.program.signal("TERM");
    assert!(demo.program.wait(), "the task ends with the server");
}

/// A key that is made for a moment would end all sessions with it.
#[test]
fn nothing_is_served_without_a_key_of_its_own() {
    let project = Project::new();
    project.set("ALLOWED_HOSTS = [\"localhost\"]\n");
    let url = format!("sqlite://{}", project.path("other.sqlite3").display());
    project.succeed(&["migrate", "--database-url", &url]);
    // No machine has this address: whoever served would end there, too.
    for command in [&["runserver", "192.0.2.1:1"][..], &["check", "--deploy"]] {
        let said = project.fail(&[command, &["--database-url", &url]].concat());
        assert!(said.contains("SECRET_KEY is not set"), "{command:?}: {said}");
    }
    let output = project.run(&["check", "--database-url", &url]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("SECRET_KEY is not set"), "{said}");
    // Nor is one made by who looks at it, who would take the whole for sessions that nobody can read.
    let with_debug = |arguments: &[&str]| {
        let mut command = project.command();
        command.env("DEBUG", "true").args(arguments).args(["--database-url", &url]);
        let output = command.output().unwrap();
        assert!(!project.path("secret_key.txt").exists(), "{arguments:?}");
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (is_done, said) = with_debug(&["sessions", "delete", "--older-than", "1d", "--yes"]);
    assert!(!is_done && said.contains("look into the data; "), "{said}");
    let (is_done, said) = with_debug(&["sessions", "stats"]);
    assert!(is_done && said.contains("users are not counted"), "{said}");
    let program = project
        .command()
        .args(["sqlmigrate", "sessions", "0001", "--database-url", &url])
        .stdout(std::fs::File::create("/dev/full").unwrap())
        .status()
        .unwrap();
    assert!(!program.success(), "what could not be written is no success");
}

#[test]
fn check_explains() {
    let project = Project::new();
    let text = project.succeed(&["check"]);
    assert!(text.contains("there is no database yet; run `migrate`"), "{text}");
    assert!(!project.path("db.sqlite3").exists(), "to look makes nothing");
    assert!(project.fail(&["clearsessions"]).contains("run `migrate` first"));
    project.succeed(&["migrate"]);
    assert!(project.succeed(&["check"]).ends_with("No issues found.\n"));
    let text = project.succeed(&["check", "--deploy"]);
    for id in ["security.W012", "security.W018"] {
        assert!(text.contains(id), "{id} is not in\n{text}");
    }
}

#[test]
fn check_says_what_sessions_in_cookies_lack() {
    let project = Project::new();
    let settings =
        "SECRET_KEY = \"hunter2-hunter2-hunter2\"\nSESSION_ENGINE = \"signed_cookies\"\n";
    project.set(settings);
    let text = project.succeed(&["check"]);
    assert!(text.contains("there is no database yet"), "users need one: {text}");
    project.set(&format!("{settings}AUTHENTICATION_BACKENDS = []\n"));
    let text = project.succeed(&["check"]);
    assert!(text.contains("in the visitor's cookie, signed: a logout cannot end copies"), "{text}");
    assert!(text.ends_with("No issues found.\n"), "{text}");
    assert!(project.succeed(&["check", "--deploy"]).contains("segue.W003"));
    let text = project.succeed(&["clearsessions"]);
    assert_eq!(text, "Expired sessions go by themselves here: nothing to remove.\n");
    assert!(!project.path("db.sqlite3").exists(), "nobody needs a database");
}

/// As with Django's: only who serves needs to know for whom.
#[test]
fn without_allowed_hosts_it_does_not_serve() {
    let project = Project::new();
    project.set("SECRET_KEY = \"hunter2-hunter2-hunter2\"\n");
    project.succeed(&["migrate"]);
    let complaint = project.fail(&["runserver", "127.0.0.1:0"]);
    assert!(complaint.contains("ALLOWED_HOSTS is not set: list the host names"), "{complaint}");
    assert_eq!(project.succeed(&["clearsessions"]), "No expired sessions to remove.\n");
    assert!(project.succeed(&["check"]).ends_with("No issues found.\n"));
    assert!(project.succeed(&["check", "--deploy"]).contains("security.W020"));
}

/// On the wire, where a client may say anything.
#[test]
fn a_request_for_another_host_is_refused() {
    let project = Project::new();
    let demo = project.serve();
    let address = demo.address.trim_start_matches("http://");
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\nHost: {address}"), 200),
        ("GET / HTTP/1.1\r\nHost: LocalHost".to_owned(), 200),
        ("GET / HTTP/1.1\r\nHost: evil.example".to_owned(), 400),
        ("GET /nowhere HTTP/1.1\r\nHost: evil.example".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nHost: {address}\r\nHost: evil.example"), 400),
        (format!("GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: {address}"), 400),
        (format!("GET http://{address}/ HTTP/1.1\r\nHost: evil.example"), 400),
        (format!("GET http://{address}/ HTTP/1.1\r\nHost: {address}"), 200),
        ("GET / HTTP/1.1\r\nHost:".to_owned(), 400),
        ("GET / HTTP/1.0".to_owned(), 400),
    ] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status.to_string().as_str()), "{head}: {answer}");
        let told = answer.contains("\r\n\r\nBad request: ");
        assert_eq!(told, status == 400, "{head}: {answer}");
    }
}

#[test]
fn a_port_that_is_taken_is_said_in_words() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let complaint = Project::new().fail(&["runserver", &address]);
    assert!(complaint.contains(&format!("cannot listen on {address}: another program")));
}

/// A request that is under way when the server is asked to stop gets its answer; a new one none.
/// One of them waits for the database, the other for the rest of what the visitor sends.
#[test]
fn a_stop_lets_requests_end() {
    for signal in ["TERM", "INT"] {
        let project = Project::new();
        let demo = project.serve();
        let cookie = demo.get("/set/", None).cookie();
        let mut upload = std::net::TcpStream::connect(demo.address.trim_start_matches("http://"));
        let upload = upload.as_mut().unwrap();
        let form = format!("csrfmiddlewaretoken={TOKEN}&name=");
        let head = format!(
            "POST /set/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: \
             csrftoken={TOKEN}\r\nContent-Length: {}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\n\r\n{form}",
            form.len() + 5
        );
        upload.write_all(head.as_bytes()).unwrap();
        // Another process holds the database, so the request waits for it.
        let lock = trouble::Lock::hold(&project.path("db.sqlite3"));
        let address = demo.address.clone();
        let slow = std::thread::spawn({
            let cookie = cookie.clone();
            move || request(&address, "POST", "/set/", Some(&cookie), "name=late").unwrap()
        });
        std::thread::sleep(Duration::from_millis(500));
        demo.program.signal(signal);
        std::thread::sleep(Duration::from_millis(500));
        assert!(request(&demo.address, "GET", "/", None, "").is_err(), "no new requests");
        lock.release();
        assert_eq!(slow.join().unwrap().status, 200, "{signal}: the one under way was finished");
        std::thread::sleep(Duration::from_millis(500));
        upload.write_all(b"grace").unwrap();
        let mut answer = String::new();
        upload.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{signal}: so was the other: {answer:?}");
        assert!(demo.program.wait(), "{signal}: a stop on request is a success");
        let again = Demo::start(project.command().args(["runserver", "127.0.0.1:0"]));
        assert!(again.get("/get/", Some(&cookie)).body.contains("Session Value is late"));
    }
}
