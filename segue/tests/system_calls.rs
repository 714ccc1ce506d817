//! What a request asks of the system: counted by `strace`, which sees all of it. The numbers do not vary.
//!
//! Counted are two runs, of which one serves so many requests more; everything else is in both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

mod measuring {
    use std::collections::BTreeMap;
    use std::env;
    use std::process::{Command, Stdio};

    use axum::Router;
    use http::{Request, Response, header};
    use segue::engines::{CacheStore, FileStore, MemoryStore, NearStore};
    use segue::{AnyStore, SessionError, SessionHandle, SessionLayer, Sessions, Settings, Site};
    use servers::shared::Kind;
    use tower::{Layer as _, Service as _, service_fn};

    use crate::common::databases;

    /// How many requests the first run serves: enough that what happens once has happened in it.
    const FEW: u32 = 200;

    /// How many the second run serves more than the first.
    const MORE: u32 = 1000;

    /// What the runs are told.
    const STORE: &str = "SEGUE_TEST_STORE";
    const ROUTE: &str = "SEGUE_TEST_ROUTE";
    const TIMES: &str = "SEGUE_TEST_TIMES";

    /// Calls of a request, by their names.
    type Calls = BTreeMap<String, f64>;

    fn calls(store: &str, route: &str) -> Calls {
        let [few, many] = [FEW, FEW + MORE].map(|times| run(store, route, times));
        let name_and_calls = many.into_iter().map(|(name, calls)| {
            let added = calls - few.get(&name).copied().unwrap_or_default();
            (name, added / f64::from(MORE))
        });
        // What is less than that belongs to no request: a clock that ticks, a page of memory.
        name_and_calls.filter(|(_, calls)| *calls > 0.1).collect()
    }

