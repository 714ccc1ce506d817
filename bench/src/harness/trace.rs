//! What a request asks of the system and of the store, counted by `strace` while one visitor asks.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::process;
use super::server::{Route, Server};
use crate::Result;

/// So many requests, one after the other. Whatever the server does besides now and then is divided
/// by as much.
const REQUESTS: usize = 200;

const PATIENCE: Duration = Duration::from_secs(5);

/// For each request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Counts {
    pub(crate) calls: f64,
    /// How often something was sent to a store; nothing where no store is asked over a network.
    pub(crate) trips: Option<f64>,
}

/// Counts while a visitor asks for a route.
pub(crate) fn count(server: &Server, route: Route, cookies: &[String]) -> Result<Counts> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("calls");
    let ask = |place: usize| -> Result {
        let cookie = cookies.get(place % cookies.len().max(1)).map(String::as_str);
        server.client.get(route.path(), cookie).map(drop)
    };
    // The connection is there when counting begins, and copies are, where somebody keeps them.
    (0..REQUESTS).try_for_each(ask)?;
    let pids = process::tree(server.pid());
    let mut command = Command::new("strace");
    command.args(["-f", "-yy", "-qq", "-s", "0", "-o"]).arg(&file);
    for pid in &pids {
        command.args(["-p", &pid.to_string()]);
    }
    let mut strace = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let started = Instant::now();
    let is_traced = || pids.iter().flat_map(|&pid| process::threads(pid)).all(is_traced);
    while !is_traced() {
        if strace.try_wait()?.is_some() || started.elapsed() > PATIENCE {
            return Err("strace cannot look at the server".into());
        }
        sleep(Duration::from_millis(5));
    }
    let asked = (0..REQUESTS).try_for_each(ask);
    if let Some(pid) = i32::try_from(strace.id()).ok().and_then(Pid::from_raw) {
        kill_process(pid, Signal::INT)?;
    }
    strace.wait()?;
    asked?;
    read(&file, &server.place.ports)
}

fn is_traced(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|pid| pid.trim() != "0"))
}

#[allow(clippy::cast_precision_loss, reason = "some thousands")]
fn read(file: &Path, ports: &[u16]) -> Result<Counts> {
    let text = String::from_utf8_lossy(&fs::read(file)?).into_owned();
    let (mut calls, mut trips) = (0_usize, 0_usize);
    for line in text.lines() {
        if is_call(line) {
            calls += 1;
            trips += usize::from(is_sent_to(line, ports));
        }
    }
    let each = |count: usize| count as f64 / REQUESTS as f64;
    Ok(Counts { calls: each(calls), trips: (!ports.is_empty()).then(|| each(trips)) })
}

/// The end of a call that another thread's interrupted was counted at its beginning; signals and
/// exits are none.
fn is_call(line: &str) -> bool {
    let rest = line.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start();
    !rest.is_empty() && !["<...", "+++", "---"].iter().any(|start| rest.starts_with(start))
}

fn is_sent_to(line: &str, ports: &[u16]) -> bool {
    let rest = line.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start();
    let is_send =
        ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|name| rest.starts_with(name));
    // `sendto(9<TCP:[127.0.0.1:40000->127.0.0.1:6379]>, …`
    let to = rest.split_once("->").and_then(|(_, to)| to.split_once(']')).map(|(to, _)| to);
    let port = to.and_then(|to| to.rsplit_once(':')?.1.parse().ok());
    is_send && port.is_some_and(|port| ports.contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_once_and_trips_by_the_port() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("calls");
        let lines = [
            "12 sendto(9<TCP:[127.0.0.1:40000->127.0.0.1:6379]>, \"\"..., 45, MSG_NOSIGNAL, NULL, 0) = 45",
            "12 write(9<TCP:[127.0.0.1:40000->127.0.0.1:6379]>, \"\"..., 45 <unfinished ...>",
            "13 epoll_wait(3<anon_inode:[eventpoll]>,  <unfinished ...>",
            "12 <... write resumed>) = 45",
            "12 write(8<TCP:[127.0.0.1:26379->127.0.0.1:50000]>, \"\"..., 45) = 45",
            "12 recvfrom(9<TCP:[127.0.0.1:40000->127.0.0.1:6379]>, \"\"..., 45) = 45",
            "12 --- SIGPIPE ---",
            "12 +++ exited with 0 +++",
        ];
        fs::write(&file, lines.join("\n")).unwrap();
        let counts = read(&file, &[6379]).unwrap();
        assert_eq!(counts, Counts { calls: 5.0 / 200.0, trips: Some(2.0 / 200.0) });
        assert_eq!(read(&file, &[]).unwrap().trips, None);
    }
}
