//! Redis and memcached, as two processes use them.

use std::path::Path;

use segue::auth::throttle::Throttle;
use segue::settings::{CacheSettings, CacheUrl};
use segue::{AnyCache, Clock, SessionKey, Settings, SignedDuration, Timestamp, caches};

use crate::{WINDOW, guesses, ip, log_in, one_of_many};

/// A secret of this test alone: so are the names in the cache.
fn secret() -> String {
    SessionKey::generate().unwrap().expose().to_owned()
}

fn open(url: &str) -> AnyCache {
    caches::open(&CacheSettings::new(CacheUrl::parse(url, Path::new("")).unwrap())).unwrap()
}

async fn counts_for_all(url: &str) {
    let clock = Clock::fixed(Timestamp::now());
    let settings = Settings::new(secret());
    let process = || Throttle::with_cache(&settings, Some(open(url)), clock.clone()).unwrap();
    let (one, other) = (process(), process());
    let address = ip("192.0.2.1");

    // Guesses at once, through both.
    let all = (0..40).map(|n| {
        let throttle = if n % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move { throttle.attempt("ada", address).await.is_ok() })
    });
    let mut judged = 0;
    for guess in all.collect::<Vec<_>>() {
        judged += u32::from(guess.await.unwrap());
    }
    assert_eq!(judged, 10);
    assert_eq!(guesses(&other, "ada", address, 1).await, 0);

    // The window ends by our clock.
    clock.advance(SignedDuration::from_secs(WINDOW));
    assert_eq!(guesses(&other, "ada", address, 9).await, 9);
    assert!(log_in(&one, "ada", address).await, "the tenth is right");
    assert_eq!(guesses(&other, "ada", address, 20).await, 10, "and the failures are forgotten");

    // A stranger uses up the rest; the owner is known to both.
    for n in 0..20 {
        guesses(&one, "ada", one_of_many(n), 10).await;
    }
    assert!(one.attempt("ada", one_of_many(99)).await.is_err());
    assert!(!log_in(&other, "ada", address).await, "ten have just failed there");
    clock.advance(SignedDuration::from_secs(WINDOW));
    for n in 0..20 {
        guesses(&one, "ada", one_of_many(n), 10).await;
    }
    assert!(log_in(&other, "ada", address).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    counts_for_all(servers::shared::redis()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn valkey() {
    counts_for_all(servers::shared::valkey()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_cluster() {
    let nodes: Vec<&str> = servers::shared::redis_cluster();
    let hosts: Vec<&str> = nodes.iter().map(|url| url.strip_prefix("redis://").unwrap()).collect();
    counts_for_all(&format!("redis+cluster://{}", hosts.join(","))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memcached() {
    counts_for_all(&format!("memcached://{}", servers::shared::memcached().join(","))).await;
}

/// By the settings alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_settings_name_the_cache() {
    let mut settings = Settings::new(secret());
    let url = CacheUrl::parse(servers::shared::redis(), Path::new("")).unwrap();
    settings.caches.insert("logins".to_owned(), CacheSettings::new(url));
    settings.throttle.cache = Some("logins".to_owned());
    let (one, other) = (Throttle::new(&settings).unwrap(), Throttle::new(&settings).unwrap());
    assert_eq!(guesses(&one, "ada", ip("192.0.2.1"), 20).await, 10);
    assert_eq!(guesses(&other, "ada", ip("192.0.2.1"), 20).await, 0);
}
