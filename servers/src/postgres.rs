//! PostgreSQL.

use std::path::Path;

use crate::account::Account;
use crate::certificate::Certificate;
use crate::error::{Error, Result};
use crate::port;
use crate::program::{command, output};
use crate::server::{Folder, Plan, Server, controls};

pub(crate) const PACKAGES: &str = "postgresql openssl";
pub(crate) const PROGRAMS: &[&str] = &["initdb", "postgres", "psql", "openssl"];

const USER: &str = "segue";
const PASSWORD: &str = "postgres-password";

/// What it is asked for besides its folder and its port.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    // Its folder may be longer than the path of a socket.
    "unix_socket_directories=",
    // What was answered must be on the disk: tests kill it.
    "fsync=on",
    "synchronous_commit=on",
    // Each test has a pool of its own, and they run together.
    "max_connections=400",
    "shared_buffers=64MB",
    // In its folder, where it is removed however the server ends.
    "dynamic_shared_memory_type=mmap",
    "ssl=on",
];

/// A PostgreSQL server, with TLS for those who ask for it.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    certificate: Certificate,
    port: u16,
}

controls!(Postgres);

impl Postgres {
    /// Starts one, with an empty database `postgres`.
    ///
    /// # Errors
    /// Where PostgreSQL is not installed or does not start; with the end of its log.
    pub fn start() -> Result<Self> {
        port::retry(Self::try_start)
    }

    fn try_start() -> Result<Self> {
        let account = Account::other_than_root("postgres")?;
        // Killed, it would leave shared memory behind; this is its immediate shutdown.
        let folder = Folder::make(account, "QUIT")?;
        let port = port::free()?;
        initialize(folder.path(), account)?;
        let certificate = Certificate::make(folder.path(), account)?;
        let mut arguments = vec!["-D".into(), folder.path().join("data").into()];
        arguments.extend(["-p".into(), port.to_string().into()]);
        let mut set = |setting: String| arguments.extend(["-c".into(), setting.into()]);
        SETTINGS.iter().for_each(|setting| set((*setting).to_owned()));
        set(format!("ssl_cert_file={}", certificate.own.display()));
        set(format!("ssl_key_file={}", certificate.key.display()));
        let ready = move || query(&url(port, "postgres"), "SELECT 1").map(drop);
        let server = Server::start(Plan {
            name: "PostgreSQL",
            program: "postgres",
            packages: PACKAGES,
            arguments,
            account,
            folder,
            ready: Box::new(move || ready().map_err(|error| error.to_string())),
        })?;
        Ok(Self { server, certificate, port })
    }

    /// `postgres://user:password@127.0.0.1:port/database`
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// The authority that signed the server's certificate, for `sslrootcert`. The certificate is
    /// for `127.0.0.1` and `localhost`.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate.authority
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// Where there is one of that name, or the server does not answer.
    pub fn create_database(&self, name: &str) -> Result<()> {
        self.query("postgres", &format!("CREATE DATABASE \"{name}\"")).map(drop)
    }

    /// Runs SQL with `psql`: a line a row, columns between `|`.
    ///
    /// # Errors
    /// What the server refused, or that it does not answer.
    pub fn query(&self, database: &str, sql: &str) -> Result<String> {
        query(&self.url(database), sql)
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}")
}

fn initialize(folder: &Path, account: Account) -> Result<()> {
    let password = folder.join("password");
    std::fs::write(&password, PASSWORD).map_err(Error::of("write a password"))?;
    account.give(&password)?;
    let mut initdb = command("initdb", PACKAGES)?;
    account.apply(&mut initdb);
    initdb
        .current_dir(folder)
        .args(["--pgdata", "data", "--username", USER, "--pwfile", "password"])
        .args(["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"])
        // The empty template alone is not waited for; what is written later is.
        .args(["--no-sync", "--no-instructions"]);
    output(&mut initdb).map(drop)
}

pub(crate) fn query(url: &str, sql: &str) -> Result<String> {
    let mut psql = command("psql", PACKAGES)?;
    psql.args(["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet"])
        .args(["--set", "ON_ERROR_STOP=1", "--command", sql, url])
        .env("PGCONNECT_TIMEOUT", "5");
    output(&mut psql)
}
