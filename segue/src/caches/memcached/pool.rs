//! The connections to one server.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_memcached::{Client, Error as Driver, MetaProtocol as _, MetaValue};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::words::Trouble;
use crate::settings::MemcachedServer;

/// A connection that was idle for this long shows that it is alive before something is written,
/// because a write is not tried again.
const DOUBTFUL: Duration = Duration::from_secs(1);

/// A command about one name.
pub(super) enum Command<'a> {
    Get {
        name: &'a str,
    },
    Add {
        name: &'a str,
        value: &'a [u8],
        flags: u32,
        expires: u32,
    },
    Swap {
        name: &'a str,
        version: u64,
        value: &'a [u8],
        flags: u32,
        expires: u32,
    },
    /// Removes a value if it is still that version.
    End {
        name: &'a str,
        version: u64,
    },
    Delete {
        name: &'a str,
    },
}

impl Command<'_> {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Get { name }
            | Self::Add { name, .. }
            | Self::Swap { name, .. }
            | Self::End { name, .. }
            | Self::Delete { name } => name,
        }
    }

    /// Whether to do it twice is to do it once.
    fn may_be_repeated(&self) -> bool {
        matches!(self, Self::Get { .. } | Self::Delete { .. })
    }

    async fn send(&self, client: &mut Client) -> Result<Option<MetaValue>, Driver> {
        match self {
            Self::Get { name } => {
                client.meta_get(name, false, None, Some(&["v", "f", "c", "t"])).await
            }
            Self::Add { name, value, flags, expires } => {
                let options = [format!("F{flags}"), format!("T{expires}")];
                let options = ["ME", &options[0], &options[1]];
                client.meta_set(name, *value, false, None, Some(&options)).await
            }
            Self::Swap { name, version, value, flags, expires } => {
                let options = [format!("C{version}"), format!("F{flags}"), format!("T{expires}")];
                let options = [options[0].as_str(), &options[1], &options[2]];
                client.meta_set(name, *value, false, None, Some(&options)).await
            }
            Self::End { name, version } => {
                let version = format!("C{version}");
                client.meta_delete(name, false, None, Some(&[&version])).await
            }
            Self::Delete { name } => client.meta_delete(name, false, None, None).await,
        }
    }
}

/// A server, and the connections to it that nobody uses at the moment.
pub(super) struct Pool {
    address: String,
    place: String,
    /// How many more connections there may be in use.
    free: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    client: Client,
    since: Instant,
}

impl Pool {
    pub(super) fn new(server: &MemcachedServer, size: usize) -> Self {
        let address = match server {
            MemcachedServer::Tcp(host) => format!("tcp://{host}"),
            MemcachedServer::Unix(path) => format!("unix://{path}"),
        };
        Self {
            address,
            place: format!("memcached at {server}"),
            free: Semaphore::new(size),
            idle: Mutex::default(),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) async fn run(
        &self,
        command: &Command<'_>,
        until: Instant,
    ) -> Result<Option<MetaValue>, Trouble> {
        let waited = timeout_at(until, self.free.acquire()).await;
        // It is never closed.
        let Ok(Ok(_permit)) = waited else { return Err(Trouble::Busy) };
        // A connection whose time was up is dropped with what may still come through it.
        timeout_at(until, self.try_to_run(command)).await.unwrap_or(Err(Trouble::Late))
    }

    async fn try_to_run(&self, command: &Command<'_>) -> Result<Option<MetaValue>, Trouble> {
        loop {
            let (mut client, is_old) = match self.take(command).await {
                Some(client) => (client, true),
                None => (Client::new(&self.address).await?, false),
            };
            let answer = command.send(&mut client).await;
            if !client.is_closed() {
                self.idle().push(Idle { client, since: Instant::now() });
                return Ok(answer?);
            }
            // The server was restarted, most likely: then the others are dead as well.
            self.idle().clear();
            if !is_old || !command.may_be_repeated() {
                return Ok(answer?);
            }
        }
    }

    /// A connection that was used before.
    async fn take(&self, command: &Command<'_>) -> Option<Client> {
        loop {
            let Idle { mut client, since } = self.idle().pop()?;
            let is_doubtful = !command.may_be_repeated() && since.elapsed() > DOUBTFUL;
            if !is_doubtful || client.version().await.is_ok() {
                return Some(client);
            }
            self.idle().clear();
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
