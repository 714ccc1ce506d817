//! Our time limits on sessions that Django shares and does not limit.

use std::time::Duration;

use segue::{Clock, Session, SessionKey, Sessions, SignedDuration, Timestamp};
use serde_json::Value;

use crate::place::{Place, open, settings};
use crate::side::Django;

const IDLE: i64 = 600;
const ABSOLUTE: i64 = 3600;

/// Both sides on one table, under one clock.
struct Both {
    _place: Place,
    sessions: Sessions,
    clock: Clock,
    django: Django,
}

impl Both {
    async fn new() -> Self {
        let place = Place::new().await;
        let mut settings = settings();
        settings.session.idle_timeout = Some(Duration::from_secs(IDLE.unsigned_abs()));
        settings.session.absolute_timeout = Some(Duration::from_secs(ABSOLUTE.unsigned_abs()));
        let clock = Clock::fixed(Timestamp::from_second(1_900_000_000).unwrap());
        let mut django = place.django();
        django.freeze(clock.now());
        let sessions = place.sessions_with(&settings, clock.clone());
        Self { _place: place, sessions, clock, django }
    }

    fn wait(&mut self, span: i64) {
        self.clock.advance(SignedDuration::from_secs(span));
        self.django.freeze(self.clock.now());
    }

    /// A request that only reads: the session as it found it.
    async fn request(&self, key: &SessionKey) -> Session {
        let session = open(&self.sessions, key).await;
        session.save().await.unwrap();
        session
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// What Django finds under a key.
    fn found_by_django(&mut self, key: &SessionKey) -> Value {
        serde_json::from_str(&self.django.read(key)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn django_keeps_the_stamps_whatever_it_changes() {
    let mut both = Both::new().await;
    let key = both.django.create(r#"{"_auth_user_id":"7","cart":[1]}"#);
    let begin = both.now();
    both.request(&key).await;
    both.wait(IDLE - 1);
    assert_eq!(both.django.change(&key, r#"{"cart":[1,2]}"#), key);
    let found = both.found_by_django(&key);
    assert_eq!(found["_segue_last_used"], begin);
    assert_eq!(found["_segue_logged_in"], begin);
    assert_eq!(found["cart"], serde_json::json!([1, 2]));

    // A new key of Django's takes them along.
    let moved = both.django.change_python(&key, "session.cycle_key()");
    assert_ne!(moved, key);
    assert!(both.request(&moved).await.contains_key("cart"));
    assert_eq!(both.found_by_django(&moved)["_segue_last_used"], both.now());
    assert_eq!(both.found_by_django(&moved)["_segue_logged_in"], begin);

    // And its logout leaves nothing.
    both.django.flush(&moved);
    assert!(both.request(&moved).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_django_makes_is_limited_from_the_first_load() {
    let mut both = Both::new().await;
    let key = both.django.create(r#"{"_auth_user_id":"7"}"#);
    both.wait(ABSOLUTE);
    assert!(both.request(&key).await.contains_key("_auth_user_id"), "nobody has counted yet");
    both.wait(IDLE);
    assert_ne!(both.django.read(&key), "{}", "Django does not look at the limit");
    assert!(both.request(&key).await.is_empty());
    assert_eq!(both.django.row(&key), None, "and is rid of it as well now");
    assert_eq!(both.django.read(&key), "{}");
}

/// Django's activity alone is none here, unless Django writes it down; a login is old wherever it is
/// used.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_in_django_counts_if_django_says_so() {
    for says_so in [false, true] {
        let mut both = Both::new().await;
        let key = both.django.create(r#"{"_auth_user_id":"7"}"#);
        both.request(&key).await;
        for _ in 0..3 {
            both.wait(IDLE / 2);
            let stamp = both.now();
            let change = if says_so {
                format!(r#"{{"_segue_last_used":{stamp}}}"#)
            } else {
                r#"{"page":1}"#.to_owned()
            };
            both.django.change(&key, &change);
        }
        assert_eq!(both.request(&key).await.is_empty(), !says_so);
        if says_so {
            both.wait(ABSOLUTE - 3 * (IDLE / 2));
            let stamp = both.now();
            both.django.change(&key, &format!(r#"{{"_segue_last_used":{stamp}}}"#));
            assert!(both.request(&key).await.is_empty(), "the login is too old");
        }
    }
}
