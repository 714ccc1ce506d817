//! Redis in trouble: a clear error each time, in bounded time, and no answer that is not true.

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

use std::time::{Duration, Instant};

use cache_contract::{
    assert_all, errors, fresh_name, in_an_hour, seen, until_it_follows, value_of,
};
use segue::caches::RedisCache;
use segue::{Cache as _, StoreErrorKind, Swapped, Timestamp};
use servers::{Redis, RedisCluster, RedisSentinel};

fn redis(url: &str) -> RedisCache {
    RedisCache::from_url(url).unwrap()
}

fn hosts(urls: &[String]) -> String {
    let hosts: Vec<&str> = urls.iter().map(|url| url.strip_prefix("redis://").unwrap()).collect();
    hosts.join(",")
}

/// Waits until a read and a write succeed, and says how long that took.
async fn wait_until_it_works(cache: &RedisCache) -> Duration {
    let started = Instant::now();
    loop {
        let name = fresh_name();
        let added = cache.add(&name, b"x", in_an_hour()).await;
        if added.is_ok() && cache.get(&name).await.is_ok() {
            return started.elapsed();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{added:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let server = Redis::options().password("hunter2").start().unwrap();
    let (url, port) = (server.url(), server.port());
    server.kill().unwrap();
    let cache = redis(&url);
    let name = fresh_name();
    let (errors, slowest) = errors(&cache, &name).await;
    let place = format!("Redis at 127.0.0.1:{port} refuses connections");
    assert_all(&errors, StoreErrorKind::Unavailable, &[&place], &["hunter2", &name]);
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    assert_eq!(format!("{cache:?}"), format!("RedisCache(Redis at 127.0.0.1:{port})"));
}

/// Whatever comes first after a restart: a read, a write or both.
#[tokio::test]
async fn after_a_restart_the_first_command_succeeds() {
    let server = Redis::options().durable().start().unwrap();
    let cache = redis(&server.url());
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    for (round, value) in [b"two".as_slice(), b"three", b"four"].into_iter().enumerate() {
        let before = cache.get(&name).await.unwrap().unwrap();
        server.kill().unwrap();
        server.restart().unwrap();
        // Until the end of the connection has been heard of.
        tokio::time::sleep(Duration::from_millis(50)).await;
        match round {
            0 => assert!(cache.add(&fresh_name(), b"x", in_an_hour()).await.unwrap()),
            1 => assert_eq!(value_of(&cache, &name).await.unwrap(), before.payload()),
            _ => cache.delete(&fresh_name()).await.unwrap(),
        }
        // The server has forgotten the script.
        let swapped = cache.swap(&name, &before, value, in_an_hour()).await.unwrap();
        assert_eq!(swapped, Swapped::Stored);
        assert_eq!(value_of(&cache, &name).await.unwrap(), value);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_is_not_run_down() {
    let server = Redis::start().unwrap();
    let cache = redis(&server.url());
    assert_eq!(cache.get("x").await.unwrap(), None);
    server.kill().unwrap();
    let asking: Vec<_> = (0..1000)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move {
                while cache.get("x").await.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.restart().unwrap();
    for asking in asking {
        asking.await.unwrap();
    }
    let stats = server.cli(&["INFO", "stats"]).unwrap();
    let made = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    // Ours, and those that the tests' own questions need.
    assert!(made.unwrap().trim().parse::<u32>().unwrap() < 10, "{stats}");
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_timeout() {
    let server = Redis::start().unwrap();
    let cache = redis(&format!("{}?timeout=0.4", server.url()));
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    server.pause().unwrap();
    let (errors, slowest) = errors(&cache, &name).await;
    assert_all(&errors, StoreErrorKind::Unavailable, &["did not answer within 0.4 s"], &[&name]);
    assert!(slowest < Duration::from_millis(700), "{slowest:?}");
    // As for the first request of a process.
    let started = Instant::now();
    redis(&format!("{}?timeout=0.4", server.url())).get(&name).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_millis(700));
    server.resume().unwrap();
    wait_until_it_works(&cache).await;
    // The delete was on its way when its time was up: it may have been done.
    let value = value_of(&cache, &name).await;
    assert!(matches!(value.as_deref(), None | Some(b"one" | b"x")), "{value:?}");
}

#[tokio::test]
async fn who_is_not_let_in_hears_why() {
    let server = Redis::options().password("right-one").start().unwrap();
    let bare = format!("redis://127.0.0.1:{}", server.port());
    let name = fresh_name();
    let (without, _) = errors(&redis(&bare), &name).await;
    assert_all(&without, StoreErrorKind::Refused, &["wants a password"], &["right-one", &name]);
    let wrong = bare.replace("//", "//:hunter2@");
    let (wrong, _) = errors(&redis(&wrong), &name).await;
    let words = ["does not accept this user and password"];
    assert_all(&wrong, StoreErrorKind::Refused, &words, &["right-one", "hunter2", &name]);

    server.cli(&["ACL", "SETUSER", "reader", "on", ">hunter2", "~*", "+get"]).unwrap();
    let reader = bare.replace("//", "//reader:hunter2@");
    let (reader, _) = errors(&redis(&reader), &name).await;
    assert_all(&reader, StoreErrorKind::Refused, &["does not permit"], &["hunter2", &name]);

    let (database, _) = errors(&redis(&format!("{}/99", server.url())), &name).await;
    assert_all(&database, StoreErrorKind::Refused, &["no database of this number"], &["right-one"]);
}

#[tokio::test]
async fn a_certificate_of_nobody_is_refused() {
    let server = Redis::options().password("hunter2").tls().start().unwrap();
    let url = server.tls_url().unwrap();
    let (untrusted, _) = errors(&redis(&url), "x").await;
    assert_all(&untrusted, StoreErrorKind::Refused, &["not trusted", "sslrootcert"], &["hunter2"]);
    let other = Redis::options().tls().start().unwrap();
    let url = format!("{url}?sslrootcert={}", other.certificate().unwrap().display());
    let (untrusted, _) = errors(&redis(&url), "x").await;
    assert_all(&untrusted, StoreErrorKind::Refused, &["not trusted"], &["hunter2"]);

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----").unwrap();
    for path in ["/nowhere/ca.pem", file.path().to_str().unwrap()] {
        let url = format!("rediss://h?sslrootcert={path}");
        let error = RedisCache::from_url(&url).unwrap_err().to_string();
        assert!(error.contains(path), "{error}");
    }
    // TLS where there is none, and the other way round.
    let plain = server.url().replace("redis://", "rediss://");
    errors(&redis(&format!("{plain}?timeout=0.5")), "x").await;
    let port = server.tls_url().unwrap().replace("rediss://", "redis://");
    errors(&redis(&format!("{port}?timeout=0.5")), "x").await;
}

/// Redis before 6.2 repeats the whole command that it does not know, with the name in it.
#[tokio::test]
async fn an_old_server_is_told_from_a_broken_one() {
    let old = Redis::options().setting("rename-command GETEX", "\"\"").start().unwrap();
    let name = fresh_name();
    let error = redis(&old.url()).get(&name).await.unwrap_err();
    assert_all(&[error], StoreErrorKind::Refused, &["Redis 6.2"], &[&name]);
    let older = Redis::options().setting("rename-command HELLO", "\"\"").start().unwrap();
    let url = older.url().replace("//", "//:hunter2@");
    let (errors, _) = errors(&redis(&url), &name).await;
    assert_all(&errors, StoreErrorKind::Refused, &["Redis 6.2"], &["hunter2", &name]);
}

#[tokio::test]
async fn what_no_cache_wrote_is_refused() {
    let server = Redis::start().unwrap();
    let cache = redis(&server.url());
    let name = fresh_name();
    server.cli(&["LPUSH", &name, "1"]).unwrap();
    let get = cache.get(&name).await.unwrap_err();
    let swap = cache.swap(&name, &seen(b"1"), b"2", in_an_hour()).await.unwrap_err();
    assert_all(&[get, swap], StoreErrorKind::Corrupt, &["no cache wrote"], &[&name]);
}

#[tokio::test]
async fn a_full_server_says_so_and_serves_what_it_has() {
    let server = Redis::start().unwrap();
    let cache = redis(&server.url());
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let add = cache.add(&fresh_name(), b"x", in_an_hour()).await.unwrap_err();
    assert_all(&[add], StoreErrorKind::Refused, &["maxmemory"], &[&name]);
    // Whoever has a session may go on with it.
    let swapped = cache.swap(&name, &seen(b"one"), b"two", in_an_hour()).await.unwrap();
    assert_eq!(swapped, Swapped::Stored);
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"two");
    cache.delete(&name).await.unwrap();
}

/// A replica may be behind: an old session, or none where there is one.
#[tokio::test]
async fn a_replica_never_answers() {
    let master = Redis::start().unwrap();
    let replica = Redis::options().replica_of(&master).start().unwrap();
    let name = fresh_name();
    assert!(redis(&master.url()).add(&name, b"one", in_an_hour()).await.unwrap());
    let started = Instant::now();
    while replica.cli(&["GET", &name]).unwrap().trim() != "one" {
        assert!(started.elapsed() < Duration::from_secs(10), "it could answer");
    }
    let cache = redis(&replica.url());
    for name in [name, fresh_name()] {
        let (errors, _) = errors(&cache, &name).await;
        assert_all(&errors, StoreErrorKind::Unavailable, &["is a replica"], &[&name]);
        let seen = seen(b"one");
        let end = cache.swap(&name, &seen, b"one", Timestamp::UNIX_EPOCH).await.unwrap_err();
        assert_all(&[end], StoreErrorKind::Unavailable, &["is a replica"], &[&name]);
    }
}

/// The connection stays when a master is demoted by hand.
#[tokio::test]
async fn a_master_that_was_demoted_does_not_answer() {
    let (old, new) = (Redis::start().unwrap(), Redis::start().unwrap());
    let cache = redis(&old.url());
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    old.cli(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]).unwrap();
    let (errors, _) = errors(&cache, &name).await;
    assert_all(&errors, StoreErrorKind::Unavailable, &["is a replica"], &[&name]);
    old.cli(&["REPLICAOF", "NO", "ONE"]).unwrap();
    wait_until_it_works(&cache).await;
}

#[tokio::test]
async fn a_write_that_no_replica_confirms_is_an_error() {
    let master = Redis::start().unwrap();
    let replica = Redis::options().replica_of(&master).start().unwrap();
    until_it_follows(&master, &replica);
    let cache = redis(&format!("{}?wait=1&timeout=1", master.url()));
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    assert_eq!(replica.cli(&["GET", &name]).unwrap().trim(), "one");
    replica.pause().unwrap();
    let started = Instant::now();
    let error = cache.swap(&name, &seen(b"one"), b"two", in_an_hour()).await.unwrap_err();
    let words = ["the write is done in Redis at", "0 of 1 replicas confirmed it"];
    assert_all(&[error], StoreErrorKind::Unavailable, &words, &[&name]);
    assert!(started.elapsed() < Duration::from_millis(1300));
    // A read does not wait behind it.
    let slow = cache.add("other", b"x", in_an_hour());
    let fast = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let started = Instant::now();
        assert_eq!(value_of(&cache, &name).await.unwrap(), b"two");
        started.elapsed()
    };
    let (slow, fast) = tokio::join!(slow, fast);
    assert!(slow.is_err() && fast < Duration::from_millis(300), "{slow:?} {fast:?}");
    // What changed nothing needs no confirmation.
    assert!(!cache.add(&name, b"x", in_an_hour()).await.unwrap());
    let conflict = cache.swap(&name, &seen(b"one"), b"x", in_an_hour()).await.unwrap();
    assert_eq!(conflict, Swapped::Conflict);
    cache.delete(&name).await.unwrap_err();
    cache.delete(&fresh_name()).await.unwrap();
    replica.resume().unwrap();
    wait_until_it_works(&cache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_lead_to_the_new_master() {
    let all = RedisSentinel::start().unwrap();
    let url = format!("redis+sentinel://{}/{}", hosts(&all.urls()), RedisSentinel::MASTER_NAME);
    let cache = redis(&format!("{url}?wait=1"));
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    let old = all.master().unwrap();
    old.kill().unwrap();
    let took = wait_until_it_works(&cache).await;
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"one", "a replica had confirmed it");
    assert_ne!(all.master().unwrap().port(), old.port());
    // One that comes back thinks it is the master, until the Sentinels tell it.
    old.restart().unwrap();
    all.wait_until_healthy().unwrap();
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"one");

    // One Sentinel that hangs is not waited for.
    all.sentinels()[0].pause().unwrap();
    let started = Instant::now();
    assert_eq!(value_of(&redis(&url), &name).await.unwrap(), b"one");
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    all.sentinels()[0].resume().unwrap();

    let unknown = redis(&format!("redis+sentinel://{}/nobody", hosts(&all.urls())));
    let (errors, _) = errors(&unknown, &name).await;
    assert_all(&errors, StoreErrorKind::Refused, &["know no master \"nobody\""], &[&name]);
    for sentinel in all.sentinels() {
        sentinel.kill().unwrap();
    }
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"one", "the master is known already");
    let error = redis(&url).get(&name).await.unwrap_err();
    assert_all(&[error], StoreErrorKind::Unavailable, &["the Sentinels at"], &[&name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_loses_a_node_and_goes_on() {
    let cluster = RedisCluster::start().unwrap();
    let cache = redis(&format!("redis+cluster://{}?wait=1", hosts(&cluster.urls())));
    let names: Vec<String> = (0..30).map(|_| fresh_name()).collect();
    for name in &names {
        assert!(cache.add(name, name.as_bytes(), in_an_hour()).await.unwrap());
    }
    let lost = cluster.master_for(&names[0]).unwrap();
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| cluster.master_for(name).unwrap().port() == lost.port());
    lost.kill().unwrap();
    for name in &elsewhere {
        assert_eq!(value_of(&cache, name).await.unwrap(), name.as_bytes());
    }
    // Until the replica has taken over, and all nodes know: errors, and never "absent".
    let started = Instant::now();
    for name in here {
        let record = loop {
            match cache.get(name).await {
                Ok(record) => break record,
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}"),
            }
            assert!(started.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert_eq!(record.expect("it was confirmed").payload(), name.as_bytes());
    }
    lost.restart().unwrap();
    cluster.wait_until_healthy().unwrap();
    for name in &names {
        let swapped = cache.swap(name, &seen(name.as_bytes()), b"two", in_an_hour()).await;
        assert_eq!(swapped.unwrap(), Swapped::Stored);
    }
    for node in cluster.nodes() {
        node.kill().unwrap();
    }
    let started = Instant::now();
    let error = cache.get(&names[0]).await.unwrap_err();
    assert_all(&[error], StoreErrorKind::Unavailable, &["the Redis Cluster at"], &[&names[0]]);
    assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    for node in cluster.nodes() {
        node.restart().unwrap();
    }
    cluster.wait_until_healthy().unwrap();
    wait_until_it_works(&cache).await;
}

/// Names are on their way from one node to another.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_moves_names_about() {
    let cluster = RedisCluster::start().unwrap();
    let cache = redis(&format!("redis+cluster://{}", hosts(&cluster.urls())));
    let (stays, fresh) = (format!("{{tag}}{}", fresh_name()), format!("{{tag}}{}", fresh_name()));
    assert!(cache.add(&stays, b"one", in_an_hour()).await.unwrap());
    let from = cluster.master_for("{tag}").unwrap();
    let mut others = ["a", "b", "c", "d", "e", "f", "g"].into_iter();
    let to = others
        .find_map(|key| cluster.master_for(key).ok().filter(|node| node.port() != from.port()));
    let to = to.unwrap();
    let id = |node: &Redis| node.cli(&["CLUSTER", "MYID"]).unwrap().trim().to_owned();
    let slot = from.cli(&["CLUSTER", "KEYSLOT", "{tag}"]).unwrap().trim().to_owned();
    to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]).unwrap();
    from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]).unwrap();
    assert_eq!(value_of(&cache, &stays).await.unwrap(), b"one", "it has not moved yet");
    // What is not there any more is asked of the other node.
    assert!(cache.add(&fresh, b"new", in_an_hour()).await.unwrap());
    assert_eq!(value_of(&cache, &fresh).await.unwrap(), b"new");
    let swapped = cache.swap(&fresh, &seen(b"new"), b"newer", in_an_hour()).await.unwrap();
    assert_eq!(swapped, Swapped::Stored);
    assert_eq!(value_of(&cache, &fresh).await.unwrap(), b"newer");
    let port = to.port().to_string();
    from.cli(&["MIGRATE", "127.0.0.1", &port, &stays, "0", "5000"]).unwrap();
    for node in [to, from] {
        node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]).unwrap();
    }
    // MOVED: the client did not know yet.
    assert_eq!(value_of(&cache, &stays).await.unwrap(), b"one");
    cache.delete(&fresh).await.unwrap();
    assert_eq!(value_of(&cache, &fresh).await, None);
}
