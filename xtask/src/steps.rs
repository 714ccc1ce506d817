//! The checks that come before the tests: format, lints, each feature alone, documentation.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::features;
use crate::report::Report;

const OTHER_WORKSPACES: &[&str] = &[
    "fuzz",
    "bench/peers/actix-session",
    "bench/peers/axum-session",
    "bench/peers/tower-sessions",
];

pub(crate) fn run(report: &mut Report) {
    report.step("cargo fmt", || cargo("fmt --all --check"));
    // Workspaces of their own, which the line above does not see.
    for folder in OTHER_WORKSPACES {
        report.step(&format!("cargo fmt, {folder}"), || {
            cargo(&format!("fmt --manifest-path {folder}/Cargo.toml --check"))
        });
    }
    let lints = "clippy --workspace --all-targets --all-features -- -D warnings";
    report.step("cargo clippy, everything", || cargo(lints));
    match features::of_segue() {
        Ok(features) => {
            for feature in std::iter::once("").chain(features.iter().map(String::as_str)) {
                each_feature(feature, report);
            }
        }
        Err(reason) => report.fail("each feature alone", &reason),
    }
    report.step("cargo doc", || {
        let mut command = cargo_command("doc --workspace --all-features --no-deps");
        succeed(command.env("RUSTDOCFLAGS", "-D warnings"))
    });
}

/// The library by itself: test code may use more than the feature brings.
fn each_feature(feature: &str, report: &mut Report) {
    let name = if feature.is_empty() { "no feature" } else { feature };
    report.step(&format!("cargo clippy, segue with {name} alone"), || {
        let mut command = cargo_command("clippy -p segue --lib --no-default-features");
        if !feature.is_empty() {
            command.args(["--features", feature]);
        }
        succeed(command.args(["--", "-D", "warnings"]))
    });
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo says where the package is now; what was compiled in is where it was built.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Cargo itself, with these arguments, in the folder of the workspace.
pub(crate) fn cargo_command(arguments: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split_whitespace()).current_dir(root()).stdin(Stdio::null());
    command
}

fn cargo(arguments: &str) -> Result<(), String> {
    succeed(&mut cargo_command(arguments))
}

/// Runs a command whose output is for the reader.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{status}")),
        Err(error) => {
            Err(format!("cannot run {}: {error}", command.get_program().to_string_lossy()))
        }
    }
}

/// Runs a command whose output is for us.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}: {}", output.status, text.trim()))
}
