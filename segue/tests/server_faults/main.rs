//! Servers in trouble under load: killed and started again, paused, failed over. Nothing hangs, what
//! was acknowledged is there afterwards, who logged out stays logged out, and nobody restarts us.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod load;

use std::time::Duration;

use axum::Router;
use segue::{Settings, Site};

use load::Load;

/// What the settings allow anything to take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A site with sessions there.
async fn site(settings: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    let text = format!("SECRET_KEY = \"under load\"\nALLOWED_HOSTS = [\"*\"]\n{settings}\n");
    std::fs::write(&file, text).unwrap();
    let site = Site::new(Settings::from_file(&file).unwrap(), Router::new()).await.unwrap();
    if let Some(database) = site.database() {
        database.migrate().await.unwrap();
    }
    site
}

fn on_database(url: &str) -> String {
    format!("DATABASE_URL = \"{url}?timeout={}&max_connections=8\"", TIMEOUT.as_secs())
}

fn on_cache(url: &str, options: &str) -> String {
    let timeout = TIMEOUT.as_secs();
    format!("SESSION_ENGINE = \"cache\"\nCACHE_URL = \"{url}?timeout={timeout}{options}\"")
}

/// What the process remembers of the sessions in the database, or of a cache before it, is no older than a second.
fn on_cached_database(url: &str, cache: &str) -> String {
    let more = "SESSION_ENGINE = \"cached_db\"\nSESSION_CACHE_STALENESS = 1";
    format!("{}\nCACHE_URL = \"{cache}\"\n{more}", on_database(url))
}

/// Load, an outage in the middle of it, and what must be true afterwards.
async fn outage(
    settings: &str,
    begin: impl FnOnce() -> servers::Result<()>,
    end: impl FnOnce() -> servers::Result<()>,
) {
    let site = site(settings).await;
    let load = Load::start(site.sessions());
    load.until_it_goes_well("before the outage").await;
    tokio::task::block_in_place(begin).unwrap();
    load.until_it_goes_wrong().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    tokio::task::block_in_place(end).unwrap();
    load.until_it_goes_well("after the outage").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    load.stop(site.sessions()).await;
}

