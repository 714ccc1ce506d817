//! Copies of what Redis holds, which are in the process: what others change there is not answered any more.

#![cfg(feature = "redis")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod cache_contract;
mod redis_line;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cache_contract::{check_cache, fresh_name, in_an_hour, seen, value_of};
use segue::caches::RedisCache;
use segue::engines::CacheStore;
use segue::settings::CacheOptions;
use segue::testing::check_store;
use segue::{Cache as _, SignedDuration, StoreErrorKind, Swapped, Timestamp, describe};
use servers::{Redis, RedisSentinel};
use tokio::task::JoinSet;
use tokio::time::sleep;

use redis_line::Line;

fn redis(url: &str) -> RedisCache {
    RedisCache::from_url(url).unwrap()
}

/// One process with copies, whose line can be held and cut, and another without.
struct Processes {
    server: Redis,
    line: Line,
    here: RedisCache,
    elsewhere: RedisCache,
}

impl Processes {
    /// With a timeout of a minute nothing is forgotten for want of an answer.
    async fn with(options: &str) -> Self {
        let server = Redis::start().unwrap();
        let line = Line::to(server.port()).await;
        let here = redis(&format!("redis://{}?{options}", line.address));
        let elsewhere = redis(&server.url());
        Self { server, line, here, elsewhere }
    }

    /// A name of which there is a copy here.
    async fn known(&self) -> String {
        let name = fresh_name();
        self.add(&name, in_an_hour()).await;
        name
    }

    async fn add(&self, name: &str, deadline: Timestamp) {
        assert!(self.elsewhere.add(name, b"one", deadline).await.unwrap());
        assert_eq!(value_of(&self.here, name).await.unwrap(), b"one");
    }

    async fn change(&self, name: &str, from: &[u8], to: &[u8]) {
        let swapped = self.elsewhere.swap(name, &seen(from), to, in_an_hour()).await.unwrap();
        assert_eq!(swapped, Swapped::Stored);
    }

