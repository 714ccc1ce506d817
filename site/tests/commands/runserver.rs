//! `runserver` for development: what it reloads, what it says, and its log.

mod log;
mod page;
mod reload;
mod watch;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::common::{Demo, Program, Project, request};

/// So long it takes at most until a change is noticed, and some more.
const NOTICED: Duration = Duration::from_millis(2500);

/// The program whose project is the folder in which it runs.
fn here(project: &Project) -> Command {
    here_by(project, env!("CARGO_BIN_EXE_site_here").into())
}

fn here_by(project: &Project, program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("RUST_LOG", "error").current_dir(project.path(""));
    command
}

/// A project with sources in its folder, and a database.
fn project() -> Project {
    let project = Project::new();
    project.succeed(&["migrate"]);
    fs::create_dir_all(project.path("src/student")).unwrap();
    for name in ["Cargo.toml", "src/main.rs", "src/student/views.rs"] {
        fs::write(project.path(name), "").unwrap();
    }
    project
}

/// Serves, with both of its outputs in one.
fn serve(command: &mut Command, arguments: &[&str]) -> Demo {
    let program = command.get_program().to_owned();
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" runserver \"$@\" 2>&1"]).arg(program).args(arguments);
    if !arguments.iter().any(|argument| argument.ends_with('0')) {
        shell.arg("127.0.0.1:0");
    }
    shell.env_clear().current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    Demo::start(&mut shell)
}

/// A connection that is kept.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(demo: &Demo) -> Self {
        let stream = TcpStream::connect(demo.address.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(BufReader::new(stream))
    }

    fn write(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn get(&mut self, path: &str) -> String {
        self.write(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        self.read()
    }

    /// Reads one answer, and leaves the connection open.
    fn read(&mut self) -> String {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            assert!(self.0.read_line(&mut head).unwrap() > 0, "the connection ended: {head:?}");
        }
        for line in head.lines() {
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        head + std::str::from_utf8(&body).unwrap()
    }
}

fn set(project: &Project, settings: &str) {
    project.set(&format!(
        "DEBUG = true\nALLOWED_HOSTS = [\"127.0.0.1\", \"localhost\"]\n{settings}\n"
    ));
}

#[test]
fn ports_and_addresses_are_djangos() {
    let project = project();
    let complaint = project.fail(&["runserver", "-6", "127.0.0.1:0"]);
    assert!(complaint.contains("127.0.0.1 is not an IPv6 address"), "{complaint}");
    let demo = serve(&mut here(&project), &["0"]);
    assert!(demo.address.starts_with("http://127.0.0.1:"), "{}", demo.address);
    assert_eq!(demo.get("/", None).status, 200);
    drop(demo);
    // Where the machine has no IPv6 it must say so.
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        let complaint = project.fail(&["runserver", "-6", "0"]);
        assert!(complaint.contains("this machine does not have that address"), "{complaint}");
        return;
    }
    for arguments in [&["-6", "0"][..], &["--ipv6", "[::1]:0"], &["[::1]:0"]] {
        let demo = Demo::start(here(&project).arg("runserver").args(arguments));
        assert!(demo.address.starts_with("http://[::1]:"), "{arguments:?}: {}", demo.address);
        let answer = request(&demo.address, "GET", "/", None, "")
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        // Which host is served is a setting.
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

/// On the wire: the connection goes on, whatever a handler does.
#[test]
fn a_panic_is_an_answer() {
    let project = project();
    for debug in [true, false] {
        let key = "SECRET_KEY = \"hunter2-hunter2-hunter2\"";
        project.set(&format!("DEBUG = {debug}\nALLOWED_HOSTS = [\"localhost\"]\n{key}\n"));
        let demo = serve(&mut here(&project), &[]);
        let mut connection = Connection::open(&demo);
        for _ in 0..2 {
            let answer = connection.get("/panics/");
            assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
            assert_eq!(answer.ends_with("\r\n\r\nInternal server error."), !debug, "{answer}");
            assert_eq!(answer.contains("there is a name"), debug, "{answer}");
            assert_eq!(answer.contains("site_here.rs, line "), debug, "{answer}");
            let line = "std::env::var(\"NOT_SET\").expect(\"there is a name\")";
            assert_eq!(answer.contains(line), debug, "its folder is not the program's: {answer}");
        }
        assert!(connection.get("/get/").starts_with("HTTP/1.1 200 "));
    }
}

/// A program in this folder that can be replaced, as a build does it.
fn copy_of_the_program(project: &Project) -> PathBuf {
    fs::create_dir_all(project.path("target/debug")).unwrap();
    let copy = project.path("target/debug/site_here");
    fs::copy(env!("CARGO_BIN_EXE_site_here"), &copy).unwrap();
    copy
}

fn script(project: &Project, name: &str, text: &str) {
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o755);
    let mut file = options.open(project.path(name)).unwrap();
    file.write_all(format!("#!/bin/sh\nset -e\n{text}\n").as_bytes()).unwrap();
}

/// Reads one more line of what a program prints.
fn next_line(program: &mut Program) -> String {
    program.wait_for("")
}
