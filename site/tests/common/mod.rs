//! The demo's program on a folder of its own, and an HTTP client that hides nothing.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod http;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

pub use http::{Answer, TOKEN, request};

/// A program that is stopped when this is dropped, also after a failed assertion.
pub struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    pub fn start(command: &mut Command) -> std::io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().unwrap());
        Ok(Self { child, output })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads what it prints up to the line with this text, and gives what follows the text.
    pub fn wait_for(&mut self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the program ended without {text:?}; it printed:\n{seen}");
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
            seen += &line;
        }
    }

    /// Waits until it ends by itself, and tells whether it was content.
    pub fn wait(mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    /// Sends it a signal by the name that the shell's own `kill` knows it by.
    pub fn signal(&self, name: &str) {
        let kill = ["-c", "kill -s \"$0\" \"$1\"", name, &self.id().to_string()];
        let status = Command::new("sh").args(kill).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A fresh copy of the demo's folder, as after a checkout.
pub struct Project {
    folder: TempDir,
}

impl Project {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::copy(source.join("settings.toml"), folder.path().join("settings.toml")).unwrap();
        copy_folder(&source.join("templates"), &folder.path().join("templates"));
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn set(&self, settings: &str) {
        fs::write(self.path("settings.toml"), settings).unwrap();
    }

    /// The program, with the settings of this folder and none of whoever runs the tests.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_site"));
        command
            .env_clear()
            .env("RUST_LOG", "error")
            .current_dir(self.folder.path())
            .arg("--settings")
            .arg(self.path("settings.toml"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail, and gives what it complained of.
    pub fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Migrates, and serves on a port that the system gives.
    pub fn serve(&self) -> Demo {
        self.succeed(&["migrate"]);
        Demo::start(self.command().args(["runserver", "127.0.0.1:0"]))
    }
}

/// The demo, as it serves.
pub struct Demo {
    pub address: String,
    pub program: Program,
}

impl Demo {
    pub fn start(command: &mut Command) -> Self {
        let mut program = Program::start(command).unwrap();
        let rest = program.wait_for("Serving on http://");
        let address = format!("http://{}", rest.split_whitespace().next().unwrap());
        Self { address, program }
    }

    pub fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        request(&self.address, "GET", path, cookie, "").unwrap()
    }

    /// Sends the form that sets the name.
    pub fn set_name(&self, name: &str, cookie: Option<&str>) -> Answer {
        request(&self.address, "POST", "/set/", cookie, &format!("name={name}")).unwrap()
    }
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, copy).unwrap();
        }
    }
}
