//! One server process with its folder: what all of the servers have in common.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::account::Account;
use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::process;
use crate::program::command;

/// How long a server may take to answer, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a server that is dropped may take to tidy up after itself.
const FAREWELL: Duration = Duration::from_secs(5);

const LINES_OF_LOG: usize = 30;

/// What there is to know before a server runs.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    pub(crate) packages: &'static str,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) account: Account,
    pub(crate) folder: Folder,
    /// Whether it answers, and otherwise why not.
    pub(crate) ready: Box<dyn Fn() -> std::result::Result<(), String> + Send + Sync>,
}

/// A server that was started, and perhaps killed meanwhile.
pub(crate) struct Server {
    plan: Plan,
    /// Nothing where the server was killed.
    child: Mutex<Option<Child>>,
}

/// The temporary folder of a server. It is removed with this, or by its guard.
pub(crate) struct Folder {
    /// First, so that it is gone before the folder is.
    guard: Guard,
    folder: TempDir,
    farewell: &'static str,
}

impl Folder {
    /// Makes one that this account may enter. `farewell` is the signal that ends the server for
    /// good: KILL, unless it would leave something behind outside of its folder.
    pub(crate) fn make(account: Account, farewell: &'static str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("segue-server-")
            .tempdir()
            .map_err(Error::of("make a temporary folder"))?;
        account.give(folder.path())?;
        Ok(Self { guard: Guard::start(farewell, folder.path())?, folder, farewell })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Server {
    /// Starts it and waits until it answers.
    pub(crate) fn start(plan: Plan) -> Result<Self> {
        let server = Self { plan, child: Mutex::new(None) };
        server.restart()?;
        Ok(server)
    }

    /// Starts it again where it was killed, with the same arguments, and waits until it answers.
    pub(crate) fn restart(&self) -> Result<()> {
        let running = &mut *self.child();
        if running.is_some() {
            return Err(Error::new(format!("{} was not killed", self.plan.name)));
        }
        let log = OpenOptions::new().create(true).append(true).open(self.log_file());
        let log = log.map_err(Error::of("open a log"))?;
        let errors = log.try_clone().map_err(Error::of("open a log"))?;
        let mut command = command(self.plan.program, self.plan.packages)?;
        self.plan.account.apply(&mut command);
        command
            .args(&self.plan.arguments)
            .current_dir(self.plan.folder.path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C is for the test process, and the guard sees to the rest.
            .process_group(0);
        let child = command.spawn().map_err(Error::of(format!("start {}", self.plan.program)))?;
        let child = running.insert(child);
        self.plan.folder.guard.watch(Some(child.id()))?;
        self.wait_until_ready(child).map_err(|reason| {
            // The reason is worth more than what went wrong while tidying up.
            _ = self.end(running);
            Error::new(format!("{}: {reason}\n{}", self.plan.name, self.end_of_log()))
        })
    }

    fn wait_until_ready(&self, child: &mut Child) -> std::result::Result<(), String> {
        let started = Instant::now();
        loop {
            let ready = (self.plan.ready)();
            // Asked afterwards: what answered was ours only if ours is alive.
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return Err(format!("it ended with {status}")),
                Err(error) => return Err(error.to_string()),
            }
            match ready {
                Ok(()) => return Ok(()),
                Err(reason) if started.elapsed() > PATIENCE => {
                    return Err(format!("no answer in {} s: {reason}", PATIENCE.as_secs()));
                }
                Err(_) => sleep(Duration::from_millis(30)),
            }
        }
    }

    /// SIGKILL to it and to all that it started; returns when they are gone.
    pub(crate) fn kill(&self) -> Result<()> {
        self.end(&mut self.child())
    }

    fn end(&self, running: &mut Option<Child>) -> Result<()> {
        let Some(mut child) = running.take() else { return Ok(()) };
        if matches!(child.try_wait(), Ok(Some(_))) {
            // Its number may be somebody else's by now.
            return self.plan.folder.guard.watch(None);
        }
        // Paused first, so that none of them is started between the look and the signal.
        let members = process::pause(child.id());
        // Without its children rather than not at all.
        let members = members.unwrap_or_else(|_| [child.id()].into());
        process::signal("KILL", &members)?;
        child.wait().map_err(Error::of("wait for a server"))?;
        process::wait_for_end(&members)?;
        self.plan.folder.guard.watch(None)
    }

    /// SIGSTOP to it and to all that it started: nothing answers any more.
    pub(crate) fn pause(&self) -> Result<()> {
        process::pause(self.running()?).map(drop)
    }

    /// SIGCONT after a pause.
    pub(crate) fn resume(&self) -> Result<()> {
        process::resume(self.running()?)
    }

    /// Whether its process is there, paused or not.
    pub(crate) fn is_running(&self) -> bool {
        self.pid().is_some_and(process::is_alive)
    }

    /// The process, unless it was killed.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.plan.folder.path()
    }

    fn running(&self) -> Result<u32> {
        self.pid().ok_or_else(|| Error::new(format!("{} was killed", self.plan.name)))
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_file(&self) -> PathBuf {
        self.plan.folder.path().join("log")
    }

    /// All that the server said.
    pub(crate) fn log(&self) -> Result<String> {
        let log = fs::read(self.log_file()).map_err(Error::of("read a log"))?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// What the server said last.
    pub(crate) fn end_of_log(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES_OF_LOG)..].join("\n")
    }
}

/// Its data is thrown away, so it is not asked to save it.
impl Drop for Server {
    fn drop(&mut self) {
        let running = &mut *self.child();
        let farewell = self.plan.folder.farewell;
        if farewell != "KILL"
            && let Some(child) = running
        {
            let pid = child.id();
            // What does not end by this is killed below.
            _ = process::signal(farewell, &[pid].into());
            _ = process::resume(pid);
            let started = Instant::now();
            while matches!(child.try_wait(), Ok(None)) && started.elapsed() < FAREWELL {
                sleep(Duration::from_millis(10));
            }
        }
        // There is nobody to tell.
        _ = self.end(running);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.plan.name)
            .field("pid", &self.pid())
            .field("folder", &self.folder())
            .finish_non_exhaustive()
    }
}

