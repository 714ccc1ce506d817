//! Waiters who go away, lines that break and servers that die, with batches under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use segue::caches::RedisCache;
use segue::{Cache as _, StoreErrorKind, Swapped};
use servers::Redis;
use tokio::task::{JoinHandle, JoinSet};

use super::cache_contract::{fresh_name, in_an_hour, seen, value_of};
use super::redis_line::Line;
use super::{add, know_the_script, redis};

/// What a busy machine takes besides, unless somebody waits for the wrong thing.
const SLACK: Duration = Duration::from_millis(1500);

fn swaps(
    cache: &RedisCache,
    names: &[String],
    before: &'static [u8],
    after: &'static [u8],
) -> Vec<JoinHandle<Swapped>> {
    let swap = |name: &String| {
        let (cache, name) = (cache.clone(), name.clone());
        tokio::spawn(
            async move { cache.swap(&name, &seen(before), after, in_an_hour()).await.unwrap() },
        )
    };
    names.iter().map(swap).collect()
}

/// Ends every second, lets the answers through, and looks at the others.
async fn without_half(swaps: Vec<JoinHandle<Swapped>>, line: &Line) {
    swaps.iter().step_by(2).for_each(JoinHandle::abort);
    tokio::task::yield_now().await;
    line.release();
    for (number, swap) in swaps.into_iter().enumerate() {
        match swap.await {
            Ok(swapped) => {
                assert!(number % 2 == 1 && swapped == Swapped::Stored, "{number} {swapped:?}");
            }
            Err(error) => assert!(number % 2 == 0 && error.is_cancelled(), "{number} {error}"),
        }
    }
}

/// Half of those who wait go away, and half of those who are on their way: the others have what they wanted,
/// and what has not left is not done.
#[tokio::test]
async fn who_goes_away_changes_nothing_for_the_others() {
    let server = Redis::start().unwrap();
    let line = Line::to(server.port()).await;
    let cache = redis(&format!("redis://{}?batches=1", line.address));
    let names = add(&cache, 60).await;
    know_the_script(&cache, &names[0]).await;

    line.hold();
    line.turns();
    let first = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get("nothing").await.unwrap() }
    });
    line.until_sent(1).await;
    let waiting = swaps(&cache, &names, b"one", b"two");
    tokio::task::yield_now().await;
    without_half(waiting, &line).await;
    assert_eq!(first.await.unwrap(), None);
    assert_eq!(*line.turns(), [1, 30]);
    for (number, name) in names.iter().enumerate() {
        let expected: &[u8] = if number % 2 == 1 { b"two" } else { b"one" };
        assert_eq!(value_of(&cache, name).await.unwrap(), expected, "{number}");
        let _ = cache.swap(name, &seen(b"one"), b"two", in_an_hour()).await.unwrap();
    }

    line.hold();
    line.turns();
    let on_their_way = swaps(&cache, &names, b"two", b"three");
    line.until_sent(60).await;
    assert_eq!(*line.turns(), [60]);
    without_half(on_their_way, &line).await;
    for name in &names {
        assert_eq!(value_of(&cache, name).await.unwrap(), b"three");
    }
}

/// The line breaks while a batch of everything is on its way: what does no harm twice is done again, and what
/// was written is an error and was done once.
#[tokio::test]
async fn of_a_lost_batch_only_what_does_no_harm_is_sent_again() {
    let server = Redis::start().unwrap();
    let line = Line::to(server.port()).await;
    let cache = redis(&format!("redis://{}?batches=1", line.address));
    let names = add(&cache, 40).await;
    know_the_script(&cache, &names[0]).await;
    line.hold();
    line.turns();
    let mut asking = JoinSet::new();
    for (number, name) in names.iter().cloned().enumerate() {
        let cache = cache.clone();
        asking.spawn(async move {
            let error = match number % 4 {
                0 => {
                    assert_eq!(value_of(&cache, &name).await.unwrap(), b"one", "it is read again");
                    return;
                }
                1 => return cache.delete(&name).await.unwrap(),
                2 => cache.swap(&name, &seen(b"one"), b"two", in_an_hour()).await.unwrap_err(),
                _ => cache.add(&format!("{name}2"), b"new", in_an_hour()).await.unwrap_err(),
            };
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
            assert!(error.to_string().contains("broke"), "{error}");
        });
    }
    line.until_sent(40).await;
    // Until the server has done it all.
    while server.cli(&["EXISTS", &names[37]]).unwrap().trim() != "0" {}
    line.cut();
    asking.join_all().await;
    assert_eq!(*line.turns(), [40, 20]);
    for (number, name) in names.iter().enumerate() {
        let value = value_of(&cache, name).await;
        match number % 4 {
            1 => assert_eq!(value, None),
            2 => assert_eq!(value.unwrap(), b"two"),
            3 => assert_eq!(value_of(&cache, &format!("{name}2")).await.unwrap(), b"new"),
            _ => assert_eq!(value.unwrap(), b"one"),
        }
    }
}

