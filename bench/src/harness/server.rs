//! A server that is measured: its process, and its visitors.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use servers::free_port;

use super::client::Client;
use super::load::{Cookies, Load};
use super::process::{self, Cpu};
use super::stores::Place;
use crate::Result;
use crate::catalogue::Contender;

/// Python and Node take their time, the more so on a core that is busy.
const START: Duration = Duration::from_secs(30);
const FAREWELL: Duration = Duration::from_secs(3);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Route {
    Bare,
    Untouched,
    Read,
    Write,
}

impl Route {
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Untouched, Self::Read, Self::Write];
    /// Those with a session.
    pub(crate) const WITH_SESSION: [Self; 3] = [Self::Untouched, Self::Read, Self::Write];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Bare => "/bare",
            Self::Untouched => "/untouched",
            Self::Read => "/read",
            Self::Write => "/write",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) contender: Contender,
    pub(crate) client: Client,
    pub(crate) place: Place,
    child: Child,
    port: u16,
    folder: PathBuf,
}

/// What a run of the load found, and what it cost the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) load: Load,
    /// Microseconds of the server's time for each request.
    pub(crate) cpu: f64,
}

impl Server {
    /// Starts it and waits until it answers.
    pub(crate) fn start(
        contender: Contender,
        mut command: Command,
        mut place: Place,
    ) -> Result<Self> {
        let port = free_port()?;
        let folder = place.folder()?;
        let log = folder.join("log");
        let output = File::create(&log)?;
        command
            .env("BENCH_PORT", port.to_string())
            .env("BENCH_STORE", &place.name)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = command.spawn()?;
        let client = Client::new(port)?;
        let mut server = Self { contender, client, place, child, port, folder };
        let started = Instant::now();
        while let Err(error) = server.client.get("/bare", None) {
            let ended = server.child.try_wait()?;
            if ended.is_some() || started.elapsed() > START {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                let end = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default();
                let end = end.join("; ");
                let state = ended.map_or_else(|| error.to_string(), |status| status.to_string());
                return Err(format!("does not start: {state}: {end}").into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As many new sessions, for the load.
    pub(crate) fn cookies(&self, path: &str, count: usize) -> Result<Cookies> {
        self.cookies_of(&self.client.sessions(path, count)?)
    }

    /// These visitors, for the load.
    pub(crate) fn cookies_of(&self, cookies: &[String]) -> Result<Cookies> {
        Cookies::write(&self.folder, cookies)
    }

    /// Visitors whom it does not know.
    pub(crate) fn strangers(&self) -> Result<Cookies> {
        self.cookies_of(&[])
    }

    /// Keeps a route busy.
    pub(crate) fn run(
        &self,
        path: &str,
        cookies: &Cookies,
        connections: u32,
        time: Duration,
    ) -> Result<Run> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let before = Cpu::now(self.pid())?;
        let load = cookies.load(&url, connections, time)?;
        let spent = Cpu::now(self.pid())?.since(&before);
        #[allow(clippy::cast_precision_loss, reason = "fewer than 2^52 nanoseconds")]
        let cpu = spent as f64 / 1e3 / load.requests as f64;
        Ok(Run { load, cpu })
    }

    /// How many bytes of memory it holds.
    pub(crate) fn resident(&self) -> Result<u64> {
        process::resident(self.pid())
    }

    /// Whether its routes do what they should: one that only says so would be fast.
    ///
    /// # Errors
    /// What it did instead.
    pub(crate) fn check(&self) -> Result {
        let visitor = self.client.get("/new", None)?.cookie.ok_or("/new sets no cookie")?;
        let ask = |path: &str, cookie: &str| self.client.get(path, Some(cookie));
        ask("/untouched", &visitor)?;
        let read = ask("/read", &visitor)?.body;
        if self.contender.is_limit() {
            ask("/write", &visitor)?;
            return Ok(());
        }
        if read != "Ada Lovelace" {
            return Err(format!("/read answers {read:?}").into());
        }
        let mut cookie = visitor;
        for expected in ["1", "2"] {
            let written = ask("/write", &cookie)?;
            if written.body != expected {
                return Err(format!("/write answers {:?}, not {expected}", written.body).into());
            }
            cookie = written.cookie.unwrap_or(cookie);
        }
        let stranger = self.client.get("/read", None).map(|answer| answer.body);
        if stranger.is_ok_and(|name| name == "Ada Lovelace") {
            return Err("/read knows somebody who brought no cookie".into());
        }
        Ok(())
    }
}

/// The process that this program started, and those that it started itself.
impl Drop for Server {
    fn drop(&mut self) {
        let pids = process::tree(self.pid());
        // One that is gone already needs none of this.
        let signal = |pid: u32, signal| {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                _ = kill_process(pid, signal);
            }
        };
        signal(self.pid(), Signal::TERM);
        let told = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && told.elapsed() < FAREWELL {
            sleep(Duration::from_millis(5));
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            pids.iter().for_each(|&pid| signal(pid, Signal::KILL));
            _ = self.child.wait();
        }
    }
}
