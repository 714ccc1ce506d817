//! From the settings to what the client takes.

use std::fs;

use redis::io::tcp::TcpSettings;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion,
    RedisConnectionInfo, RedisResult, TlsCertificates,
};

use crate::error::ConfigError;
use crate::settings::{Host, RedisUrl};

/// How servers are reached, whichever they are: what is in the URL besides the hosts.
#[derive(Clone)]
pub(super) struct Access {
    /// The authority to trust instead of the system's, as it stands in its file.
    pub(super) root_certificate: Option<Vec<u8>>,
    pub(super) tls: bool,
    login: RedisConnectionInfo,
    tcp: TcpSettings,
}

impl Access {
    pub(super) fn new(url: &RedisUrl) -> Result<Self, ConfigError> {
        let read = |path| fs::read(path).map_err(|error| ConfigError::file(path, error));
        let root_certificate = url.root_certificate.as_deref().map(read).transpose()?;
        if url.tls {
            choose_cryptography();
        }
        let mut login = protocol(RedisConnectionInfo::default()).set_db(url.database);
        if let Some(user) = &url.user {
            login = login.set_username(user);
        }
        if let Some(password) = &url.password {
            login = login.set_password(password.expose());
        }
        // Without it a small command waits until the one before was acknowledged.
        let tcp = TcpSettings::default().set_nodelay(true);
        let access = Self { root_certificate, tls: url.tls, login, tcp };
        if let (Some(host), Some(path)) = (url.hosts.first(), &url.root_certificate) {
            access.client(host).map_err(|error| ConfigError::file(path, error))?;
        }
        Ok(access)
    }

    /// The same for the Sentinels, who have names and passwords of their own and no databases.
    pub(super) fn of_sentinels(&self, url: &RedisUrl) -> Self {
        let mut login = protocol(RedisConnectionInfo::default());
        if let Some(user) = &url.sentinel_user {
            login = login.set_username(user);
        }
        if let Some(password) = &url.sentinel_password {
            login = login.set_password(password.expose());
        }
        Self { login, ..self.clone() }
    }

    pub(super) fn client(&self, host: &Host) -> RedisResult<Client> {
        let (host, port) = (host.name.clone(), host.port);
        if !self.tls {
            return Client::open(self.complete(ConnectionAddr::Tcp(host, port))?);
        }
        let address = ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None };
        let certificates =
            TlsCertificates { client_tls: None, root_cert: self.root_certificate.clone() };
        Client::build_with_tls(self.complete(address)?, certificates)
    }

    fn complete(&self, address: ConnectionAddr) -> RedisResult<ConnectionInfo> {
        let info = address.into_connection_info()?;
        Ok(info.set_redis_settings(self.login.clone()).set_tcp_settings(self.tcp.clone()))
    }
}

/// The third version of the protocol is the one in which a client hears of a connection's end while
/// it is idle, and so does not lose the next command to it.
fn protocol(login: RedisConnectionInfo) -> RedisConnectionInfo {
    login.set_protocol(ProtocolVersion::RESP3).set_lib_name("segue", env!("CARGO_PKG_VERSION"))
}

/// Where a program has two kinds of cryptography, rustls would panic for want of a choice. One that
/// the program chose itself stays.
fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error says that somebody else was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
