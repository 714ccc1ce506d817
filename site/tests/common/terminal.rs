//! The program at a terminal of its own, where a person types.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::Project;

/// What a person saw at a terminal, and how the program ended.
#[derive(Debug)]
pub struct Seen {
    pub code: Option<i32>,
    /// It has not asked for more than was typed.
    pub has_ended: bool,
    /// All of it, colours included.
    pub raw: String,
    /// Without the colours.
    pub text: String,
}

impl Seen {
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// What a question ends with, at the end of what is seen.
const QUESTION: &str = "";

/// A program that has what it asked for ends by then, also on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Nobody waits longer for a question.
const PATIENCE: Duration = Duration::from_secs(60);

impl Project {
    /// Runs a command at a terminal of its own, where a person types each of these lines at a question.
    ///
    /// `script` (util-linux) makes the terminal, and shows on its output what the person sees.
    pub fn at_a_terminal(&self, arguments: &str, lines: &[&str]) -> Seen {
        self.at_a_terminal_with(arguments, lines, &[])
    }

    /// As `at_a_terminal`, with these variables.
    pub fn at_a_terminal_with(
        &self,
        arguments: &str,
        lines: &[&str],
        variables: &[(&str, &str)],
    ) -> Seen {
        let typed: Vec<(&str, String)> =
            lines.iter().map(|line| (QUESTION, format!("{line}\n"))).collect();
        self.typing(arguments, &typed, variables)
    }

    /// Runs a command at a terminal, where a person types each text as soon as the words before it
    /// were seen: `("Ctrl-C", "\u{3}".to_owned())` stops a server.
    pub fn typing(
        &self,
        arguments: &str,
        typed: &[(&str, String)],
        variables: &[(&str, &str)],
    ) -> Seen {
        let program = env!("CARGO_BIN_EXE_site");
        let settings = self.path("settings.toml");
        let command = format!("{program} --settings {} {arguments}", settings.display());
        typing(&command, &self.path(""), typed, variables)
    }
}

/// Runs a command in a folder, as [`Project::typing`].
pub fn typing(
    command: &str,
    folder: &Path,
    typed: &[(&str, String)],
    variables: &[(&str, &str)],
) -> Seen {
    // Without a shell around it, which Ctrl-C would reach as well.
    let command = format!("exec {command}");
    // A program that asks for more than these lines would wait for ever.
    let mut child = Command::new("timeout")
        .args(["120", "script", "--quiet", "--return", "--echo", "always", "--command"])
        .args([&command, "/dev/null"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("USER", "root")
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm-256color")
        .env("RUST_LOG", "error")
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`script` of util-linux makes a terminal");
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reader = thread::spawn({
        let seen = Arc::clone(&seen);
        move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut piece) {
                seen.lock().unwrap().extend_from_slice(&piece[..length]);
            }
        }
    });
    let mut answered = 0;
    for (words, text) in typed {
        // A person waits for the question.
        let asked = Instant::now();
        loop {
            let length = {
                let seen = seen.lock().unwrap();
                let new = String::from_utf8_lossy(&seen[answered..]).into_owned();
                let has_come = match *words {
                    // The half of a line that begins so is none.
                    QUESTION => new.ends_with(": ") && !new.ends_with("Error: "),
                    words => new.contains(words),
                };
                has_come.then_some(seen.len())
            };
            if let Some(length) = length {
                answered = length;
                break;
            }
            let ended = child.try_wait().unwrap().is_some();
            if ended || asked.elapsed() > PATIENCE {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        // The program may have ended without a question.
        let _ = input.write_all(text.as_bytes());
    }
    // Nobody leaves the terminal before the last line is read, or where there is nothing to type.
    let has_ended = typed.is_empty() || ends_soon(&mut child);
    if has_ended {
        child.wait().unwrap();
    }
    drop(input);
    let code = child.wait().unwrap().code();
    reader.join().unwrap();
    let raw = String::from_utf8(std::mem::take(&mut *seen.lock().unwrap())).unwrap();
    Seen { code, has_ended, text: without_colours(&raw), raw }
}

/// Whether it ends, and does not ask for more than there is.
fn ends_soon(child: &mut Child) -> bool {
    let started = Instant::now();
    while started.elapsed() < SOON {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Takes out the sequences that set colours, and no others.
pub fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let (before, sequence) = rest.split_at(at);
        plain.push_str(before);
        let parameters = sequence[2..].find(|c: char| !c.is_ascii_digit() && c != ';');
        match parameters.filter(|end| sequence[2 + end..].starts_with('m')) {
            Some(end) => rest = &sequence[2 + end + 1..],
            None => {
                plain.push_str("\u{1b}[");
                rest = &sequence[2..];
            }
        }
    }
    plain.push_str(rest);
    plain
}
