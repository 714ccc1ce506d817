//! Counts in a cache that several processes share.

use segue::auth::throttle::Throttle;
use segue::{AnyCache, Clock, Record, Timestamp};

use crate::common::{Health, Log, TestCache};
use crate::{guesses, ip, log_in, one_of_many, settings};

/// As of two processes.
fn two(cache: &TestCache) -> [Throttle; 2] {
    let clock = Clock::fixed(Timestamp::now());
    [(); 2].map(|()| {
        let cache = AnyCache::new(cache.clone());
        Throttle::with_cache(&settings(), Some(cache), clock.clone()).unwrap()
    })
}

#[tokio::test]
async fn neither_names_nor_addresses_stand_in_it() {
    let cache = TestCache::new();
    let [throttle, _] = two(&cache);
    guesses(&throttle, "ada", ip("192.0.2.1"), 5).await;
    assert!(log_in(&throttle, "ada", ip("192.0.2.1")).await);
    guesses(&throttle, "ada", ip("192.0.2.1"), 1).await;
    let values = cache.values();
    assert_eq!(values.len(), 4, "account, address, both, and that they are known");
    for (name, value) in &*values {
        let text = format!("{name} {}", String::from_utf8_lossy(value.payload()));
        assert!(name.starts_with(":1:segue.login."), "{text}");
        assert!(!text.contains("ada") && !text.contains("192"), "{text}");
    }
}

#[tokio::test]
async fn what_is_refused_makes_no_entries_and_writes_nothing() {
    let cache = TestCache::new();
    let [throttle, _] = two(&cache);
    for n in 0..100 {
        guesses(&throttle, &format!("user{n}"), ip("192.0.2.1"), 1).await;
    }
    let before = cache.values().clone();
    assert_eq!(before.len(), 201);
    cache.calls();
    for n in 0..1000 {
        assert_eq!(guesses(&throttle, &format!("more{n}"), ip("192.0.2.1"), 1).await, 0);
    }
    assert_eq!(cache.calls(), 3000, "three looks each");
    assert!(*cache.values() == before);

    // What is taken back leaves none either.
    let cache = TestCache::new();
    let [throttle, _] = two(&cache);
    throttle.attempt("ada", ip("192.0.2.1")).await.unwrap().undecided().await;
    assert!(cache.values().is_empty());
}

/// Three counters, of which the last one that is asked is full only when the others were counted.
#[tokio::test]
async fn a_guess_that_loses_a_race_leaves_no_count() {
    let cache = TestCache::new();
    let [throttle, _] = two(&cache);
    let all = (0..100).map(|_| {
        let throttle = throttle.clone();
        tokio::spawn(async move { throttle.attempt("ada", ip("192.0.2.1")).await.is_ok() })
    });
    let mut judged = 0;
    for guess in all.collect::<Vec<_>>() {
        judged += u32::from(guess.await.unwrap());
    }
    assert_eq!(judged, 10);
    let values = cache.values();
    let counts = values.values().map(|value| value.payload().split(|byte| *byte == b' ').next());
    assert!(counts.eq([Some(b"10".as_slice()); 3]), "all three count the ten");
}

#[tokio::test(start_paused = true)]
async fn a_cache_in_trouble_neither_opens_the_door_nor_locks_it() {
    for health in [Health::Down, Health::Hangs] {
        let cache = TestCache::new();
        let [one, other] = two(&cache);
        cache.set_health(health);
        let log = Log::start();
        assert_eq!(guesses(&one, "ada", ip("192.0.2.1"), 20).await, 10, "this process counts");
        assert_eq!(guesses(&other, "ada", ip("192.0.2.1"), 20).await, 10, "and that one");
        assert!(log_in(&one, "grace", ip("192.0.2.2")).await, "nobody else is locked out");
        assert!(log.take().contains("WARN"));
        cache.set_health(Health::Up);
        assert_eq!(guesses(&one, "ada", ip("192.0.2.1"), 20).await, 10);
        assert_eq!(guesses(&other, "ada", ip("192.0.2.1"), 20).await, 0, "both count together");
    }
}

/// It fails between the attempt and its end.
#[tokio::test(start_paused = true)]
async fn a_success_that_cannot_be_written_down_is_one() {
    for health in [Health::Down, Health::Hangs] {
        let cache = TestCache::new();
        let [throttle, _] = two(&cache);
        let attempt = throttle.attempt("ada", ip("192.0.2.1")).await.unwrap();
        cache.set_health(health);
        let log = Log::start();
        attempt.succeeded().await;
        assert!(log.take().contains("WARN"));
    }
}

/// Another program's value, or one that a wrong clock made.
#[tokio::test]
async fn a_value_that_is_none_counts_for_nothing_and_ends_nothing() {
    let far = Timestamp::now().as_millisecond() + 100 * 365 * 86_400_000;
    let nonsense = ["", "nonsense", "99999999999 5", "-5 5", "500 -1", "500", "500 5 5", "\u{e9}"];
    let forever = [format!("500 {far}"), format!("500 {}", i64::MAX), "500 0".to_owned()];
    for value in nonsense.map(str::to_owned).into_iter().chain(forever) {
        let cache = TestCache::new();
        let [throttle, _] = two(&cache);
        guesses(&throttle, "ada", ip("192.0.2.1"), 1).await;
        for record in cache.values().values_mut() {
            *record = Record::new(value.as_bytes(), Timestamp::MAX);
        }
        assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 50).await, 10, "{value:?}");
    }
}

/// Machines whose clocks differ a little count in one window.
#[tokio::test]
async fn a_clock_that_is_ahead_a_little_begins_no_new_window() {
    let cache = TestCache::new();
    let now = Timestamp::now();
    let at = |seconds: i64| {
        let clock = Clock::fixed(now + segue::SignedDuration::from_secs(seconds));
        let cache = AnyCache::new(cache.clone());
        Throttle::with_cache(&settings(), Some(cache), clock).unwrap()
    };
    let (ahead, behind) = (at(30), at(-30));
    let mut judged = 0;
    for _ in 0..20 {
        judged += guesses(&ahead, "ada", ip("192.0.2.1"), 1).await;
        judged += guesses(&behind, "ada", ip("192.0.2.1"), 1).await;
    }
    assert_eq!(judged, 10);
    assert_eq!(guesses(&behind, "grace", one_of_many(1), 1).await, 1);
}
