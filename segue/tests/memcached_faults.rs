//! memcached in trouble: a clear error each time, in bounded time, and no answer that is not true.

#![cfg(feature = "memcached")]
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

use cache_contract::{assert_all, errors, fresh_name, in_an_hour, seen, value_of};
use segue::caches::MemcachedCache;
use segue::{Cache as _, StoreErrorKind, Swapped};
use servers::Memcached;

fn cache(servers: &[&Memcached], options: &str) -> MemcachedCache {
    let servers: Vec<String> = servers.iter().map(|server| server.address()).collect();
    MemcachedCache::from_url(&format!("memcached://{}{options}", servers.join(","))).unwrap()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let server = Memcached::start().unwrap();
    let cache = cache(&[&server], "");
    server.kill().unwrap();
    let name = fresh_name();
    let (errors, slowest) = errors(&cache, &name).await;
    let place = format!("memcached at {} cannot be reached", server.address());
    assert_all(&errors, StoreErrorKind::Unavailable, &[&place], &[&name]);
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    let shown = format!("MemcachedCache(memcached://{})", server.address());
    assert_eq!(format!("{cache:?}"), shown);
}

/// The connections of the time before are dead, and nobody has noticed.
#[tokio::test]
async fn after_a_restart_the_first_command_succeeds() {
    let server = Memcached::start().unwrap();
    let cache = cache(&[&server], "");
    let name = fresh_name();
    for round in 0..4 {
        // More than one connection.
        let many = (0..4).map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.add(&fresh_name(), b"x", in_an_hour()).await.unwrap() })
        });
        for add in many.collect::<Vec<_>>() {
            assert!(add.await.unwrap());
        }
        assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
        let before = cache.get(&name).await.unwrap().unwrap();
        server.kill().unwrap();
        server.restart().unwrap();
        // Writes ask first where there was a pause; reads are simply sent again.
        tokio::time::sleep(Duration::from_millis(if round == 0 { 0 } else { 1100 })).await;
        match round {
            0 => assert_eq!(value_of(&cache, &name).await, None),
            1 => assert!(cache.add(&fresh_name(), b"x", in_an_hour()).await.unwrap()),
            2 => {
                let swapped = cache.swap(&name, &before, b"two", in_an_hour()).await.unwrap();
                assert_eq!(swapped, Swapped::Gone);
            }
            _ => cache.delete(&name).await.unwrap(),
        }
    }
}

/// A write that meets the end of the connection is not tried again; the next one succeeds.
#[tokio::test]
async fn a_write_is_never_sent_twice() {
    let server = Memcached::start().unwrap();
    let cache = cache(&[&server], "");
    assert!(cache.add(&fresh_name(), b"x", in_an_hour()).await.unwrap());
    server.kill().unwrap();
    server.restart().unwrap();
    let error = cache.add(&fresh_name(), b"x", in_an_hour()).await.unwrap_err();
    assert_all(
        &[error],
        StoreErrorKind::Unavailable,
        &["the connection to memcached at"],
        &["sessions"],
    );
    assert!(cache.add(&fresh_name(), b"x", in_an_hour()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_costs_no_more_than_the_timeout() {
    let server = Memcached::start().unwrap();
    let cache = cache(&[&server], "?timeout=0.4&pool=2");
    let name = fresh_name();
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    server.pause().unwrap();
    let (errors, slowest) = errors(&cache, &name).await;
    assert_all(&errors, StoreErrorKind::Unavailable, &["did not answer within 0.4 s"], &[&name]);
    assert!(slowest < Duration::from_millis(700), "{slowest:?}");
    // Nor do those who wait for a connection.
    let started = Instant::now();
    let many = (0..50).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get("x").await.unwrap_err().to_string() })
    });
    for get in many.collect::<Vec<_>>() {
        let error = get.await.unwrap();
        assert!(error.contains("within 0.4 s") || error.contains("busy for 0.4 s"), "{error}");
    }
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    server.resume().unwrap();
    let started = Instant::now();
    while let Err(error) = cache.get(&name).await {
        assert!(started.elapsed() < Duration::from_secs(5), "{error:?}");
    }
}

