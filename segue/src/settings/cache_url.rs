//! Where a cache is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::ConfigError;
use crate::secret::SecretKey;

use super::url_parts::{Host, Parts, Wrong, decode, wrong};

pub(super) const SETTING: &str = "CACHES";

/// How long an operation on a cache may take, where the URL does not say otherwise.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How many entries a cache in memory holds, where the URL does not say otherwise.
const MAX_ENTRIES: u64 = 10_000;

/// How many connections there are to a memcached server, where the URL does not say otherwise.
const POOL: u16 = 4;

/// How many batches are under way to Redis at once, where the URL does not say otherwise.
pub(crate) const BATCHES: usize = 4;

/// How many commands wait for Redis, where the URL does not say otherwise.
pub(crate) const QUEUE: usize = 4096;

/// memcached's own limit, where it was not started with another (`-I`).
const ITEM_SIZE_MAX: usize = 1024 * 1024;

pub(super) const SCHEMES: &str = "memory://, redis://host:6379/0 (rediss:// with TLS), redis+cluster://host,host, \
                                  redis+sentinel://host,host/mastername or memcached://host:11211,host:11211";

/// Where a cache is: the parsed `CACHE_URL`, or the `LOCATION` of an alias in `CACHES`.
///
/// | URL | cache |
/// |---|---|
/// | `memory://` | this process; `?max_entries=10000` |
/// | `redis://user:password@host:6379/0` | Redis or Valkey; `rediss://` with TLS |
/// | `redis+cluster://host:6379,host:6379` | Redis Cluster; `rediss+cluster://` |
/// | `redis+sentinel://host:26379,host:26379/mastername/0` | the master that Sentinels name; `rediss+sentinel://` |
/// | `memcached://host:11211,host:11211` or `memcached:///path/to/socket` | memcached |
///
/// `valkey` is understood in the place of `redis`. Options stand behind a `?`:
///
/// | option | of | meaning |
/// |---|---|---|
/// | `timeout` | Redis, memcached | seconds that an operation may take, 2 by default |
/// | `wait` | Redis | replicas that must confirm a write, 0 by default |
/// | `batches` | Redis | batches of commands that are under way at once, 4 by default |
/// | `queue` | Redis | commands that wait for their batch; more are refused, 4096 by default |
/// | `near` | Redis, not on a cluster | values that this process keeps a copy of, none by default |
/// | `sslrootcert` | Redis with TLS | file with the authority to trust instead of the system's |
/// | `sentinel_username`, `sentinel_password` | Sentinel | where the Sentinels want them |
/// | `pool` | memcached | connections to each server, 4 by default |
/// | `item_size_max` | memcached | its option `-I` in bytes, 1048576 by default |
///
/// ```
/// use std::path::Path;
/// use segue::settings::CacheUrl;
///
/// let url = CacheUrl::parse("redis://:hunter2@10.0.0.5/1?timeout=0.5", Path::new(""))?;
/// assert_eq!(format!("{url:?}"), "redis://10.0.0.5:6379", "the password does not show");
/// # Ok::<(), segue::ConfigError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub enum CacheUrl {
    /// This process, and gone with it.
    Memory(MemoryUrl),
    /// Redis or Valkey, in all shapes.
    Redis(RedisUrl),
    /// memcached.
    Memcached(MemcachedUrl),
}

/// The parts of a `memory://` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct MemoryUrl {
    pub(crate) max_entries: u64,
}

/// The parts of a Redis URL.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(crate) shape: RedisShape,
    pub(crate) tls: bool,
    pub(crate) hosts: Vec<Host>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretKey>,
    pub(crate) database: i64,
    pub(crate) timeout: Duration,
    pub(crate) wait: u16,
    pub(crate) batches: usize,
    pub(crate) queue: usize,
    /// Copies in this process of what was read; none if it is 0.
    pub(crate) near: u64,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) sentinel_user: Option<String>,
    pub(crate) sentinel_password: Option<SecretKey>,
}

/// How many Redis servers there are, and who says which to ask.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum RedisShape {
    Single,
    Cluster,
    /// Sentinels know the master by this name.
    Sentinel(String),
}

/// The parts of a memcached URL.
#[derive(Clone, PartialEq, Eq)]
pub struct MemcachedUrl {
    pub(crate) servers: Vec<MemcachedServer>,
    pub(crate) timeout: Duration,
    pub(crate) pool: u16,
    pub(crate) item_size_max: usize,
}

/// Where a memcached server listens.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum MemcachedServer {
    Tcp(Host),
    Unix(String),
}

impl CacheUrl {
    /// Reads a URL; a relative path in it begins at `base_dir`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when it is none of ours. A password in it is not shown.
    pub fn parse(url: &str, base_dir: &Path) -> Result<Self, ConfigError> {
        Self::read(url, base_dir).map_err(Wrong::of_caches)
    }

