//! MariaDB.

use std::fs;
use std::path::Path;

use crate::account::Account;
use crate::certificate::Certificate;
use crate::error::{Error, Result};
use crate::port;
use crate::program::{command, output};
use crate::server::{Folder, Plan, Server, controls};
use crate::url::Url;

pub(crate) const PACKAGES: &str = "mariadb-server mariadb-client openssl";
pub(crate) const PROGRAMS: &[&str] = &["mariadbd", "mariadb-install-db", "mariadb", "openssl"];

const USER: &str = "segue";
const PASSWORD: &str = "mariadb-password";

/// The first must come first: a machine's own settings are not ours.
const SETTINGS: &[&str] = &[
    "--no-defaults",
    "--bind-address=127.0.0.1",
    // Relative to the data: its folder may be longer than the path of a socket.
    "--socket=socket",
    "--pid-file=pid",
    "--skip-name-resolve",
    // What was answered must be on the disk: tests kill it.
    "--innodb-flush-log-at-trx-commit=1",
    // As most have it: capital and small letters are the same.
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    // Each test has a pool of its own, and they run together.
    "--max-connections=400",
    "--innodb-buffer-pool-size=64M",
];

/// A MariaDB server, with TLS for those who ask for it.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
    certificate: Certificate,
    port: u16,
}

controls!(MariaDb);

impl MariaDb {
    /// Starts one.
    ///
    /// # Errors
    /// Where MariaDB is not installed or does not start; with the end of its log.
    pub fn start() -> Result<Self> {
        port::retry(Self::try_start)
    }

    fn try_start() -> Result<Self> {
        let account = Account::other_than_root("mysql")?;
        let folder = Folder::make(account, "KILL")?;
        let port = port::free()?;
        let data = folder.path().join("data");
        let users = folder.path().join("users.sql");
        initialize(folder.path(), &data, account)?;
        fs::write(&users, users_sql()).map_err(Error::of("write a file of users"))?;
        account.give(&users)?;
        let certificate = Certificate::make(folder.path(), account)?;
        let mut arguments: Vec<_> = SETTINGS.iter().map(Into::into).collect();
        let mut set = |name: &str, path: &Path| {
            arguments.push(format!("--{name}={}", path.display()).into());
        };
        set("datadir", &data);
        // One that starts removes the temporary tables that it finds, and in /tmp those of others.
        set("tmpdir", folder.path());
        set("init-file", &users);
        set("ssl-ca", &certificate.authority);
        set("ssl-cert", &certificate.own);
        set("ssl-key", &certificate.key);
        arguments.push(format!("--port={port}").into());
        let ready = move || query(&url(port, "mysql"), "SELECT 1").map(drop);
        let server = Server::start(Plan {
            name: "MariaDB",
            program: "mariadbd",
            packages: PACKAGES,
            arguments,
            account,
            folder,
            ready: Box::new(move || ready().map_err(|error| error.to_string())),
        })?;
        Ok(Self { server, certificate, port })
    }

    /// `mysql://user:password@127.0.0.1:port/database`
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// The authority that signed the server's certificate, for `ssl-ca`. The certificate is for
    /// `127.0.0.1` and `localhost`.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate.authority
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// Where there is one of that name, or the server does not answer.
    pub fn create_database(&self, name: &str) -> Result<()> {
        self.query("mysql", &format!("CREATE DATABASE `{name}`")).map(drop)
    }

    /// Runs SQL with the `mariadb` program: a line a row, columns between tabs, without headings.
    ///
    /// # Errors
    /// What the server refused, or that it does not answer.
    pub fn query(&self, database: &str, sql: &str) -> Result<String> {
        query(&self.url(database), sql)
    }
}

fn url(port: u16, database: &str) -> String {
    format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}")
}

/// Read at each start, before anybody may connect. Root is left without a password, but as the
/// package makes it: for this machine alone.
fn users_sql() -> String {
    format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    )
}

fn initialize(folder: &Path, data: &Path, account: Account) -> Result<()> {
    let mut install = command("mariadb-install-db", PACKAGES)?;
    account.apply(&mut install);
    install
        .current_dir(folder)
        .args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"])
        .arg("--auth-root-authentication-method=normal")
        // In /tmp two at once would take each other's temporary tables.
        .arg(format!("--tmpdir={}", folder.display()))
        .arg(format!("--datadir={}", data.display()));
    output(&mut install).map(drop)
}

/// With the user, the password and the address of a URL; its database need not be there.
pub(crate) fn query(url: &str, sql: &str) -> Result<String> {
    let Url { user, password, host, port, .. } = Url::read(url)?;
    let database = url.rsplit_once('/').map_or("", |(_, name)| name);
    let database = database.split('?').next().unwrap_or_default();
    let mut mariadb = command("mariadb", PACKAGES)?;
    mariadb
        .args(["--no-defaults", "--protocol=tcp", "--connect-timeout=5", "--batch"])
        // Newer clients ask for a certificate of a known authority.
        .args(["--skip-column-names", "--skip-ssl-verify-server-cert"])
        .args(["--host", host, "--port", port, "--user", user, "--execute", sql])
        .env("MYSQL_PWD", password);
    if !database.is_empty() {
        mariadb.args(["--database", database]);
    }
    output(&mut mariadb)
}
