//! Payloads of every kind, JSON text, and what requests do to a session.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use segue::signing::TimestampSigner;
use segue::{Codec, CodecError, SessionData};

use super::{clock, data, keys};

/// The salt of Django's database, file and cache sessions.
const SALT: &str = "django.contrib.sessions.SessionStore";

/// The bytes are a payload, forged or signed; the text in them is JSON; and what comes after a NUL
/// is done to the session.
pub fn codec(input: &[u8]) {
    payload(input);
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut parts = text.split('\0');
    let json = parts.next().unwrap_or_default();
    let Ok(session) = SessionData::parse(json) else { return };
    comes_back(json, &session);
    change(session, parts);
}

fn payload(input: &[u8]) {
    let (signed_json, json) = (Codec::signed_json(&keys(), &clock()), Codec::json());
    let signer = TimestampSigner::new(&keys(), SALT, &clock());

    let plain = json.decode(input).map(|read| read.to_json());
    if let Ok(read) = signed_json.decode(input) {
        // Only what we could have written ourselves is believed.
        let text = std::str::from_utf8(input).expect("what is signed is text");
        assert!(signer.unsign(text, None).is_ok());
        data::check(&read);
    }
    // The same bytes within a good signature, compressed where that is shorter, and compressed.
    for compress in [false, true] {
        let signed = signer.sign_bytes(input, compress);
        assert_eq!(signer.unsign_bytes(&signed, None).as_deref(), Ok(input));
        let read = signed_json.decode(signed.as_bytes()).map(|read| read.to_json());
        assert_eq!(read, plain, "signed and unsigned JSON are read alike");
    }
    // What was signed as base 64 of zlib data, or as base 64, and need be neither.
    let encoded = URL_SAFE_NO_PAD.encode(input);
    for payload in [format!(".{encoded}"), String::from_utf8_lossy(input).into_owned()] {
        if let Ok(read) = signed_json.decode(signer.sign(&payload).as_bytes()) {
            data::check(&read);
        }
    }
}

/// JSON that can be read comes back from every kind of payload.
fn comes_back(json: &str, session: &SessionData) {
    data::check(session);
    assert_ne!(data::same_value(json, &session.to_json()), Some(false), "it is what was read");
    for codec in [Codec::signed_json(&keys(), &clock()), Codec::json()] {
        let back = data::through(&codec, session).expect("what was read can be written");
        assert_eq!(back.to_json(), session.to_json(), "to the byte");
    }
    match data::through(&Codec::pickle(), session) {
        Ok(back) => {
            data::check(&back);
            let same = data::same_value(&session.to_json(), &back.to_json());
            assert_ne!(same, Some(false), "by value");
            let again = data::through(&Codec::pickle(), &back).expect("as before");
            assert_eq!(again.to_json(), back.to_json(), "and then to the byte");
        }
        Err(error) => assert!(python_refuses(json, &error), "{error}"),
    }
}

/// Python reads no deeper nesting and no longer integers.
fn python_refuses(json: &str, error: &CodecError) -> bool {
    let is_deep = json.matches(['[', '{']).count() >= 990;
    let is_long = json.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 4300);
    matches!(error, CodecError::NotPlain { .. }) && (is_deep || is_long)
}

/// A change as the fuzzer writes it: a letter, then a key, or a key and the JSON text of a value
/// with `=` between them, or the JSON text of a session.
#[derive(Clone)]
enum Change {
    Set(String, Arc<str>),
    Remove(String),
    /// Wraps the value in a list.
    Step(String),
    Clear,
}

/// What a session should hold, as users see it.
type Model = Vec<(String, String)>;

fn model(session: &SessionData) -> Model {
    session.iter().map(|(key, value)| (key, value.to_owned())).collect()
}

fn change<'a>(mut session: SessionData, texts: impl Iterator<Item = &'a str>) {
    let mut expected = model(&session);
    let mut log: Vec<Change> = Vec::new();
    // A log of hundreds of changes says nothing new and takes its time on each rebase.
    for text in texts.take(40) {
        let Some((kind, rest)) = text.split_at_checked(1) else { continue };
        let change = match kind {
            "+" => {
                let Some((key, value)) = rest.split_once('=').and_then(read_value) else {
                    continue;
                };
                Change::Set(key, value)
            }
            "-" => Change::Remove(rest.to_owned()),
            "*" => Change::Step(rest.to_owned()),
            "0" => Change::Clear,
            "<" => {
                let Ok(theirs) = SessionData::parse(rest) else { continue };
                expected = model(&theirs);
                for change in &log {
                    imitate(change, &mut expected);
                }
                session.rebase(theirs).expect("our steps fit any value");
                assert_eq!(model(&session), expected, "a rebase is coming later");
                continue;
            }
            _ => continue,
        };
        let was_there = apply(&change, &mut session);
        imitate(&change, &mut expected);
        if was_there || !matches!(change, Change::Remove(_)) {
            log.push(change);
        }
        assert_eq!(session.changes(), log.len());
        assert_eq!(model(&session), expected);
        let json = session.to_json();
        assert_eq!(SessionData::parse(&json).expect("our own JSON can be read").to_json(), json);
    }
    data::check(&session);
}

fn read_value((key, value): (&str, &str)) -> Option<(String, Arc<str>)> {
    let session = SessionData::parse(&format!("{{\"v\":{value}}}")).ok()?;
    (session.len() == 1).then(|| session.get("v").map(|value| (key.to_owned(), value.into())))?
}

/// Whether there was something to remove.
fn apply(change: &Change, session: &mut SessionData) -> bool {
    match change {
        Change::Set(key, value) => session.set(key, Arc::clone(value)),
        Change::Remove(key) => return session.remove(key).is_some(),
        Change::Step(key) => session.update(key, |old| Ok(wrap(old))).expect("it cannot fail"),
        Change::Clear => session.clear(),
    }
    false
}

fn imitate(change: &Change, model: &mut Model) {
    match change {
        Change::Set(key, value) => put(model, key, value.as_ref().to_owned()),
        Change::Remove(key) => model.retain(|(it, _)| it != key),
        Change::Step(key) => {
            let old = model.iter().find(|(it, _)| it == key).map(|(_, value)| value.as_str());
            put(model, key, wrap(old));
        }
        Change::Clear => model.clear(),
    }
}

fn put(model: &mut Model, key: &str, value: String) {
    match model.iter_mut().find(|(it, _)| it == key) {
        Some((_, old)) => *old = value,
        None => model.push((key.to_owned(), value)),
    }
}

/// Short, however often it is done.
fn wrap(old: Option<&str>) -> String {
    match old {
        Some(old) if old.len() < 100 => format!("[{old}]"),
        _ => "0".to_owned(),
    }
}
