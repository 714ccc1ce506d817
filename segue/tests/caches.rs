//! Every cache keeps the contract, and so does the session engine on it; names and values are as
//! Django has them.

#![cfg(all(
    feature = "testing",
    feature = "redis",
    feature = "memcached",
    feature = "memory-cache"
))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod cache_contract;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use cache_contract::{check_cache, fresh_name, in_an_hour, until_it_follows};
use segue::caches::{MemcachedCache, MemoryCache, RedisCache};
use segue::engines::CacheStore;
use segue::settings::{CacheFormat, CacheOptions};
use segue::testing::check_store;
use segue::{
    Cache, Clock, Guarantees, Payload, SessionKey, SessionStore as _, SignedDuration, Timestamp,
};
use servers::{Redis, RedisSentinel, shared};

// Pickles are what the matrix of engines has.
const FORMAT: CacheFormat = CacheFormat::Json;

fn options() -> CacheOptions {
    let mut options = CacheOptions::default();
    options.format = FORMAT;
    options
}

async fn check(cache: impl Cache + Clone) {
    check_cache(cache.clone()).await;
    check_store(CacheStore::new(cache, options())).await;
}

fn hosts(urls: &[&str]) -> String {
    let hosts: Vec<&str> = urls.iter().map(|url| url.strip_prefix("redis://").unwrap()).collect();
    hosts.join(",")
}

fn redis(url: &str) -> RedisCache {
    RedisCache::from_url(url).unwrap()
}

