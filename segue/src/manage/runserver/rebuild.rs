//! `--watch`: the program is built anew where its sources have changed, and starts again.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::stamp;

/// How the program is built, and which one it is.
pub(super) struct Builder {
    command: Vec<String>,
    base_dir: PathBuf,
    program: PathBuf,
}

/// What came of a build.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Built {
    Done,
    /// It went well, and the program is the one that runs.
    Same,
    Failed,
}

impl Builder {
    /// By this command, or as far as it can be told by the one that built the program that runs.
    pub(super) fn new(command: &str, base_dir: &Path) -> io::Result<Self> {
        let program = env::current_exe()?;
        let words = command.split_whitespace().map(str::to_owned);
        let command = match command {
            "" => like(&program),
            _ => words.collect(),
        };
        Ok(Self { command, base_dir: base_dir.to_owned(), program })
    }

    /// Runs the command, which says itself what is wrong.
    pub(super) async fn build(&self) -> io::Result<Built> {
        let before = stamp::of(&self.program);
        let Some((program, arguments)) = self.command.split_first() else {
            return Ok(Built::Same);
        };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.base_dir).kill_on_drop(true);
        let status = command.status().await?;
        let now = stamp::of(&self.program);
        Ok(match status.success() {
            false => Built::Failed,
            true if now == before || now.is_none() => Built::Same,
            true => Built::Done,
        })
    }

    /// Runs the program in the place of this one, with the same arguments. It returns only where
    /// that fails.
    #[cfg(unix)]
    pub(super) fn restart(&self) -> io::Error {
        use std::os::unix::process::CommandExt as _;

        std::process::Command::new(&self.program).args(env::args_os().skip(1)).exec()
    }

    #[cfg(not(unix))]
    pub(super) fn restart(&self) -> io::Error {
        io::Error::other("this system cannot do it: start it by hand")
    }

    pub(super) fn command(&self) -> String {
        self.command.join(" ")
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }
}

/// The program's folder is named after the profile that it was built with.
fn like(program: &Path) -> Vec<String> {
    let folder = program.parent().and_then(Path::file_name).unwrap_or_default();
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = vec![cargo, "build".to_owned()];
    match folder.to_string_lossy().as_ref() {
        "debug" => {}
        profile => command.extend(["--profile".to_owned(), profile.to_owned()]),
    }
    if let Some(name) = program.file_stem() {
        command.extend(["--bin".to_owned(), name.to_string_lossy().into_owned()]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_that_of_the_program() {
        for (program, expected) in [
            ("/shop/target/debug/shop", "build --bin shop"),
            ("/shop/target/release/shop", "build --profile release --bin shop"),
            ("/elsewhere/fast/shop", "build --profile fast --bin shop"),
        ] {
            assert_eq!(like(Path::new(program))[1..].join(" "), expected);
        }
    }
}
