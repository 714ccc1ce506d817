//! The contents of a session, and what a request did to them.

mod entries;
mod members;

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::json::{self, Scanner, SyntaxError};
use crate::pickle::Exact;

use entries::Entries;

/// The key-value pairs of a session, each value as its JSON text, in order, and the log of changes
/// since they were loaded.
///
/// A value that nobody changes is written back to the byte. The log makes two requests of one
/// session safe: [`rebase`](Self::rebase) does this request's changes again on what another saved.
///
/// ```
/// use segue::SessionData;
///
/// let mut ours = SessionData::parse(r#"{"n":1,"big":1000000000000000000000000}"#)?;
/// ours.set("name", "\"manish\"");
/// let theirs = SessionData::parse(r#"{"n":2,"big":1000000000000000000000000}"#)?;
/// ours.rebase(theirs)?;
/// assert_eq!(ours.to_json(), r#"{"n":2,"big":1000000000000000000000000,"name":"manish"}"#);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone)]
pub struct SessionData {
    /// The text that the entries were loaded from, in ASCII: the store's own where it has it like this.
    source: Arc<[u8]>,
    entries: Entries,
    log: Vec<Change>,
}

/// Why a step of [`SessionData::update`] could not be done.
pub type StepError = Box<dyn std::error::Error + Send + Sync>;

/// From the JSON text of a value, if there is one, to that of the next.
type Step = dyn Fn(Option<&str>) -> Result<String, StepError> + Send + Sync;

#[derive(Clone)]
struct Entry {
    /// A JSON string, quotes included.
    key: Text,
    value: Text,
}

/// JSON text, within the source or of our own making.
#[derive(Clone)]
enum Text {
    Source(Range<usize>),
    Own(Arc<str>),
    Exact(Arc<Shown>),
}

/// What JSON shows and does not hold exactly, a tuple of Python's for example: it is written back as
/// it was.
struct Shown {
    json: Range<usize>,
    exact: Exact,
}

#[derive(Clone)]
enum Change {
    Set(Arc<str>, Arc<str>),
    Remove(Arc<str>),
    Step(Arc<str>, Arc<Step>),
    Clear,
}

impl SessionData {
    /// No entries, no changes.
    #[must_use]
    pub fn new() -> Self {
        // The empty text of the standard library is shared: a session nobody looks at costs nothing.
        Self { source: Arc::default(), entries: Entries::NONE, log: Vec::new() }
    }