/// Says something to a server that speaks in lines, and hears what it says at once.
pub(crate) fn ask(port: u16, line: &str) -> std::io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let patience = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(format!("{line}\r\n").as_bytes())?;
    let mut answer = [0; 512];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned())
}

/// The methods that every server has, in its documentation too.
macro_rules! controls {
    ($type:ident) => {
        impl $type {
            /// Kills the server (SIGKILL) and all that it started, and waits until they are gone.
            ///
            /// # Errors
            /// Where the signal could not be sent.
            pub fn kill(&self) -> $crate::error::Result<()> {
                self.server.kill()
            }

            /// Pauses the server (SIGSTOP) and all that it started: nothing answers any more.
            ///
            /// # Errors
            /// Where it was killed.
            pub fn pause(&self) -> $crate::error::Result<()> {
                self.server.pause()
            }

            /// Lets a paused server go on (SIGCONT).
            ///
            /// # Errors
            /// Where it was killed.
            pub fn resume(&self) -> $crate::error::Result<()> {
                self.server.resume()
            }

            /// Starts a killed server again, on the same port and with its data, and waits until
            /// it answers.
            ///
            /// # Errors
            /// Where it was not killed or does not answer; with the end of its log.
            pub fn restart(&self) -> $crate::error::Result<()> {
                self.server.restart()
            }

            /// Whether the server's process is there, paused or not.
            #[must_use]
            pub fn is_running(&self) -> bool {
                self.server.is_running()
            }

            /// The server's process, unless it was killed.
            #[must_use]
            pub fn pid(&self) -> Option<u32> {
                self.server.pid()
            }

            /// What the server said last in its log.
            #[must_use]
            pub fn end_of_log(&self) -> String {
                self.server.end_of_log()
            }

            /// The port on 127.0.0.1.
            #[must_use]
            pub fn port(&self) -> u16 {
                self.port
            }
        }
    };
}
pub(crate) use controls;
