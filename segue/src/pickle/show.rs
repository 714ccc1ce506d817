//! From a pickle's values to JSON text, as `json.dumps(value, separators=(",", ":"))` writes it.

use std::fmt::Write as _;

use super::value::{Heap, Kind, Scalar, Value};
use super::walk::{Sink, Walker};
use super::write::Opcodes;
use super::{MAX_DEPTH, MAX_SIZE, Member, NAN, PickleError, Reason, number, text};
use crate::json;

/// The members of the session, whose dict this is.
pub(super) fn members(heap: &Heap<'_>, dict: u32) -> Result<Vec<Member>, PickleError> {
    let items = heap.node(dict).map(|dict| &*dict.items).unwrap_or_default();
    let mut walker = Walker::new(heap);
    if let Some(key) = items.chunks_exact(2).filter_map(<[Value]>::first).find(|key| !is_str(**key))
    {
        return Err(PickleError::NotAText(heap.kind_of(*key)));
    }
    let mut members = Vec::with_capacity((items.len() / 2).min(16));
    let (mut json_left, mut exact_left) = (MAX_SIZE, MAX_SIZE);
    let mut shown = Show::default();
    for pair in walker.distinct(items)?.chunks_exact(2) {
        let &[key, value] = pair else { continue };
        shown.begin(json_left);
        walker.walk(key, &mut shown)?;
        if !shown.is_exact {
            return Err(PickleError::NotAText("a str with two surrogates apart"));
        }
        let key = shown.text.as_str().to_owned();
        // It is no more than what was left.
        json_left = json_left.saturating_sub(key.len());
        shown.begin(json_left);
        walker.walk(value, &mut shown).map_err(|error| error.under(&key))?;
        let exact = if shown.is_exact {
            None
        } else {
            let mut opcodes = Opcodes::fragment(exact_left);
            walker.walk(value, &mut opcodes).map_err(|error| error.under(&key))?;
            let exact = opcodes.into_exact(shown.text.len());
            exact_left = exact_left.saturating_sub(exact.opcodes.len());
            Some(exact)
        };
        json_left = json_left.saturating_sub(shown.text.len());
        members.push(Member { key, json: shown.text.as_str().to_owned(), exact });
    }
    Ok(members)
}

fn is_str(value: Value) -> bool {
    matches!(value, Value::Str(_) | Value::RawStr(_))
}

/// Writes JSON, one value after the other into the same memory.
#[derive(Default)]
struct Show {
    text: String,
    limit: usize,
    /// The lists and dicts around, and how many items each has so far.
    open: Vec<(Kind, usize)>,
    /// Whether Python would read the same value from the JSON.
    is_exact: bool,
}

impl Show {
    /// Begins another value, of so many bytes at the most.
    fn begin(&mut self, limit: usize) {
        self.text.clear();
        self.open.clear();
        (self.limit, self.is_exact) = (limit, true);
    }

    /// Writes what stands between two items. Says whether a key comes now.
    fn separate(&mut self) -> bool {
        let Some((kind, count)) = self.open.last_mut() else { return false };
        let is_value = *kind == Kind::Dict && *count % 2 == 1;
        if is_value {
            self.text.push(':');
        } else if *count > 0 {
            self.text.push(',');
        }
        *count += 1;
        *kind == Kind::Dict && !is_value
    }

    fn check(&self) -> Result<(), PickleError> {
        if self.text.len() > self.limit { Err(PickleError::TooLarge) } else { Ok(()) }
    }
}

impl Sink for Show {
    fn scalar(&mut self, scalar: &Scalar<'_>) -> Result<(), PickleError> {
        let is_key = self.separate();
        if let Scalar::Str(bytes) = scalar {
            self.is_exact &= text::push_json(&mut self.text, bytes);
            return self.check();
        }
        if is_key {
            // A text in JSON; it would be one in Python, too.
            self.is_exact = false;
            self.text.push('"');
        }
        // Writing into a text cannot fail.
        match scalar {
            Scalar::Str(_) => {}
            Scalar::None => self.text.push_str("null"),
            Scalar::Bool(value) => _ = write!(self.text, "{value}"),
            Scalar::Int(value) => _ = write!(self.text, "{value}"),
            Scalar::Long(bytes) => {
                self.text.push_str(&number::to_decimal(bytes).ok_or(Reason::BigInteger)?);
            }
            Scalar::Float(value) => {
                self.is_exact &= !value.is_nan() || value.to_bits() == NAN;
                self.text.push_str(&json::to_text(value).map_err(|_| Reason::NotJson)?);
            }
        }
        if is_key {
            self.text.push('"');
        }
        self.check()
    }

    fn open(&mut self, kind: Kind, _: usize) -> Result<(), PickleError> {
        // The session's own dict is around all.
        if self.open.len() + 1 >= MAX_DEPTH {
            return Err(Reason::TooDeep.into());
        }
        self.separate();
        self.is_exact &= kind != Kind::Tuple;
        self.text.push(if kind == Kind::Dict { '{' } else { '[' });
        self.open.push((kind, 0));
        self.check()
    }

    fn close(&mut self) -> Result<(), PickleError> {
        let is_dict = self.open.pop().is_some_and(|(kind, _)| kind == Kind::Dict);
        self.text.push(if is_dict { '}' } else { ']' });
        self.check()
    }
}
