//! Nothing is left behind, however a test ends. The test program runs itself as a second process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use servers::Postgres;

use crate::{children, is_gone, wait_for};

const HELPER: &str = "SEGUE_TEST_ENDS";

/// Starts a server and does not stop it, when the variable says so; nothing otherwise. It paused
/// it, which is the worst way to leave it.
#[test]
fn postgres_is_left_alone() {
    let Ok(how) = std::env::var(HELPER) else { return };
    let server = Box::leak(Box::new(Postgres::start().unwrap()));
    let pid = server.pid().unwrap();
    let members: Vec<String> = children(pid).iter().map(u32::to_string).collect();
    println!("\nSTARTED {pid} {}", members.join(" "));
    match how.as_str() {
        "killed" => {
            server.pause().unwrap();
            println!("PAUSED");
            sleep(Duration::from_secs(60));
        }
        "ended" => {}
        _ => panic!("it ends by a panic"),
    }
}

/// The processes that a second test program left, and the folder of their data.
fn leave(how: &str) -> Vec<u32> {
    let mut helper = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ends::postgres_is_left_alone", "--nocapture"])
        .env(HELPER, how)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(helper.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("STARTED ")).unwrap();
    if how == "killed" {
        lines.find(|line| line == "PAUSED").unwrap();
        helper.kill().unwrap();
    }
    helper.wait().unwrap();
    line.split(' ').skip(1).map(|pid| pid.parse().unwrap()).collect()
}

#[test]
fn a_killed_test_leaves_no_postgres() {
    let members = leave("killed");
    assert!(members.len() > 3);
    wait_for("end", || members.iter().all(|pid| is_gone(*pid)).then_some(()));
}

#[test]
fn a_static_leaves_no_postgres() {
    for how in ["ended", "panic"] {
        let members = leave(how);
        wait_for("end", || members.iter().all(|pid| is_gone(*pid)).then_some(()));
    }
}

#[test]
fn a_dropped_redis_leaves_no_folder() {
    let server = servers::Redis::options().tls().start().unwrap();
    let folder = server.certificate().unwrap().parent().unwrap().to_owned();
    assert!(folder.is_dir());
    drop(server);
    assert!(!Path::new(&folder).exists());
}
