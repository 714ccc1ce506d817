//! Commands for Redis that leave together: fewer turns, and each keeps its own answer, its own error and its
//! own limit of time.

#![cfg(feature = "redis")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

#[path = "../cache_contract/mod.rs"]
mod cache_contract;
mod faults;
#[path = "../redis_line/mod.rs"]
mod redis_line;

use std::time::Duration;

use cache_contract::{check_cache, fresh_name, in_an_hour, seen, value_of};
use segue::caches::RedisCache;
use segue::{Cache as _, StoreError, StoreErrorKind, Swapped};
use servers::{Redis, RedisCluster};
use tokio::task::JoinSet;

use redis_line::Line;

fn redis(url: &str) -> RedisCache {
    RedisCache::from_url(url).unwrap()
}

async fn add(cache: &RedisCache, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|_| fresh_name()).collect();
    for name in &names {
        assert!(cache.add(name, b"one", in_an_hour()).await.unwrap());
    }
    names
}

/// Swaps once, so that the server has the script from now on.
async fn know_the_script(cache: &RedisCache, name: &str) {
    let swapped = cache.swap(name, &seen(b"one"), b"one", in_an_hour()).await.unwrap();
    assert_eq!(swapped, Swapped::Stored);
}

/// The first leaves at once. What comes while it is on its way leaves together, however it came.
#[tokio::test]
async fn what_waits_leaves_together() {
    let server = Redis::start().unwrap();
    let line = Line::to(server.port()).await;
    let cache = redis(&format!("redis://{}?batches=1", line.address));
    let names = add(&cache, 100).await;
    know_the_script(&cache, &names[0]).await;
    for round in 0..3 {
        line.hold();
        line.turns();
        let first = tokio::spawn({
            let cache = cache.clone();
            async move { cache.get("nothing").await.unwrap() }
        });
        line.until_sent(1).await;
        let mut asking = JoinSet::new();
        for name in names.clone() {
            let cache = cache.clone();
            asking.spawn(async move {
                match round {
                    0 => assert_eq!(value_of(&cache, &name).await.unwrap(), b"one"),
                    1 => {
                        let swapped = cache.swap(&name, &seen(b"one"), b"two", in_an_hour()).await;
                        assert_eq!(swapped.unwrap(), Swapped::Stored);
                    }
                    _ => cache.delete(&name).await.unwrap(),
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(*line.turns(), [1], "they wait");
        line.release();
        asking.join_all().await;
        assert_eq!(first.await.unwrap(), None);
        assert_eq!(*line.turns(), [64, 36], "round {round}");
    }
    assert_eq!(cache.get(&names[7]).await.unwrap(), None);
}

#[tokio::test]
async fn who_comes_alone_leaves_alone_and_at_once() {
    let server = Redis::start().unwrap();
    let line = Line::to(server.port()).await;
    let cache = redis(&format!("redis://{}", line.address));
    let names = add(&cache, 10).await;
    assert_eq!(*line.turns(), [1; 10]);
    for name in &names {
        assert_eq!(value_of(&cache, name).await.unwrap(), b"one");
    }
    assert_eq!(*line.turns(), [1; 10], "a read and its deadline are one turn");
}

/// One that is on its way holds up nobody else.
#[tokio::test]
async fn a_few_are_on_their_way_at_once() {
    let server = Redis::start().unwrap();
    let line = Line::to(server.port()).await;
    let cache = redis(&format!("redis://{}?batches=3", line.address));
    cache.get("x").await.unwrap();
    line.hold();
    line.turns();
    let mut asking = JoinSet::new();
    for sent in 1..=3 {
        let cache = cache.clone();
        asking.spawn(async move { cache.get("x").await.unwrap() });
        line.until_sent(sent).await;
    }
    for _ in 0..10 {
        let cache = cache.clone();
        asking.spawn(async move { cache.get("x").await.unwrap() });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(line.turns().iter().sum::<usize>(), 3, "the others wait");
    line.release();
    assert_eq!(asking.join_all().await, vec![None; 13]);
    let sent = line.turns();
    assert_eq!(sent.iter().sum::<usize>(), 10);
    assert!(sent.len() <= 3, "{sent:?}");
}

/// More than may wait are told at once, and nothing of theirs is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_queue_has_an_end() {
    let server = Redis::start().unwrap();
    let cache = redis(&format!("{}?batches=1&queue=8&timeout=20", server.url()));
    cache.get("x").await.unwrap();
    let cluster = RedisCluster::start().unwrap();
    let hosts: Vec<String> = cluster.urls().iter().map(|url| url[8..].to_owned()).collect();
    let hosts = hosts.join(",");
    let on_cluster = redis(&format!("redis+cluster://{hosts}?queue=8&timeout=20"));
    on_cluster.get("x").await.unwrap();
    // On their way are as many as came before the first of them left, eight at the most; on a cluster all that are
    // served.
    let all = [
        (cache, vec![&server], format!("Redis at 127.0.0.1:{}", server.port()), 16),
        (
            on_cluster,
            cluster.nodes().iter().collect(),
            format!("the Redis Cluster at {}", hosts.replace(',', ", ")),
            8,
        ),
    ];
    for (cache, servers, place, most) in all {
        for server in &servers {
            server.pause().unwrap();
        }
        let mut asking = JoinSet::new();
        for _ in 0..40 {
            let cache = cache.clone();
            asking.spawn(async move {
                let name = fresh_name();
                let added = cache.add(&name, b"one", in_an_hour()).await;
                (name, added)
            });
        }
        let is_overload = |error: StoreError| {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
            let text = error.to_string();
            assert!(text.starts_with(&format!("8 requests wait for {place}, ")), "{text}");
            assert!(text.contains("?queue="), "{text}");
        };
        let mut refused = Vec::new();
        while refused.len() < 40 - most {
            let next = tokio::time::timeout(Duration::from_secs(10), asking.join_next());
            let (name, added) = next.await.expect("they are told at once").unwrap().unwrap();
            is_overload(added.unwrap_err());
            refused.push(name);
        }
        for server in &servers {
            server.resume().unwrap();
        }
        let mut served = 0;
        for (name, added) in asking.join_all().await {
            match added {
                Ok(added) => {
                    assert!(added, "those who waited have what they wanted");
                    assert_eq!(value_of(&cache, &name).await.unwrap(), b"one");
                    served += 1;
                }
                Err(error) => {
                    is_overload(error);
                    refused.push(name);
                }
            }
        }
        assert!((8..=most).contains(&served), "{served} were served");
        for name in refused {
            assert_eq!(cache.get(&name).await.unwrap(), None);
        }
    }
}

/// A wrong type under some of the names, and a server that does not know the script: for each its own.
#[tokio::test]
async fn one_that_fails_does_not_fail_the_others() {
    let server = Redis::start().unwrap();
    let cache = redis(&format!("{}?batches=1", server.url()));
    let names = add(&cache, 60).await;
    for name in names.iter().step_by(10) {
        cache.delete(name).await.unwrap();
        server.cli(&["LPUSH", name, "1"]).unwrap();
    }
    for is_swap in [false, true] {
        server.cli(&["SCRIPT", "FLUSH"]).unwrap();
        let mut asking = JoinSet::new();
        for (number, name) in names.iter().cloned().enumerate() {
            let cache = cache.clone();
            asking.spawn(async move {
                let error = if is_swap {
                    let swapped = cache.swap(&name, &seen(b"one"), b"two", in_an_hour()).await;
                    swapped.map(|swapped| assert_eq!(swapped, Swapped::Stored)).err()
                } else {
                    let got = cache.get(&name).await;
                    got.map(|record| assert_eq!(record.unwrap().payload(), b"one")).err()
                };
                assert_eq!(error.is_some(), number.is_multiple_of(10), "{number} {error:?}");
                if let Some(error) = error {
                    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
                }
            });
        }
        asking.join_all().await;
    }
    assert_eq!(value_of(&cache, &names[1]).await.unwrap(), b"two");
}

/// Every promise of a cache, while there is always something on its way and others come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_contract_holds_in_batches() {
    let server = Redis::start().unwrap();
    for options in ["batches=1", "batches=4"] {
        let cache = redis(&format!("{}?timeout=20&{options}", server.url()));
        let mut all = JoinSet::new();
        for _ in 0..8 {
            all.spawn(check_cache(cache.clone()));
        }
        let load = tokio::spawn({
            let cache = cache.clone();
            async move {
                loop {
                    let name = fresh_name();
                    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
                    assert_eq!(value_of(&cache, &name).await.unwrap(), b"one");
                }
            }
        });
        all.join_all().await;
        assert!(!load.is_finished());
        load.abort();
    }
}

/// Each name is asked of its own node, from the first time on, however many come at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_cluster_nothing_leaves_with_what_is_elsewhere() {
    let cluster = RedisCluster::start().unwrap();
    let hosts: Vec<String> = cluster.urls().iter().map(|url| url[8..].to_owned()).collect();
    let cache = redis(&format!("redis+cluster://{}?batches=1", hosts.join(",")));
    let mut asking = JoinSet::new();
    for _ in 0..600 {
        let cache = cache.clone();
        asking.spawn(async move {
            let name = fresh_name();
            assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
            let swapped = cache.swap(&name, &seen(b"one"), name.as_bytes(), in_an_hour()).await;
            assert_eq!(swapped.unwrap(), Swapped::Stored);
            assert_eq!(value_of(&cache, &name).await.unwrap(), name.as_bytes());
        });
    }
    asking.join_all().await;
    let mut asked = 0;
    for node in cluster.nodes() {
        let errors = node.cli(&["INFO", "errorstats"]).unwrap();
        assert!(!errors.contains("MOVED") && !errors.contains("CROSSSLOT"), "{errors}");
        let commands = node.cli(&["INFO", "commandstats"]).unwrap();
        asked += usize::from(commands.contains("cmdstat_getex"));
    }
    assert!(asked >= 3, "{asked} nodes were asked");
}