mod postgres {
    use super::*;
    use servers::Postgres;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn killed_and_started_again() {
        let server = Postgres::start().unwrap();
        outage(&on_database(&server.url("postgres")), || server.kill(), || server.restart()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn paused() {
        let server = Postgres::start().unwrap();
        outage(&on_database(&server.url("postgres")), || server.pause(), || server.resume()).await;
    }
}

/// Most of what is read comes from the process, and what is saved does not.
mod postgres_with_copies {
    use super::*;
    use servers::{Postgres, Redis};

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn killed_and_started_again() {
        let server = Postgres::start().unwrap();
        outage(
            &on_cached_database(&server.url("postgres"), "memory://"),
            || server.kill(),
            || server.restart(),
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn paused() {
        let server = Postgres::start().unwrap();
        outage(
            &on_cached_database(&server.url("postgres"), "memory://"),
            || server.pause(),
            || server.resume(),
        )
        .await;
    }

    /// With the cache, which may forget all, beside the database.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn killed_with_its_cache() {
        let (server, redis) = (Postgres::start().unwrap(), Redis::start().unwrap());
        let cache = format!("{}?timeout={}&near=100", redis.url(), TIMEOUT.as_secs());
        let settings = on_cached_database(&server.url("postgres"), &cache);
        let begin = || redis.kill().and_then(|()| server.kill());
        outage(&settings, begin, || server.restart().and_then(|()| redis.restart())).await;
    }
}

mod mariadb {
    use super::*;
    use servers::MariaDb;

    fn start() -> MariaDb {
        let server = MariaDb::start().unwrap();
        server.create_database("site").unwrap();
        server
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn killed_and_started_again() {
        let server = start();
        outage(&on_database(&server.url("site")), || server.kill(), || server.restart()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn paused() {
        let server = start();
        outage(&on_database(&server.url("site")), || server.pause(), || server.resume()).await;
    }
}

mod redis {
    use super::*;
    use servers::Redis;

    /// With `appendonly`, which a Redis for sessions should have.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn killed_and_started_again() {
        let server = Redis::options().durable().start().unwrap();
        outage(&on_cache(&server.url(), ""), || server.kill(), || server.restart()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn paused() {
        let server = Redis::options().durable().start().unwrap();
        outage(&on_cache(&server.url(), ""), || server.pause(), || server.resume()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn killed_and_started_again_with_copies() {
        let server = Redis::options().durable().start().unwrap();
        outage(&on_cache(&server.url(), "&near=100"), || server.kill(), || server.restart()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn paused_with_copies() {
        let server = Redis::options().durable().start().unwrap();
        outage(&on_cache(&server.url(), "&near=100"), || server.pause(), || server.resume()).await;
    }
}

/// Which is asked to compare and swap by a command, not by a script.
mod valkey {
    use super::*;
    use servers::Redis;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn killed_and_started_again() {
        let server = Redis::options().valkey().durable().start().unwrap();
        outage(&on_cache(&server.url(), ""), || server.kill(), || server.restart()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn paused() {
        let server = Redis::options().valkey().durable().start().unwrap();
        outage(&on_cache(&server.url(), ""), || server.pause(), || server.resume()).await;
    }
}

mod redis_cluster {
    use super::*;
    use servers::{Redis, RedisCluster};

    /// The nodes, for a URL that names them all.
    fn url(cluster: &RedisCluster) -> String {
        let address = |node: &Redis| format!("127.0.0.1:{}", node.port());
        let all: Vec<String> = cluster.nodes().iter().map(address).collect();
        format!("redis+cluster://{}", all.join(","))
    }

    /// A master dies, its replica takes over; each write was confirmed by it before.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_master_killed_with_failover() {
        let cluster = RedisCluster::start().unwrap();
        let site = site(&on_cache(&url(&cluster), "&wait=1")).await;
        let load = Load::start(site.sessions());
        load.until_it_goes_well("before the outage").await;
        let master = cluster.master_for("any").unwrap();
        tokio::task::block_in_place(|| master.kill()).unwrap();
        load.until_it_goes_wrong().await;
        // The cluster mends itself, and we follow it.
        load.until_it_goes_well("after the failover").await;
        tokio::task::block_in_place(|| {
            master.restart().unwrap();
            cluster.wait_until_healthy().unwrap();
        });
        // With its replica back, all writes are confirmed again.
        load.until_all_visitors_go_well().await;
        load.stop(site.sessions()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn paused() {
        let cluster = RedisCluster::start().unwrap();
        let nodes = cluster.nodes();
        let begin = || nodes.iter().try_for_each(Redis::pause);
        outage(&on_cache(&url(&cluster), ""), begin, || nodes.iter().try_for_each(Redis::resume))
            .await;
    }
}

mod sentinel {
    use super::*;
    use servers::RedisSentinel;

    /// The sentinels make another one the master, and we follow them. Which one nobody knows before,
    /// so each write is confirmed by both.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_master_killed_with_failover() {
        let sentinels = RedisSentinel::start().unwrap();
        let address = |url: String| url.trim_start_matches("redis://").to_owned();
        let all: Vec<String> = sentinels.urls().into_iter().map(address).collect();
        let url = format!("redis+sentinel://{}/{}", all.join(","), RedisSentinel::MASTER_NAME);
        let site = site(&on_cache(&url, "&wait=2")).await;
        let load = Load::start(site.sessions());
        load.until_it_goes_well("before the outage").await;
        let master = sentinels.master().unwrap();
        tokio::task::block_in_place(|| master.kill()).unwrap();
        load.until_it_goes_wrong().await;
        tokio::task::block_in_place(|| {
            while sentinels.master().is_ok_and(|now| now.port() == master.port()) {
                std::thread::sleep(Duration::from_millis(200));
            }
            // As a replica, without which there are not two.
            master.restart().unwrap();
            sentinels.wait_until_healthy().unwrap();
        });
        load.until_it_goes_well("after the failover").await;
        load.until_all_visitors_go_well().await;
        load.stop(site.sessions()).await;
    }
}
