//! Load by `wrk`: one thread, many connections, the next cookie for each request.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::Result;

const SCRIPT: &str = include_str!("wrk.lua");

/// What one run of `wrk` found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Load {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Load {
    #[allow(clippy::cast_precision_loss, reason = "fewer than 2^52 requests")]
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// A file of cookies, and the script.
#[derive(Debug)]
pub(crate) struct Cookies {
    file: PathBuf,
    script: PathBuf,
}

impl Cookies {
    /// Writes them into this folder.
    pub(crate) fn write(folder: &Path, cookies: &[String]) -> Result<Self> {
        static WRITTEN: AtomicU32 = AtomicU32::new(0);
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let (file, script) = (folder.join(format!("cookies-{number}")), folder.join("wrk.lua"));
        fs::write(&file, cookies.join("\n"))?;
        fs::write(&script, SCRIPT)?;
        Ok(Self { file, script })
    }

    /// Keeps a route busy for so long.
    ///
    /// # Errors
    /// Where one answer was not what it should be.
    pub(crate) fn load(&self, url: &str, connections: u32, time: Duration) -> Result<Load> {
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", "1", "--connections", &connections.to_string()]);
        // It counts whole seconds: what is shorter is ended by `timeout`.
        let seconds = time.as_secs_f64().ceil().max(1.0);
        wrk.args(["--duration", &format!("{seconds}s"), "--timeout", "20s", "--script"]);
        wrk.arg(&self.script).arg(url).arg("--").arg(&self.file);
        let output = interrupted_after(&wrk, time)?;
        read(&output).map_err(|error| format!("{url}: {error}").into())
    }
}

/// `wrk` gives its figures also when it is interrupted.
fn interrupted_after(wrk: &Command, time: Duration) -> Result<String> {
    let mut timeout = Command::new("timeout");
    timeout.args(["--preserve-status", "--signal", "INT", &format!("{}", time.as_secs_f64())]);
    timeout.arg(wrk.get_program()).args(wrk.get_args());
    let output = timeout.stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("wrk: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// The line that the script prints.
fn read(output: &str) -> Result<Load> {
    let line = output.lines().find_map(|line| line.strip_prefix("figures "));
    let line = line.ok_or_else(|| format!("wrk told no figures: {output}"))?;
    let number = |name: &str| -> Result<u64> {
        let pair = line.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        Ok(pair.ok_or_else(|| format!("wrk told no {name}"))?.parse()?)
    };
    for name in ["connect", "read", "write", "status", "timeout"] {
        let errors = number(name)?;
        if errors > 0 {
            return Err(format!("{errors} requests failed ({name} of wrk's counts)").into());
        }
    }
    let requests = number("requests")?;
    if requests == 0 {
        return Err("not one request was answered".into());
    }
    #[allow(clippy::cast_precision_loss, reason = "far from 2^52")]
    let float = |name| Result::Ok(number(name)? as f64);
    Ok(Load {
        requests,
        seconds: float("microseconds")? / 1e6,
        p50: float("p50")? / 1e3,
        p99: float("p99")? / 1e3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "figures requests=300 microseconds=1500000 connect=0 read=0 write=0 status=0 \
                        timeout=0 p50=410 p99=2500 max=9000";

    #[test]
    fn figures_are_read_from_their_line() {
        let load = read(&format!("Running 1s test\n{LINE}\n")).unwrap();
        assert_eq!(load, Load { requests: 300, seconds: 1.5, p50: 0.41, p99: 2.5 });
        assert!((load.per_second() - 200.0).abs() < 1e-9);
    }

    #[test]
    fn one_wrong_answer_is_an_error() {
        for name in ["connect", "read", "write", "status", "timeout"] {
            let line = LINE.replace(&format!("{name}=0"), &format!("{name}=7"));
            let error = read(&line).unwrap_err().to_string();
            assert!(error.contains(&format!("7 requests failed ({name}")), "{error}");
        }
        assert!(read(&LINE.replace("=300", "=0")).unwrap_err().to_string().contains("not one"));
        assert!(read("Running").is_err());
    }
}