    /// Reads a JSON object as Python's `json` writes it: `NaN`, integers of any size and lone
    /// surrogates included. Of a key that stands twice the last value counts, as in Python.
    ///
    /// # Errors
    /// When the text is no JSON object.
    pub fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self::parse_strict(text)?)
    }

    pub(crate) fn parse_strict(text: &str) -> Result<Self, SyntaxError> {
        Self::parse_ascii(match text.is_ascii() {
            true => Arc::from(text.as_bytes()),
            false => json::to_ascii(text).into_bytes().into(),
        })
    }

    /// As [`parse_strict`](Self::parse_strict), of a text in ASCII, which is kept and not copied.
    pub(crate) fn parse_ascii(source: Arc<[u8]>) -> Result<Self, SyntaxError> {
        let entries = Entries::read(&source, |entries| {
            let mut scanner = Scanner::of(&source);
            scanner.object(|key, value| {
                entries.push(Entry { key: Text::Source(key), value: Text::Source(value) });
            })?;
            scanner.end()?;
            Ok(scanner.has_escapes())
        })?;
        Ok(Self { source, entries, log: Vec::new() })
    }

    /// The JSON text of a value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.position(key).map(|at| self.text(&self.entries[at].value))
    }

    /// The JSON text of a value in a JSON object in ASCII, of which nothing is kept.
    pub(crate) fn find_in<'a>(source: &'a [u8], key: &str) -> Result<Option<&'a str>, SyntaxError> {
        let (mut scanner, mut found) = (Scanner::of(source), None);
        scanner.object(|quoted, value| {
            if is_quoted(source.get(quoted).unwrap_or_default(), key) {
                found = source.get(value).map(ascii);
            }
        })?;
        scanner.end()?;
        Ok(found)
    }

    /// As [`get`](Self::get), to be read after the data has been given back; nothing is copied.
    pub(crate) fn share(&self, key: &str) -> Option<SharedText> {
        let entry = self.position(key).and_then(|at| self.entries.get(at))?;
        Some(SharedText { source: Arc::clone(&self.source), text: entry.value.clone() })
    }

    /// The keys and the JSON texts of their values, in order. A key that holds a lone surrogate is
    /// no text in Rust: it is kept, and not listed.
    pub fn iter(&self) -> impl Iterator<Item = (String, &str)> {
        self.entries.iter().filter_map(|entry| {
            Some((json::unquote(self.text(&entry.key))?, self.text(&entry.value)))
        })
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets a value, given as JSON text, which must be valid and ASCII.
    pub fn set(&mut self, key: &str, value: impl Into<Arc<str>>) {
        let (key, value) = (Arc::from(key), value.into());
        self.put(&key, &value);
        self.log.push(Change::Set(key, value));
    }

    /// Removes a key and gives its value as JSON text. What is not there is not logged either.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        let at = self.position(key)?;
        let entry = self.entries.own().remove(at);
        self.log.push(Change::Remove(Arc::from(key)));
        Some(self.text(&entry.value).to_owned())
    }

    /// Sets a value to what `step` makes of it, and remembers the step: on a rebase it is done
    /// again, on the other request's value.
    ///
    /// # Errors
    /// What `step` says; nothing is changed then.
    pub fn update(
        &mut self,
        key: &str,
        step: impl Fn(Option<&str>) -> Result<String, StepError> + Send + Sync + 'static,
    ) -> Result<(), StepError> {
        let value = step(self.get(key))?;
        self.set_by_step(key, value, step);
        Ok(())
    }

    /// As [`update`](Self::update), where the caller has done the step already.
    pub(crate) fn set_by_step(
        &mut self,
        key: &str,
        value: String,
        step: impl Fn(Option<&str>) -> Result<String, StepError> + Send + Sync + 'static,
    ) {
        let (key, value) = (Arc::from(key), Arc::from(value));
        self.put(&key, &value);
        self.log.push(Change::Step(key, Arc::new(step)));
    }

    /// Removes every entry.
    pub fn clear(&mut self) {
        self.entries = Entries::NONE;
        self.log.push(Change::Clear);
    }

    /// How many changes were logged.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.log.len()
    }

    /// Takes over what another request saved, and does the logged changes again on top of it.
    ///
    /// # Errors
    /// When a step of `update` does not fit the other's value; `self` is unchanged then.
    pub fn rebase(&mut self, theirs: Self) -> Result<(), StepError> {
        let mut base = Self { log: Vec::new(), ..theirs };
        base.replay(&self.log)?;
        *self = base;
        Ok(())
    }

    /// Takes over what was saved from an earlier copy of this data, whose log was `saved` changes
    /// long, and does the changes logged since on top of it.
    ///
    /// # Errors
    /// As [`rebase`](Self::rebase).
    pub(crate) fn advance(&mut self, stored: Self, saved: usize) -> Result<(), StepError> {
        self.log.drain(..saved.min(self.log.len()));
        self.rebase(stored)
    }

    /// Forgets the log: the entries are the stored ones.
    pub(crate) fn forget_changes(&mut self) {
        self.log.clear();
    }

    /// The entries as a JSON object, as Python's `json` writes it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = Vec::new();
        self.write_json(&mut json);
        // Every part of it is ASCII.
        String::from_utf8(json).unwrap_or_default()
    }

    /// As [`to_json`](Self::to_json), into an empty buffer.
    pub(crate) fn write_json(&self, json: &mut Vec<u8>) {
        let length = |entry: &Entry| self.bytes(&entry.key).len() + self.bytes(&entry.value).len();
        let lengths: usize = self.entries.iter().map(|entry| length(entry) + 2).sum();
        json.reserve(lengths + 2);
        json.push(b'{');
        for entry in &*self.entries {
            if json.len() > 1 {
                json.push(b',');
            }
            json.extend_from_slice(self.bytes(&entry.key));
            json.push(b':');
            json.extend_from_slice(self.bytes(&entry.value));
        }
        json.push(b'}');
    }

    fn replay(&mut self, log: &[Change]) -> Result<(), StepError> {
        for change in log {
            match change {
                Change::Set(key, value) => self.put(key, value),
                Change::Remove(key) => {
                    if let Some(at) = self.position(key) {
                        self.entries.own().remove(at);
                    }
                }
                Change::Step(key, step) => {
                    let value = step(self.get(key))?.into();
                    self.put(key, &value);
                }
                Change::Clear => self.entries = Entries::NONE,
            }
        }
        self.log = log.to_vec();
        Ok(())
    }

    fn put(&mut self, key: &Arc<str>, value: &Arc<str>) {
        let value = Text::Own(Arc::clone(value));
        match self.position(key) {
            Some(at) => self.entries[at].value = value,
            None => {
                let key = Text::Own(json::quote(key).into());
                self.entries.own().push(Entry { key, value });
            }
        }
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|entry| is_quoted(self.bytes(&entry.key), key))
    }

    fn text<'a>(&'a self, text: &'a Text) -> &'a str {
        ascii(self.bytes(text))
    }

    fn bytes<'a>(&'a self, text: &'a Text) -> &'a [u8] {
        text.within(&self.source)
    }
}

