//! Logins without end, and fields without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use segue::settings::PasswordHasher;

use crate::site::{LOGIN, NEW, PASSWORD, Site, WRONG};

/// A queue of a bounded length: whoever finds no place is told at once, and has not guessed.
#[tokio::test]
async fn of_a_thousand_logins_at_once_some_wait_and_the_rest_come_again() {
    let site = Site::with(|settings| {
        settings.passwords.hashing_limit = 1;
        settings.throttle.limit = 1;
        let hasher = PasswordHasher::Pbkdf2Sha256 { iterations: 20_000 };
        settings.passwords.hashers = Some(vec![hasher]);
    })
    .await;
    let visitors: Vec<_> = (0..1000)
        .map(|n: u32| {
            let address = format!("192.0.{}.{}:1", n / 250, n % 250).leak();
            site.visitor().from(address)
        })
        .collect();
    let all: Vec<_> = visitors
        .into_iter()
        .enumerate()
        .map(|(n, mut visitor)| {
            tokio::spawn(async move {
                let answer = visitor.log_in(&format!("nobody{n}"), "a guess").await;
                (visitor, answer)
            })
        })
        .collect();
    let (mut judged, mut busy) = (Vec::new(), Vec::new());
    for (n, login) in all.into_iter().enumerate() {
        let (visitor, answer) = login.await.unwrap();
        match answer.status {
            StatusCode::OK => judged.push((n, visitor)),
            StatusCode::SERVICE_UNAVAILABLE => {
                assert_eq!(answer.header("retry-after"), Some("5"));
                assert_eq!(answer.body, "The service is busy. Please try again.");
                busy.push((n, visitor));
            }
            status => panic!("{status}: {answer:?}"),
        }
    }
    assert!(judged.len() >= 129 && busy.len() > 100, "{} {}", judged.len(), busy.len());
    let (n, mut visitor) = judged.pop().unwrap();
    let refused = visitor.log_in(&format!("nobody{n}"), "a guess").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    for (n, mut visitor) in busy.into_iter().rev().take(5) {
        visitor.log_in(&format!("nobody{n}"), "a guess").await.shows(&[WRONG]);
    }
    // The queue is empty again.
    site.visitor().from("198.51.100.1:1").log_in("ann", PASSWORD).await.location();
}

#[tokio::test]
async fn fields_without_end_are_answered_and_kept_nowhere() {
    let site = Site::new().await;
    let long = "é".repeat(300_000);
    let mut visitor = site.visitor();
    let page = visitor.log_in(&long, "x").await;
    page.shows(&["Ensure this value has at most 150 characters (it has 300000)."]);
    let almost_two_megabytes = "a".repeat(2_000_000);
    visitor.log_in("ann", &almost_two_megabytes).await.shows(&[WRONG]);
    visitor.log_in("zoe", &almost_two_megabytes).await.shows(&[WRONG]);
    let more = "a".repeat(3_000_000);
    for (name, password) in [("ann", more.as_str()), (more.as_str(), "x")] {
        let answer = visitor.log_in(name, password).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.body.len() < 1000, "{}", answer.body.len());
    }
    let next = format!("/{}", "a".repeat(100_000));
    let fields = [("username", "ann"), ("password", PASSWORD), ("next", &next)];
    assert_eq!(visitor.post(LOGIN, &fields).await.location(), "/accounts/profile/");

    // A new password without end is as good as another.
    let long = "correct horse ".repeat(40_000);
    visitor.change(PASSWORD, &long, NEW).await.shows(&["fields didn’t match"]);
    visitor.change(PASSWORD, &long, &long).await.location();
    site.visitor().log_in("ann", &long).await.location();
}

/// While strangers keep the queue full, whoever wants another password is told to come again, as
/// often as it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_found_no_place_is_no_guess() {
    let site = Site::with(|settings| {
        settings.passwords.hashing_limit = 1;
        let hasher = PasswordHasher::Pbkdf2Sha256 { iterations: 20_000 };
        settings.passwords.hashers = Some(vec![hasher]);
    })
    .await;
    let mut ann = site.logged_in("ann").await.from("198.51.100.1:1");
    let enough = Arc::new(AtomicBool::new(false));
    let strangers: Vec<_> = (0..300)
        .map(|n: u32| {
            let address = format!("192.0.{}.{}:1", n / 250, n % 250).leak();
            let (mut visitor, enough) = (site.visitor().from(address), Arc::clone(&enough));
            tokio::spawn(async move {
                for guess in 0.. {
                    if enough.load(Ordering::SeqCst) {
                        break;
                    }
                    visitor.log_in(&format!("nobody{n}of{guess}"), "a guess").await;
                }
            })
        })
        .collect();
    let mut busy = 0;
    while busy < 11 {
        let answer = ann.change(PASSWORD, NEW, "another").await;
        match answer.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                assert_eq!(answer.header("retry-after"), Some("5"));
                busy += 1;
            }
            // There was a place, and the old password was right: what was counted is forgotten.
            StatusCode::OK => busy = 0,
            status => panic!("{status}: {answer:?}"),
        }
    }
    enough.store(true, Ordering::SeqCst);
    for stranger in strangers {
        stranger.await.unwrap();
    }
    ann.change(PASSWORD, NEW, NEW).await.location();
}
