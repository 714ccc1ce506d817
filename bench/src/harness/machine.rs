//! The machine: its cores and who runs on which, and what it calls itself.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::Result;

/// The core that servers run on; everything else runs on the other.
pub(crate) const SERVER_CORE: usize = 0;
const OTHER_CORE: usize = 1;

/// Puts this program, and whatever it starts, on the core that is not the servers'. Whether there is
/// one.
pub(crate) fn pin_ourselves() -> Result<bool> {
    if available_parallelism()?.get() < 2 {
        return Ok(false);
    }
    let mut cores = CpuSet::new();
    cores.set(OTHER_CORE);
    sched_setaffinity(None, &cores)?;
    Ok(true)
}

/// Lets this program, and whatever it starts, open as many files and connections as it may: a shell's limit
/// is often 1,024, and thousands of connections are measured. How many it may then.
pub(crate) fn allow_open_files() -> Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.current.unwrap_or(u64::MAX))
}

/// Puts a program on the servers' core, and ends it with us.
pub(crate) fn pinned(command: &Command, is_pinned: bool) -> Command {
    let mut outer = Command::new("setpriv");
    outer.args(["--pdeathsig", "KILL", "--"]);
    if is_pinned {
        outer.args(["taskset", "--cpu-list", &SERVER_CORE.to_string()]);
    }
    outer.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer
}

/// What a reader has to know of the machine, as lines of a list.
pub(crate) fn described(cores: usize, is_pinned: bool) -> Vec<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let gigabytes = memory.and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1_000_000;
    let pinning = if is_pinned {
        format!("servers run on core {SERVER_CORE}, load and stores on core {OTHER_CORE}")
    } else {
        "**one core only: servers, load and stores share it, so that requests per second say little**"
            .to_owned()
    };
    vec![
        format!(
            "{cores} cores ({}), {gigabytes} GB; {pinning}",
            cpu.map_or("unknown", |cpu| cpu.1)
        ),
        format!("Linux {}", kernel.trim()),
    ]
}

/// The first line that a program says of itself; nothing where it is not there.
pub(crate) fn version(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines().next().map(|line| line.trim().to_owned())
}

/// Today, in UTC.
pub(crate) fn date() -> String {
    version("date", &["-u", "+%Y-%m-%d"]).unwrap_or_default()
}
