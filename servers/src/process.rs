//! A process and all that it started: signals to them, and whether they are alive.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How long the kernel may take to do what a signal says.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a signal. The shell has a `kill` of its own, so no package is needed for it. A process
/// that is gone by now is no error.
pub(crate) fn signal(signal: &str, pids: &BTreeSet<u32>) -> Result<()> {
    if pids.is_empty() {
        return Ok(());
    }
    Command::new("sh")
        .args(["-c", r#"kill -s "$@""#, "sh", signal])
        .args(pids.iter().map(u32::to_string))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(drop)
        .map_err(Error::of("run sh"))
}

/// Stops a process and its descendants, so that none of them goes on or starts another. A process
/// group would not do: each child of PostgreSQL opens its own.
pub(crate) fn pause(pid: u32) -> Result<BTreeSet<u32>> {
    let mut paused = BTreeSet::new();
    let mut found = BTreeSet::from([pid]);
    // One that was not stopped yet may have started another meanwhile.
    while !found.is_subset(&paused) {
        signal("STOP", &found)?;
        wait_until(|| found.iter().all(|pid| !matches!(state(*pid), Some('R' | 'S' | 'D'))))?;
        paused.append(&mut found);
        found = family(pid);
    }
    Ok(paused)
}

/// Lets a process and its descendants go on.
pub(crate) fn resume(pid: u32) -> Result<()> {
    signal("CONT", &family(pid))
}

/// Waits until none of them runs.
pub(crate) fn wait_for_end(pids: &BTreeSet<u32>) -> Result<()> {
    wait_until(|| !pids.iter().any(|pid| is_alive(*pid)))
}

/// Whether a process runs or is paused. One that ended and that nobody asked for is dead.
pub(crate) fn is_alive(pid: u32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

fn wait_until(done: impl Fn() -> bool) -> Result<()> {
    let started = Instant::now();
    while !done() {
        if started.elapsed() > PATIENCE {
            return Err(Error::new("a signal had no effect in ten seconds"));
        }
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// A process and its descendants.
fn family(pid: u32) -> BTreeSet<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.1)))
        .collect();
    let mut family = BTreeSet::from([pid]);
    loop {
        let size = family.len();
        let children = parents.iter().filter(|(_, parent)| family.contains(parent));
        let children: Vec<u32> = children.map(|(pid, _)| *pid).collect();
        family.extend(children);
        if family.len() == size {
            return family;
        }
    }
}

fn state(pid: u32) -> Option<char> {
    stat(pid).map(|(state, _)| state)
}

/// The state of a process and its parent.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state parent …`, and a name may contain anything.
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_paused_resumed_and_seen_to_end() {
        let mut shell = Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        let pid = shell.id();
        wait_until(|| family(pid).len() == 2).unwrap();
        let members = pause(pid).unwrap();
        assert_eq!(members.len(), 2);
        assert!(members.iter().all(|pid| state(*pid) == Some('T')));
        resume(pid).unwrap();
        wait_until(|| members.iter().all(|pid| state(*pid) == Some('S'))).unwrap();
        assert!(members.iter().all(|pid| is_alive(*pid)));
        signal("KILL", &members).unwrap();
        wait_for_end(&members).unwrap();
        shell.wait().unwrap();
        assert!(!is_alive(pid));
    }
}
