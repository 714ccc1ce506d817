//! `SECRET_KEY_FALLBACKS`: a session written under the old key is read under the new one.

use serde_json::json;

use crate::place::{Place, open, settings_with_keys, start};
use crate::side::Django;
use segue::{Clock, Sessions};

const OLD: &str = "the key before it was replaced, which is long enough too";
const NEW: &str = "the key that it was replaced with, and it is as long too";

fn sessions(place: &Place, secret_key: &str, fallbacks: &[&str]) -> Sessions {
    place.sessions_with(&settings_with_keys(secret_key, fallbacks), Clock::system())
}

fn django(place: &Place, secret_key: &str, fallbacks: &[&str]) -> Django {
    Django::configured(json!({
        "database": place.path(),
        "secret_key": secret_key,
        "fallbacks": fallbacks,
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rust_signed_with_the_old_key_django_reads_with_it_as_fallback() {
    let place = Place::new().await;
    let session = start(&sessions(&place, OLD, &[])).await;
    session.insert("name", "manish").unwrap();
    session.save().await.unwrap();
    let key = session.key().unwrap();

    let mut with_fallback = django(&place, NEW, &["a third key, which signed nothing", OLD]);
    let mut without = django(&place, NEW, &[]);
    assert_eq!(with_fallback.read(&key), r#"{"name":"manish"}"#);
    assert_eq!(without.read(&key), "{}");

    // Django writes with the new key, and so needs the old one no more.
    with_fallback.change(&key, r#"{"n":1}"#);
    assert_eq!(without.read(&key), r#"{"name":"manish","n":1}"#);
    assert!(open(&sessions(&place, OLD, &[]), &key).await.items().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_django_signed_with_the_old_key_rust_reads_with_it_as_fallback() {
    let place = Place::new().await;
    let mut old = django(&place, OLD, &[]);
    let key = old.create(r#"{"name":"manish"}"#);

    let with_fallback = sessions(&place, NEW, &["a third key, which signed nothing", OLD]);
    let without = sessions(&place, NEW, &[]);
    let session = open(&with_fallback, &key).await;
    assert_eq!(session.get("name").unwrap(), Some("manish".to_owned()));
    assert!(open(&without, &key).await.items().is_empty());

    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    let again = open(&without, &key).await;
    assert_eq!(again.get("name").unwrap(), Some("manish".to_owned()));
    assert_eq!(old.read(&key), "{}");
    assert_eq!(django(&place, NEW, &[]).read(&key), r#"{"name":"manish","n":1}"#);
}
