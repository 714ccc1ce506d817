//! Every engine on every server, each as the settings that name it.

use std::time::Duration;

use axum::Router;
use segue::{Settings, Site};
use tempfile::TempDir;

/// The secret key of every site here.
const SECRET: &str = "the secret key of the matrix, long enough to be one";

/// How old what a process remembers of a database's sessions may be.
const STALENESS: Duration = Duration::from_secs(1);

/// And of what Redis holds: a second and the timeout.
const NEAR: Duration = Duration::from_secs(3);

/// A site with sessions somewhere.
#[derive(Debug)]
pub struct Engine {
    pub name: &'static str,
    /// Another process finds the same sessions.
    pub shared: bool,
    /// What another process has saved may be read so late.
    pub late: Duration,
    settings: String,
    folder: TempDir,
}

fn engine(name: &'static str, shared: bool, session_engine: &str, more: &str) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let settings = format!(
        "SECRET_KEY = \"{SECRET}\"\nALLOWED_HOSTS = [\"*\"]\nSESSION_COOKIE_SECURE = false\n\
         SESSION_ENGINE = \"{session_engine}\"\nSESSION_FILE_PATH = \"{path}\"\n{more}\n"
    );
    Engine { name, shared, late: Duration::ZERO, settings, folder }
}

fn cache(url: &str) -> String {
    format!("CACHE_URL = \"{url}\"")
}

fn database(url: &str) -> String {
    format!("DATABASE_URL = \"{url}\"")
}

fn postgres() -> String {
    database(&servers::fresh_database(servers::shared::postgres()).unwrap())
}

fn mariadb() -> String {
    database(&servers::fresh_database(servers::shared::mariadb()).unwrap())
}

/// The addresses in URLs, for a URL that names them all.
fn addresses(urls: &[&str]) -> String {
    let address = |url: &&str| url.split_once("://").map_or(*url, |(_, rest)| rest).to_owned();
    let all: Vec<String> = urls.iter().map(address).collect();
    all.iter().map(|address| address.trim_end_matches('/')).collect::<Vec<_>>().join(",")
}

fn cluster() -> String {
    cache(&format!("redis+cluster://{}", addresses(&servers::shared::redis_cluster())))
}

fn sentinel() -> String {
    cache(&format!("redis+sentinel://{}/mymaster", addresses(&servers::shared::sentinel())))
}

fn memcached() -> String {
    cache(&format!("memcached://{}", servers::shared::memcached().join(",")))
}

/// All of them that keep every promise: those in cookies have tests of their own. Those that may answer from what
/// the process remembers keep it too; what they read of others may be late, what they do is not.
pub fn engines() -> Vec<Engine> {
    let redis = || cache(servers::shared::redis());
    let near = || cache(&format!("{}?near=100", servers::shared::redis()));
    let staleness = STALENESS.as_secs();
    let memory = || format!("{}\nSESSION_CACHE_STALENESS = {staleness}", cache("memory://"));
    let both = |database: String, cache: String| format!("{database}\n{cache}");
    vec![
        engine("memory", false, "memory", ""),
        engine("db on SQLite", true, "db", ""),
        engine("db on PostgreSQL", true, "db", &postgres()),
        engine("db on MariaDB", true, "db", &mariadb()),
        engine("file", true, "file", ""),
        engine("cache in memory", false, "cache", &cache("memory://")),
        engine("cache on Redis", true, "cache", &redis()),
        engine("cache on Redis with copies", true, "cache", &near()).late(NEAR),
        engine("cache on Valkey", true, "cache", &cache(servers::shared::valkey())),
        engine("cache on Redis Cluster", true, "cache", &cluster()),
        engine("cache on Sentinel's Redis", true, "cache", &sentinel()),
        engine("cache on memcached", true, "cache", &memcached()),
        engine("cached_db on SQLite and memory", true, "cached_db", &cache("memory://")),
        engine(
            "cached_db on PostgreSQL and memory",
            true,
            "cached_db",
            &both(postgres(), memory()),
        )
        .late(STALENESS),
        engine("cached_db on PostgreSQL and Redis", true, "cached_db", &both(postgres(), redis())),
        engine(
            "cached_db on PostgreSQL and Redis with copies",
            true,
            "cached_db",
            &both(postgres(), near()),
        )
        .late(NEAR),
        engine("cached_db on MariaDB and memory", true, "cached_db", &both(mariadb(), memory()))
            .late(STALENESS),
        engine(
            "cached_db on MariaDB and memcached",
            true,
            "cached_db",
            &both(mariadb(), memcached()),
        ),
    ]
}

impl Engine {
    fn late(self, late: Duration) -> Self {
        Self { late, ..self }
    }

    /// The file that says it, for another process.
    pub fn file(&self) -> std::path::PathBuf {
        let file = self.folder.path().join("settings.toml");
        std::fs::write(&file, &self.settings).unwrap();
        file
    }

    /// The site, with its tables.
    pub async fn open(&self) -> Site {
        let site = open(&self.file()).await;
        if let Some(database) = site.database() {
            database.migrate().await.unwrap();
        }
        site
    }
}

/// The site that a file says.
pub async fn open(file: &std::path::Path) -> Site {
    Site::new(Settings::from_file(file).unwrap(), Router::new()).await.unwrap()
}
