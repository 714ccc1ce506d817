//! Secrets and session ids show themselves nowhere: not in `Debug`, not in errors, not in the log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use axum::Router;
use axum::routing::get as route;
use common::{KEY, Log, SECRET, TestStore, clock, get, key, keys, layer, settings};
use segue::engines::{DatabaseStore, EncryptedCookieStore, SignedCookieStore};
use segue::{
    AnyStore, Codec, Session, SessionData, SessionError, SessionLayer, SessionStore as _, Sessions,
    SignedDuration,
};

/// What must not be seen: the key of the session, the secret key, a value.
const VALUE: &str = "a value nobody else may see";

fn assert_clean(text: &str) {
    for secret in [KEY, SECRET, VALUE] {
        assert!(!text.contains(secret), "{secret:?} shows in {text:?}");
    }
}

async fn handler(session: Session) -> Result<&'static str, SessionError> {
    session.insert("value", VALUE)?;
    session.get::<u32>("value")?;
    Ok("")
}

#[tokio::test]
async fn nothing_secret_is_written_to_the_log() {
    let log = Log::start();

    let store = TestStore::new(clock());
    let app = Router::new().route("/", route(handler)).layer(layer(&store, &settings()));
    let cookie = format!("sessionid={KEY}");
    let live = store.clock().now() + SignedDuration::from_secs(60);
    let codec = Codec::signed_json(&keys(), &clock());
    let payload = codec.encode(&SessionData::parse("{}").unwrap()).unwrap();
    // A wrong type, a store that is down, a payload that is not ours, a session lost on the way.
    store.plant(key(), &payload, live);
    assert_eq!(get(&app, "/", Some(&cookie)).await.status, 500);
    store.set_down(true);
    assert_eq!(get(&app, "/", Some(&cookie)).await.status, 503);
    store.set_down(false);
    store.plant(key(), format!("{VALUE}:{SECRET}").as_bytes(), live);
    get(&app, "/", Some(&cookie)).await;
    let sessions = layer(&store, &settings()).sessions().clone();
    let session = sessions.open(Some(key())).load().await.unwrap();
    session.insert("value", VALUE).unwrap();
    drop(session);

    let text = log.take();
    for line in ["session failed", "cannot be read", "never saved", "the session store failed"] {
        assert!(text.contains(line), "the log says {line:?}: {text}");
    }
    assert_clean(&text);
}

/// Here the cookie is the session, and so it is the value's copy as well.
/// A pool that the user brings may write each statement into the log, with its text.
#[tokio::test]
async fn nothing_of_a_row_is_in_a_statement_that_is_logged() {
    for place in common::databases::servers() {
        place.store().await;
        let log = Log::start();
        let store = if place.url.starts_with("postgres") {
            DatabaseStore::from_pool(sqlx::PgPool::connect(&place.url).await.unwrap())
        } else {
            DatabaseStore::from_pool(sqlx::MySqlPool::connect(&place.url).await.unwrap())
        };
        let tomorrow = segue::Timestamp::now() + SignedDuration::from_hours(24);
        let mut keys = Vec::new();
        for _ in 0..20 {
            keys.push(store.create(VALUE.as_bytes(), tomorrow).await.unwrap());
        }
        let mut saves = tokio::task::JoinSet::new();
        for key in keys.clone() {
            let store = store.clone();
            saves.spawn(async move {
                let seen = store.load(&key).await.unwrap().unwrap();
                let saved = store.replace(&key, &seen, VALUE.as_bytes(), tomorrow).await.unwrap();
                assert_eq!(saved, segue::Replaced::Saved(key));
            });
        }
        saves.join_all().await;
        let text = log.take().to_lowercase();
        assert!(text.contains("update"), "statements are logged, or this test shows nothing");
        for secret in keys.iter().map(segue::SessionKey::expose).chain([VALUE]) {
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(!text.contains(secret) && !text.contains(&hex), "{place:?}: {text}");
        }
    }
}

#[tokio::test]
async fn nothing_of_a_session_in_a_cookie_shows() {
    let log = Log::start();

    let settings = settings();
    let signed = AnyStore::new(SignedCookieStore::with_clock(&settings, clock()).unwrap());
    let encrypted = AnyStore::new(EncryptedCookieStore::with_clock(&settings, clock()).unwrap());
    for store in [signed, encrypted] {
        let sessions = Sessions::with_clock(store.clone(), &settings, clock()).unwrap();
        let layer = SessionLayer::from_sessions(sessions.clone(), &settings).unwrap();
        let app = Router::new().route("/", route(handler)).layer(layer.clone());
        let handle = sessions.open(None);
        let session = handle.load().await.unwrap();
        session.insert("value", VALUE).unwrap();
        session.save().await.unwrap();
        let key = session.key().unwrap();
        let record = store.load(&key).await.unwrap().unwrap();
        let cookie = format!("sessionid={}", key.expose());
        // A wrong type, a cookie that is none of ours, more than fits, changes that get lost.
        assert_eq!(get(&app, "/", Some(&cookie)).await.status, 500);
        get(&app, "/", Some(&format!("{cookie}x"))).await;
        session.insert("value", format!("{VALUE}{}", long())).unwrap();
        let error = session.save().await.unwrap_err();
        assert_eq!(error.kind(), segue::SessionErrorKind::TooLarge);
        session.insert("value", VALUE).unwrap();
        let text = format!("{error:?} {error} {}", segue::describe(&error));
        let things: [&dyn std::fmt::Debug; 7] =
            [&store, &key, &record, &sessions, &layer, &handle, &session];
        let mut text =
            things.iter().fold(text, |text, thing| format!("{text} {thing:?} {thing:#?}"));
        drop((session, handle));
        text.push_str(&log.take());
        assert!(text.contains("session failed") && text.contains("never saved"), "{text}");
        assert_clean(&text);
        assert!(!text.contains(&key.expose()[..20]), "the cookie shows in {text:?}");
    }
}

/// More than a cookie holds, however it is compressed.
fn long() -> String {
    (0..300).map(|_| segue::SessionKey::generate().unwrap().expose().to_owned()).collect()
}

#[tokio::test]
async fn nothing_secret_shows_in_debug() {
    let store = TestStore::new(clock());
    let settings = settings();
    let sessions = Sessions::with_clock(store.clone(), &settings, clock()).unwrap();
    store.set_next_key(key());
    let handle = sessions.open(None);
    let session = handle.load().await.unwrap();
    session.insert("value", VALUE).unwrap();
    session.save().await.unwrap();
    let data = SessionData::parse(&format!(r#"{{"value":"{VALUE}"}}"#)).unwrap();
    let layer = layer(&store, &settings);
    let signer = segue::signing::Signer::new(&keys(), "salt");
    let things: [&dyn std::fmt::Debug; 11] = [
        &session,
        &handle,
        &sessions,
        &settings,
        &keys(),
        &key(),
        &data,
        &layer,
        &signer,
        &*store.records(),
        &sessions.codec(),
    ];
    for thing in things {
        assert_clean(&format!("{thing:?} {thing:#?}"));
    }
}