    async fn here(&self, name: &str) -> Option<Vec<u8>> {
        value_of(&self.here, name).await
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if holds().await {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contracts() {
    let server = Redis::start().unwrap();
    let cache = redis(&format!("{}?near=100", server.url()));
    check_cache(cache.clone()).await;
    check_store(CacheStore::new(cache, CacheOptions::default())).await;
}

#[tokio::test]
async fn a_copy_is_answered_and_the_server_is_asked_nothing() {
    let processes = Processes::with("near=100").await;
    let name = processes.known().await;
    let first = processes.here.get(&name).await.unwrap().unwrap();
    processes.line.turns();
    for _ in 0..100 {
        let again = processes.here.get(&name).await.unwrap().unwrap();
        assert_eq!(again, first);
        // One buffer, and so one reading of it.
        assert!(std::ptr::eq(again.payload(), first.payload()));
    }
    // Nothing is known of what is not there.
    let absent = fresh_name();
    for _ in 0..2 {
        assert_eq!(processes.here(&absent).await, None);
    }
    assert_eq!(processes.line.turns(), [1, 1]);
    processes.elsewhere.add(&absent, b"one", in_an_hour()).await.unwrap();
    assert_eq!(processes.here(&absent).await.unwrap(), b"one");
}

#[tokio::test]
async fn without_the_option_the_server_is_always_asked() {
    let processes = Processes::with("timeout=60").await;
    let name = processes.known().await;
    processes.line.turns();
    for _ in 0..3 {
        assert_eq!(processes.here(&name).await.unwrap(), b"one");
    }
    assert_eq!(processes.line.turns(), [1; 3]);
}

/// By the server's word: nothing is forgotten by itself here.
#[tokio::test]
async fn what_others_do_is_heard_of() {
    let processes = Processes::with("near=100&timeout=60").await;
    let cli = |arguments: &[&str]| processes.server.cli(arguments).unwrap();
    let until_it_is = async |name: &str, value: Option<&[u8]>| {
        let is = async || processes.here(name).await.as_deref() == value;
        until(&format!("{value:?}"), is).await;
    };
    let name = processes.known().await;
    processes.change(&name, b"one", b"two").await;
    until_it_is(&name, Some(b"two")).await;
    processes.elsewhere.delete(&name).await.unwrap();
    until_it_is(&name, None).await;

    for (command, value) in [("SET", Some(&b"three"[..])), ("GETSET", Some(b"three"))] {
        let name = processes.known().await;
        cli(&[command, &name, "three"]);
        until_it_is(&name, value).await;
    }
    for command in ["FLUSHALL", "FLUSHDB"] {
        let name = processes.known().await;
        cli(&[command]);
        until_it_is(&name, None).await;
    }
    let (name, other) = (processes.known().await, fresh_name());
    cli(&["RENAME", &name, &other]);
    until_it_is(&name, None).await;
    let name = processes.known().await;
    cli(&["PEXPIRE", &name, "50"]);
    until_it_is(&name, None).await;
}

/// The server says it as well, but that may be late.
#[tokio::test]
async fn a_copy_ends_with_the_value_whatever_is_heard() {
    let processes = Processes::with("near=100&timeout=60").await;
    let name = fresh_name();
    processes.add(&name, Timestamp::now() + SignedDuration::from_millis(700)).await;
    processes.line.hold();
    processes.line.turns();
    sleep(Duration::from_millis(800)).await;
    let asking = tokio::spawn({
        let (here, name) = (processes.here.clone(), name.clone());
        async move { value_of(&here, &name).await }
    });
    processes.line.until_sent(1).await;
    processes.line.release();
    assert_eq!(asking.await.unwrap(), None);
}

#[tokio::test]
async fn what_is_done_here_is_seen_here_at_once() {
    let processes = Processes::with("near=100&timeout=60").await;
    for number in 0..200_u32 {
        let (here, name) = (&processes.here, fresh_name());
        assert!(here.add(&name, b"one", in_an_hour()).await.unwrap());
        assert_eq!(value_of(here, &name).await.unwrap(), b"one");
        let swapped = here.swap(&name, &seen(b"one"), b"two", in_an_hour()).await.unwrap();
        assert_eq!(swapped, Swapped::Stored);
        assert_eq!(value_of(here, &name).await.unwrap(), b"two", "{number}");
        here.delete(&name).await.unwrap();
        assert_eq!(value_of(here, &name).await, None, "{number}");
    }
}

/// The answer arrives together with the news that it is old.
#[tokio::test]
async fn a_load_that_is_under_way_hears_of_a_change() {
    let processes = Processes::with("near=100&timeout=60").await;
    processes.known().await;
    for _ in 0..100 {
        let name = fresh_name();
        assert!(processes.elsewhere.add(&name, b"one", in_an_hour()).await.unwrap());
        processes.line.hold();
        processes.line.turns();
        let asking = tokio::spawn({
            let (here, name) = (processes.here.clone(), name.clone());
            async move { value_of(&here, &name).await.unwrap() }
        });
        processes.line.until_sent(1).await;
        processes.server.cli(&["SET", &name, "two"]).unwrap();
        processes.line.release();
        let found = asking.await.unwrap();
        assert!(found == b"one" || found == b"two", "{found:?}");
        until("it is two", async || processes.here(&name).await.unwrap() == b"two").await;
    }
}

/// It is about what was read before it as well: between the two commands that a load is.
#[tokio::test]
async fn a_change_in_the_middle_of_a_load_is_heard() {
    let processes = Processes::with("near=100&timeout=60").await;
    processes.known().await;
    let name = fresh_name();
    assert!(processes.elsewhere.add(&name, b"one", in_an_hour()).await.unwrap());
    let calls = || {
        let stats = processes.server.cli(&["INFO", "commandstats"]).unwrap();
        let count =
            |line: &&str| line.starts_with("cmdstat_getex") || line.starts_with("cmdstat_pttl");
        let lines =
            stats.lines().filter(count).map(|line| line.split([':', '=', ',']).nth(2).unwrap());
        lines.map(|calls| calls.parse::<u32>().unwrap()).sum::<u32>()
    };
    let before = calls();
    processes.line.split();
    let asking = tokio::spawn({
        let (here, name) = (processes.here.clone(), name.clone());
        async move { value_of(&here, &name).await.unwrap() }
    });
    until("the first is there", async || calls() == before + 1).await;
    processes.server.cli(&["SET", &name, "two"]).unwrap();
    processes.line.release();
    asking.await.unwrap();
    until("it is two", async || processes.here(&name).await.unwrap() == b"two").await;
}

/// Writes that replicas have to confirm have a connection of their own, so its answer may come before the news.
#[tokio::test]
async fn what_is_done_here_does_not_wait_for_the_news_of_it() {
    let processes = Processes::with("near=100&timeout=60&wait=1").await;
    let replica = Redis::options().replica_of(&processes.server).start().unwrap();
    let link = async || replica.cli(&["INFO", "replication"]).unwrap().contains("link_status:up");
    until("it follows", link).await;
    let name = processes.known().await;
    processes.line.deafen();
    let here = &processes.here;
    let swapped = here.swap(&name, &seen(b"one"), b"two", in_an_hour()).await.unwrap();
    assert_eq!(swapped, Swapped::Stored);
    processes.line.turns();
    let asking = tokio::spawn({
        let (here, name) = (here.clone(), name.clone());
        async move { value_of(&here, &name).await.unwrap() }
    });
    processes.line.until_sent(1).await;
    processes.line.release();
    assert_eq!(asking.await.unwrap(), b"two");
}

/// Each of many names counts up, and everybody reads all the time: nobody goes back, nobody stays behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_nobody_is_left_behind() {
    const LAST: u32 = 400;
    for options in ["near=100", "near=5"] {
        let processes = Arc::new(Processes::with(&format!("{options}&timeout=60")).await);
        let mut all = JoinSet::new();
        for _ in 0..12 {
            let processes = Arc::clone(&processes);
            all.spawn(async move {
                let name = fresh_name();
                assert!(processes.elsewhere.add(&name, b"0", in_an_hour()).await.unwrap());
                let written = Arc::new(AtomicU32::new(0));
                let reading = tokio::spawn({
                    let (processes, name) = (Arc::clone(&processes), name.clone());
                    let written = Arc::clone(&written);
                    async move {
                        let mut last = 0;
                        while last < LAST {
                            let text = processes.here(&name).await.unwrap();
                            let found = String::from_utf8(text).unwrap().parse::<u32>().unwrap();
                            assert!(found >= last, "{found} after {last}");
                            // The server's word for it may be on its way for a while, and no longer.
                            assert!(found <= written.load(Ordering::SeqCst) + 1);
                            last = found;
                            tokio::task::yield_now().await;
                        }
                    }
                });
                for number in 1..=LAST {
                    // By turns from here and from elsewhere.
                    let by = if number % 3 == 0 { &processes.here } else { &processes.elsewhere };
                    let (old, new) = ((number - 1).to_string(), number.to_string());
                    let old = seen(old.as_bytes());
                    let swapped = by.swap(&name, &old, new.as_bytes(), in_an_hour()).await.unwrap();
                    assert_eq!(swapped, Swapped::Stored);
                    written.store(number, Ordering::SeqCst);
                }
                let patience = Duration::from_secs(20);
                let read = tokio::time::timeout(patience, reading).await;
                read.expect("it hears of the last change").unwrap();
            });
        }
        all.join_all().await;
    }
}

/// The server forgets whom it has to tell of what, and says so.
#[tokio::test]
async fn a_server_with_little_room_for_names_is_heard_as_well() {
    let processes = Processes::with("near=1000&timeout=60").await;
    processes.server.cli(&["CONFIG", "SET", "tracking-table-max-keys", "5"]).unwrap();
    let mut names = Vec::new();
    for _ in 0..100 {
        names.push(processes.known().await);
    }
    for name in &names {
        processes.change(name, b"one", b"two").await;
    }
    for name in &names {
        until("it is two", async || processes.here(name).await.unwrap() == b"two").await;
    }
}

/// Nothing comes through, and nobody says that the line is dead.
#[tokio::test]
async fn who_hears_nothing_answers_nothing() {
    let processes = Processes::with("near=100&timeout=1").await;
    let name = processes.known().await;
    processes.line.hold();
    processes.change(&name, b"one", b"two").await;
    // A second and the timeout.
    sleep(Duration::from_millis(2500)).await;
    let error = processes.here.get(&name).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(!describe(&error).contains(&name), "{error}");
    processes.line.cut();
    until("it is back", async || processes.here.get(&name).await.is_ok()).await;
    assert_eq!(processes.here(&name).await.unwrap(), b"two");
}

/// A change that took place while there was no line is not told on the next one.
#[tokio::test]
async fn a_line_that_is_cut_takes_the_copies_with_it() {
    let processes = Processes::with("near=100&timeout=60").await;
    for _ in 0..5 {
        let name = processes.known().await;
        processes.line.hold();
        processes.change(&name, b"one", b"two").await;
        processes.line.cut();
        until("it is two", async || {
            processes.here.get(&name).await.is_ok_and(|found| found.unwrap().payload() == b"two")
        })
        .await;
    }
    let name = processes.known().await;
    processes.server.cli(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
    processes.server.cli(&["SET", &name, "two"]).unwrap();
    until("it is two", async || {
        processes.here.get(&name).await.is_ok_and(|found| found.unwrap().payload() == b"two")
    })
    .await;
}

/// What it says from then on is the new master's, and late.
#[tokio::test]
async fn a_master_that_was_demoted_is_not_believed() {
    let processes = Processes::with("near=100&timeout=60").await;
    let name = processes.known().await;
    let master = Redis::start().unwrap();
    let port = master.port().to_string();
    // Its data are replaced when they arrive, which would be heard; what tells here is that it is a replica.
    processes.server.cli(&["CONFIG", "SET", "replica-serve-stale-data", "yes"]).unwrap();
    master.pause().unwrap();
    processes.server.cli(&["REPLICAOF", "127.0.0.1", &port]).unwrap();
    until("it is asked", async || processes.here.get(&name).await.is_err()).await;
    let error = processes.here.get(&name).await.unwrap_err();
    assert!(error.to_string().contains("is a replica"), "{error}");
    master.resume().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_sentinels_the_new_master_is_heard() {
    let all = RedisSentinel::start().unwrap();
    let hosts: Vec<String> = all.urls().iter().map(|url| url[8..].to_owned()).collect();
    let url = format!("redis+sentinel://{}/{}", hosts.join(","), RedisSentinel::MASTER_NAME);
    let (here, elsewhere) =
        (redis(&format!("{url}?near=100&wait=1")), redis(&format!("{url}?wait=1")));
    let name = fresh_name();
    assert!(elsewhere.add(&name, b"one", in_an_hour()).await.unwrap());
    assert_eq!(value_of(&here, &name).await.unwrap(), b"one");
    let first = here.get(&name).await.unwrap().unwrap();
    let again = here.get(&name).await.unwrap().unwrap();
    assert!(std::ptr::eq(first.payload(), again.payload()), "from memory");
    all.master().unwrap().kill().unwrap();
    until("there is another", async || elsewhere.get(&name).await.is_ok()).await;
    for (old, new) in [(b"one", b"two"), (b"two", b"thr")] {
        until("it is changed", async || {
            // After one that was not confirmed it is changed already.
            let swapped = elsewhere.swap(&name, &seen(old), new, in_an_hour()).await;
            matches!(swapped, Ok(Swapped::Stored | Swapped::Conflict))
        })
        .await;
        until("it is heard", async || {
            here.get(&name).await.is_ok_and(|found| found.unwrap().payload() == new)
        })
        .await;
    }
}

#[tokio::test]
async fn there_are_no_more_copies_than_the_url_says() {
    let processes = Processes::with("near=10&timeout=60").await;
    let mut names = Vec::new();
    for _ in 0..200 {
        names.push(processes.known().await);
    }
    processes.line.turns();
    for name in &names {
        assert_eq!(processes.here(name).await.unwrap(), b"one");
    }
    let asked: usize = processes.line.turns().iter().sum();
    assert!(asked >= 150, "{asked} of 200");
}

/// What it needs besides what every cache needs is named.
#[tokio::test]
async fn who_may_not_listen_hears_why() {
    let server = Redis::start().unwrap();
    let everything = ["ACL", "SETUSER", "segue", "on", ">hunter2", "~*", "+@all"];
    for missing in ["-client|tracking", "-wait"] {
        server.cli(&[&everything[..], &[missing]].concat()).unwrap();
        let url = server.url().replace("//", "//segue:hunter2@");
        let name = fresh_name();
        let error = redis(&format!("{url}?near=10")).get(&name).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{missing}: {error}");
        let text = describe(&error);
        assert!(text.contains("near") && text.contains("CLIENT TRACKING"), "{missing}: {text}");
        assert!(!text.contains("hunter2") && !text.contains(&name), "{text}");
        assert_eq!(redis(&url).get(&name).await.unwrap(), None, "without copies it may");
    }
}

/// Neither a connection nor one who asks each second.
#[tokio::test]
async fn nothing_is_left_of_a_cache_that_is_gone() {
    let server = Redis::start().unwrap();
    let cache = redis(&format!("{}?near=10", server.url()));
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"one");
    let clients = || server.cli(&["CLIENT", "LIST"]).unwrap();
    // The one who asks here speaks the second version of the protocol.
    assert!(clients().contains("resp=3"), "{}", clients());
    drop(cache);
    until("it has gone", async || !clients().contains("resp=3")).await;
}
