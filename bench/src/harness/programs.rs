//! The programs of the servers: how they are built, and how they are started.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::catalogue::{Contender, Program};

/// What is there to be started, and what is not, with the reason.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    peers: BTreeMap<&'static str, std::result::Result<(), String>>,
    python: Option<std::result::Result<PathBuf, String>>,
    node: Option<std::result::Result<(), String>>,
    /// This program once more, counting.
    counted: Option<std::result::Result<PathBuf, String>>,
    /// Nothing is built: it was built before.
    pub(crate) no_build: bool,
}

/// What Django needs besides itself.
const PYTHON_PACKAGES: &[&str] = &["Django>=5.2,<5.3", "gunicorn", "redis", "psycopg[binary]"];

impl Programs {
    /// The command of a server, without its environment.
    pub(crate) fn command(&mut self, contender: &Contender) -> Result<Command> {
        let variant = contender.variant();
        match contender.program {
            Program::Own => {
                let mut command = Command::new(env::current_exe()?);
                command.args(["serve", variant]);
                Ok(command)
            }
            Program::Peer(name) => {
                self.build_peer(name)?;
                let mut command = Command::new(peer_program(name, "server"));
                command.arg(variant);
                Ok(command)
            }
            Program::Django => {
                let python = self.python()?;
                let mut command = Command::new(python);
                command.args(["-m", "gunicorn", "project:application"]);
                command.env("BENCH_VARIANT", variant).current_dir(peers().join("django"));
                Ok(command)
            }
            Program::Express => {
                self.node()?;
                let mut command = Command::new("node");
                command.arg("server.js").arg(variant).current_dir(node_folder());
                Ok(command)
            }
        }
    }

    /// The same with an allocator that counts, where it can be had.
    pub(crate) fn counting_command(&mut self, contender: &Contender) -> Result<Option<Command>> {
        let mut command = match contender.program {
            Program::Own => Command::new(self.counted()?),
            Program::Peer(name) => {
                self.build_peer(name)?;
                Command::new(peer_program(name, "counted"))
            }
            Program::Django | Program::Express => return Ok(None),
        };
        command.arg(contender.variant());
        Ok(Some(command))
    }

    fn counted(&mut self) -> Result<PathBuf> {
        let no_build = self.no_build;
        let found = self.counted.get_or_insert_with(|| {
            if !no_build {
                let mut cargo = cargo("build --package bench --bin counted");
                if !cfg!(debug_assertions) {
                    cargo.arg("--release");
                }
                run(cargo.current_dir(root()))?;
            }
            let own = env::current_exe().map_err(|error| error.to_string())?;
            Ok(own.with_file_name("counted"))
        });
        Ok(found.clone()?)
    }

    /// A peer's package has its own lock file: it is built with the versions that were looked at.
    fn build_peer(&mut self, name: &'static str) -> Result {
        let no_build = self.no_build;
        let built = self.peers.entry(name).or_insert_with(|| {
            if no_build {
                return Ok(());
            }
            let mut cargo = cargo("build --release --locked --manifest-path");
            cargo.arg(peers().join(name).join("Cargo.toml"));
            run(cargo.arg("--target-dir").arg(peers_target(name)))
        });
        Ok(built.clone()?)
    }

    fn python(&mut self) -> Result<PathBuf> {
        let no_build = self.no_build;
        let found = self.python.get_or_insert_with(|| {
            let folder = target().join("bench-peers/django");
            let python = folder.join("bin/python");
            if no_build {
                return Ok(python);
            }
            let imports = ["-c", "import django, gunicorn, redis, psycopg"];
            if run(Command::new(&python).args(imports)).is_err() {
                run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
                let mut pip = Command::new(&python);
                pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet"]);
                run(pip.args(PYTHON_PACKAGES))?;
            }
            Ok(python)
        });
        Ok(found.clone()?)
    }

    fn node(&mut self) -> Result {
        let no_build = self.no_build;
        let found = self.node.get_or_insert_with(|| {
            if no_build {
                return Ok(());
            }
            let (from, to) = (peers().join("express"), node_folder());
            fs::create_dir_all(&to).map_err(|error| format!("{}: {error}", to.display()))?;
            let session = peers().join("session.json");
            let files =
                ["package.json", "package-lock.json", "server.js"].map(|name| from.join(name));
            for file in files.into_iter().chain([session]) {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                fs::copy(&file, to.join(&name)).map_err(|error| format!("{name}: {error}"))?;
            }
            run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&to))
        });
        Ok(found.clone()?)
    }

    /// The versions of what was started from outside of this workspace.
    pub(crate) fn versions(&self) -> Vec<String> {
        let mut versions = Vec::new();
        for (name, _) in self.peers.iter().filter(|(_, built)| built.is_ok()) {
            let lock =
                fs::read_to_string(peers().join(name).join("Cargo.lock")).unwrap_or_default();
            versions.push(locked(&lock).join(", "));
        }
        if let Some(Ok(python)) = &self.python {
            let code = "import sys, django, gunicorn; print(f'Python {sys.version.split()[0]}, Django \
                        {django.__version__}, gunicorn {gunicorn.__version__}')";
            versions.extend(super::machine::version(&python.display().to_string(), &["-c", code]));
        }
        if let Some(Ok(())) = self.node {
            let node = super::machine::version("node", &["--version"]).unwrap_or_default();
            let lock = node_folder().join("package-lock.json");
            let lock = fs::read_to_string(lock).unwrap_or_default();
            let lock: serde_json::Value = serde_json::from_str(&lock).unwrap_or_default();
            let of = |name: &str| {
                let version = &lock["packages"][format!("node_modules/{name}")]["version"];
                format!("{name} {}", version.as_str().unwrap_or("?"))
            };
            let names = ["express", "express-session", "connect-redis", "cookie-session"];
            versions.push(format!("node {node}, {}", names.map(of).join(", ")));
        }
        versions
    }
}

/// Names and versions of the session crates in a lock file.
fn locked(lock: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut name = "";
    for line in lock.lines() {
        let value = |key| line.strip_prefix(key).map(|value: &str| value.trim_matches('"'));
        if let Some(value) = value("name = ") {
            name = value;
        }
        let is_theirs = name.contains("session") && !name.starts_with("peer-");
        if let Some(version) = value("version = ").filter(|_| is_theirs) {
            found.push(format!("{name} {version}"));
        }
    }
    found
}

fn peer_program(name: &str, program: &str) -> PathBuf {
    peers_target(name).join("release").join(program)
}

fn peers_target(name: &str) -> PathBuf {
    target().join("bench-peers").join(name)
}

fn node_folder() -> PathBuf {
    target().join("bench-peers/express")
}

fn peers() -> PathBuf {
    root().join("bench/peers")
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The folder of what was built; two below it are programs.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// As it would be run by hand: what `cargo run` tells this program is for this program, and some packages
/// are built anew where it differs.
fn cargo(arguments: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split(' '));
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|start| name.to_string_lossy().starts_with(start))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end; what it had to say, where it failed.
fn run(command: &mut Command) -> std::result::Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default();
    Err(format!("{program}: {}: {}", output.status, last.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = "[[package]]\nname = \"peer-tower-sessions\"\nversion = \"0.0.0\"\n\n[[package]]\n\
                    name = \"tower-sessions\"\nversion = \"0.14.0\"\n\n[[package]]\nname = \"x\"\n\
                    version = \"1.0.0\"\n";
        assert_eq!(locked(lock), ["tower-sessions 0.14.0"]);
    }
}
