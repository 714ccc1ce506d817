//! nginx, in front of other servers.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::certificate::Certificate;
use crate::error::{Error, Result};
use crate::port;
use crate::process;
use crate::program::{command, find, output};
use crate::server::{Folder, Plan, Server, controls};

const PACKAGES: &str = "nginx openssl";
const PROGRAMS: &[&str] = &["nginx", "openssl"];

/// How long it may take to take up another configuration.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is written when the worker is gone that had the older configuration.
const OLDER_IS_GONE: &str = "exited with code 0";

/// What stands around the sites; all that nginx writes is in its folder. Browsers keep connections open
/// that an older worker would wait for.
const AROUND: &str = "\
daemon off;
pid nginx.pid;
error_log stderr notice;
worker_processes 1;
worker_shutdown_timeout 1s;
events { worker_connections 256; }
http {
    types { text/html html; text/css css; text/javascript js; image/svg+xml svg; }
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include sites.conf;
}
";

/// An nginx with the sites that it is given, as they stand in `/etc/nginx/conf.d`.
///
/// In them `listen 80` and `listen 443` become free ports of 127.0.0.1 (what listens on `[::]` is left
/// out), and each `ssl_certificate` one that is made for it. Nothing else is changed.
#[derive(Debug)]
pub struct Nginx {
    server: Server,
    certificate: Certificate,
    http: u16,
    /// That of https.
    port: u16,
}

controls!(Nginx);

impl Nginx {
    /// Starts one with these sites.
    ///
    /// # Errors
    /// Where nginx is not installed, does not take them, or does not start; with the end of its log.
    pub fn start(sites: &str) -> Result<Self> {
        port::retry(|| Self::try_start(sites))
    }

    fn try_start(sites: &str) -> Result<Self> {
        let account = Account::default();
        let folder = Folder::make(account, "TERM")?;
        let (http, port) = (port::free()?, port::free()?);
        let certificate = Certificate::make(folder.path(), account)?;
        write(folder.path(), &placed(sites, http, port, &certificate))?;
        let arguments = ["-p".into(), folder.path().into(), "-c".into(), "nginx.conf".into()];
        let server = Server::start(Plan {
            name: "nginx",
            program: "nginx",
            packages: PACKAGES,
            arguments: arguments.into(),
            account,
            folder,
            ready: Box::new(move || connect(http).and_then(|()| connect(port))),
        })?;
        Ok(Self { server, certificate, http, port })
    }

    /// The port of http on 127.0.0.1; [`port`](Self::port) is that of https.
    #[must_use]
    pub fn http_port(&self) -> u16 {
        self.http
    }

    /// Has it take up other sites, as `nginx -s reload` does, and waits until nothing is served as
    /// before.
    ///
    /// # Errors
    /// Where it does not take them; it keeps what it had.
    pub fn reload(&self, sites: &str) -> Result<()> {
        let Some(pid) = self.server.pid() else { return Err(Error::new("nginx was killed")) };
        let folder = self.server.folder();
        let before = fs::read_to_string(folder.join("sites.conf"));
        let before = before.map_err(Error::of("read the sites of nginx"))?;
        write(folder, &placed(sites, self.http, self.port, &self.certificate))?;
        if let Err(refused) = test(folder) {
            write(folder, &before)?;
            return Err(refused);
        }
        let gone = self.server.log()?.matches(OLDER_IS_GONE).count();
        process::signal("HUP", &[pid].into())?;
        let started = Instant::now();
        while self.server.log()?.matches(OLDER_IS_GONE).count() == gone {
            if started.elapsed() > PATIENCE {
                return Err(Error::new("nginx does not take up its new configuration"));
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Whether nginx takes these sites (`nginx -t`), without a start.
    ///
    /// # Errors
    /// What is wrong with them, or that nginx is not installed.
    pub fn check(sites: &str) -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::of("make a temporary folder"))?;
        let certificate = Certificate::make(folder.path(), Account::default())?;
        write(folder.path(), &placed(sites, 80, 443, &certificate))?;
        test(folder.path())
    }

    /// The programs that it needs and that are not there.
    #[must_use]
    pub fn missing_programs() -> Vec<&'static str> {
        PROGRAMS.iter().copied().filter(|name| find(name).is_none()).collect()
    }

    /// The Debian packages that it comes from.
    #[must_use]
    pub fn packages() -> &'static str {
        PACKAGES
    }
}

fn connect(port: u16) -> std::result::Result<(), String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connected = TcpStream::connect_timeout(&address, Duration::from_secs(1));
    connected.map(drop).map_err(|error| error.to_string())
}

fn test(folder: &Path) -> Result<()> {
    let mut nginx = command("nginx", PACKAGES)?;
    output(nginx.args(["-t", "-q", "-p"]).arg(folder).args(["-c", "nginx.conf"])).map(drop)
}

fn write(folder: &Path, sites: &str) -> Result<()> {
    let ourselves = fs::metadata("/proc/self").map_err(Error::of("read /proc/self"))?;
    // Otherwise its workers could not enter the folders of who runs the tests.
    let user = if ourselves.uid() == 0 { "user root;\n" } else { "" };
    fs::write(folder.join("nginx.conf"), format!("{user}{AROUND}"))
        .and_then(|()| fs::write(folder.join("sites.conf"), sites))
        .map_err(Error::of("write the configuration of nginx"))
}

/// The sites with ports and certificates that are there.
fn placed(sites: &str, http: u16, https: u16, certificate: &Certificate) -> String {
    let place = |line: &str| {
        let (own, key) = (certificate.own.display(), certificate.key.display());
        match line.split_whitespace().next() {
            Some("ssl_certificate") => format!("ssl_certificate {own};\n"),
            Some("ssl_certificate_key") => format!("ssl_certificate_key {key};\n"),
            Some("listen") if line.contains("[::]") => String::new(),
            Some("listen") => {
                let line = line.replace(" 80", &format!(" 127.0.0.1:{http}"));
                format!("{}\n", line.replace(" 443", &format!(" 127.0.0.1:{https}")))
            }
            _ => format!("{line}\n"),
        }
    };
    sites.lines().map(place).collect()
}
