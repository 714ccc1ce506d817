//! Certificates for servers: an authority of one's own, and a certificate for loopback by it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::{Error, Result};
use crate::program::{command, output};

/// The files of a server that speaks TLS.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// The authority, which clients are told to trust. It is not the server's own certificate:
    /// rustls takes no certificate that is both.
    pub(crate) authority: PathBuf,
    pub(crate) own: PathBuf,
    pub(crate) key: PathBuf,
}

/// Names that a client may call the server by.
const EXTENSIONS: &str = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n\
                          subjectAltName=IP:127.0.0.1,DNS:localhost\n";

impl Certificate {
    /// Makes them in this folder.
    pub(crate) fn make(folder: &Path, account: Account) -> Result<Self> {
        let file = |name: &str| folder.join(name);
        let openssl = |line: &str, more: &[&str]| -> Result<String> {
            let mut openssl = command("openssl", "openssl")?;
            output(openssl.current_dir(folder).args(line.split_whitespace()).args(more))
        };
        fs::write(file("extensions"), EXTENSIONS).map_err(Error::of("write a certificate"))?;
        // Each authority has its own name: two of one name confuse who trusts both.
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("/CN=Authority of {name}");
        let new_key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(
            &format!("req -x509 {new_key} -days 3650 -keyout ca.key -out ca.crt -subj"),
            &[&name],
        )?;
        openssl(
            &format!("req {new_key} -keyout server.key -out server.csr -subj /CN=localhost"),
            &[],
        )?;
        openssl(
            "x509 -req -days 3650 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
             -extfile extensions -out server.crt",
            &[],
        )?;
        let made =
            Self { authority: file("ca.crt"), own: file("server.crt"), key: file("server.key") };
        // PostgreSQL takes no key that others may read.
        fs::set_permissions(&made.key, fs::Permissions::from_mode(0o600))
            .map_err(Error::of("keep a key to ourselves"))?;
        for path in [&made.authority, &made.own, &made.key] {
            account.give(path)?;
        }
        Ok(made)
    }
}
