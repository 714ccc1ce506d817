//! What holds for the contents of any session.

use segue::{Codec, CodecError, SessionData};
use serde_json::Value;

/// Its JSON is plain ASCII, can be read, and says what the accessors say.
pub(super) fn check(data: &SessionData) {
    let json = data.to_json();
    assert!(json.is_ascii());
    let parsed = SessionData::parse(&json).expect("our own JSON can be read");
    assert_eq!(parsed.to_json(), json);
    assert_eq!(parsed.len(), data.len());
    assert!(parsed.iter().eq(data.iter()));
    for (key, value) in data.iter() {
        assert_eq!(data.get(&key), Some(value));
    }
}

/// What comes back from a store.
pub(super) fn through(codec: &Codec, data: &SessionData) -> Result<SessionData, CodecError> {
    codec.encode(data).map(|payload| codec.decode(&payload).expect("what we wrote can be read"))
}

/// Whether two JSON texts say the same; nothing where `serde_json` reads less than Python does.
pub(super) fn same_value(one: &str, other: &str) -> Option<bool> {
    let one: Value = serde_json::from_str(one).ok()?;
    let other: Value = serde_json::from_str(other).ok()?;
    Some(same(&one, &other))
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        // Zero and minus zero, an integer as large as a float only holds.
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|it| same(value, it)))
        }
        _ => one == other,
    }
}
