//! The servers that sessions are kept on, each started when it is first needed, and what they count.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use servers::{MariaDb, Memcached, Postgres, Redis, fresh_database};
use tempfile::TempDir;

use super::redis::{Owner, RedisServer};
use crate::Result;
use crate::catalogue::Store;

/// What servers of Redis' kind say of the bytes that they use, and of the commands that they have done.
const USED: &str = "used_memory:";
const COMMANDS: &str = "total_commands_processed:";

/// What was started.
#[derive(Debug)]
pub(crate) struct Stores {
    postgres: Option<Postgres>,
    mariadb: Option<MariaDb>,
    redis: RedisServer,
    valkey: RedisServer,
    memcached: Option<Memcached>,
}

impl Default for Stores {
    fn default() -> Self {
        let (redis, valkey) = (Redis::options(), Redis::options().valkey());
        Self {
            postgres: None,
            mariadb: None,
            redis: RedisServer::new(redis),
            valkey: RedisServer::new(valkey),
            memcached: None,
        }
    }
}

/// Where one server keeps its sessions.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) store: Store,
    /// `BENCH_STORE`.
    pub(crate) name: String,
    /// On which the stores are asked.
    pub(crate) ports: Vec<u16>,
    folder: Option<TempDir>,
    /// Nobody else gets its database of Redis' while this is there.
    _database: Option<Owner>,
}

impl Stores {
    /// A place of one's own, empty.
    pub(crate) fn place(&mut self, store: Store) -> Result<Place> {
        let place = |name, ports| Place { store, name, ports, folder: None, _database: None };
        Ok(match store {
            Store::Process | Store::Cookie => place(String::new(), Vec::new()),
            Store::Files | Store::Sqlite => {
                let folder = tempfile::tempdir_in(data_folder()?)?;
                let mut name = folder.path().display().to_string();
                if store == Store::Sqlite {
                    fs::create_dir(folder.path().join("data"))?;
                    name += "/data";
                }
                Place { folder: Some(folder), ..place(name, Vec::new()) }
            }
            Store::Postgres => place(self.postgres_url()?, vec![self.postgres()?.port()]),
            Store::MariaDb => {
                let server = started(&mut self.mariadb, MariaDb::start)?;
                let url = fresh_database(&format!("{}?ssl-mode=disabled", server.url("mysql")))?;
                place(url, vec![server.port()])
            }
            Store::Redis | Store::Valkey => {
                let server = self.redis_server(store);
                let ((name, database), port) = (server.database()?, server.running()?.port());
                Place { _database: Some(database), ..place(name, vec![port]) }
            }
            Store::Memcached => {
                let server = started(&mut self.memcached, Memcached::start)?;
                place(format!("memcached://{}", server.address()), vec![server.port()])
            }
            Store::PostgresAndRedis => {
                let (entries, database) = self.redis.database()?;
                let name = format!("{} {entries}", self.postgres_url()?);
                let ports = vec![self.postgres()?.port(), self.redis.running()?.port()];
                Place { _database: Some(database), ..place(name, ports) }
            }
        })
    }

    /// Without TLS, which would be measured too.
    fn postgres_url(&mut self) -> Result<String> {
        Ok(fresh_database(&format!("{}?sslmode=disable", self.postgres()?.url("postgres")))?)
    }

    pub(crate) fn postgres(&mut self) -> Result<&Postgres> {
        started(&mut self.postgres, Postgres::start)
    }

    pub(crate) fn redis(&mut self) -> Result<&Redis> {
        self.redis.started()
    }

    fn redis_server(&mut self, store: Store) -> &mut RedisServer {
        if store == Store::Valkey { &mut self.valkey } else { &mut self.redis }
    }

    /// How many bytes sessions take there, and where that is; nothing where they are in the server's memory.
    pub(crate) fn bytes(&self, place: &Place) -> Result<Vec<(&'static str, u64)>> {
        let name = &place.name;
        let folder = Path::new(name);
        Ok(match place.store {
            Store::Process | Store::Cookie => Vec::new(),
            Store::Files => vec![("disk", sum(folder, |file| Ok(fs::metadata(file)?.len()))?)],
            Store::Sqlite => vec![("disk", sum(folder, sqlite_bytes)?)],
            Store::Postgres => vec![("database", self.postgres_bytes(name)?)],
            Store::MariaDb => {
                let server = self.mariadb.as_ref().ok_or("MariaDB was not started")?;
                vec![("database", mariadb_bytes(server, database(name))?)]
            }
            Store::Redis => vec![("store", self.redis.number("memory", USED)?)],
            Store::Valkey => vec![("store", self.valkey.number("memory", USED)?)],
            Store::Memcached => {
                let server = self.memcached.as_ref().ok_or("memcached was not started")?;
                vec![("store", line_of(&ask(server.port(), "stats")?, "STAT bytes ")?)]
            }
            Store::PostgresAndRedis => {
                let (rows, _) = name.split_once(' ').ok_or("two stores have two names")?;
                let entries = self.redis.number("memory", USED)?;
                vec![("database", self.postgres_bytes(rows)?), ("store", entries)]
            }
        })
    }

