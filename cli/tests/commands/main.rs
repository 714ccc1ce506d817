//! The program `segue`, as a person uses it: begins projects and apps, and looks after databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod databases;
mod install;
mod startapp;
mod startproject;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder in which somebody uses the program.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program in this folder, or in one within it, without the variables of who tests it.
    fn command(&self, within: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
        command.env_clear().env("RUST_LOG", "error").current_dir(self.path(within));
        command
    }

    fn run(&self, within: &str, arguments: &[&str]) -> Output {
        self.command(within).args(arguments).output().unwrap()
    }

    /// Runs a command that must succeed, and gives what it printed.
    fn succeed(&self, within: &str, arguments: &[&str]) -> String {
        let output = self.run(within, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail, and gives what it complained of.
    fn fail(&self, within: &str, arguments: &[&str]) -> String {
        let output = self.run(within, arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The names of the files in it, in folders too.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.folder.path()).unwrap();
                    names.push(name.to_str().unwrap().to_owned());
                }
            }
        }
        names.sort();
        names
    }
}