impl Text {
    fn within<'a>(&'a self, source: &'a [u8]) -> &'a [u8] {
        // The ranges are the scanner's own, on the text it read.
        match self {
            Self::Source(range) => source.get(range.clone()).unwrap_or_default(),
            Self::Own(text) => text.as_bytes(),
            Self::Exact(shown) => source.get(shown.json.clone()).unwrap_or_default(),
        }
    }
}

/// The JSON text of a value.
pub(crate) struct SharedText {
    source: Arc<[u8]>,
    text: Text,
}

impl SharedText {
    pub(crate) fn as_str(&self) -> &str {
        ascii(self.text.within(&self.source))
    }
}

/// Whether this JSON string is this text.
fn is_quoted(quoted: &[u8], text: &str) -> bool {
    let letters = quoted.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    // No letter is shorter in JSON than in the text, and one that is escaped is longer.
    letters.is_some_and(|letters| match letters.len().cmp(&text.len()) {
        Ordering::Less => false,
        Ordering::Equal => letters == text.as_bytes() && !letters.contains(&b'\\'),
        Ordering::Greater => {
            let begins_like_it = letters.first() == text.as_bytes().first();
            (begins_like_it || letters.starts_with(b"\\"))
                && letters.contains(&b'\\')
                && json::unquote(ascii(quoted)).as_deref() == Some(text)
        }
    })
}

