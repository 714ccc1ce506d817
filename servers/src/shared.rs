//! Servers that many tests share, each with data of its own in them.
//!
//! `cargo xtask test` starts one of each and says in the environment where they are. A test that
//! is run by hand starts those that it asks for, once in a test process, and they end with it. Who
//! sets a variable by hand has the tests use a server that is there anyway.
//!
//! | server | variable | its value |
//! |---|---|---|
//! | [`postgres`] | `SEGUE_TEST_POSTGRES` | URL of the database `postgres`, whose user may create others |
//! | [`mariadb`] | `SEGUE_TEST_MARIADB` | URL of the database `mysql`, likewise |
//! | [`redis`] | `SEGUE_TEST_REDIS` | URL |
//! | [`valkey`] | `SEGUE_TEST_VALKEY` | URL, in Redis' words |
//! | [`redis_cluster`] | `SEGUE_TEST_REDIS_CLUSTER` | URLs of all nodes, with commas between |
//! | [`sentinel`] | `SEGUE_TEST_SENTINEL` | URLs of all sentinels; the master is `mymaster` |
//! | [`memcached`] | `SEGUE_TEST_MEMCACHED` | two addresses |

#![allow(clippy::panic, reason = "it is for tests, which fail by panicking")]

use std::fmt;
use std::sync::OnceLock;

use crate::error::Result;
use crate::program::find;
use crate::{MariaDb, Memcached, Postgres, Redis, RedisCluster, RedisSentinel};
use crate::{mariadb as maria, memcached as memcache, postgres as pg, redis as single};

/// The kinds of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "who leaves one out is to be told by the compiler")]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// One Redis server.
    Redis,
    /// One Valkey server, of a version that compares and swaps by itself.
    Valkey,
    /// A cluster of six Redis servers.
    RedisCluster,
    /// Three Redis servers and three sentinels.
    Sentinel,
    /// Two memcached servers.
    Memcached,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Postgres,
        Self::MariaDb,
        Self::Redis,
        Self::Valkey,
        Self::RedisCluster,
        Self::Sentinel,
        Self::Memcached,
    ];

    /// The environment variable that says where it is.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "SEGUE_TEST_POSTGRES",
            Self::MariaDb => "SEGUE_TEST_MARIADB",
            Self::Redis => "SEGUE_TEST_REDIS",
            Self::Valkey => "SEGUE_TEST_VALKEY",
            Self::RedisCluster => "SEGUE_TEST_REDIS_CLUSTER",
            Self::Sentinel => "SEGUE_TEST_SENTINEL",
            Self::Memcached => "SEGUE_TEST_MEMCACHED",
        }
    }

    /// Where the environment says that there is one.
    #[must_use]
    pub fn named(self) -> Option<String> {
        std::env::var(self.variable()).ok().filter(|value| !value.is_empty())
    }

    /// The module that its tests stand in, in each test program.
    #[must_use]
    pub fn module(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Redis => "redis",
            Self::Valkey => "valkey",
            Self::RedisCluster => "redis_cluster",
            Self::Sentinel => "sentinel",
            Self::Memcached => "memcached",
        }
    }

    /// The Debian packages that it comes from.
    #[must_use]
    pub fn packages(self) -> &'static str {
        match self {
            Self::Postgres => pg::PACKAGES,
            Self::MariaDb => maria::PACKAGES,
            Self::Redis | Self::RedisCluster | Self::Sentinel => single::PACKAGES,
            Self::Valkey => single::VALKEY_PACKAGES,
            Self::Memcached => memcache::PACKAGES,
        }
    }

    /// The programs that it needs and that are not there.
    #[must_use]
    pub fn missing_programs(self) -> Vec<&'static str> {
        let programs = match self {
            Self::Postgres => pg::PROGRAMS,
            Self::MariaDb => maria::PROGRAMS,
            Self::Redis | Self::RedisCluster | Self::Sentinel => single::PROGRAMS,
            Self::Valkey => single::VALKEY_PROGRAMS,
            Self::Memcached => memcache::PROGRAMS,
        };
        programs.iter().copied().filter(|name| find(name).is_none()).collect()
    }

    /// Starts one for tests to share.
    ///
    /// # Errors
    /// Where it is not installed or does not start.
    pub fn start(self) -> Result<Running> {
        let (value, servers): (String, Box<dyn Kept>) = match self {
            Self::Postgres => {
                let server = Postgres::start()?;
                (server.url("postgres"), Box::new(server))
            }
            Self::MariaDb => {
                let server = MariaDb::start()?;
                (server.url("mysql"), Box::new(server))
            }
            Self::Redis => {
                let server = Redis::options().durable().start()?;
                (server.url(), Box::new(server))
            }
            Self::Valkey => {
                let server = Redis::options().valkey().durable().start()?;
                (server.url(), Box::new(server))
            }
            Self::RedisCluster => {
                let cluster = RedisCluster::start()?;
                (cluster.urls().join(","), Box::new(cluster))
            }
            Self::Sentinel => {
                let sentinels = RedisSentinel::start()?;
                (sentinels.urls().join(","), Box::new(sentinels))
            }
            Self::Memcached => {
                let servers = [Memcached::start()?, Memcached::start()?];
                (servers.each_ref().map(Memcached::address).join(","), Box::new(servers))
            }
        };
        Ok(Running { kind: self, value, _servers: servers })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
            Self::RedisCluster => "Redis Cluster",
            Self::Sentinel => "Redis Sentinel",
            Self::Memcached => "memcached",
        })
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    kind: Kind,
    value: String,
    _servers: Box<dyn Kept>,
}

