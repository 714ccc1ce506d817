//! Failed logins are counted before any password is looked at, and attackers do not get around it.

#![cfg(all(feature = "auth", feature = "redis", feature = "memcached"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod attacks;
mod cache;
#[path = "../common/mod.rs"]
mod common;
mod servers;

use std::net::IpAddr;
use std::time::Duration;

use common::{Log, clock};
use segue::auth::throttle::Throttle;
use segue::{Clock, Settings, SignedDuration};

const WINDOW: i64 = 900;

fn settings() -> Settings {
    Settings::new("a secret of these tests alone")
}

/// One that counts in memory, by this clock.
fn throttle(clock: &Clock) -> Throttle {
    Throttle::with_cache(&settings(), None, clock.clone()).unwrap()
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

/// The nth of many addresses.
fn one_of_many(n: u32) -> Option<IpAddr> {
    Some(IpAddr::from((0x0a00_0000 + n).to_be_bytes()))
}

/// How many of so many guesses get as far as the password.
async fn guesses(throttle: &Throttle, account: &str, address: Option<IpAddr>, most: u32) -> u32 {
    let mut judged = 0;
    for _ in 0..most {
        judged += u32::from(throttle.attempt(account, address).await.is_ok());
    }
    judged
}

async fn log_in(throttle: &Throttle, account: &str, address: Option<IpAddr>) -> bool {
    match throttle.attempt(account, address).await {
        Ok(attempt) => {
            attempt.succeeded().await;
            true
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn ten_failures_of_one_account_from_one_address_are_enough_until_the_window_ends() {
    let clock = clock();
    let throttle = throttle(&clock);
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 1).await, 1);
    clock.advance(SignedDuration::from_millis(WINDOW * 1000 - 1001));
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 50).await, 9);
    let refused = throttle.attempt("ada", ip("192.0.2.1")).await.unwrap_err();
    assert_eq!(refused.retry_after(), Duration::from_secs(2), "rounded up");
    assert_eq!(refused.to_string(), "too many logins have failed; try again in 2 s");
    assert!(!log_in(&throttle, "ada", ip("192.0.2.1")).await, "with the right password, too");

    assert_eq!(guesses(&throttle, "grace", ip("192.0.2.1"), 1).await, 1, "another account");
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.2"), 1).await, 1, "another address");
    clock.advance(SignedDuration::from_millis(1000));
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 50).await, 0);
    clock.advance(SignedDuration::from_millis(1));
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 50).await, 10, "a new window");
}

#[tokio::test]
async fn a_hundred_failures_of_one_account_are_enough_from_wherever() {
    let throttle = throttle(&clock());
    let mut judged = 0;
    for n in 0..40 {
        judged += guesses(&throttle, "ada", one_of_many(n), 5).await;
    }
    assert_eq!(judged, 100);
    assert_eq!(guesses(&throttle, "grace", one_of_many(50), 5).await, 5);
}

#[tokio::test]
async fn a_hundred_failures_from_one_address_are_enough_for_whichever_account() {
    let throttle = throttle(&clock());
    let mut judged = 0;
    for n in 0..200 {
        judged += guesses(&throttle, &format!("user{n}"), ip("192.0.2.1"), 1).await;
    }
    assert_eq!(judged, 100);
    assert_eq!(guesses(&throttle, "user1", ip("192.0.2.2"), 1).await, 1);
}

#[tokio::test]
async fn a_success_counts_for_nothing_and_forgets_the_failures_before_it() {
    let throttle = throttle(&clock());
    let address = ip("192.0.2.1");
    for _ in 0..500 {
        assert!(log_in(&throttle, "ada", address).await);
    }
    // Slips of the pen, and then it is right: over and over.
    for _ in 0..10 {
        assert_eq!(guesses(&throttle, "ada", address, 9).await, 9);
        assert!(log_in(&throttle, "ada", address).await);
    }
    // The address had 90 failures: those stay.
    assert_eq!(guesses(&throttle, "grace", address, 10).await, 10);
    assert_eq!(guesses(&throttle, "joan", address, 10).await, 0);
}

/// Whoever hangs up does not guess for nothing; a database in trouble locks nobody out.
#[tokio::test]
async fn what_is_dropped_stays_counted_and_what_could_not_be_judged_does_not() {
    let throttle = throttle(&clock());
    for _ in 0..500 {
        throttle.attempt("ada", ip("192.0.2.1")).await.unwrap().undecided().await;
    }
    for _ in 0..10 {
        let abandoned = async {
            let _attempt = throttle.attempt("ada", ip("192.0.2.1")).await.unwrap();
            std::future::pending::<()>().await;
        };
        let soon = tokio::time::timeout(Duration::from_millis(1), abandoned);
        soon.await.expect_err("it is dropped half-way");
    }
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 1).await, 0);
}

/// An attempt that ends in a later window takes nothing from it.
#[tokio::test]
async fn an_old_attempt_takes_nothing_from_a_new_window() {
    let clock = clock();
    let throttle = throttle(&clock);
    let old = throttle.attempt("ada", ip("192.0.2.1")).await.unwrap();
    clock.advance(SignedDuration::from_secs(WINDOW));
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 50).await, 10);
    old.undecided().await;
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 1).await, 0);
}

#[tokio::test]
async fn without_an_address_the_account_alone_is_counted_and_that_is_said_once() {
    let throttle = throttle(&clock());
    let log = Log::start();
    assert_eq!(guesses(&throttle, "ada", None, 150).await, 100);
    assert_eq!(guesses(&throttle, "grace", None, 1).await, 1, "others are not locked out");
    let log = log.take();
    assert_eq!(log.matches("into_make_service_with_connect_info").count(), 1, "{log}");
}

#[tokio::test]
async fn without_a_limit_nothing_is_refused() {
    let mut settings = settings();
    settings.throttle.limit = 0;
    let throttle = Throttle::new(&settings).unwrap();
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 1000).await, 1000);
    assert!(log_in(&throttle, "ada", ip("192.0.2.1")).await);
}

#[tokio::test]
async fn a_refusal_is_logged_with_the_address_and_without_the_name() {
    let throttle = throttle(&clock());
    let log = Log::start();
    guesses(&throttle, "hunter2", ip("192.0.2.1"), 11).await;
    let log = log.take();
    assert!(log.contains("192.0.2.1") && log.contains("too many"), "{log}");
    assert!(!log.contains("hunter2"), "some type their password there: {log}");
    assert!(!format!("{throttle:?}").contains("secret"));
}
