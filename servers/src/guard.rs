//! Ends a server whose test process ended without stopping it.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::error::{Error, Result};

/// Reads process ids from a pipe until its other end is closed, which the kernel does however that
/// process ended; then stops the last one and removes the folder. `$1` is the signal, `$2` the
/// folder. Children are named as well, since those of a paused server would stay paused for ever.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
    children=
    read -r children < "/proc/$pid/task/$pid/children"
    kill -s "$1" "$pid"
    kill -s CONT "$pid" $children
    tries=0
    while kill -s 0 "$pid" && [ $tries -lt 30 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -s KILL "$pid" $children
fi
rm -rf -- "$2" || { sleep 1; rm -rf -- "$2"; }
"#;

/// A shell that waits for the end of this process.
///
/// Linux has a signal for the death of a parent (`PR_SET_PDEATHSIG`), but it is sent when the
/// *thread* that started the child ends, as a test's does long before a shared server may stop; it
/// reaches no grandchildren, and removes no folder.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    pub(crate) fn start(signal: &str, folder: &Path) -> Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh", signal])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the test process; this one has something to do afterwards.
            .process_group(0)
            .spawn()
            .map_err(Error::of("run sh"))?;
        Ok(Self { shell })
    }

    /// From now on, this is the process to stop; none while the server is down.
    pub(crate) fn watch(&self, pid: Option<u32>) -> Result<()> {
        let pid = pid.map(|pid| pid.to_string()).unwrap_or_default();
        let Some(mut pipe) = self.shell.stdin.as_ref() else { return Ok(()) };
        writeln!(pipe, "{pid}").map_err(Error::of("speak to the guard"))
    }
}

/// It is not needed where the server is dropped: killed before its pipe is closed, it does nothing.
impl Drop for Guard {
    fn drop(&mut self) {
        // There is nobody to tell, and nothing is lost: a folder is removed twice.
        _ = self.shell.kill();
        _ = self.shell.wait();
    }
}
