//! Each server starts, answers, keeps what it should over a kill, is silent while it is paused, and
//! is gone when it is dropped.
//!
//! The tests of a server stand in a module of its name, so that `cargo xtask test` can leave them
//! out where it is not installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod mariadb;
mod memcached;
mod nginx;
mod postgres;
mod redis;
mod redis_cluster;
mod sentinel;
mod valkey;

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Tries until it is done, and fails when that takes too long.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Some(found) => return found,
            None if started.elapsed() > Duration::from_secs(120) => panic!("no {what} in 120 s"),
            None => sleep(Duration::from_millis(50)),
        }
    }
}

/// One that ended and was not asked for by whoever adopted it is gone as well.
fn is_gone(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

/// The processes that were started by this one, from the kernel and not from us.
fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Whether a client program gives up, in two seconds.
fn is_silent(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new("timeout");
    let output = command.arg("2").arg(program).args(arguments).output().unwrap();
    assert!(matches!(output.status.code(), Some(124)), "{program} was to wait in vain: {output:?}");
    true
}
