//! The programs that this one measures with.

use std::env;
use std::process::{Command, Stdio};

use crate::{Result, progress};

const TOOLS: &[&str] = &["wrk", "strace", "setpriv", "taskset", "timeout"];
const PACKAGES: &str = "wrk strace util-linux coreutils";

/// Installs what is not there, where that may be.
///
/// # Errors
/// With what to install.
pub(crate) fn prepare(may_install: bool) -> Result {
    if missing(TOOLS).is_empty() {
        return Ok(());
    }
    if may_install {
        progress(&format!("apt-get install {PACKAGES}"));
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "-q", "--no-install-recommends"]).args(PACKAGES.split(' '));
        // Whether it did is seen below.
        _ = apt.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).output();
    }
    match missing(TOOLS)[..] {
        [] => Ok(()),
        ref tools => {
            let tools = tools.join(", ");
            Err(format!("there is no {tools}: on Debian, apt-get install {PACKAGES}").into())
        }
    }
}

fn missing<'a>(tools: &[&'a str]) -> Vec<&'a str> {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |tool: &str| env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    tools.iter().copied().filter(|tool| !is_there(tool)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named() {
        assert_eq!(missing(&["sh", "no-such-program"]), ["no-such-program"]);
    }
}
