//! Valkey, which compares and swaps by itself: the same promises as in Redis, without a script.

#![cfg(all(feature = "testing", feature = "redis"))]
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

use std::time::{Duration, Instant};

use cache_contract::{
    assert_all, check_cache, errors, fresh_name, in_an_hour, seen, until_it_follows, value_of,
};
use redis_line::Line;
use segue::caches::RedisCache;
use segue::engines::CacheStore;
use segue::settings::CacheOptions;
use segue::testing::check_store;
use segue::{Cache as _, StoreErrorKind, Swapped, Timestamp};
use servers::{Redis, shared};

fn cache(url: &str) -> RedisCache {
    RedisCache::from_url(url).unwrap()
}

async fn check(url: &str) {
    check_cache(cache(url)).await;
    check_store(CacheStore::new(cache(url), CacheOptions::default())).await;
}

/// Its value is one.
async fn added(cache: &RedisCache) -> String {
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    name
}

async fn swap(cache: &RedisCache, name: &str, from: &str, to: &str) -> Swapped {
    cache.swap(name, &seen(from.as_bytes()), to.as_bytes(), in_an_hour()).await.unwrap()
}

/// How often a server was told each of these commands.
fn calls<const N: usize>(server: &Redis, commands: [&str; N]) -> [u32; N] {
    let stats = server.cli(&["INFO", "commandstats"]).unwrap();
    commands.map(|command| {
        let start = format!("cmdstat_{command}:calls=");
        let calls = stats.lines().find_map(|line| line.strip_prefix(&start)?.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    check(shared::valkey()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_it_with_copies() {
    check(&format!("{}?near=100", shared::valkey())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_it_with_replicas_that_confirm() {
    let master = Redis::options().valkey().start().unwrap();
    let replica = Redis::options().valkey().replica_of(&master).start().unwrap();
    until_it_follows(&master, &replica);
    check(&format!("{}?wait=1", master.url().replace("redis:", "valkey:"))).await;
}

#[tokio::test]
async fn a_swap_is_one_command() {
    let server = Redis::options().valkey().start().unwrap();
    let cache = cache(&server.url());
    let names = [added(&cache).await, added(&cache).await];
    for (round, (from, to)) in [("one", "two"), ("two", "three")].into_iter().enumerate() {
        let before = calls(&server, ["set", "getex", "pttl"]);
        for name in &names {
            assert_eq!(swap(&cache, name, from, to).await, Swapped::Stored);
        }
        let more = calls(&server, ["set", "getex", "pttl"]);
        // Whether it has the command was asked once.
        let asked = u32::from(round == 0);
        assert_eq!(more, [before[0] + 2 + asked, before[1], before[2]]);
    }
    let life: i64 = server.cli(&["PTTL", &names[0]]).unwrap().trim().parse().unwrap();
    assert!((3_590_000..=3_600_000).contains(&life), "{life}");
    let endless = cache.swap(&names[0], &seen(b"three"), b"four", Timestamp::MAX).await.unwrap();
    assert_eq!(
        (endless, server.cli(&["PTTL", &names[0]]).unwrap().trim()),
        (Swapped::Stored, "-1")
    );
    // Who comes too late is told so, and changes nothing.
    assert_eq!(swap(&cache, &names[0], "one", "five").await, Swapped::Conflict);
    assert_eq!(swap(&cache, &fresh_name(), "one", "five").await, Swapped::Gone);
    assert_eq!(value_of(&cache, &names[0]).await.unwrap(), b"four");
    assert_eq!(calls(&server, ["eval", "evalsha"]), [0, 0]);
}

/// The question is a command that could change something: it must not.
#[tokio::test]
async fn to_ask_whether_it_can_changes_nothing() {
    let server = Redis::options().valkey().start().unwrap();
    let (one, other) = (cache(&server.url()), cache(&server.url()));
    let name = fresh_name();
    assert_eq!(swap(&one, &name, "one", "two").await, Swapped::Gone);
    assert_eq!(server.cli(&["EXISTS", &name]).unwrap().trim(), "0");
    server.cli(&["SET", &name, "one", "PX", "100000"]).unwrap();
    assert_eq!(swap(&other, &name, "two", "three").await, Swapped::Conflict);
    assert_eq!(server.cli(&["GET", &name]).unwrap().trim(), "one");
    let life: i64 = server.cli(&["PTTL", &name]).unwrap().trim().parse().unwrap();
    assert!((90_000..=100_000).contains(&life), "{life}");
    assert_eq!(calls(&server, ["eval", "evalsha"]), [0, 0]);
}

/// Whoever goes away between the question and the swap leaves the value as it was, with its end.
#[tokio::test]
async fn who_goes_away_after_the_question_leaves_everything_as_it_was() {
    let server = Redis::options().valkey().start().unwrap();
    let line = Line::to(server.port()).await;
    let cache = cache(&format!("redis://{}", line.address));
    let name = added(&cache).await;
    line.turns();
    line.hold();
    let asking = tokio::spawn({
        let (cache, name) = (cache.clone(), name.clone());
        async move { swap(&cache, &name, "one", "two").await }
    });
    line.until_sent(1).await;
    asking.abort();
    let life: i64 = server.cli(&["PTTL", &name]).unwrap().trim().parse().unwrap();
    assert!((3_590_000..=3_600_000).contains(&life), "{life}");
    assert_eq!(server.cli(&["GET", &name]).unwrap().trim(), "one");
}

#[tokio::test]
async fn an_older_server_is_asked_once() {
    let server = Redis::start().unwrap();
    let cache = cache(&server.url());
    let name = added(&cache).await;
    for (from, to) in [("one", "two"), ("two", "three"), ("three", "four")] {
        assert_eq!(swap(&cache, &name, from, to).await, Swapped::Stored);
    }
    // The value that was added, the question, and what the script has set.
    assert_eq!(calls(&server, ["set", "evalsha"]), [1 + 1 + 3, 3]);
}

/// What a batch brings together stays apart: each has its own answer.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_swaps_at_once_each_has_its_own_answer() {
    let cache = cache(shared::valkey());
    let name = added(&cache).await;
    let swaps = (0..50).map(|number| {
        let (cache, name) = (cache.clone(), name.clone());
        async move { swap(&cache, &name, "one", &number.to_string()).await }
    });
    let swaps: Vec<_> = swaps.map(tokio::spawn).collect();
    let mut stored = 0;
    for swapped in swaps {
        match swapped.await.unwrap() {
            Swapped::Stored => stored += 1,
            other => assert_eq!(other, Swapped::Conflict),
        }
    }
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn what_no_cache_wrote_is_refused() {
    let server = Redis::options().valkey().start().unwrap();
    let known = cache(&server.url());
    added_and_swapped(&known).await;
    let name = fresh_name();
    server.cli(&["LPUSH", &name, "1"]).unwrap();
    for cache in [known, cache(&server.url())] {
        let swap = cache.swap(&name, &seen(b"1"), b"2", in_an_hour()).await.unwrap_err();
        assert_all(&[swap], StoreErrorKind::Corrupt, &["no cache wrote"], &[&name]);
    }
}

/// Its value is two, and the server is known to swap.
async fn added_and_swapped(cache: &RedisCache) -> String {
    let name = added(cache).await;
    assert_eq!(swap(cache, &name, "one", "two").await, Swapped::Stored);
    name
}

#[tokio::test]
async fn a_full_server_says_so_and_serves_what_it_has() {
    let server = Redis::options().valkey().start().unwrap();
    let known = cache(&server.url());
    let name = added_and_swapped(&known).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let add = known.add(&fresh_name(), b"x", in_an_hour()).await.unwrap_err();
    assert_all(&[add], StoreErrorKind::Refused, &["maxmemory"], &[&name]);
    // Whoever has a session may go on with it.
    assert_eq!(swap(&known, &name, "two", "three").await, Swapped::Stored);
    let unknown = cache(&server.url());
    assert_eq!(swap(&unknown, &name, "three", "four").await, Swapped::Stored);
    assert_eq!(swap(&unknown, &name, "three", "five").await, Swapped::Conflict);
    assert_eq!(value_of(&known, &name).await.unwrap(), b"four");
    // That it was full says nothing about what it can do.
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    let before = calls(&server, ["eval", "evalsha"]);
    assert_eq!(swap(&unknown, &name, "four", "five").await, Swapped::Stored);
    assert_eq!(calls(&server, ["eval", "evalsha"]), before);
}

#[tokio::test]
async fn a_replica_never_answers() {
    let (old, new) =
        (Redis::options().valkey().start().unwrap(), Redis::options().valkey().start().unwrap());
    let known = cache(&old.url());
    let name = added_and_swapped(&known).await;
    old.cli(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]).unwrap();
    for cache in [known, cache(&old.url())] {
        let (errors, _) = errors(&cache, &name).await;
        assert_all(&errors, StoreErrorKind::Unavailable, &["is a replica"], &[&name]);
    }
}

#[tokio::test]
async fn a_write_that_no_replica_confirms_is_an_error() {
    let master = Redis::options().valkey().start().unwrap();
    let replica = Redis::options().valkey().replica_of(&master).start().unwrap();
    until_it_follows(&master, &replica);
    let cache = cache(&format!("{}?wait=1&timeout=1", master.url()));
    let name = added(&cache).await;
    replica.pause().unwrap();
    let started = Instant::now();
    let error = cache.swap(&name, &seen(b"one"), b"two", in_an_hour()).await.unwrap_err();
    let words = ["the write is done in Redis at", "0 of 1 replicas confirmed it"];
    assert_all(&[error], StoreErrorKind::Unavailable, &words, &[&name]);
    assert!(started.elapsed() < Duration::from_millis(1300));
    // What changed nothing needs no confirmation.
    assert_eq!(swap(&cache, &name, "one", "x").await, Swapped::Conflict);
    assert_eq!(swap(&cache, &fresh_name(), "one", "x").await, Swapped::Gone);
    replica.resume().unwrap();
}

/// A server may be replaced by one that is older, or by one that is newer, behind the same address.
#[tokio::test]
async fn another_server_behind_the_address_is_spoken_to_in_its_own_way() {
    let (redis, valkey) = (Redis::start().unwrap(), Redis::options().valkey().start().unwrap());
    for [first, second] in [[&valkey, &redis], [&redis, &valkey]] {
        let line = Line::to(first.port()).await;
        let cache = cache(&format!("redis://{}", line.address));
        added_and_swapped(&cache).await;
        line.lead_to(second.port());
        line.cut();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let name = added_and_swapped(&cache).await;
        assert_eq!(second.cli(&["GET", &name]).unwrap().trim(), "two");
        assert_eq!(swap(&cache, &name, "one", "three").await, Swapped::Conflict);
    }
}

/// Nothing takes longer than the timeout, however many commands it takes to say no.
#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_timeout() {
    let server = Redis::options().valkey().start().unwrap();
    let line = Line::to(server.port()).await;
    let cache = cache(&format!("redis://{}?timeout=0.6", line.address));
    let name = added_and_swapped(&cache).await;
    line.hold();
    let started = Instant::now();
    let seen = seen(b"one");
    let swapping = cache.swap(&name, &seen, b"x", in_an_hour());
    // What it says to the first command comes late, and to the next one nothing at all.
    let trouble = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        server.pause().unwrap();
        line.release();
    };
    let (swapped, ()) = tokio::join!(swapping, trouble);
    let error = swapped.unwrap_err();
    assert_all(&[error], StoreErrorKind::Unavailable, &["did not answer within 0.6 s"], &[&name]);
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    server.resume().unwrap();
}