/// The text of these bytes, which are ASCII.
fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl Default for SessionData {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SessionData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionData")
            .field("entries", &self.entries.len())
            .field("changes", &self.log.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(json: &str) -> SessionData {
        SessionData::parse(json).unwrap()
    }

    fn add(n: u64) -> impl Fn(Option<&str>) -> Result<String, StepError> + Send + Sync + 'static {
        move |old| Ok((old.unwrap_or("0").parse::<u64>()? + n).to_string())
    }

    #[test]
    fn what_is_not_touched_comes_back_to_the_byte() {
        let json = r#"{"a":1.0,"b":NaN,"c":"\ud800","\ud800":1e+16,"d":{"x": [1,2 ]},"e":-0.0}"#;
        let mut data = data(json);
        assert_eq!(data.to_json(), json);
        data.set("z", "1");
        assert_eq!(data.to_json(), json.replace("-0.0}", "-0.0,\"z\":1}"));
        assert_eq!(data.get("c"), Some(r#""\ud800""#));
        assert_eq!(data.len(), 7);
        assert_eq!(data.iter().count(), 6, "a lone surrogate is no key in Rust");
    }

    #[test]
    fn keys_are_found_however_they_are_escaped() {
        let mut data = data(r#"{"Zo\u00eb":1,"a\/b":2,"é":3}"#);
        assert_eq!(data.get("Zoë"), Some("1"));
        assert_eq!(data.get("a/b"), Some("2"));
        assert_eq!(data.get(r"a\/b"), None, "whose own JSON is longer");
        assert_eq!(data.get("é"), Some("3"));
        data.set("Zoë", "4");
        assert_eq!(data.to_json(), r#"{"Zo\u00eb":4,"a\/b":2,"\u00e9":3}"#);
    }

    #[test]
    fn who_changes_what_others_read_has_a_copy() {
        let loaded = data(r#"{"a":1,"b":2}"#);
        let changed = |change: fn(&mut SessionData)| {
            let mut ours = loaded.clone();
            change(&mut ours);
            assert_eq!(loaded.to_json(), r#"{"a":1,"b":2}"#);
            ours.to_json()
        };
        assert_eq!(changed(|ours| ours.set("a", "3")), r#"{"a":3,"b":2}"#);
        assert_eq!(changed(|ours| ours.set("c", "3")), r#"{"a":1,"b":2,"c":3}"#);
        assert_eq!(changed(|ours| _ = ours.remove("a")), r#"{"b":2}"#);
        assert_eq!(changed(SessionData::clear), "{}");
    }

    #[test]
    fn of_a_repeated_key_the_last_value_counts() {
        assert_eq!(data(r#"{"a":1,"b":2,"\u0061":3}"#).to_json(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn a_rebase_keeps_both_sides() {
        let mut ours = data(r#"{"n":1,"gone":1,"same":1}"#);
        ours.update("n", add(10)).unwrap();
        ours.set("mine", "\"x\"");
        ours.remove("gone");
        ours.rebase(data(r#"{"n":5,"gone":2,"same":7,"theirs":true}"#)).unwrap();
        assert_eq!(ours.to_json(), r#"{"n":15,"same":7,"theirs":true,"mine":"x"}"#);
        // And once more: the log is still there.
        ours.rebase(data(r#"{"n":100}"#)).unwrap();
        assert_eq!(ours.to_json(), r#"{"n":110,"mine":"x"}"#);
    }

    #[test]
    fn a_clear_wins_over_what_the_other_did() {
        let mut ours = data(r#"{"a":1}"#);
        ours.clear();
        ours.set("b", "2");
        ours.rebase(data(r#"{"a":5,"c":3}"#)).unwrap();
        assert_eq!(ours.to_json(), r#"{"b":2}"#);
    }

    #[test]
    fn a_step_that_does_not_fit_changes_nothing() {
        let mut ours = data(r#"{"n":1}"#);
        ours.update("n", add(1)).unwrap();
        assert!(ours.rebase(data(r#"{"n":"text"}"#)).is_err());
        assert_eq!(ours.to_json(), r#"{"n":2}"#);
        assert_eq!(ours.changes(), 1);
    }

    #[test]
    fn changes_made_during_a_save_are_kept_for_the_next() {
        let mut ours = data(r#"{"n":1}"#);
        ours.update("n", add(1)).unwrap();
        let saved = ours.changes();
        let mut stored = ours.clone();
        stored.forget_changes();
        ours.update("n", add(1)).unwrap();
        ours.advance(stored, saved).unwrap();
        assert_eq!((ours.to_json().as_str(), ours.changes()), (r#"{"n":3}"#, 1));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "1", "null", "{", "{\"a\":1}x"] {
            assert!(SessionData::parse(text).is_err(), "{text}");
        }
    }
}
