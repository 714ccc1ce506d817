//! From a pickle's values to JSON text, as `json.dumps(value, separators=(",", ":"))` writes it.

use std::io::Write as _;
use std::ops::Range;

use super::value::{Heap, Kind, Scalar, Value};
use super::walk::{Sink, Walker, Way};
use super::write::Opcodes;
use super::{MAX_DEPTH, MAX_SIZE, Member, NAN, PickleError, Reason, number, text};
use crate::json;
use crate::scratch::Scratch;

/// Shows the members of the session, whose dict this is.
pub(super) fn members(heap: &Heap<'_>, dict: u32, paper: &mut Paper) -> Result<(), PickleError> {
    let items = heap.node(dict).map(|dict| &*dict.items).unwrap_or_default();
    let Paper { way, open, json, members } = paper;
    let mut walker = Walker::new(heap, way);
    if let Some(key) = items.chunks_exact(2).filter_map(<[Value]>::first).find(|key| !is_str(**key))
    {
        return Err(PickleError::NotAText(heap.kind_of(*key)));
    }
    let mut exact_left = MAX_SIZE;
    let mut shown = Show { json, open, is_exact: true };
    let (mut pairs, _) = walker.distinct(dict)?;
    while let (Some(key), Some(value)) = (pairs.next(heap), pairs.next(heap)) {
        let key = shown.show(&mut walker, key)?;
        if !shown.is_exact {
            return Err(PickleError::NotAText("a str with two surrogates apart"));
        }
        let json = shown.show(&mut walker, value).map_err(|error| error.under(shown.text(&key)))?;
        let exact = if shown.is_exact {
            None
        } else {
            let mut opcodes = Opcodes::fragment(exact_left);
            walker.walk(value, &mut opcodes).map_err(|error| error.under(shown.text(&key)))?;
            let exact = opcodes.into_exact(json.len());
            exact_left = exact_left.saturating_sub(exact.opcodes.len());
            Some(exact)
        };
        members.push(Member { key, json, exact });
    }
    Ok(())
}

fn is_str(value: Value) -> bool {
    matches!(value, Value::Str(_) | Value::RawStr(_))
}

/// What the members are written on.
#[derive(Default)]
pub(super) struct Paper {
    way: Way,
    open: Vec<(Kind, usize)>,
    pub(super) json: Vec<u8>,
    pub(super) members: Vec<Member>,
}

impl Scratch for Paper {
    fn empty(&mut self) {
        let Self { way, open, json, members } = self;
        way.empty();
        open.empty();
        json.empty();
        members.empty();
    }
}

/// Writes JSON, one value after the other; in ASCII.
struct Show<'a> {
    json: &'a mut Vec<u8>,
    /// The lists and dicts around, and how many items each has so far.
    open: &'a mut Vec<(Kind, usize)>,
    /// Whether Python would read the same value from the JSON.
    is_exact: bool,
}

impl Show<'_> {
    /// Writes another value, and tells where it stands.
    fn show(
        &mut self,
        walker: &mut Walker<'_, '_>,
        value: Value,
    ) -> Result<Range<usize>, PickleError> {
        let start = self.json.len();
        self.is_exact = true;
        walker.walk(value, self)?;
        Ok(start..self.json.len())
    }

    fn text(&self, place: &Range<usize>) -> &str {
        str::from_utf8(self.json.get(place.clone()).unwrap_or_default()).unwrap_or_default()
    }

    /// Writes what stands between two items. Says whether a key comes now.
    fn separate(&mut self) -> bool {
        let Some((kind, count)) = self.open.last_mut() else { return false };
        let is_value = *kind == Kind::Dict && *count % 2 == 1;
        if is_value {
            self.json.push(b':');
        } else if *count > 0 {
            self.json.push(b',');
        }
        *count += 1;
        *kind == Kind::Dict && !is_value
    }

    fn check(&self) -> Result<(), PickleError> {
        if self.json.len() > MAX_SIZE { Err(PickleError::TooLarge) } else { Ok(()) }
    }
}

impl Sink for Show<'_> {
    fn scalar(&mut self, scalar: &Scalar<'_>) -> Result<(), PickleError> {
        let is_key = self.separate();
        if let Scalar::Str(bytes) = scalar {
            self.is_exact &= text::push_json(self.json, bytes);
            return self.check();
        }
        if is_key {
            // A text in JSON; it would be one in Python, too.
            self.is_exact = false;
            self.json.push(b'"');
        }
        // Writing into memory cannot fail.
        match scalar {
            Scalar::Str(_) => {}
            Scalar::None => self.json.extend_from_slice(b"null"),
            Scalar::Bool(value) => _ = write!(self.json, "{value}"),
            Scalar::Int(value) => _ = write!(self.json, "{value}"),
            Scalar::Long(bytes) => {
                let digits = number::to_decimal(bytes).ok_or(Reason::BigInteger)?;
                self.json.extend_from_slice(digits.as_bytes());
            }
            Scalar::Float(value) => {
                self.is_exact &= !value.is_nan() || value.to_bits() == NAN;
                let text = json::to_text(value).map_err(|_| Reason::NotJson)?;
                self.json.extend_from_slice(text.as_bytes());
            }
        }
        if is_key {
            self.json.push(b'"');
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
        self.json.push(if kind == Kind::Dict { b'{' } else { b'[' });
        self.open.push((kind, 0));
        self.check()
    }

    fn close(&mut self) -> Result<(), PickleError> {
        let is_dict = self.open.pop().is_some_and(|(kind, _)| kind == Kind::Dict);
        self.json.push(if is_dict { b'}' } else { b']' });
        self.check()
    }
}
