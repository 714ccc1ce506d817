//! An empty folder, and somebody who does there what a page says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::common::Program;
use crate::document::{Section, Step};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What is not part of a project's sources: made by Cargo and by the program.
const MADE: &[&str] =
    &["target", "Cargo.lock", "db.sqlite3", "db.sqlite3-shm", "db.sqlite3-wal", "secret_key.txt"];

pub(crate) struct Workshop {
    _folder: TempDir,
    /// Where the shell is.
    here: PathBuf,
    variables: Vec<(String, String)>,
    instead_of: Vec<(String, String)>,
    transcript: String,
    server: Option<(String, Program)>,
}

impl Workshop {
    /// An empty folder. Above it Cargo is told where Segue is, as long as no registry has it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".cargo")).unwrap();
        // The compiled crates are kept between two runs of the tests.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tutorial");
        let config = format!(
            "[build]\ntarget-dir = {target:?}\n[profile.dev]\ndebug = false\n[patch.crates-io]\nsegue = {{ path = {:?} }}\n",
            root().join("segue")
        );
        fs::write(folder.path().join(".cargo/config.toml"), config).unwrap();
        let here = folder.path().join("empty");
        fs::create_dir(&here).unwrap();
        Self {
            _folder: folder,
            here,
            variables: Vec::new(),
            instead_of: Vec::new(),
            transcript: String::new(),
            server: None,
        }
    }

    /// The reader has something of their own in the place of what the page says.
    pub(crate) fn instead_of(&mut self, text: &str, own: &str) {
        self.instead_of.push((text.to_owned(), own.to_owned()));
    }

    pub(crate) fn follow(&mut self, section: &Section) {
        for step in section.steps() {
            match step {
                Step::Run(lines) => lines.lines().for_each(|line| self.type_line(line)),
                Step::Write { path, text } => {
                    let path = self.here.join(path);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, text).unwrap();
                }
                Step::Change { path, line } => self.change(&path, &line),
            }
        }
    }

    fn type_line(&mut self, line: &str) {
        let mut line = line.to_owned();
        for (text, own) in &self.instead_of {
            line = line.replace(text, own);
        }
        if let Some(folder) = line.strip_prefix("cd ") {
            self.here = self.here.join(folder);
            assert!(self.here.is_dir(), "{line}");
        } else if let Some(variable) = line.strip_prefix("export ") {
            let (name, value) = variable.split_once('=').unwrap();
            self.variables.push((name.to_owned(), value.to_owned()));
        } else if line.ends_with(" runserver") {
            // The port that the page names may be somebody else's here.
            let mut program =
                Program::start(&mut self.shell(&format!("exec {line} 127.0.0.1:0"))).unwrap();
            let rest = program.wait_for("Serving on ");
            self.server = Some((rest.split_whitespace().next().unwrap().to_owned(), program));
        } else {
            self.transcript += &self.run(&line);
        }
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub(crate) fn run(&self, line: &str) -> String {
        self.same_crates();
        let output = self.shell(line).stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}\n{printed}\n{complained}");
        assert!(!complained.contains("warning: "), "{line}\n{complained}");
        printed
    }

    fn shell(&self, line: &str) -> Command {
        let programs = Path::new(env!("CARGO_BIN_EXE_segue")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(&self.here);
        shell.env("PATH", format!("{}:{path}", programs.display()));
        // What Cargo tells its tests is not for another Cargo.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_") && name != "CARGO_HOME" || name == "RUST_LOG" {
                shell.env_remove(name);
            }
        }
        shell.envs(self.variables.iter().map(|(name, value)| (name, value)));
        shell
    }

    /// The project takes the versions of the crates that this workspace is tested with.
    fn same_crates(&self) {
        let lock = self.here.join("Cargo.lock");
        if self.here.join("Cargo.toml").exists() && !lock.exists() {
            fs::copy(root().join("Cargo.lock"), lock).unwrap();
        }
    }

    /// Puts the line in the place of the one for the same name.
    fn change(&self, path: &str, line: &str) {
        let path = self.here.join(path);
        let text = fs::read_to_string(&path).unwrap();
        let name = line.split_once('=').unwrap().0;
        let old: Vec<&str> = text.lines().filter(|old| old.starts_with(name)).collect();
        assert_eq!(old.len(), 1, "{name} is in {text}");
        fs::write(path, text.replace(old[0], line)).unwrap();
    }

    /// Clears the screen.
    pub(crate) fn clear(&mut self) {
        self.transcript.clear();
    }

    pub(crate) fn said(&self, text: &str) -> bool {
        self.transcript.contains(text)
    }

    pub(crate) fn transcript(&self) -> &str {
        &self.transcript
    }

    pub(crate) fn address(&self) -> String {
        self.server.as_ref().expect("the page has started the server").0.clone()
    }

    pub(crate) fn stop(&mut self) {
        let (_, program) = self.server.take().unwrap();
        program.signal("INT");
        assert!(program.wait(), "Ctrl-C ends it in peace");
    }

    /// The sources of the project.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        files_in(&self.here)
    }
}

/// The files in a project's folder, by their paths, without those that are made.
pub(crate) fn files_in(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if MADE.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}
