//! The encrypted cookie is nobody's but ours.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use segue::engines::EncryptedCookieStore;
use segue::{Clock, SessionStore as _, SignedDuration, Timestamp};

use crate::common::{clock, settings};
use crate::sealed;

const JSON: &[u8] = br#"{"user":"ada"}"#;

fn named(name: &str, clock: &Clock) -> EncryptedCookieStore {
    let mut settings = settings();
    settings.session.cookie_name = name.to_owned();
    EncryptedCookieStore::with_clock(&settings, clock.clone()).unwrap()
}

fn later(clock: &Clock) -> Timestamp {
    clock.now() + SignedDuration::from_micros(60_000_001)
}

#[tokio::test]
async fn a_cookie_cannot_be_moved_to_another_name() {
    let clock = clock();
    let (one, other) = (named("sessionid", &clock), named("sessionid2", &clock));
    let key = one.create(JSON, later(&clock)).await.unwrap();
    assert!(one.load(&key).await.unwrap().is_some());
    assert!(other.load(&key).await.unwrap().is_none());
}

#[tokio::test]
async fn the_deadline_comes_back_to_the_microsecond() {
    let clock = clock();
    let store = named("sessionid", &clock);
    let key = store.create(JSON, later(&clock)).await.unwrap();
    assert_eq!(store.load(&key).await.unwrap().unwrap().expires_at(), later(&clock));
    clock.advance(SignedDuration::from_micros(60_000_000));
    assert!(store.load(&key).await.unwrap().is_some());
    clock.advance(SignedDuration::from_micros(1));
    assert!(store.load(&key).await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_of_a_session_shows_but_its_length() {
    let clock = clock();
    let store = named("sessionid", &clock);
    let one = store.create(JSON, later(&clock)).await.unwrap();
    let two = store.create(JSON, later(&clock)).await.unwrap();
    let [one, two] = [one, two].map(|key| URL_SAFE_NO_PAD.decode(key.expose()).unwrap());
    assert_eq!(one.len(), two.len());
    let same = one.iter().zip(&two).skip(1).filter(|(one, two)| one == two).count();
    assert!(same < 10, "{same} of {} bytes are the same twice", one.len());
    assert!(!one.windows(4).any(|bytes| JSON.windows(4).any(|plain| plain == bytes)));
    // Were it compressed, who can put text into it could guess the rest.
    let length = |text: &str| {
        let json = format!(r#"{{"user":"ada","mine":"{text}"}}"#);
        let store = store.clone();
        let deadline = later(&clock);
        async move { store.create(json.as_bytes(), deadline).await.unwrap().expose().len() }
    };
    assert_eq!(length("user\\\":\\\"ada").await, length("kqxw\\\":\\\"zvf").await);
}

/// What a version of this library has sealed, those after it open: made by XChaCha20-Poly1305 and
/// HKDF of other libraries, after the words in `EncryptedCookieStore`'s documentation.
#[tokio::test]
async fn the_format_stays() {
    let text =
        "AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFyaDXFvKfE1JFkKOJt3-XmZuPdAEUW7mpxd-8FhzQ2GWOX6jtQ5H";
    let store = named("sessionid", &clock());
    let record = store.load(&sealed(text)).await.unwrap().expect("version 1 is opened");
    assert_eq!(record.payload(), JSON);
    assert_eq!(record.expires_at(), later(&clock()));
}