    fn postgres_bytes(&self, url: &str) -> Result<u64> {
        let server = self.postgres.as_ref().ok_or("PostgreSQL was not started")?;
        let sql = "SELECT pg_database_size(current_database())";
        Ok(server.query(database(url), sql)?.trim().parse()?)
    }

    /// How often the store did something for somebody so far: Redis's commands, transactions of
    /// PostgreSQL's, whose connections it ends.
    pub(crate) fn calls(&self, place: &Place) -> Result<Option<u64>> {
        Ok(match place.store {
            Store::Postgres => {
                let server = self.postgres.as_ref().ok_or("PostgreSQL was not started")?;
                let of = |sql: &str| sql.replace("{}", database(&place.name));
                // A connection tells what it did when it ends; before, when it likes.
                let end = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = '{}'";
                server.query("postgres", &of(end))?;
                let sql = "SELECT xact_commit FROM pg_stat_database WHERE datname = '{}'";
                Some(server.query("postgres", &of(sql))?.trim().parse()?)
            }
            Store::Redis => Some(self.redis.number("stats", COMMANDS)?),
            Store::Valkey => Some(self.valkey.number("stats", COMMANDS)?),
            _ => None,
        })
    }

    /// What was started, as they call themselves.
    pub(crate) fn versions(&self) -> Vec<String> {
        let mut versions = Vec::new();
        if let Some(server) = &self.postgres {
            let version = server.query("postgres", "SHOW server_version").unwrap_or_default();
            versions.push(format!(
                "PostgreSQL {}, `fsync = on`, `synchronous_commit = on`",
                version.trim()
            ));
        }
        if let Some(server) = &self.mariadb {
            let version = server.query("mysql", "SELECT VERSION()").unwrap_or_default();
            versions
                .push(format!("MariaDB {}, `innodb_flush_log_at_trx_commit = 1`", version.trim()));
        }
        for (name, server, line) in
            [("Redis", &self.redis, "redis_version:"), ("Valkey", &self.valkey, "valkey_version:")]
        {
            let version = server.version(line);
            versions.extend(version.map(|version| format!("{name} {version}, in memory alone")));
        }
        if let Some(server) = &self.memcached {
            let version = ask(server.port(), "version").unwrap_or_default();
            versions.push(format!("memcached {}", version.trim().trim_start_matches("VERSION ")));
        }
        versions
    }
}

impl Place {
    /// A folder for whatever the server has besides.
    pub(crate) fn folder(&mut self) -> Result<PathBuf> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => tempfile::tempdir_in(data_folder()?)?,
        };
        Ok(self.folder.insert(folder).path().to_owned())
    }
}

/// On the disk of the workspace: a temporary folder may be in memory, where nothing waits for a disk.
pub(crate) fn data_folder() -> Result<PathBuf> {
    let folder = super::programs::target().join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn started<S>(slot: &mut Option<S>, start: impl FnOnce() -> servers::Result<S>) -> Result<&S> {
    match slot {
        Some(server) => Ok(server),
        None => Ok(slot.insert(start()?)),
    }
}

/// The name of the database in a URL.
pub(crate) fn database(url: &str) -> &str {
    let path = url.rsplit_once('/').map_or("", |(_, path)| path);
    path.split('?').next().unwrap_or_default()
}

fn sum(folder: &Path, bytes: impl Fn(&Path) -> Result<u64>) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        sum += bytes(&entry?.path())?;
    }
    Ok(sum)
}

/// Of a database and what is in its log, which a file's length does not tell.
fn sqlite_bytes(file: &Path) -> Result<u64> {
    if file.extension().is_none_or(|extension| extension != "sqlite3") {
        return Ok(0);
    }
    let database = rusqlite::Connection::open(file)?;
    let number = |name| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(u64::try_from(number("page_count")? * number("page_size")?)?)
}

fn mariadb_bytes(server: &MariaDb, database: &str) -> Result<u64> {
    let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()";
    for table in server.query(database, tables)?.lines() {
        server.query(database, &format!("ANALYZE TABLE `{table}`"))?;
    }
    let sql = "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables \
               WHERE table_schema = DATABASE()";
    Ok(server.query(database, sql)?.trim().parse()?)
}

pub(super) fn line_of(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.ok_or_else(|| format!("the store told no `{name}`"))?.trim().parse()?)
}

/// A word to memcached, and all that it says.
fn ask(port: u16, word: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(format!("{word}\r\nquit\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_at_the_end_of_its_url() {
        assert_eq!(database("postgres://u:p@127.0.0.1:5/segue_1?sslmode=disable"), "segue_1");
    }

    #[test]
    fn a_number_is_found_in_its_line() {
        assert_eq!(line_of("# Memory\r\nused_memory:1234\r\n", "used_memory:").unwrap(), 1234);
        assert!(line_of("used_memory:1234", "peak:").unwrap_err().to_string().contains("`peak:`"));
    }
}