/// What was deleted or replaced must not be found on a server where it was before.
#[tokio::test]
async fn names_of_a_server_that_is_down_are_errors_and_do_not_move() {
    let (one, two) = (Memcached::start().unwrap(), Memcached::start().unwrap());
    let both = cache(&[&one, &two], "");
    let names: Vec<String> = (0..40).map(|_| fresh_name()).collect();
    for name in &names {
        assert!(both.add(name, b"one", in_an_hour()).await.unwrap());
    }
    let only_one = cache(&[&one], "");
    let mut here = 0;
    two.kill().unwrap();
    for name in &names {
        let is_here = only_one.get(name).await.unwrap().is_some();
        here += usize::from(is_here);
        match both.get(name).await {
            Ok(record) => assert!(is_here && record.unwrap().payload() == b"one"),
            Err(error) => {
                assert!(!is_here, "{error:?}");
                assert_all(&[error], StoreErrorKind::Unavailable, &[&two.address()], &[name]);
                both.add(name, b"two", in_an_hour()).await.unwrap_err();
            }
        }
    }
    assert!((5..=35).contains(&here), "they are spread: {here}");
}

/// memcached drops the old value when a new one is too large.
#[tokio::test]
async fn what_is_too_large_is_refused_and_costs_nothing() {
    let server = Memcached::start().unwrap();
    let (name, large) = (fresh_name(), vec![b'x'; 1024 * 1024]);
    let careful = cache(&[&server], "");
    assert!(careful.add(&name, b"one", in_an_hour()).await.unwrap());
    let one = careful.get(&name).await.unwrap().unwrap();
    let errors = [
        careful.swap(&name, &one, &large, in_an_hour()).await.unwrap_err(),
        careful.add(&name, &large, in_an_hour()).await.unwrap_err(),
        careful.add(&fresh_name(), &large, in_an_hour()).await.unwrap_err(),
    ];
    assert_all(&errors, StoreErrorKind::TooLarge, &["too large for memcached"], &[&name]);
    assert_eq!(value_of(&careful, &name).await.unwrap(), b"one");
    // The largest that fits does.
    let fits = vec![b'x'; 1024 * 1024 - 64 - name.len()];
    let swapped = careful.swap(&name, &one, &fits, in_an_hour()).await.unwrap();
    assert_eq!(swapped, Swapped::Stored);
    assert!(value_of(&careful, &name).await.unwrap() == fits);
    // A little more does not, to us as to the server.
    let more = vec![b'x'; fits.len() + 20];
    let error = careful.swap(&name, &seen(&fits), &more, in_an_hour()).await.unwrap_err();
    assert_all(&[error], StoreErrorKind::TooLarge, &["?item_size_max="], &[&name]);
    assert!(value_of(&careful, &name).await.unwrap() == fits);

    // Where the setting is wrong, that is what happens, and it is said.
    let wrong = cache(&[&server], "?item_size_max=4194304");
    let error = wrong.swap(&name, &seen(&fits), &large, in_an_hour()).await.unwrap_err();
    assert_all(&[error], StoreErrorKind::TooLarge, &["which dropped the old one"], &[&name]);
    assert_eq!(value_of(&wrong, &name).await, None);
}

#[tokio::test]
async fn names_that_memcached_would_misread_are_refused() {
    let server = Memcached::start().unwrap();
    let cache = cache(&[&server], "");
    let long = "x".repeat(251);
    for name in ["a b", "a\r\nflush_all\r\n", "a\0", "a\u{7f}", long.as_str()] {
        let (errors, _) = errors(&cache, name).await;
        assert_all(&errors, StoreErrorKind::Unsupported, &["KEY_PREFIX"], &[name]);
    }
    let name = format!("site\u{e9}:{}", "x".repeat(240));
    assert!(cache.add(&name, b"x", in_an_hour()).await.unwrap());
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"x");
}

/// Who gives up on an answer must not leave it to the next one.
#[tokio::test]
async fn a_cancelled_command_leaves_nothing_behind() {
    let server = Memcached::start().unwrap();
    let cache = cache(&[&server], "?pool=1");
    let (mine, yours) = (fresh_name(), fresh_name());
    cache.add(&mine, b"mine", in_an_hour()).await.unwrap();
    cache.add(&yours, b"yours", in_an_hour()).await.unwrap();
    for micros in 0..200 {
        let late = tokio::time::timeout(Duration::from_micros(micros), cache.get(&yours)).await;
        drop(late);
        assert_eq!(value_of(&cache, &mine).await.unwrap(), b"mine");
    }
}
