//! What both engines do alike.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use segue::{
    AnyStore, Clock, Expiry, Replaced, SecretKey, SessionKey, SessionStore as _, Sessions,
    Settings, SignedDuration, StoreErrorKind, Timestamp,
};

use crate::common::{clock, settings};
use crate::{random_text, sealed, stores};

const TWO_WEEKS: i64 = 1_209_600;

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

async fn create(store: &AnyStore, json: &str, clock: &Clock) -> SessionKey {
    store.create(json.as_bytes(), clock.now() + seconds(TWO_WEEKS)).await.unwrap()
}

async fn is_live(store: &AnyStore, key: &SessionKey) -> bool {
    store.load(key).await.unwrap().is_some()
}

/// Settings with these secret keys.
fn with_keys(current: &str, fallbacks: &[&str]) -> Settings {
    let mut settings = settings();
    settings.secret_keys.current = SecretKey::new(current);
    settings.secret_keys.fallbacks = fallbacks.iter().map(|key| SecretKey::new(*key)).collect();
    settings
}

#[tokio::test]
async fn keys_can_be_replaced_without_losing_a_session() {
    let clock = clock();
    let olds = stores(&with_keys("old", &[]), &clock);
    let rotated = stores(&with_keys("new", &["older", "old"]), &clock);
    let news = stores(&with_keys("new", &[]), &clock);
    for (((name, old), (_, rotated)), (_, new)) in olds.iter().zip(&rotated).zip(&news) {
        let first = create(old, r#"{"a":1}"#, &clock).await;
        assert!(!is_live(new, &first).await, "{name}: a key that nobody knows any more");
        let seen = rotated.load(&first).await.unwrap().expect("a fallback is believed");
        assert_eq!(seen.payload(), br#"{"a":1}"#);
        let Replaced::Saved(second) =
            rotated.touch(&first, &seen, seen.expires_at()).await.unwrap()
        else {
            panic!("{name}: it is live")
        };
        assert!(is_live(new, &second).await, "{name}: what is saved anew is under the new key");
        assert!(!is_live(old, &second).await, "{name}: and not under the old one");
    }
}

#[tokio::test]
async fn a_session_ends_when_it_says_so() {
    let settings = settings();
    let date = Timestamp::from_second(1_700_000_000 + 60 * 86_400).unwrap();
    let expiries = [
        (Expiry::Default, TWO_WEEKS),
        (Expiry::BrowserClose, TWO_WEEKS),
        (Expiry::Seconds(300), 300),
        // Longer than SESSION_COOKIE_AGE, too.
        (Expiry::Seconds(2 * TWO_WEEKS), 2 * TWO_WEEKS),
        (Expiry::At(date), 60 * 86_400),
        (Expiry::In(std::time::Duration::from_secs(90)), 90),
    ];
    for (expiry, age) in expiries {
        let clock = clock();
        for (name, store) in stores(&settings, &clock) {
            let sessions = Sessions::with_clock(store, &settings, clock.clone()).unwrap();
            let session = sessions.open(None).load().await.unwrap();
            session.insert("a", 1).unwrap();
            session.set_expiry(expiry);
            session.save().await.unwrap();
            let key = session.key().unwrap();
            let deadline = sessions.store().load(&key).await.unwrap().unwrap().expires_at();
            assert_eq!(deadline, clock.now() + seconds(age), "{name}, {expiry:?}");
            clock.advance(seconds(age - 1));
            assert!(is_live(sessions.store(), &key).await, "{name}, {expiry:?}");
            clock.advance(seconds(1));
            assert!(!is_live(sessions.store(), &key).await, "{name}, {expiry:?}");
            clock.advance(seconds(-age));
        }
    }
}

/// A new key ends the old cookie like that; what comes of it must not be a session with its data.
#[tokio::test]
async fn an_ended_session_is_ended_whatever_date_it_names() {
    let clock = clock();
    let json = r#"{"a":"b","_session_expiry":"2999-01-01T00:00:00+00:00"}"#;
    for (name, store) in stores(&settings(), &clock) {
        let key = create(&store, json, &clock).await;
        let seen = store.load(&key).await.unwrap().unwrap();
        for past in [clock.now(), clock.now() - seconds(1), Timestamp::UNIX_EPOCH, Timestamp::MIN] {
            let ended = store.replace(&key, &seen, seen.payload(), past).await.unwrap();
            let Replaced::Saved(ended) = ended else { panic!("{name}: it is ended") };
            assert!(!is_live(&store, &ended).await, "{name}, {past}");
            let made = store.create(seen.payload(), past).await.unwrap();
            assert!(!is_live(&store, &made).await, "{name}, {past}");
            clock.advance(seconds(-10));
            let text = store.load(&ended).await.unwrap();
            assert!(name == "encrypted" || text.is_none_or(|text| text.payload() == b"{}"));
            clock.advance(seconds(10));
        }
    }
}

/// What was seen spares the engine work, and tells it nothing that the cookie does not say.
#[tokio::test]
async fn what_was_seen_makes_no_dead_cookie_live() {
    let clock = clock();
    for (name, store) in stores(&settings(), &clock) {
        let later = clock.now() + seconds(2 * TWO_WEEKS);
        let key = create(&store, r#"{"a":"b"}"#, &clock).await;
        let seen = store.load(&key).await.unwrap().unwrap();
        let saved = store.replace(&key, &seen, b"{}", later).await.unwrap();
        assert!(matches!(saved, Replaced::Saved(_)), "{name}");

        let ended = store.replace(&key, &seen, seen.payload(), clock.now()).await.unwrap();
        let Replaced::Saved(ended) = ended else { panic!("{name}: it is ended") };
        let forged = ended.expose().replacen(['a', 'b', 'c', 'd', 'e'], "f", 1);
        let forged = SessionKey::sealed(&forged).unwrap();
        for dead in [&ended, &forged] {
            let refused = store.replace(dead, &seen, b"{}", later).await.unwrap();
            assert_eq!(refused, Replaced::Gone, "{name}");
            assert_eq!(store.touch(dead, &seen, later).await.unwrap(), Replaced::Gone, "{name}");
        }

        clock.advance(seconds(TWO_WEEKS));
        let refused = store.replace(&key, &seen, b"{}", later).await.unwrap();
        assert_eq!(refused, Replaced::Gone, "{name}");
        clock.advance(seconds(-TWO_WEEKS));
    }
}

#[tokio::test]
async fn a_changed_cookie_is_refused_wherever_it_was_changed() {
    let clock = clock();
    let long = format!(r#"{{"a":"{}"}}"#, "b".repeat(200));
    for json in [r#"{"a":1}"#, long.as_str()] {
        for (name, store) in stores(&settings(), &clock) {
            let key = create(&store, json, &clock).await;
            let text = key.expose();
            assert!(is_live(&store, &key).await);
            for at in 0..text.len() {
                for letter in ["A", "B", "z", "-", ":", ".", "=", "~"] {
                    let changed = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
                    let live = is_live(&store, &sealed(&changed)).await;
                    assert_eq!(live, changed == text, "{name}: {letter} at {at}");
                }
                let longer = format!("{}A{}", &text[..at], &text[at..]);
                assert!(!is_live(&store, &sealed(&longer)).await, "{name}: longer at {at}");
                let shorter = format!("{}{}", &text[..at], &text[at + 1..]);
                assert!(!is_live(&store, &sealed(&shorter)).await, "{name}: shorter at {at}");
                if at > 0 {
                    assert!(!is_live(&store, &sealed(&text[..at])).await, "{name}: cut at {at}");
                }
            }
            assert!(!is_live(&store, &sealed(&format!("{text}A"))).await, "{name}");
        }
    }
}

#[tokio::test]
async fn neither_engine_takes_the_cookie_of_the_other() {
    let clock = clock();
    let [(_, signed), (_, encrypted)] = stores(&settings(), &clock);
    let cookie = create(&signed, r#"{"a":1}"#, &clock).await;
    assert!(!is_live(&encrypted, &cookie).await);
    let cookie = create(&encrypted, r#"{"a":1}"#, &clock).await;
    assert!(!is_live(&signed, &cookie).await);
}

/// Browsers drop a longer one without a word: RFC 6265bis, 5.7.
#[tokio::test]
async fn name_and_value_have_4096_bytes_and_not_one_more() {
    let clock = clock();
    let secret = random_text(2_400);
    let json = format!(r#"{{"secret":"{secret}"}}"#);
    for place in 0..2 {
        let named = |length: usize| {
            let mut settings = settings();
            settings.session.cookie_name = "n".repeat(length);
            let (name, store) = stores(&settings, &clock)[place].clone();
            (name, store)
        };
        let length = create(&named(1).1, &json, &clock).await.expose().len();
        let longest = 4096 - length;
        let (name, store) = named(longest);
        let key = create(&store, &json, &clock).await;
        assert_eq!(key.expose().len() + longest, 4096, "{name}");
        let seen = store.load(&key).await.unwrap().expect("it fits, and it is there");

        let (name, store) = named(longest + 1);
        let deadline = clock.now() + seconds(TWO_WEEKS);
        let error = store.create(json.as_bytes(), deadline).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::TooLarge, "{name}");
        let text = error.to_string();
        let cookie = format!("{:?}", "n".repeat(longest + 1));
        for part in [&cookie, "4097 bytes", " 1 more than the 4096", "store less", "SESSION_ENGINE"]
        {
            assert!(text.contains(part), "{name}: {part} is not in {text}");
        }
        assert!(!text.contains(&secret[..20]), "{name}: the content does not show");

        let small = create(&store, "{}", &clock).await;
        let refused = store.replace(&small, &seen, json.as_bytes(), deadline).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::TooLarge, "{name}");
        assert!(is_live(&store, &small).await, "{name}: the session before it stays");
    }
}

#[tokio::test]
async fn what_is_larger_than_any_cookie_is_refused_too() {
    let clock = clock();
    let json = format!(r#"{{"a":"{}"}}"#, random_text(1_000_000));
    for (name, store) in stores(&settings(), &clock) {
        let error = store.create(json.as_bytes(), clock.now() + seconds(60)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::TooLarge, "{name}");
    }
}

#[test]
fn settings_that_do_not_hold_make_no_store() {
    let mut settings = settings();
    settings.secret_keys.current = SecretKey::new("");
    assert!(segue::engines::SignedCookieStore::new(&settings).is_err());
    assert!(segue::engines::EncryptedCookieStore::new(&settings).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_text_is_a_session_unless_we_sealed_it(
        text in "[!#-+--:<-\\[\\]-~]{1,300}",
        bytes in any::<Vec<u8>>(),
    ) {
        use base64::Engine as _;
        let mut versioned = vec![1];
        versioned.extend(&bytes);
        let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(versioned);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (name, store) in stores(&settings(), &clock()) {
            for text in [text.as_str(), &encoded, &format!("{encoded}:1r31eq:{encoded}")] {
                let Some(key) = SessionKey::sealed(text) else { continue };
                prop_assert!(runtime.block_on(store.load(&key)).unwrap().is_none(), "{}", name);
            }
        }
    }

    #[test]
    fn whatever_a_session_holds_comes_back(text in any::<String>(), age in 1..10_000_000_i64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let json = serde_json::json!({ "text": text }).to_string();
        for (name, store) in stores(&settings(), &clock()) {
            let deadline = clock().now() + seconds(age);
            let Ok(key) = runtime.block_on(store.create(json.as_bytes(), deadline)) else {
                continue;
            };
            let record = runtime.block_on(store.load(&key)).unwrap().unwrap();
            prop_assert_eq!(record.payload(), json.as_bytes(), "{}", name);
            prop_assert_eq!(record.expires_at(), deadline, "{}", name);
        }
    }
}