fn memcached(servers: &str) -> MemcachedCache {
    MemcachedCache::from_url(&format!("memcached://{servers}")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    check(MemoryCache::new(10_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_alone() {
    check(redis(shared::redis())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_from_a_client_of_ones_own() {
    check(RedisCache::from_client(redis::Client::open(shared::redis()).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_a_password_and_over_tls() {
    let server = Redis::options().password("p@ss/w:rd").tls().start().unwrap();
    check(redis(&server.url())).await;
    let authority = server.certificate().unwrap().display();
    check(redis(&format!("{}/3?sslrootcert={authority}", server.tls_url().unwrap()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_replicas_that_confirm() {
    let master = Redis::start().unwrap();
    let replica = Redis::options().replica_of(&master).start().unwrap();
    until_it_follows(&master, &replica);
    check(redis(&format!("{}?wait=1", master.url()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_cluster() {
    check(redis(&format!("redis+cluster://{}", hosts(&shared::redis_cluster())))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_behind_sentinels() {
    let (hosts, name) = (hosts(&shared::sentinel()), RedisSentinel::MASTER_NAME);
    check(redis(&format!("redis+sentinel://{hosts}/{name}"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memcached_on_one_server() {
    check(memcached(shared::memcached()[0])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memcached_on_two_servers() {
    check(memcached(&shared::memcached().join(","))).await;
}

/// A check that passes everything would be worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_forgets_fails_the_check() {
    let checked = tokio::spawn(check_cache(MemoryCache::new(0))).await;
    assert!(checked.unwrap_err().is_panic());
}

#[tokio::test]
async fn a_cache_in_memory_holds_so_much_and_drops_the_oldest() {
    let cache = MemoryCache::new(100);
    for n in 0..1000 {
        assert!(cache.add(&n.to_string(), b"x", in_an_hour()).await.unwrap());
    }
    let mut kept = 0;
    for n in 0..1000 {
        kept += usize::from(cache.get(&n.to_string()).await.unwrap().is_some());
    }
    assert!((50..=150).contains(&kept), "{kept} are kept");
    assert!(cache.get("999").await.unwrap().is_some(), "the newest is");
}

#[tokio::test]
async fn a_cache_in_memory_goes_by_its_clock() {
    let clock = Clock::fixed(Timestamp::from_second(1_700_000_000).unwrap());
    let cache = MemoryCache::with_clock(10, clock.clone());
    cache.add("a", b"x", clock.now() + SignedDuration::from_secs(60)).await.unwrap();
    clock.advance(SignedDuration::from_secs(59));
    assert!(cache.get("a").await.unwrap().is_some());
    clock.advance(SignedDuration::from_secs(1));
    assert!(cache.get("a").await.unwrap().is_none());
}

#[test]
fn the_engine_says_what_it_promises() {
    let store = CacheStore::new(MemoryCache::new(10), CacheOptions::default());
    let promised = Guarantees::full().with_payload(Payload::Pickle).cleaning_itself();
    assert_eq!(store.guarantees(), promised, "Django's format, unless told otherwise");
    let store = CacheStore::new(MemoryCache::new(10), options());
    assert_eq!(store.guarantees().payload, Payload::Json);
}

/// As the tests' vectors have it, which Django made: `engine_cache` in `vectors.json`.
#[tokio::test]
async fn names_and_lives_in_redis_are_djangos() {
    let server = Redis::start().unwrap();
    let mut options = options();
    (options.key_prefix, options.version) = ("site1".to_owned(), 3);
    let store = CacheStore::new(redis(&server.url()), options);
    let two_weeks = Timestamp::now() + SignedDuration::from_secs(1_209_600);
    let key = store.create(b"{\"a\":1}", two_weeks).await.unwrap();
    let name = format!("site1:3:django.contrib.sessions.cache{}", key.expose());
    assert_eq!(server.cli(&["KEYS", "*"]).unwrap().trim(), name);
    assert_eq!(server.cli(&["GET", &name]).unwrap().trim(), "{\"a\":1}");
    let life: i64 = server.cli(&["PTTL", &name]).unwrap().trim().parse().unwrap();
    assert!((1_209_590_000..=1_209_600_000).contains(&life), "{life}");
}

#[tokio::test]
async fn names_flags_and_lives_in_memcached_are_pymemcaches() {
    let server = shared::memcached()[0];
    let store = CacheStore::new(memcached(server), options());
    let month = 30 * 24 * 60 * 60;
    let marks = [(b"{\"a\":1}".as_slice(), 16), (b"\x80\x05}\x94.", 1)];
    for (value, flags) in marks {
        for seconds in [600, month, month + 60] {
            let deadline = Timestamp::now() + SignedDuration::from_secs(seconds);
            let key = store.create(value, deadline).await.unwrap();
            let name = format!(":1:django.contrib.sessions.cache{}", key.expose());
            let answer = say(server, &format!("mg {name} f t s"));
            let parts: Vec<&str> = answer.split_whitespace().collect();
            let left: i64 = parts[2][1..].parse().unwrap();
            assert_eq!(parts[1], format!("f{flags}"), "{answer}");
            // Its clock counts from its start, rounds that, and ticks when it has time.
            assert!((seconds - 5..=seconds + 4).contains(&left), "{answer}");
            assert_eq!(parts[3], format!("s{}", value.len()), "{answer}");
        }
    }
}

/// A line to memcached, and the first of its answer.
fn say(server: &str, line: &str) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim_end().to_owned()
}

#[tokio::test]
async fn what_no_session_store_wrote_is_refused() {
    let server = shared::memcached()[0];
    let cache = memcached(server);
    for (flags, fine) in [(0, true), (1, true), (2, false), (4, false), (8, false), (16, true)] {
        let name = fresh_name();
        assert_eq!(say(server, &format!("ms {name} 1 F{flags} T60\r\n7")), "HD");
        let found = cache.get(&name).await;
        assert_eq!(found.is_ok(), fine, "flags {flags}");
        if let Err(error) = found {
            assert_eq!(error.kind(), segue::StoreErrorKind::Corrupt, "{error}");
            assert!(!error.to_string().contains(&name), "{error}");
        }
    }
}

/// A cookie of another engine may be there after a change of the settings.
#[tokio::test]
async fn a_sealed_session_never_reaches_a_cache() {
    let store = CacheStore::new(redis("redis://127.0.0.1:1"), options());
    let sealed = SessionKey::sealed("eyJhIjoxfQ:1r31eq:AJu16St_lXmPR35BcDlMtqC8Z").unwrap();
    let seen = cache_contract::seen(b"x");
    assert_eq!(store.load(&sealed).await.unwrap(), None);
    let memory = CacheStore::new(MemoryCache::new(10), options());
    assert!(memory.load_now(&sealed).is_none(), "it has no name to be asked for");
    let replaced = store.replace(&sealed, &seen, b"y", in_an_hour()).await.unwrap();
    assert_eq!(replaced, segue::Replaced::Gone);
    assert_eq!(store.touch(&sealed, &seen, in_an_hour()).await.unwrap(), segue::Replaced::Gone);
    store.delete(&sealed).await.unwrap();
    let id = SessionKey::generate().unwrap();
    assert!(store.load(&id).await.is_err(), "nobody is there to answer for others");
}