    fn run(store: &str, route: &str, times: u32) -> Calls {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("calls");
        let status = Command::new("strace")
            .args(["-f", "-qq", "-c", "-o"])
            .arg(&table)
            .arg(env::current_exe().unwrap())
            .args(["measuring::a_run_serves", "--exact", "--test-threads=1"])
            .envs([(STORE, store), (ROUTE, route), (TIMES, &times.to_string())])
            // Or it would start one of its own, whose calls would count.
            .envs(servers_of(store))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{store} {route}");
        let table = std::fs::read_to_string(table).unwrap();
        // % time, seconds, usecs/call, calls, errors if there are any, name.
        let rows = table.lines().filter_map(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            let calls = columns.get(3)?.parse().ok()?;
            Some(((*columns.last()?).to_owned(), calls))
        });
        rows.filter(|(name, _)| name != "total").collect()
    }

    fn servers_of(store: &str) -> Vec<(&'static str, String)> {
        let kinds: &[Kind] = match store {
            "postgresql" => &[Kind::Postgres],
            "mariadb" => &[Kind::MariaDb],
            "redis" | "redis with copies" => &[Kind::Redis],
            "memcached" => &[Kind::Memcached],
            "cached_db" => &[Kind::Postgres, Kind::Redis],
            _ => &[],
        };
        let url = |kind: &Kind| match kind {
            Kind::Postgres => servers::shared::postgres().to_owned(),
            Kind::MariaDb => servers::shared::mariadb().to_owned(),
            Kind::Memcached => servers::shared::memcached().join(","),
            _ => servers::shared::redis().to_owned(),
        };
        kinds.iter().map(|kind| (kind.variable(), url(kind))).collect()
    }

    /// The store of a site that has these settings.
    async fn of_settings(lines: &str) -> AnyStore {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        let text = format!("SECRET_KEY = \"system calls\"\nALLOWED_HOSTS = [\"*\"]\n{lines}\n");
        std::fs::write(&file, text).unwrap();
        let site = Site::new(Settings::from_file(&file).unwrap(), Router::new()).await.unwrap();
        site.database().unwrap().migrate().await.unwrap();
        site.sessions().store().clone()
    }

    /// One of the runs, as the other tests have it under `strace`; by itself one request.
    #[test]
    fn a_run_serves() {
        let told = |name, else_| env::var(name).unwrap_or_else(|_| String::from(else_));
        let times: u32 = told(TIMES, "1").parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut settings =
                Settings::new("a secret key of tests, long enough to be one of them");
            let folder = tempfile::tempdir().unwrap();
            settings.session.file_path = Some(folder.path().to_owned());
            let place;
            let store = match told(STORE, "memory").as_str() {
                "memory" => AnyStore::new(MemoryStore::new()),
                "file" => AnyStore::new(FileStore::new(&settings).unwrap()),
                "redis" => AnyStore::new(CacheStore::from_url(servers::shared::redis()).unwrap()),
                "redis with copies" => {
                    let url = format!("{}?near=100", servers::shared::redis());
                    AnyStore::new(CacheStore::from_url(&url).unwrap())
                }
                "memcached" => {
                    let url = format!("memcached://{}", servers::shared::memcached().join(","));
                    AnyStore::new(CacheStore::from_url(&url).unwrap())
                }
                "sqlite with NORMAL" => {
                    place = databases::sqlite();
                    let url = &place.url;
                    let lines =
                        format!("DATABASE_URL = \"{url}\"\nDATABASE_SYNCHRONOUS = \"NORMAL\"");
                    of_settings(&lines).await
                }
                "cached_db" => {
                    place = databases::postgres();
                    let (url, cache) = (&place.url, servers::shared::redis());
                    let lines = format!("DATABASE_URL = \"{url}\"\nCACHE_URL = \"{cache}\"");
                    of_settings(&format!("SESSION_ENGINE = \"cached_db\"\n{lines}")).await
                }
                kind => {
                    place = match kind {
                        "postgresql" => databases::postgres(),
                        "mariadb" => databases::mariadb(),
                        _ => databases::sqlite(),
                    };
                    let rows = place.store().await;
                    match kind {
                        "near" => AnyStore::new(NearStore::new(rows, 100)),
                        _ => AnyStore::new(rows),
                    }
                }
            };
            serve(store, &settings, &told(ROUTE, "/write"), times).await;
        });
    }

    async fn serve(store: AnyStore, settings: &Settings, route: &str, times: u32) {
        let sessions = Sessions::new(store, settings).unwrap();
        let session = sessions.open(None).load().await.unwrap();
        session.insert("visits", 0).unwrap();
        session.save().await.unwrap();
        let cookie = format!("sessionid={}", session.key().unwrap().expose());
        let layer = SessionLayer::from_sessions(sessions, settings).unwrap();
        let mut service = layer.layer(service_fn(answer));
        for _ in 0..times {
            let request = Request::get(route).header(header::COOKIE, &cookie).body(()).unwrap();
            assert!(service.call(request).await.unwrap().status().is_success());
        }
    }

    async fn answer(request: Request<()>) -> Result<Response<()>, SessionError> {
        let handle = request.extensions().get::<SessionHandle>().unwrap();
        match request.uri().path() {
            "/untouched" => {}
            "/read" => assert!(handle.load().await?.get::<u64>("visits")?.is_some()),
            _ => {
                handle.load().await?.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
            }
        }
        Ok(Response::new(()))
    }

    /// What a request on this route asks for, by names, and how many calls it makes in all. What threads of
    /// the set-up still do falls into one of the two runs now and then, and never three times.
    fn hold(store: &str, route: &str, each: &[(&str, f64)], most: f64) {
        let tries = (0..3).map(|_| wrong(&calls(store, route), each, most));
        if let Some(wrong) = tries.take_while(Option::is_some).flatten().nth(2) {
            panic!("{route} on {store}: {wrong}");
        }
    }

    fn wrong(calls: &Calls, each: &[(&str, f64)], most: f64) -> Option<String> {
        for (name, number) in each {
            let found = calls.get(*name).copied().unwrap_or_default();
            if (found - number).abs() >= 0.1 {
                return Some(format!("{found} calls of {name}, not {number}; {calls:?}"));
            }
        }
        let all: f64 = calls.values().sum();
        (all > most).then(|| format!("{all} calls, where {most} are enough; {calls:?}"))
    }

    #[test]
    fn who_does_not_touch_his_session_asks_for_nothing() {
        for store in [
            "memory",
            "sqlite",
            "near",
            "file",
            "postgresql",
            "mariadb",
            "redis",
            "redis with copies",
            "memcached",
            "cached_db",
        ] {
            hold(store, "/untouched", &[], 0.0);
        }
    }

    #[test]
    fn memory() {
        hold("memory", "/read", &[], 0.0);
        hold("memory", "/write", &[], 0.0);
    }

    /// To read: whether the file is the same still, and a lock for readers, taken and given back. To write:
    /// one flush; the rest is the way to another thread and back.
    #[test]
    fn sqlite() {
        for store in ["sqlite", "near"] {
            hold(store, "/read", &[("statx", 1.0), ("fcntl", 2.0)], 3.0);
            // It is looked at before the load and before the save, also where a copy is kept.
            let write = [("fsync", 1.0), ("fdatasync", 0.0), ("statx", 2.0)];
            hold(store, "/write", &write, 40.0);
        }
    }

    /// Nothing is waited for but the log, now and then.
    #[test]
    fn sqlite_with_normal() {
        hold("sqlite with NORMAL", "/write", &[("fsync", 0.0), ("fdatasync", 0.0)], 40.0);
    }

    /// To write: a file and a folder are flushed.
    #[test]
    fn file() {
        hold("file", "/read", &[("openat", 1.0), ("read", 2.0), ("statx", 2.0)], 7.0);
        hold("file", "/write", &[("fsync", 2.0), ("rename", 1.0), ("unlink", 0.0)], 50.0);
    }

    /// One round trip to read; to write, another.
    #[test]
    fn postgresql() {
        hold("postgresql", "/read", &[("sendto", 1.0)], 6.0);
        hold("postgresql", "/write", &[("sendto", 2.0)], 12.0);
    }

    #[test]
    fn mariadb() {
        hold("mariadb", "/read", &[("sendto", 1.0)], 6.0);
        hold("mariadb", "/write", &[("sendto", 2.0)], 12.0);
    }

    #[test]
    fn redis() {
        hold("redis", "/read", &[("writev", 1.0)], 6.0);
        hold("redis", "/write", &[("writev", 2.0)], 12.0);
    }

    /// A copy is answered without a word to the server.
    #[test]
    fn redis_with_copies() {
        hold("redis with copies", "/read", &[("writev", 0.0), ("sendto", 0.0)], 0.0);
    }

    #[test]
    fn memcached() {
        hold("memcached", "/read", &[("sendto", 1.0)], 6.0);
        hold("memcached", "/write", &[("sendto", 2.0)], 12.0);
    }

    /// What the cache has is not asked of the database. To write, the row is looked at and swapped, then the entry.
    #[test]
    fn cached_db() {
        hold("cached_db", "/read", &[("writev", 1.0), ("sendto", 0.0)], 6.0);
        hold("cached_db", "/write", &[("writev", 2.0), ("sendto", 2.0)], 30.0);
    }
}