/// Whatever is kept only to be dropped.
trait Kept: fmt::Debug + Send + Sync {}

impl<T: fmt::Debug + Send + Sync> Kept for T {}

impl Running {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it is, as its variable says it.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// The URL of a PostgreSQL server, for [`fresh_database`](crate::fresh_database).
///
/// # Panics
/// Where none was named and none can be started.
#[must_use]
pub fn postgres() -> &'static str {
    static SERVER: Shared = Shared::new();
    SERVER.value(Kind::Postgres)
}

/// The URL of a MariaDB server, for [`fresh_database`](crate::fresh_database).
///
/// # Panics
/// Where none was named and none can be started.
#[must_use]
pub fn mariadb() -> &'static str {
    static SERVER: Shared = Shared::new();
    SERVER.value(Kind::MariaDb)
}

/// The URL of a Redis server that writes each change to the disk; keys of one's own begin with
/// something of one's own.
///
/// # Panics
/// Where none was named and none can be started.
#[must_use]
pub fn redis() -> &'static str {
    static SERVER: Shared = Shared::new();
    SERVER.value(Kind::Redis)
}

/// The URL of a Valkey server, likewise.
///
/// # Panics
/// Where none was named and none can be started.
#[must_use]
pub fn valkey() -> &'static str {
    static SERVER: Shared = Shared::new();
    SERVER.value(Kind::Valkey)
}

/// The URLs of the six nodes of a Redis Cluster.
///
/// # Panics
/// Where none was named and none can be started.
#[must_use]
pub fn redis_cluster() -> Vec<&'static str> {
    static SERVER: Shared = Shared::new();
    SERVER.value(Kind::RedisCluster).split(',').collect()
}

/// The URLs of three sentinels, whose master is called [`RedisSentinel::MASTER_NAME`].
///
/// # Panics
/// Where none was named and none can be started.
#[must_use]
pub fn sentinel() -> Vec<&'static str> {
    static SERVER: Shared = Shared::new();
    SERVER.value(Kind::Sentinel).split(',').collect()
}

/// The addresses of two memcached servers.
///
/// # Panics
/// Where none was named and none can be started.
#[must_use]
pub fn memcached() -> Vec<&'static str> {
    static SERVER: Shared = Shared::new();
    SERVER.value(Kind::Memcached).split(',').collect()
}

/// One that is looked up or started once. A failure is kept as well: the next test would wait for
/// the same.
struct Shared {
    found: OnceLock<std::result::Result<Found, String>>,
}

enum Found {
    Named(String),
    /// A `static` is never dropped: the guard stops it when this process ends.
    Started(Running),
}

impl Shared {
    const fn new() -> Self {
        Self { found: OnceLock::new() }
    }

    fn value(&self, kind: Kind) -> &str {
        match self.found.get_or_init(|| look(kind)) {
            Ok(Found::Named(value)) => value,
            Ok(Found::Started(running)) => running.value(),
            Err(reason) => panic!("{reason}"),
        }
    }
}

fn look(kind: Kind) -> std::result::Result<Found, String> {
    if let Some(value) = kind.named() {
        return Ok(Found::Named(value));
    }
    kind.start().map(Found::Started).map_err(|error| {
        format!("{kind} is needed, and {} does not name one: {error}", kind.variable())
    })
}