    pub(super) fn read(url: &str, base_dir: &Path) -> Result<Self, Wrong> {
        let mut parts = Parts::split(url, SCHEMES)?;
        let location = match parts.scheme {
            "memory" => Self::Memory(MemoryUrl::read(&mut parts)?),
            "memcached" => Self::Memcached(MemcachedUrl::read(&mut parts)?),
            _ => match RedisUrl::scheme(parts.scheme) {
                Some((shape, tls)) => {
                    Self::Redis(RedisUrl::read(shape, tls, &mut parts, base_dir)?)
                }
                None => return Err(wrong(format!("the scheme {:?}", parts.scheme), SCHEMES)),
            },
        };
        parts.finish()?;
        Ok(location)
    }

    /// Whether its password is this key.
    #[cfg(feature = "manage")]
    pub(crate) fn has_password(&self, key: &SecretKey) -> bool {
        match self {
            Self::Redis(url) => url.password.as_ref() == Some(key),
            Self::Memory(_) | Self::Memcached(_) => false,
        }
    }

    /// A host that is another machine and asks for no password, if there is one.
    #[cfg(feature = "manage")]
    pub(crate) fn open_to_a_network(&self) -> Option<String> {
        let mut hosts: Vec<&Host> = match self {
            Self::Memory(_) => Vec::new(),
            Self::Redis(url) if url.password.is_some() => Vec::new(),
            Self::Redis(url) => url.hosts.iter().collect(),
            Self::Memcached(url) => url.servers.iter().filter_map(MemcachedServer::host).collect(),
        };
        hosts.retain(|host| !host.is_near());
        hosts.first().map(|host| host.name.clone())
    }

    /// Addresses as Django has them for memcached: without a scheme.
    pub(super) fn memcached(addresses: &[String]) -> Result<Self, Wrong> {
        let servers: Result<Vec<_>, _> =
            addresses.iter().map(|address| MemcachedServer::read(address.trim())).collect();
        Ok(Self::Memcached(MemcachedUrl { servers: servers?, ..MemcachedUrl::local() }))
    }
}

impl MemoryUrl {
    pub(crate) fn new() -> Self {
        Self { max_entries: MAX_ENTRIES }
    }

    fn read(parts: &mut Parts<'_>) -> Result<Self, Wrong> {
        if !parts.authority.is_empty() || !parts.path.is_empty() {
            return Err(wrong(
                "something behind memory://",
                "memory:// or memory://?max_entries=10000",
            ));
        }
        let most = parts.number("max_entries", 1..=u64::MAX)?;
        Ok(Self { max_entries: most.unwrap_or(MAX_ENTRIES) })
    }
}

impl RedisUrl {
    fn scheme(scheme: &str) -> Option<(RedisShape, bool)> {
        let (server, shape) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match server {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return None,
        };
        let shape = match shape {
            "" if server == scheme => RedisShape::Single,
            "cluster" => RedisShape::Cluster,
            "sentinel" => RedisShape::Sentinel(String::new()),
            _ => return None,
        };
        Some((shape, tls))
    }

    fn read(
        mut shape: RedisShape,
        tls: bool,
        parts: &mut Parts<'_>,
        base_dir: &Path,
    ) -> Result<Self, Wrong> {
        let port = if matches!(shape, RedisShape::Sentinel(_)) { 26379 } else { 6379 };
        let hosts = parts.hosts(port)?;
        if hosts.len() > 1 && shape == RedisShape::Single {
            let mend = "one host; several are redis+cluster://host,host or \
                        redis+sentinel://host,host/mastername";
            return Err(wrong("several hosts behind redis://", mend));
        }
        let mut path = parts.path.trim_end_matches('/');
        if let RedisShape::Sentinel(name) = &mut shape {
            let (first, rest) = path.split_once('/').unwrap_or((path, ""));
            if first.is_empty() {
                let form = "redis+sentinel://host,host/mastername";
                return Err(wrong("no name of a master behind the Sentinels", form));
            }
            *name = decode(first)?;
            path = rest;
        }
        let database = match path {
            "" => 0,
            path => path
                .parse::<u16>()
                .map_err(|_| wrong("a path that is no number of a database", "/0, /1 and so on"))?,
        };
        if shape == RedisShape::Cluster && database != 0 {
            return Err(wrong(
                "a database in a Redis Cluster",
                "none: a cluster has only number 0",
            ));
        }
        let root_certificate = parts.text("sslrootcert")?.map(|path| base_dir.join(path));
        if root_certificate.is_some() && !tls {
            return Err(wrong("sslrootcert without TLS", "rediss:// in the place of redis://"));
        }
        let near = parts.number("near", 0..=u64::MAX)?.unwrap_or(0);
        if shape == RedisShape::Cluster && near > 0 {
            let mend = "no near: copies are kept true by what the servers tell, and on a cluster the \
                        client does not say when it has lost a connection on which one would";
            return Err(wrong("near on a Redis Cluster", mend));
        }
        let is_sentinel = matches!(shape, RedisShape::Sentinel(_));
        let mut of_sentinels = |name| if is_sentinel { parts.text(name) } else { Ok(None) };
        Ok(Self {
            sentinel_user: of_sentinels("sentinel_username")?,
            sentinel_password: of_sentinels("sentinel_password")?.map(SecretKey::new),
            user: parts.user()?,
            password: parts.password()?.map(SecretKey::new),
            timeout: parts.seconds("timeout")?.unwrap_or(TIMEOUT),
            wait: parts.number("wait", 0..=100)?.unwrap_or(0),
            batches: parts.number("batches", 1..=100)?.unwrap_or(BATCHES),
            queue: parts.number("queue", 1..=1_000_000)?.unwrap_or(QUEUE),
            near,
            database: database.into(),
            shape,
            tls,
            hosts,
            root_certificate,
        })
    }

