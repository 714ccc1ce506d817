//! A line for each request.

use std::process::Command;

use super::{here, project, serve};
use crate::common::{Demo, Program, request};

/// What stands after the time, which must look like one.
#[track_caller]
fn after_time(line: &str) -> String {
    let (time, rest) = line.strip_prefix('[').and_then(|line| line.split_once("] ")).unwrap();
    let shape: String = time
        .chars()
        .map(|letter| match letter {
            '0'..='9' => '9',
            'a'..='z' | 'A'..='Z' => 'a',
            other => other,
        })
        .collect();
    assert_eq!(shape, "99/aaa/9999 99:99:99", "{line:?}");
    rest.to_owned()
}

/// The next line about a request, and that its end is a time in milliseconds.
#[track_caller]
fn request_line(program: &mut Program) -> String {
    let mut line = program.wait_for("");
    // Rust itself writes about panics.
    while !line.starts_with('[') {
        line = program.wait_for("");
    }
    let line = after_time(line.trim_end());
    let (rest, took) = line.trim_end_matches(" ms").rsplit_once(' ').unwrap();
    assert!(line.ends_with(" ms") && took.parse::<f64>().is_ok(), "{line:?}");
    rest.to_owned()
}

#[test]
fn in_a_pipe_it_is_plain() {
    let project = project();
    let mut demo = serve(here(&project).env("RUST_LOG", "segue::server=info"), &[]);
    let cases = [
        ("GET", "/static/style.css", 200),
        ("GET", "/static/style.css?token=hunter2", 200),
        ("HEAD", "/static/style.css", 200),
        ("GET", "/set", 301),
        ("GET", "/nowhere/", 404),
        ("POST", "/", 405),
        ("GET", "/panics/", 500),
    ];
    for (method, path, status) in cases {
        let answer = request(&demo.address, method, path, None, "");
        let line = request_line(&mut demo.program);
        let path = path.split('?').next().unwrap();
        let expected = format!("\"{method} {path} HTTP/1.1\" {status} ");
        assert!(line.starts_with(&expected), "{line:?}");
        if let Ok(answer) = answer {
            assert_eq!(line, format!("{expected}{}", answer.body.len()));
        } else {
            assert_eq!(method, "HEAD", "a client that expects a body");
        }
        assert!(!line.contains("hunter2") && !line.contains('\u{1b}'), "{line:?}");
    }
}

/// A path is whatever its sender likes.
#[test]
fn nothing_in_a_path_forges_a_line() {
    let project = project();
    let mut demo = serve(here(&project).env("RUST_LOG", "segue::server=info"), &[]);
    for (path, written) in [
        ("/\"%20200%0d%0a[x]", "/\\\"%20200%0d%0a[x]"),
        ("/\\x1b[2J", "/\\\\x1b[2J"),
        ("/\u{202e}evil\u{2028}", "/\\u{202e}evil\\u{2028}"),
        ("/\u{9b}2J\u{85}", "/\\u{9b}2J\\u{85}"),
        ("/été", "/été"),
    ] {
        request(&demo.address, "GET", path, None, "").unwrap();
        let line = request_line(&mut demo.program);
        assert!(line.starts_with(&format!("\"GET {written} HTTP/1.1\" 404 ")), "{line:?}");
    }
    // hyper refuses these before anybody logs them.
    for path in ["/\u{1b}[2J", "/a\u{7f}"] {
        assert_eq!(request(&demo.address, "GET", path, None, "").map_or(400, |a| a.status), 400);
    }
    demo.get(&format!("/{}", "a".repeat(5000)), None);
    let line = request_line(&mut demo.program);
    assert!(line.contains("aaa… HTTP/1.1\" 404 ") && line.len() < 1100, "{}", line.len());
}

#[test]
fn the_environment_says_how_much_is_logged() {
    let project = project();
    let mut demo = serve(here(&project).env("RUST_LOG", "segue::server=error"), &[]);
    for path in ["/static/style.css", "/nowhere/"] {
        demo.get(path, None);
    }
    demo.get("/panics/", None);
    assert!(request_line(&mut demo.program).starts_with("\"GET /panics/ HTTP/1.1\" 500 "));
    let mut demo = serve(here(&project).env("RUST_LOG", "segue::server=warn"), &[]);
    demo.get("/static/style.css", None);
    demo.get("/nowhere/", None);
    assert!(request_line(&mut demo.program).starts_with("\"GET /nowhere/ HTTP/1.1\" 404 "));
    // What else is logged keeps its own look.
    let mut demo = serve(here(&project).env("RUST_LOG", "info"), &[]);
    demo.get("/panics/", None);
    demo.program.wait_for("ERROR a handler panicked method=\"GET\" path=\"/panics/\"");
    demo.program.wait_for("\"GET /panics/ HTTP/1.1\" 500 ");
}

/// `script` (util-linux) makes the terminal.
fn on_a_terminal(variables: &[(&str, &str)]) -> Vec<String> {
    let project = project();
    let program = env!("CARGO_BIN_EXE_site_here");
    let command = format!("echo process $$; exec {program} runserver 127.0.0.1:0");
    let mut terminal = Command::new("script");
    terminal
        .args(["--quiet", "--return", "--echo", "never", "--command", &command, "/dev/null"])
        .current_dir(project.path(""))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm")
        .env("RUST_LOG", "segue::server=info")
        .envs(variables.iter().copied());
    let mut program = Program::start(&mut terminal).unwrap();
    let process = program.wait_for("process ").trim().to_owned();
    let mut demo = Demo::of(program);
    let mut lines = Vec::new();
    for (path, status) in
        [("/static/style.css", 200), ("/set", 301), ("/nowhere/", 404), ("/panics/", 500)]
    {
        demo.get(path, None);
        let rest = demo.program.wait_for(&format!("\"GET {path} HTTP/1.1\" {status} "));
        lines.push(rest.trim_end_matches(['\r', '\n']).to_owned());
    }
    // The end of the terminal need not end it: under `nohup` nothing listens to that.
    let stopped = Command::new("sh").args(["-c", "kill -s TERM \"$0\"", &process]).status();
    assert!(stopped.unwrap().success());
    lines
}

#[test]
fn on_a_terminal_it_has_colours() {
    let ends = |lines: &[String]| -> Vec<bool> {
        lines.iter().map(|line| line.ends_with(" ms\u{1b}[0m")).collect()
    };
    assert_eq!(ends(&on_a_terminal(&[])), [false, true, true, true]);
    for variables in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let lines = on_a_terminal(&[variables]);
        assert_eq!(ends(&lines), [false; 4], "{variables:?}");
        assert!(lines.iter().all(|line| line.ends_with(" ms")), "{variables:?}: {lines:?}");
    }
}
