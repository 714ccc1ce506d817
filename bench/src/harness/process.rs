//! What the system says of a process and of those that it started.

use std::collections::BTreeMap;
use std::fs;

use crate::Result;

/// The process and all that it started.
pub(crate) fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        next += 1;
        for thread in threads(pid) {
            let path = format!("/proc/{pid}/task/{thread}/children");
            let children = fs::read_to_string(path).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    found
}

/// The threads of a process; none if it is gone.
pub(crate) fn threads(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// How long each thread was on a core so far, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cpu(BTreeMap<u32, u64>);

impl Cpu {
    /// Of a process and all that it started.
    pub(crate) fn now(pid: u32) -> Result<Self> {
        let mut times = BTreeMap::new();
        for process in tree(pid) {
            for thread in threads(process) {
                // A thread may end between the two looks.
                let path = format!("/proc/{process}/task/{thread}/schedstat");
                let Ok(text) = fs::read_to_string(path) else { continue };
                let time = text.split_whitespace().next().unwrap_or_default().parse()?;
                times.insert(thread, time);
            }
        }
        if times.is_empty() {
            return Err("the server has ended".into());
        }
        Ok(Self(times))
    }

    /// How much it is since then.
    pub(crate) fn since(&self, earlier: &Self) -> u64 {
        let spent = |(thread, time): (&u32, &u64)| {
            time.saturating_sub(earlier.0.get(thread).copied().unwrap_or_default())
        };
        self.0.iter().map(spent).sum()
    }
}

/// How many bytes of memory the process and all that it started hold.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for process in tree(pid) {
        let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else { continue };
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes: u64 =
            line.and_then(|line| line.trim().strip_suffix(" kB")).unwrap_or("0").parse()?;
        sum += kilobytes * 1024;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_grow_with_what_is_done() {
        let pid = std::process::id();
        let before = Cpu::now(pid).unwrap();
        let bytes = vec![1_u8; 5_000_000];
        assert_eq!(bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>(), 5_000_000);
        // The sum was worked at for longer than it takes to look.
        assert!(Cpu::now(pid).unwrap().since(&before) > 0);
        assert!(resident(pid).unwrap() > bytes.len() as u64);
    }
}