    fn spelled(&self) -> String {
        let tls = if self.tls { "s" } else { "" };
        let (shape, name) = match &self.shape {
            RedisShape::Single => ("", String::new()),
            RedisShape::Cluster => ("+cluster", String::new()),
            RedisShape::Sentinel(name) => ("+sentinel", format!("/{name}")),
        };
        format!("redis{tls}{shape}://{}{name}", self.host_list())
    }

    pub(crate) fn host_list(&self) -> String {
        self.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

impl MemcachedUrl {
    fn local() -> Self {
        Self { servers: Vec::new(), timeout: TIMEOUT, pool: POOL, item_size_max: ITEM_SIZE_MAX }
    }

    fn read(parts: &mut Parts<'_>) -> Result<Self, Wrong> {
        let servers = if parts.authority.is_empty() && !parts.path.is_empty() {
            vec![MemcachedServer::Unix(format!("/{}", decode(parts.path)?))]
        } else if !parts.path.is_empty() {
            return Err(wrong("a path behind the addresses", "memcached://host:11211,host:11211"));
        } else if parts.authority.contains('@') {
            return Err(wrong(
                "a user or a password",
                "addresses alone: memcached asks for neither",
            ));
        } else {
            let hosts = parts.hosts(11211)?.into_iter();
            hosts.map(MemcachedServer::tcp).collect::<Result<_, _>>()?
        };
        Ok(Self {
            servers,
            timeout: parts.seconds("timeout")?.unwrap_or(TIMEOUT),
            pool: parts.number("pool", 1..=1000)?.unwrap_or(POOL),
            item_size_max: parts
                .number("item_size_max", 1024..=1024 * 1024 * 1024)?
                .unwrap_or(ITEM_SIZE_MAX),
        })
    }
}

impl MemcachedServer {
    #[cfg(feature = "manage")]
    fn host(&self) -> Option<&Host> {
        match self {
            Self::Tcp(host) => Some(host),
            Self::Unix(_) => None,
        }
    }

    /// As `pymemcache.client.base.normalize_server_spec` reads it.
    fn read(address: &str) -> Result<Self, Wrong> {
        match address.strip_prefix("unix:").or(address.starts_with('/').then_some(address)) {
            Some(path) if !path.is_empty() => Ok(Self::Unix(path.to_owned())),
            Some(_) => Err(wrong("unix: without a path", "unix:/path/to/socket")),
            None => Self::tcp(Host::read(address, 11211)?),
        }
    }

    fn tcp(host: Host) -> Result<Self, Wrong> {
        if host.name.contains(':') {
            let mend = "a host name or an IPv4 address: the client of memcached knows no other";
            return Err(wrong("an IPv6 address", mend));
        }
        Ok(Self::Tcp(host))
    }
}

impl Wrong {
    fn of_caches(self) -> ConfigError {
        ConfigError::conflict(SETTING, self.found, self.allowed)
    }
}

impl fmt::Display for MemcachedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host) => host.fmt(f),
            Self::Unix(path) => f.write_str(path),
        }
    }
}

impl fmt::Debug for CacheUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(url) => url.fmt(f),
            Self::Redis(url) => url.fmt(f),
            Self::Memcached(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for MemoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memory://?max_entries={}", self.max_entries)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled())
    }
}

