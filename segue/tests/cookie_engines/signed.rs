//! The signed cookie is Django's.

use segue::engines::SignedCookieStore;
use segue::signing::{Signer, TimestampSigner, dumps};
use segue::{
    Clock, Expiry, Record, SessionKey, SessionStore as _, Sessions, SignedDuration, StoreErrorKind,
};
use serde_json::{Value, json};

use crate::common::{clock, keys, settings};
use crate::sealed;

const SALT: &str = "django.contrib.sessions.backends.signed_cookies";

fn store(clock: &Clock) -> SignedCookieStore {
    SignedCookieStore::with_clock(&settings(), clock.clone()).unwrap()
}

async fn load(clock: &Clock, text: &str) -> Option<Record> {
    store(clock).load(&sealed(text)).await.unwrap()
}

/// The cookie that Django makes of these data.
fn django(data: &Value, clock: &Clock) -> String {
    dumps(data, &keys(), SALT, clock).unwrap()
}

#[tokio::test]
async fn a_real_djangos_cookies_are_read_and_written() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let vectors = &vectors["engine_signed_cookies"];
    assert_eq!(vectors["salt"], SALT);
    let clock = clock();
    let deadline = clock.now() + SignedDuration::from_secs(1_209_600);
    for name in ["empty", "small", "mix", "big"] {
        let (cookie, data) =
            (vectors[name]["cookie_value"].as_str().unwrap(), &vectors[name]["obj"]);
        let record = load(&clock, cookie).await.expect("Django's cookie is believed");
        assert_eq!(serde_json::from_slice::<Value>(record.payload()).unwrap(), *data, "{name}");
        assert_eq!(record.expires_at(), deadline, "{name}");
        let ours = store(&clock).create(record.payload(), deadline).await.unwrap();
        if cookie.starts_with('.') {
            // Each zlib has bytes of its own.
            assert!(ours.expose().starts_with('.'), "{name}: it is compressed");
            assert_eq!(store(&clock).load(&ours).await.unwrap(), Some(record), "{name}");
        } else {
            assert_eq!(ours.expose(), cookie, "{name}");
        }
    }
}

/// Django lets every signed cookie live for `SESSION_COOKIE_AGE`, and nothing else: tickets 19201
/// and 27775.
#[tokio::test]
async fn the_expiry_in_djangos_cookie_is_honoured() {
    for (expiry, age) in [
        (json!(300), 300),
        (json!(0), 1_209_600),
        (json!(null), 1_209_600),
        (json!(-5), -5),
        (json!("2024-02-01T00:00:00+00:00"), 6_745_600),
        (json!("2023-11-14T22:14:20.250000+00:00"), 60),
        (json!("2023-11-14T22:13:19+00:00"), -1),
    ] {
        let clock = clock();
        let cookie = django(&json!({ "a": 1, "_session_expiry": expiry }), &clock);
        assert_eq!(load(&clock, &cookie).await.is_some(), age > 0, "{expiry}");
        clock.advance(SignedDuration::from_secs((age - 1).max(0)));
        assert_eq!(load(&clock, &cookie).await.is_some(), age > 0, "{expiry}");
        clock.advance(SignedDuration::from_secs(2));
        assert!(load(&clock, &cookie).await.is_none(), "{expiry}");
    }
}

/// Django counts from the signature, so in ordinary use that must say now, in whole seconds as
/// Python's `int(time.time())` has them.
#[tokio::test]
async fn what_is_saved_is_signed_now() {
    let clock = clock();
    clock.advance(SignedDuration::from_millis(900));
    let date = clock.now() + SignedDuration::from_millis(86_399_600);
    for expiry in [Expiry::Default, Expiry::BrowserClose, Expiry::Seconds(300), Expiry::At(date)] {
        let sessions = Sessions::with_clock(store(&clock), &settings(), clock.clone()).unwrap();
        let session = sessions.open(None).load().await.unwrap();
        session.insert("a", 1).unwrap();
        session.set_expiry(expiry);
        session.save().await.unwrap();
        let cookie = session.key().unwrap();
        assert_eq!(cookie.expose().split(':').nth(1), Some("1r31eq"), "{expiry:?}");
    }
}

#[tokio::test]
async fn a_shorter_session_cookie_age_ends_older_cookies_too() {
    let clock = clock();
    let cookie = django(&json!({ "a": 1 }), &clock);
    clock.advance(SignedDuration::from_secs(600));
    assert!(load(&clock, &cookie).await.is_some());
    let mut settings = settings();
    settings.session.cookie_age = 600;
    let store = SignedCookieStore::with_clock(&settings, clock).unwrap();
    assert!(store.load(&sealed(&cookie)).await.unwrap().is_none());
}

/// As in Django: whoever made the signature has the key, and a clock that is ahead.
#[tokio::test]
async fn a_signature_from_the_future_is_believed() {
    let (now, ahead) = (clock(), clock());
    ahead.advance(SignedDuration::from_secs(5));
    let record = load(&now, &django(&json!({ "a": 1 }), &ahead)).await.unwrap();
    assert_eq!(record.expires_at(), ahead.now() + SignedDuration::from_secs(1_209_600));
}

#[tokio::test]
async fn a_good_signature_of_something_else_is_no_session() {
    let clock = clock();
    let session = json!({ "a": 1 });
    assert!(load(&clock, &django(&session, &clock)).await.is_some());
    for salt in ["django.contrib.sessions.SessionStore", "django.core.signing", ""] {
        let other = dumps(&session, &keys(), salt, &clock).unwrap();
        assert!(load(&clock, &other).await.is_none(), "{salt}");
    }
    for data in [json!([1]), json!("text"), json!(null), json!(1)] {
        assert!(load(&clock, &django(&data, &clock)).await.is_none(), "{data}");
    }
    let signer = TimestampSigner::new(&keys(), SALT, &clock);
    for rubbish in [b"".as_slice(), b"{", b"\xff\xfe", b"{\"a\":1}x"] {
        assert!(load(&clock, &signer.sign_bytes(rubbish, false)).await.is_none());
    }
    for text in [".", ".eJw", "e30!", "e30=", "e3"] {
        assert!(load(&clock, &signer.sign(text)).await.is_none(), "{text}");
    }
    let untimed = Signer::new(&keys(), SALT);
    for text in ["e30", "e30:", "e30:!", "e30:zzzzzzzzzzzzzzzz", "e30:zzzzzzzzzz"] {
        assert!(load(&clock, &untimed.sign(text)).await.is_none(), "{text}");
    }
}

/// A megabyte of one letter has its place in a cookie.
#[tokio::test]
async fn what_compresses_well_fits() {
    let clock = clock();
    let json = format!(r#"{{"a":"{}"}}"#, "a".repeat(1_000_000));
    let deadline = clock.now() + SignedDuration::from_secs(60);
    let key = store(&clock).create(json.as_bytes(), deadline).await.unwrap();
    assert!(key.expose().len() < 2_000);
    let record = store(&clock).load(&key).await.unwrap().unwrap();
    assert_eq!(record.payload(), json.as_bytes());
}

#[tokio::test]
async fn what_is_no_session_is_not_signed() {
    let later = clock().now() + SignedDuration::from_secs(60);
    for rubbish in [b"".as_slice(), b"[]", b"\x80\x05}."] {
        let error = store(&clock()).create(rubbish, later).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    }
}

/// An id of the other engines is no cookie of this one.
#[tokio::test]
async fn an_id_is_no_session() {
    let id = SessionKey::generate().unwrap();
    assert!(store(&clock()).load(&id).await.unwrap().is_none());
}
