//! Redis: one server, and what the servers of a cluster and of sentinels are made of; and Valkey, which is run
//! and spoken to in the same way.

use std::fs;
use std::path::Path;

use crate::account::Account;
use crate::certificate::Certificate;
use crate::error::{Error, Result};
use crate::port;
use crate::program::{command, output};
use crate::server::{Folder, Plan, Server, ask, controls};
use crate::url::encode;

pub(crate) const PACKAGES: &str = "redis-server redis-tools openssl";
pub(crate) const PROGRAMS: &[&str] = &["redis-server", "redis-cli", "openssl"];
pub(crate) const VALKEY_PACKAGES: &str = "valkey-server redis-tools";
pub(crate) const VALKEY_PROGRAMS: &[&str] = &["valkey-server", "redis-cli"];

/// A Redis server.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    port: u16,
    password: Option<String>,
    tls: Option<(u16, Certificate)>,
}

controls!(Redis);

/// What a Redis server may have besides.
///
/// ```
/// # fn main() -> servers::Result<()> {
/// # if servers::shared::Kind::Redis.missing_programs().is_empty() {
/// let redis = servers::Redis::options().password("p@ss").durable().start()?;
/// assert!(redis.url().starts_with("redis://:p%40ss@127.0.0.1:"));
/// assert_eq!(redis.cli(&["SET", "key", "value"])?.trim(), "OK");
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "it is to be started"]
pub struct RedisOptions {
    password: Option<String>,
    has_tls: bool,
    is_sentinel: bool,
    is_valkey: bool,
    /// Lines of the configuration file.
    settings: Vec<String>,
}

impl RedisOptions {
    /// Lets nobody in without this password.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.setting("requirepass", &quote(password)).setting("masterauth", &quote(password))
    }

    /// Opens a second port that speaks TLS.
    pub fn tls(mut self) -> Self {
        self.has_tls = true;
        self
    }

    /// Writes each change to the disk before it is answered, so that a kill loses nothing.
    pub fn durable(self) -> Self {
        self.setting("appendonly", "yes").setting("appendfsync", "always")
    }

    /// Copies another server. It may take a moment until it has.
    pub fn replica_of(self, primary: &Redis) -> Self {
        let replica = self.setting("replicaof", &format!("127.0.0.1 {}", primary.port));
        match &primary.password {
            Some(password) => replica.setting("masterauth", &quote(password)),
            None => replica,
        }
    }

    /// A line of the configuration file, such as `maxmemory 2mb`.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push(format!("{name} {value}"));
        self
    }

    /// Makes it a Valkey server.
    pub fn valkey(mut self) -> Self {
        self.is_valkey = true;
        self
    }

    /// Lets it watch others; a sentinel is the same program.
    pub(crate) fn sentinel(mut self) -> Self {
        self.is_sentinel = true;
        self
    }

    /// Starts a server with these options.
    ///
    /// # Errors
    /// Where Redis is not installed or does not start; with the end of its log.
    pub fn start(self) -> Result<Redis> {
        port::retry(|| self.try_start())
    }

    fn try_start(&self) -> Result<Redis> {
        let account = Account::default();
        let folder = Folder::make(account, "KILL")?;
        let port = port::free()?;
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            format!("port {port}"),
            format!("dir {}", quote(&folder.path().to_string_lossy())),
        ];
        if !self.is_sentinel {
            // Written when asked for, not by the clock, and replicas are served at once.
            lines.extend(["save \"\"".to_owned(), "repl-diskless-sync-delay 0".to_owned()]);
        }
        let mut tls = None;
        if self.has_tls {
            let certificate = Certificate::make(folder.path(), account)?;
            let tls_port = port::free()?;
            let file = |path: &Path| quote(&path.to_string_lossy());
            lines.extend([
                format!("tls-port {tls_port}"),
                format!("tls-cert-file {}", file(&certificate.own)),
                format!("tls-key-file {}", file(&certificate.key)),
                format!("tls-ca-cert-file {}", file(&certificate.authority)),
                "tls-auth-clients no".to_owned(),
            ]);
            tls = Some((tls_port, certificate));
        }
        lines.extend(self.settings.iter().cloned());
        // A sentinel, and a replica that became the master, write what they learn into it.
        let file = folder.path().join("redis.conf");
        fs::write(&file, lines.join("\n") + "\n").map_err(Error::of("write redis.conf"))?;
        let mut arguments = vec![file.into()];
        arguments.extend(self.is_sentinel.then(|| "--sentinel".into()));
        let (name, program, packages) = match (self.is_valkey, self.is_sentinel) {
            (true, _) => ("Valkey", "valkey-server", VALKEY_PACKAGES),
            (false, true) => ("Redis Sentinel", "redis-server", PACKAGES),
            (false, false) => ("Redis", "redis-server", PACKAGES),
        };
        let server = Server::start(Plan {
            name,
            program,
            packages,
            arguments,
            account,
            folder,
            ready: Box::new(move || ping(port)),
        })?;
        Ok(Redis { server, port, password: self.password.clone(), tls })
    }
}

impl Redis {
    /// Starts one that keeps its data in memory alone.
    ///
    /// # Errors
    /// Where Redis is not installed or does not start; with the end of its log.
    pub fn start() -> Result<Self> {
        Self::options().start()
    }

    /// A password, TLS, a copy of another server, and so on.
    pub fn options() -> RedisOptions {
        RedisOptions::default()
    }

    /// `redis://127.0.0.1:port`, with the password where there is one.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("redis", self.port)
    }

    /// `rediss://127.0.0.1:port`, where it was started with TLS.
    #[must_use]
    pub fn tls_url(&self) -> Option<String> {
        self.tls.as_ref().map(|(port, _)| self.url_of("rediss", *port))
    }

    /// The authority that signed the server's certificate, where it was started with TLS. The
    /// certificate is for `127.0.0.1` and `localhost`.
    #[must_use]
    pub fn certificate(&self) -> Option<&Path> {
        self.tls.as_ref().map(|(_, certificate)| certificate.authority.as_path())
    }

    /// Runs `redis-cli` against it; a paused server is given up after five seconds.
    ///
    /// # Errors
    /// What the server refused, or that it does not answer.
    pub fn cli(&self, arguments: &[&str]) -> Result<String> {
        // Without `timeout` it would wait for a paused server for ever.
        let mut cli = command("timeout", "coreutils")?;
        cli.arg("5").arg(command("redis-cli", PACKAGES)?.get_program());
        cli.args(["-e", "-h", "127.0.0.1", "-p", &self.port.to_string()]).args(arguments);
        if let Some(password) = &self.password {
            cli.env("REDISCLI_AUTH", password);
        }
        output(&mut cli)
    }

    fn url_of(&self, scheme: &str, port: u16) -> String {
        let password = self.password.as_deref();
        let password = password.map(|password| format!(":{}@", encode(password)));
        format!("{scheme}://{}127.0.0.1:{port}", password.unwrap_or_default())
    }
}

fn ping(port: u16) -> std::result::Result<(), String> {
    match ask(port, "PING") {
        // It is there, and wants a password.
        Ok(answer) if answer.starts_with("+PONG") || answer.starts_with("-NOAUTH") => Ok(()),
        Ok(answer) => Err(answer),
        Err(error) => Err(error.to_string()),
    }
}

/// A word of the configuration file.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