impl fmt::Debug for MemcachedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
        write!(f, "memcached://{}", servers.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redis(url: &str) -> RedisUrl {
        match CacheUrl::parse(url, Path::new("/base")).unwrap() {
            CacheUrl::Redis(url) => url,
            other => panic!("not Redis: {other:?}"),
        }
    }

    #[test]
    fn a_password_may_have_any_character() {
        let url = redis(
            "rediss://me:p%40ss%2F%3A%25:@h:7000/3?timeout=0.25&wait=2&sslrootcert=ca.pem&queue=5",
        );
        assert_eq!(url.user.as_deref(), Some("me"));
        assert_eq!(url.password.as_ref().unwrap().expose(), "p@ss/:%:");
        assert_eq!((url.tls, url.database, url.wait), (true, 3, 2));
        assert_eq!((url.batches, url.queue), (BATCHES, 5));
        assert_eq!(url.timeout, Duration::from_millis(250));
        assert_eq!(url.root_certificate.as_deref(), Some(Path::new("/base/ca.pem")));
        assert_eq!(format!("{url:?}"), "rediss://h:7000");
    }

    #[test]
    fn several_hosts_have_a_shape() {
        let url = redis("valkey+cluster://a,b:7001,[::1]:7002");
        assert!(url.shape == RedisShape::Cluster);
        assert_eq!(format!("{url:?}"), "redis+cluster://a:6379,b:7001,[::1]:7002");
        let url = redis("redis+sentinel://:x@a,b:7/my%20master/2?sentinel_password=y");
        assert!(url.shape == RedisShape::Sentinel("my master".to_owned()));
        assert_eq!((url.hosts[0].port, url.hosts[1].port, url.database), (26379, 7, 2));
        assert_eq!(url.sentinel_password.unwrap().expose(), "y");
    }

    #[test]
    fn memcached_has_hosts_or_a_socket() {
        let url = CacheUrl::parse("memcached://a,b:1?pool=9", Path::new("")).unwrap();
        assert_eq!(format!("{url:?}"), "memcached://a:11211,b:1");
        let CacheUrl::Memcached(url) = url else { panic!("not memcached") };
        assert_eq!(url.pool, 9);
        let url = CacheUrl::parse("memcached:///run/m.sock", Path::new("")).unwrap();
        let CacheUrl::Memcached(url) = url else { panic!("not memcached") };
        assert!(url.servers == [MemcachedServer::Unix("/run/m.sock".to_owned())]);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secrets() {
        let cases = [
            ("hunter2", "without a scheme"),
            ("oracle://u:hunter2@h", "the scheme \"oracle\""),
            ("redis+x://h", "the scheme \"redis+x\""),
            ("redis+://h", "the scheme \"redis+\""),
            ("redis://:hunter2@", "an address that is none"),
            ("redis://:hunter2@h:port", "an address that is none"),
            ("redis://:hunter2@::1", "an address that is none"),
            ("redis://:hunter2@h:0", "an address that is none"),
            ("redis://:hunter2@h:99999", "an address that is none"),
            ("redis://:hunter#2@h", "a space or a #"),
            ("redis://:hunter2/@h", "an @ behind the hosts"),
            ("redis://:hunter2?@h", "an @ behind the hosts"),
            ("redis://:hunter2%@h", "a % that does not stand before"),
            ("redis://:hunter2@a,b", "several hosts"),
            ("redis://:hunter2@a/x", "no number of a database"),
            ("redis+cluster://:hunter2@a/1", "a database in a Redis Cluster"),
            ("redis+sentinel://:hunter2@a", "no name of a master"),
            ("redis://:hunter2@a?timeout=0", "timeout=0"),
            ("redis://:hunter2@a?timeout=NaN", "timeout=NaN"),
            ("redis://:hunter2@a?wait=-1", "wait=-1"),
            ("redis://:hunter2@a?batches=0", "batches=0"),
            ("redis://:hunter2@a?queue=many", "queue=many"),
            ("redis://:hunter2@a?near=-1", "near=-1"),
            ("redis+cluster://:hunter2@a,b?near=10", "near on a Redis Cluster"),
            ("redis://:hunter2@a?tiemout=1", "the option \"tiemout\""),
            ("redis://:hunter2@a?sslrootcert=x", "sslrootcert without TLS"),
            ("redis://a?sentinel_password=hunter2", "the option \"sentinel_password\""),
            ("memory://hunter2", "something behind memory://"),
            ("memory://?max_entries=0", "max_entries=0"),
            ("memcached://u:hunter2@a", "a user or a password"),
            ("memcached://a/b", "a path behind"),
            ("memcached://", "an address that is none"),
        ];
        for (url, expected) in cases {
            let error = CacheUrl::parse(url, Path::new("")).unwrap_err().to_string();
            assert!(
                error.starts_with("CACHES: found ") && error.contains(expected),
                "{url}: {error}"
            );
            assert!(!error.contains("hunter"), "{error}");
        }
    }
}
