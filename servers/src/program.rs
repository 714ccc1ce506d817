//! The programs that belong to a server: where they are, and how they are run to their end.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Where `cargo xtask test` puts what Debian does not have, or not in the version that is needed.
const FROM_PYPI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/xtask/venv/bin");

/// A program by its name, also outside the path of an ordinary user.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    // Debian keeps PostgreSQL's programs out of the path, by version, and its `psql` in the path
    // is a script that chooses among clusters of its own.
    let postgres = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> =
        postgres.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    folders.sort();
    folders.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders.extend(["/usr/sbin", "/usr/local/sbin", FROM_PYPI].map(PathBuf::from));
    folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A command for a program, or what to install.
pub(crate) fn command(name: &str, packages: &str) -> Result<Command> {
    let program = find(name).ok_or_else(|| {
        Error::new(format!("there is no program {name}: on Debian, apt-get install {packages}"))
    })?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    Ok(command)
}

/// Runs a command to its end; its output, or what it had to say.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(Error::of(format!("run {program}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(text.into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("{program}: {}\n{text}{errors}", output.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package() {
        let error = command("no-such-program", "that-package").unwrap_err().to_string();
        assert!(error.contains("apt-get install that-package"), "{error}");
    }

    #[test]
    fn a_failure_shows_what_the_program_said() {
        let mut shell = command("sh", "dash").unwrap();
        let error = output(shell.args(["-c", "echo out; echo why >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("out\nwhy"), "{error}");
    }
}
