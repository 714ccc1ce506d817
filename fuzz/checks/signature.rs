//! Signed texts, forged and changed ones.

use std::time::Duration;

use segue::signing::{self, Signer, SigningError, TimestampSigner};
use segue::{Clock, SecretKey, SecretKeys, SignedDuration};
use serde_json::Value;

use super::{NOW, at, keys};

const SALT: &str = "salt";

/// Four bytes say how a good signature is changed and how much time passes; the rest is a text.
pub fn signature(input: &[u8]) {
    let Some((&[how, place, with, time], rest)) = input.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    forged(text);
    changed(text, how, usize::from(place), with);
    dated(text, time);
    payload(text);
}

/// The keys after the secret key was replaced.
fn rotated() -> SecretKeys {
    let fallbacks = vec![SecretKey::new("older"), keys().current];
    SecretKeys { current: SecretKey::new("newer"), fallbacks }
}

/// Only what one of our keys signed is believed, and only as it was signed.
fn forged(text: &str) {
    let now = Clock::fixed(at(NOW));
    let believed = Signer::new(&keys(), SALT).unsign(text);
    let rotated = rotated();
    let signed_by = |key: &SecretKey, value: &str| {
        Signer::new(&SecretKeys::new(key.expose()), SALT).sign(value) == text
    };
    if let Ok(value) = believed {
        assert!(signed_by(&keys().current, value), "there is one signature for a value");
        assert_eq!(Signer::new(&rotated, SALT).unsign(text), believed, "old keys are believed");
    }
    if let Ok(value) = Signer::new(&rotated, SALT).unsign(text) {
        assert!(rotated.all().any(|key| signed_by(key, value)), "and no others");
    }
    let other = Signer::new(&keys(), "other").unsign(text);
    assert!(believed.is_err() || other.is_err(), "for one purpose only");
    let dated = TimestampSigner::new(&keys(), SALT, &now);
    for max_age in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
        if dated.unsign(text, max_age).is_ok() {
            assert!(believed.is_ok());
        }
        if signing::loads::<Value>(text, &keys(), SALT, &now, max_age).is_ok() {
            assert!(believed.is_ok());
        }
    }
}

/// A signed text that was changed anywhere is not believed.
fn changed(text: &str, how: u8, place: usize, with: u8) {
    let now = Clock::fixed(at(NOW));
    let signer = Signer::new(&keys(), SALT);
    let dated = TimestampSigner::new(&keys(), SALT, &now);
    for signed in [signer.sign(text), dated.sign(text), dated.sign_bytes(text.as_bytes(), true)] {
        let mut bytes = signed.clone().into_bytes();
        // From the end: that is where the signature and the time are.
        let place = bytes.len() - 1 - place % bytes.len();
        match how % 6 {
            0 => bytes[place] = with,
            1 => bytes[place] ^= 1 << (with % 8),
            2 => bytes.insert(place, with),
            3 => drop(bytes.remove(place)),
            4 => bytes.truncate(place),
            _ => bytes.rotate_left(place),
        }
        let Ok(forged) = String::from_utf8(bytes) else { continue };
        let believed = signer.unsign(&forged).is_ok();
        assert_eq!(believed, forged == signed, "a changed text: {forged:?}, {signed:?}");
        assert_eq!(Signer::new(&rotated(), SALT).unsign(&forged).is_ok(), believed);
        if !believed {
            assert_eq!(dated.unsign(&forged, None), Err(SigningError::BadSignature));
        }
    }
}

/// A signature is good up to its age, also where the clock went back.
fn dated(text: &str, time: u8) {
    // From an eighth of a second to some eight years.
    let micros = 125_000_i64 << (time & 0x1f);
    let (past, limit) = (if time & 0x20 == 0 { micros } else { -micros }, time >> 6);
    let clock = Clock::fixed(at(NOW));
    let signer = TimestampSigner::new(&keys(), SALT, &clock);
    let signed = signer.sign(text);
    clock.advance(SignedDuration::from_micros(past));
    let max_age =
        Duration::from_micros(micros.unsigned_abs()) + Duration::from_micros(limit.into());
    assert_eq!(signer.unsign(&signed, Some(max_age)), Ok(text));
    assert_eq!(signer.unsign(&signed, None), Ok(text));
    let refused = signer.unsign(&signed, Some(Duration::from_micros(micros.unsigned_abs() - 1)));
    assert_eq!(refused.is_ok(), past < 0, "{refused:?}");
}

/// Signed by us, and still no payload or no time.
fn payload(text: &str) {
    let now = Clock::fixed(at(NOW));
    let signed = Signer::new(&keys(), SALT).sign(text);
    let dated = TimestampSigner::new(&keys(), SALT, &now);
    match dated.unsign(&signed, None) {
        Ok(value) => {
            let time = text.strip_prefix(value).and_then(|rest| rest.strip_prefix(':'));
            assert!(time.is_some_and(is_base62), "{text:?} has a time");
        }
        Err(error) => {
            assert!(matches!(error, SigningError::Payload { .. }), "{error}");
            let time = text.rsplit_once(':').map(|(_, time)| time);
            // Ten digits always fit.
            assert!(!time.is_some_and(|time| is_base62(time) && time.trim_start_matches('-').len() <= 10), "{text:?}");
        }
    }
    for max_age in [Some(Duration::ZERO), Some(Duration::MAX)] {
        let _ = dated.unsign(&signed, max_age);
    }
    let _ = signing::loads::<Value>(&dated.sign(text), &keys(), SALT, &now, None);

    for dumps in [signing::dumps::<str>, signing::dumps_compressed::<str>] {
        let dumped = dumps(text, &keys(), SALT, &now).expect("a text is JSON");
        let load = |max_age| signing::loads::<String>(&dumped, &keys(), SALT, &now, max_age);
        assert_eq!(load(Some(Duration::ZERO)).as_deref(), Ok(text));
        assert_eq!(load(None).as_deref(), Ok(text));
        assert!(signing::loads::<Vec<u8>>(&dumped, &keys(), SALT, &now, None).is_err());
    }
    // As JSON, into whatever type it is asked for.
    let dumped = dated.sign_bytes(text.as_bytes(), false);
    let value = signing::loads::<Value>(&dumped, &keys(), SALT, &now, None);
    if let Ok(plain) = serde_json::from_str::<Value>(text) {
        assert_eq!(value.as_ref(), Ok(&plain));
    }
    let _ = signing::loads::<(f64, Option<i8>)>(&dumped, &keys(), SALT, &now, None);
    let _ = signing::loads::<Vec<String>>(&dumped, &keys(), SALT, &now, None);
}

fn is_base62(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_alphanumeric())
}
