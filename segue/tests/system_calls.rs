//! What a request asks of the system: counted by `strace`, which sees all of it. The numbers do not vary.
//!
//! Counted is what lies between two marks: the set-up asks for more on some days than on others.

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
    use std::path::Path;
    use std::process::{Command, Stdio};

    use axum::Router;
    use http::{Request, Response, header};
    use segue::engines::{CacheStore, FileStore, MemoryStore, NearStore};
    use segue::{AnyStore, SessionError, SessionHandle, SessionLayer, Sessions, Settings, Site};
    use servers::shared::Kind;
    use tower::{Layer as _, Service as _, service_fn};

    use crate::common::databases;

    /// How many requests are served before the count begins: enough that what happens once has happened.
    const FEW: u32 = 200;

    /// How many are counted.
    const MANY: u32 = 1000;

    /// No file has this name; who looks for it leaves a mark in the list of calls.
    const MARK: &str = "segue-tests-count-from-here-to-here";

    /// What a run is told.
    const STORE: &str = "SEGUE_TEST_STORE";
    const ROUTE: &str = "SEGUE_TEST_ROUTE";

    /// Calls of a request, by their names.
    type Calls = BTreeMap<String, f64>;

    fn calls(store: &str, route: &str) -> Calls {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("calls");
        let status = Command::new("strace")
            .args(["-f", "-qq", "-s", "64", "-o"])
            .arg(&list)
            .arg(env::current_exe().unwrap())
            .args(["measuring::a_run_serves", "--exact", "--test-threads=1"])
            .envs([(STORE, store), (ROUTE, route)])
            // Or it would start one of its own, whose calls would count.
            .envs(servers_of(store))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{store} {route}");
        let list = String::from_utf8_lossy(&std::fs::read(list).unwrap()).into_owned();
        let marks: Vec<_> = list.match_indices(MARK).map(|(at, _)| at).collect();
        let [begin, end] = *marks else { panic!("{} marks", marks.len()) };
        // The rest of the mark's line, and then `PID NAME(…`, or `PID <... NAME resumed>…`, or a signal.
        let between = &list[begin..list[..end].rfind('\n').unwrap()];
        let lines = between.lines().skip(1);
        let names = lines.filter_map(|line| {
            let (name, _) = line.split_once(' ')?.1.trim_start().split_once('(')?;
            name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()).then_some(name)
        });
        let mut calls = BTreeMap::<String, u32>::new();
        for name in names {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
        let each =
            calls.into_iter().map(|(name, calls)| (name, f64::from(calls) / f64::from(MANY)));
        // What is less than that belongs to no request: a page of memory.
        each.filter(|(_, calls)| *calls > 0.1).collect()
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

    /// As the other tests have it under `strace`.
    #[test]
    fn a_run_serves() {
        let told = |name, else_| env::var(name).unwrap_or_else(|_| String::from(else_));
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
            serve(store, &settings, &told(ROUTE, "/write")).await;
        });
    }

    async fn serve(store: AnyStore, settings: &Settings, route: &str) {
        let sessions = Sessions::new(store, settings).unwrap();
        let session = sessions.open(None).load().await.unwrap();
        session.insert("visits", 0).unwrap();
        session.save().await.unwrap();
        let cookie = format!("sessionid={}", session.key().unwrap().expose());
        let layer = SessionLayer::from_sessions(sessions, settings).unwrap();
        let mut service = layer.layer(service_fn(answer));
        for times in [FEW, MANY] {
            for _ in 0..times {
                let request = Request::get(route).header(header::COOKIE, &cookie).body(()).unwrap();
                assert!(service.call(request).await.unwrap().status().is_success());
            }
            assert!(!Path::new(MARK).exists());
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

    /// What a request on this route asks for, by names, and how many calls it makes at most in all: where the
    /// answers of a server come so late that each is waited for.
    fn hold(store: &str, route: &str, each: &[(&str, f64)], most: f64) {
        let calls = calls(store, route);
        for (name, number) in each {
            let found = calls.get(*name).copied().unwrap_or_default();
            let is_it = (found - number).abs() < 0.1;
            assert!(is_it, "{route} on {store}: {found} calls of {name}, not {number}; {calls:?}");
        }
        let all: f64 = calls.values().sum();
        let enough = "calls of each, where so many are enough:";
        assert!(all < most + 0.1, "{route} on {store}: {all} {enough} {most}; {calls:?}");
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
