//! The demo's program on a folder of its own, and an HTTP client that hides nothing.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod document;
mod http;
mod program;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub use document::Document;
pub use http::{Answer, TOKEN, request};
pub use program::Program;
pub use terminal::{Seen, typing, without_colours};

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

    /// All at once: a server that reads them meanwhile sees the old ones or these.
    pub fn set(&self, settings: &str) {
        let written = self.path("settings.toml.new");
        fs::write(&written, settings).unwrap();
        fs::rename(written, self.path("settings.toml")).unwrap();
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
        Self::of(Program::start(command).unwrap())
    }

    /// A program that is about to serve.
    pub fn of(mut program: Program) -> Self {
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
