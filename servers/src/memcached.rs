//! memcached.

use crate::account::Account;
use crate::error::Result;
use crate::port;
use crate::server::{Folder, Plan, Server, ask, controls};

pub(crate) const PACKAGES: &str = "memcached";
pub(crate) const PROGRAMS: &[&str] = &["memcached"];

/// A memcached server.
#[derive(Debug)]
pub struct Memcached {
    server: Server,
    port: u16,
}

controls!(Memcached);

impl Memcached {
    /// Starts one. It forgets everything when it is killed.
    ///
    /// # Errors
    /// Where memcached is not installed or does not start; with the end of its log.
    pub fn start() -> Result<Self> {
        port::retry(Self::try_start)
    }

    fn try_start() -> Result<Self> {
        let account = Account::other_than_root("nobody")?;
        let folder = Folder::make(account, "KILL")?;
        let port = port::free()?;
        let arguments = format!("-l 127.0.0.1 -p {port} -U 0 -m 64 -v");
        let ready = move || match ask(port, "version") {
            Ok(answer) if answer.starts_with("VERSION") => Ok(()),
            Ok(answer) => Err(answer),
            Err(error) => Err(error.to_string()),
        };
        let server = Server::start(Plan {
            name: "memcached",
            program: "memcached",
            packages: PACKAGES,
            arguments: arguments.split(' ').map(Into::into).collect(),
            account,
            folder,
            ready: Box::new(ready),
        })?;
        Ok(Self { server, port })
    }

    /// `127.0.0.1:port`
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
