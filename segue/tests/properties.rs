//! Parsers and the rebase, on inputs that nobody thought of.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use common::{clock, keys};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use segue::signing::{Signer, TimestampSigner};
use segue::{Codec, SessionData, SessionKey};
use serde_json::Value;

/// A JSON value of any shape.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::hash_map(any::<String>(), json(), 0..8)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// What one request does to a session, on a few keys.
#[derive(Clone, Debug)]
enum Act {
    Set(u8, u8),
    Remove(u8),
    Add(u8, u8),
    Clear,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..4_u8, any::<u8>()).prop_map(|(key, value)| Act::Set(key, value)),
        2 => (0..4_u8).prop_map(Act::Remove),
        4 => (0..4_u8, any::<u8>()).prop_map(|(key, value)| Act::Add(key, value)),
        1 => Just(Act::Clear),
    ];
    prop::collection::vec(act, 0..12)
}

fn play(acts: &[Act], data: &mut SessionData) {
    for act in acts {
        match *act {
            Act::Set(key, value) => data.set(&key.to_string(), value.to_string()),
            // What is not there cannot be removed, and is no change; so it is put there first.
            Act::Remove(key) => {
                data.set(&key.to_string(), "0");
                data.remove(&key.to_string());
            }
            Act::Add(key, value) => data
                .update(&key.to_string(), move |old| {
                    let old: u64 = old.unwrap_or("0").parse()?;
                    Ok((old + u64::from(value)).to_string())
                })
                .unwrap(),
            Act::Clear => data.clear(),
        }
    }
}

proptest! {
    // What once failed is tried first, from then on.
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_object_comes_back_by_value_and_then_to_the_byte(value in object()) {
        let text = value.to_string();
        let data = SessionData::parse(&text).unwrap();
        let ours = data.to_json();
        prop_assert!(ours.is_ascii());
        prop_assert_eq!(&serde_json::from_str::<Value>(&ours).unwrap(), &value);
        prop_assert_eq!(SessionData::parse(&ours).unwrap().to_json(), ours);
        for (key, value) in value.as_object().unwrap() {
            let text = data.get(key).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), value);
        }
    }

    #[test]
    fn every_codec_gives_back_what_it_got(value in object()) {
        let data = SessionData::parse(&value.to_string()).unwrap();
        let through = |codec: &Codec| codec.decode(&codec.encode(&data).unwrap()).unwrap().to_json();
        for codec in [Codec::signed_json(&keys(), &clock()), Codec::json()] {
            prop_assert_eq!(through(&codec), data.to_json());
        }
        // A pickle holds the value and not its text.
        let back = through(&Codec::pickle());
        prop_assert_eq!(serde_json::from_str::<Value>(&back).unwrap(), value);
    }

    #[test]
    fn no_text_breaks_the_parsers(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let _ = SessionData::parse(&text);
        let _ = SessionData::parse(&format!("{{{text}}}"));
        let _ = SessionData::parse(&format!("{{\"a\":{text}}}"));
        let codec = Codec::signed_json(&keys(), &clock());
        prop_assert!(codec.decode(&bytes).is_err());
        prop_assert!(codec.decode(text.as_bytes()).is_err());
        let _ = (Codec::json().decode(&bytes), Codec::pickle().decode(&bytes));
        let signer = TimestampSigner::new(&keys(), "salt", &clock());
        prop_assert!(signer.unsign_bytes(&text, None).is_err());
        prop_assert!(SessionKey::parse(&text).is_none_or(|key| key.expose() == text));
        // Signed by us and still no payload.
        let signed = Signer::new(&keys(), "salt").sign(&text);
        let _ = signer.unsign_bytes(&signed, Some(std::time::Duration::ZERO));
        let _ = signer.unsign_bytes(&signer.sign(&text), None);
    }

    #[test]
    fn a_changed_signature_is_refused(value in "\\PC*", at in any::<prop::sample::Index>(), to in any::<char>()) {
        let signer = Signer::new(&keys(), "salt");
        let signed = signer.sign(&value);
        prop_assert_eq!(signer.unsign(&signed), Ok(value.as_str()));
        let letters: Vec<char> = signed.chars().collect();
        let at = at.index(letters.len());
        prop_assume!(letters[at] != to);
        let forged: String =
            letters.iter().enumerate().map(|(i, letter)| if i == at { to } else { *letter }).collect();
        prop_assert!(signer.unsign(&forged).is_err());
    }

    /// A rebase is what would have happened if the other request had come first.
    #[test]
    fn a_rebase_is_the_same_as_coming_later(base in acts(), ours in acts(), theirs in acts()) {
        let mut start = SessionData::new();
        play(&base, &mut start);
        let start = SessionData::parse(&start.to_json()).unwrap();

        let mut other = start.clone();
        play(&theirs, &mut other);
        let other = SessionData::parse(&other.to_json()).unwrap();
        let mut later = other.clone();
        play(&ours, &mut later);

        let mut rebased = start.clone();
        play(&ours, &mut rebased);
        rebased.rebase(other).unwrap();
        let sorted = |data: &SessionData| {
            let mut items: Vec<_> = data.iter().map(|(key, value)| (key, value.to_owned())).collect();
            items.sort();
            items
        };
        prop_assert_eq!(sorted(&rebased), sorted(&later));
    }
}