/// The server hangs with one batch on its way and many who wait: each is told when its own time is up, and not
/// when the time of all before it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_for_longer_than_the_timeout() {
    let server = Redis::start().unwrap();
    let timeout = Duration::from_secs(6);
    let cache = redis(&format!("{}?batches=1&timeout={}", server.url(), timeout.as_secs()));
    let names = add(&cache, 1).await;
    server.pause().unwrap();
    let mut asking = JoinSet::new();
    for number in 0..300 {
        let (cache, name) = (cache.clone(), names[0].clone());
        asking.spawn(async move {
            tokio::time::sleep(Duration::from_millis(number * 40)).await;
            let started = Instant::now();
            let error = match number % 3 {
                0 => cache.get(&name).await.unwrap_err(),
                1 => cache.add(&fresh_name(), b"one", in_an_hour()).await.unwrap_err(),
                _ => cache.swap(&name, &seen(b"two"), b"x", in_an_hour()).await.unwrap_err(),
            };
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
            started.elapsed()
        });
    }
    let waited = asking.join_all().await;
    let longest = waited.into_iter().max().unwrap();
    assert!(longest < timeout + SLACK, "{longest:?}");
    server.resume().unwrap();
    assert_eq!(value_of(&cache, &names[0]).await.unwrap(), b"one");
}

/// Those who are together on their way came at different times, and the time of one may be up before that of
/// another: who has time left goes on waiting, and gets the answer.
#[tokio::test]
async fn who_has_time_left_is_not_given_up_with_the_others() {
    let server = Redis::start().unwrap();
    let line = Line::to(server.port()).await;
    let cache = redis(&format!("redis://{}?batches=1&timeout=2", line.address));
    let name = add(&cache, 1).await.remove(0);
    line.hold();
    let ask_after = |millis| {
        let (cache, name) = (cache.clone(), name.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            cache.get(&name).await
        })
    };
    let (first, second, third) = (ask_after(0), ask_after(200), ask_after(1400));
    let told = first.await.unwrap().unwrap_err();
    assert!(told.to_string().contains("did not answer within 2 s"), "{told}");
    // These two left together when the first was given up.
    let told = second.await.unwrap().unwrap_err();
    assert!(told.to_string().contains("did not answer within 2 s"), "{told}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!third.is_finished());
    line.release();
    assert_eq!(third.await.unwrap().unwrap().unwrap().payload(), b"one");
}

/// Killed under load and started again, with appendonly: what was acknowledged is there, and nothing was done
/// twice. Each of many counts in a name of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_is_there_and_was_done_once() {
    let server = Redis::options().durable().start().unwrap();
    for options in ["batches=1", "batches=4"] {
        let cache = redis(&format!("{}?timeout=1&{options}", server.url()));
        let names = add(&cache, 40).await;
        let over = Arc::new(AtomicBool::new(false));
        let mut counting = JoinSet::new();
        for name in names {
            let (cache, over) = (cache.clone(), Arc::clone(&over));
            counting.spawn(async move {
                // What it may be: after an error nobody knows whether it was done.
                let mut value = b"one".to_vec();
                let (mut number, mut acknowledged) = (0_u32, 0_u32);
                while !over.load(Ordering::SeqCst) {
                    number += 1;
                    let next = number.to_string().into_bytes();
                    let started = Instant::now();
                    match cache.swap(&name, &seen(&value), &next, in_an_hour()).await {
                        Ok(swapped) => {
                            assert_eq!(swapped, Swapped::Stored, "{name} {number}");
                            (value, acknowledged) = (next, acknowledged + 1);
                        }
                        Err(_) => {
                            assert!(started.elapsed() < Duration::from_secs(1) + SLACK);
                            // A server that hung may take up what it was sent before after what it is asked now.
                            let found = loop {
                                assert!(
                                    started.elapsed() < Duration::from_secs(60),
                                    "{name} {number}"
                                );
                                tokio::time::sleep(Duration::from_millis(20)).await;
                                if cache.get(&name).await.is_ok() {
                                    tokio::time::sleep(Duration::from_millis(300)).await;
                                    if let Ok(found) = cache.get(&name).await {
                                        break found.expect("it is there");
                                    }
                                }
                            };
                            let found = found.payload().to_vec();
                            assert!(found == value || found == next, "{name} {number} {found:?}");
                            value = found;
                        }
                    }
                }
                assert_eq!(value_of(&cache, &name).await.unwrap(), value);
                acknowledged
            });
        }
        for step in 0..3 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            if step == 2 {
                server.pause().unwrap();
                tokio::time::sleep(Duration::from_millis(1500)).await;
                server.resume().unwrap();
            } else {
                server.kill().unwrap();
                tokio::time::sleep(Duration::from_millis(200)).await;
                server.restart().unwrap();
            }
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        over.store(true, Ordering::SeqCst);
        let acknowledged: u32 = counting.join_all().await.into_iter().sum();
        assert!(acknowledged > 400, "there was load: {acknowledged}");
    }
}
