//! `cargo xtask test`: sets up what the tests need, runs every check and every test, and counts.
//!
//! Its last line is `N passed, N failed, N skipped`; a step counts as one, a test as one.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod features;
mod proofs;
mod report;
mod setup;
mod steps;
mod test_run;

use std::process::ExitCode;

use report::Report;
use setup::Setup;

const HELP: &str = "\
Runs every check and every test of this workspace.

Usage: cargo xtask test

It sets up what the tests need by itself: a Python environment with Django in target/xtask/venv,
and, as root on Debian, Chromium and its driver from apt. What it could not install it says, and
leaves out the tests that need it; with CI=true that is a failure.

The last line is `N passed, N failed, N skipped`. The exit code is 0 when nothing failed.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test(),
        ["--help" | "-h" | "help"] => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            print!("{HELP}");
            ExitCode::from(2)
        }
    }
}

fn test() -> ExitCode {
    let mut report = Report::default();
    let setup = Setup::prepare(&mut report);
    steps::run(&mut report);
    proofs::run(&mut report);
    test_run::run(&setup, &mut report);
    setup.repeat_what_is_missing();
    report.close()
}
