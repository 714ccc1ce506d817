//! `cargo xtask test`: sets up what the tests need, runs every check and every test, and counts.
//!
//! Its last line is `N passed, N failed, N skipped`; a step counts as one, a test as one.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod features;
mod proofs;
mod report;
mod setup;
mod shared_servers;
mod steps;
mod test_output;
mod test_run;

use std::process::ExitCode;

use report::Report;
use setup::Setup;
use shared_servers::SharedServers;

const HELP: &str = "\
Runs every check and every test of this workspace.

Usage: cargo xtask test

It sets up what the tests need by itself: a Python environment with Django in target/xtask/venv,
and, as root on Debian, from apt: Chromium and its driver, PostgreSQL, MariaDB, Redis, memcached,
nginx, systemd-analyze, and wrk and strace for the benchmark.
What it could not install it says, and leaves out the tests that need it; with CI=true that is a
failure.

It starts one server of each kind on a free port of 127.0.0.1, with data in a temporary folder, and
stops them in the end. To use one that is there anyway, name it: SEGUE_TEST_POSTGRES,
SEGUE_TEST_MARIADB, SEGUE_TEST_REDIS, SEGUE_TEST_REDIS_CLUSTER, SEGUE_TEST_SENTINEL,
SEGUE_TEST_MEMCACHED (a URL or an address, or several with commas between).

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
    let mut setup = Setup::prepare(&mut report);
    steps::run(&mut report);
    proofs::run(&mut report);
    let servers = SharedServers::start(&mut setup, &mut report);
    test_run::run(&setup, &servers, &mut report);
    drop(servers);
    setup.repeat_what_is_missing();
    report.close()
}
