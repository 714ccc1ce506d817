//! Nothing is left behind, however a test ends. The test program runs itself as a second process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use servers::Postgres;

use crate::{children, is_gone, wait_for};

const HELPER: &str = "SEGUE_TEST_ENDS";

/// In the second process: starts a server and never drops it.
#[test]
fn helper() {
    let Ok(how) = std::env::var(HELPER) else { return };
    let server = Box::leak(Box::new(Postgres::start().unwrap()));
    let pid = server.pid().unwrap();
    let members: Vec<String> = children(pid).iter().map(u32::to_string).collect();
    println!("\nFOLDER {}", server.certificate().parent().unwrap().display());
    println!("STARTED {pid} {}", members.join(" "));
    match how.as_str() {
        // The worst way to leave one is paused.
        "killed" => {
            server.pause().unwrap();
            println!("PAUSED");
            sleep(Duration::from_secs(60));
        }
        "ended" => {}
        _ => panic!("it ends by a panic"),
    }
}

/// What a second process left: the server and its children, and the folder of its data.
fn leave(how: &str) -> (Vec<u32>, PathBuf) {
    let mut helper = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::ends::helper", "--nocapture"])
        .env(HELPER, how)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(helper.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let mut after = |word: &str| lines.find_map(|line| Some(line.strip_prefix(word)?.to_owned()));
    let folder = after("FOLDER ").unwrap().into();
    let members = after("STARTED ").unwrap();
    if how == "killed" {
        after("PAUSED").unwrap();
        helper.kill().unwrap();
    }
    helper.wait().unwrap();
    (members.split(' ').map(|pid| pid.parse().unwrap()).collect(), folder)
}

fn nothing_is_left(how: &str) {
    let (members, folder) = leave(how);
    assert!(members.len() > 3, "PostgreSQL is many processes");
    wait_for("end", || members.iter().all(|pid| is_gone(*pid)).then_some(()));
    wait_for("end of the folder", || (!Path::new(&folder).exists()).then_some(()));
}

#[test]
fn a_killed_test_leaves_nothing() {
    nothing_is_left("killed");
}

/// As a server in a `static`.
#[test]
fn what_is_never_dropped_ends_with_the_process() {
    nothing_is_left("ended");
    nothing_is_left("by a panic");
}

#[test]
fn a_panic_drops_it() {
    let server = Postgres::start().unwrap();
    let pid = server.pid().unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _server = server;
        panic!("as a test does");
    }));
    assert!(result.is_err() && is_gone(pid));
}
