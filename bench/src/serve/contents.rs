//! What is in a session: who it is, a cart of three, a name and a counter.

use serde_json::{Map, Value};

use crate::Result;

/// The peers read the same file.
const SESSION: &str = include_str!("../../peers/session.json");

/// Of the standard session and, where that is not enough, of a padding: so many bytes of JSON.
pub(super) fn values(bytes: Option<usize>) -> Result<Map<String, Value>> {
    let mut values: Map<String, Value> = serde_json::from_str(SESSION)?;
    let missing = bytes.unwrap_or(0).saturating_sub(serde_json::to_string(&values)?.len());
    if missing > 0 {
        // `,"padding":""`
        values.insert("padding".to_owned(), Value::String(padding(missing.saturating_sub(13))));
    }
    Ok(values)
}

/// Letters that no compression makes much smaller; the same for all servers.
fn padding(length: usize) -> String {
    let mut seed: u32 = 1;
    let letter = |_| {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        char::from(b'a' + u8::try_from((seed >> 16) % 26).unwrap_or_default())
    };
    (0..length).map(letter).collect()
}

/// One text of JSON for each number, all of the same length: as cheap as it can be, for the limits.
#[derive(Debug)]
pub(super) struct Numbered {
    before: String,
    after: String,
}

impl Numbered {
    pub(super) fn new() -> Result<Self> {
        let text = serde_json::to_string(&values(None)?)?;
        let counter = "\"counter\":0";
        let (before, after) = text.split_once(counter).ok_or("a session has a counter")?;
        Ok(Self { before: format!("{before}\"counter\":"), after: after.to_owned() })
    }

    pub(super) fn text(&self, number: u64) -> String {
        format!("{}{}{}", self.before, number + 1_000_000_000, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_as_long_as_it_was_asked_for() {
        let length = |bytes| serde_json::to_string(&values(bytes).unwrap()).unwrap().len();
        assert!((300..340).contains(&length(None)), "{}", length(None));
        assert_eq!(length(Some(3_000)), 3_000);
        assert_eq!(length(Some(30_000)), 30_000);
    }

    #[test]
    fn a_counter_does_not_change_the_length() {
        let [one, two, many] = [1, 2, 999_999].map(|number| Numbered::new().unwrap().text(number));
        assert_eq!(one.len(), many.len());
        assert_ne!(one, two);
        assert!(serde_json::from_str::<Value>(&one).is_ok(), "{one}");
    }
}
