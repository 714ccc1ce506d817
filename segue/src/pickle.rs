//! A session as Django's caches hold it: the pickle of a dict.
//!
//! Pickles are programs. Of theirs we know the part that makes plain data, `None`, numbers, texts,
//! lists, tuples and dicts, and refuse the rest: nothing is ever run or imported, and the error
//! names the value and the class that stood in the way.
//!
//! Values become JSON text, which is what [`SessionData`](crate::SessionData) keeps. JSON has no
//! tuples, and its objects have no numbers for keys. Such a value is shown as `json.dumps` shows it
//! and keeps its opcodes beside that, so that whoever does not change it writes the same value back.
//!
//! Two names for one list become two lists: JSON cannot say that they are one.

mod error;
mod from_json;
mod machine;
mod nodes;
mod number;
mod objects;
mod op;
mod read;
mod show;
mod text;
mod value;
mod walk;
mod write;

use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::vec;

use crate::scratch::{self, Scratch};

pub(crate) use error::{PickleError, Reason};
use value::{Kind, Value};
use walk::Sink as _;

/// The most bytes that a pickle may have, or its values as JSON: as for signed sessions. Less in
/// tests, so that what reaches the limit takes no minute.
const MAX_SIZE: usize = if cfg!(test) { 4 << 20 } else { 64 << 20 };
/// The most values, marks and notes in the memo that a pickle may make. Each takes some fifty bytes
/// of memory, and one byte of pickle.
const MAX_STEPS: usize = MAX_SIZE / 16;
/// The most lists and dicts around each other, the session's own included: Python's own writers
/// end at its recursion limit, which is this.
const MAX_DEPTH: usize = 1_000;
/// The most digits of an integer: Python converts no more to and from text.
const MAX_DIGITS: usize = 4_300;
/// The bits of the `NaN` that Python makes of JSON, out of the many.
const NAN: u64 = 0x7ff8_0000_0000_0000;

/// The members of a session, in order.
pub(crate) struct Members<'a> {
    /// Their JSON, one after the other; in ASCII.
    pub(crate) source: &'a [u8],
    pub(crate) members: vec::Drain<'a, Member>,
}

/// One key of a session and its value.
pub(crate) struct Member {
    /// Where in the source the key stands, as a JSON string.
    pub(crate) key: Range<usize>,
    /// And where the value, as `json.dumps(value, separators=(",", ":"))` writes it.
    pub(crate) json: Range<usize>,
    /// The value itself, where Python would read another one from the JSON.
    pub(crate) exact: Option<Exact>,
}

/// A value that JSON can show and not hold: the opcodes that make it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Exact {
    opcodes: Arc<[u8]>,
    steps: usize,
    json_len: usize,
}

/// A value that is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    Json(&'a str),
    Exact(&'a Exact),
}

/// The memory of a reader.
#[derive(Default)]
struct Room {
    parts: machine::Parts,
    paper: show::Paper,
}

impl Scratch for Room {
    fn empty(&mut self) {
        let Self { parts, paper } = self;
        parts.empty();
        paper.empty();
    }
}

thread_local! {
    static ROOM: Cell<Room> = Cell::default();
}

/// What is made of the members of the pickled dict; of a key that stands twice the last value counts, in
/// the first place. Nothing if it is the pickle of `None`: to Django's caches that is no session.
pub(crate) fn read<T>(
    pickle: &[u8],
    make: impl FnOnce(Members<'_>) -> T,
) -> Result<Option<T>, PickleError> {
    scratch::with(&ROOM, |Room { parts, paper }| {
        let is_dict = show(pickle, parts, paper)?;
        let show::Paper { json, members, .. } = paper;
        Ok(is_dict.then(|| make(Members { source: json, members: members.drain(..) })))
    })
}

/// Shows the members of the pickled dict; false if it is the pickle of `None`.
fn show(
    pickle: &[u8],
    parts: &mut machine::Parts,
    paper: &mut show::Paper,
) -> Result<bool, PickleError> {
    let said = read::read(pickle, parts)?;
    let is_dict = match said.top {
        Value::None => false,
        Value::Node(id) => match said.heap.node(id) {
            Some(node) if node.kind == Kind::Dict => {
                show::members(&said.heap, id, paper)?;
                true
            }
            Some(node) if node.kind == Kind::Object => return Err(said.heap.refusal(said.top)),
            _ => return Err(PickleError::NotADict(said.heap.kind_of(said.top))),
        },
        Value::Foreign(_) => return Err(said.heap.refusal(said.top)),
        top => return Err(PickleError::NotADict(said.heap.kind_of(top))),
    };
    match said.object {
        // Made and thrown away: no pickler does that, and Python would have run it.
        Some(object) => Err(said.heap.refusal(object).within(true)),
        None => Ok(is_dict),
    }
}

/// The pickle of a dict of these members, given as a JSON string and a value each, none twice.
///
/// The bytes are those of Python's pickler for a dict whose texts are all different objects, except
/// that a kept value of 64 KiB and more stands outside of frames.
pub(crate) fn write<'a>(
    members: impl ExactSizeIterator<Item = (&'a str, Content<'a>)>,
) -> Result<Vec<u8>, PickleError> {
    let mut opcodes = write::Opcodes::pickle();
    let (mut json, mut json_len) = (from_json::Reader::new(), 0);
    opcodes.open(Kind::Dict, members.len())?;
    for (key, content) in members {
        if !key.starts_with('"') {
            return Err(Reason::NotJson.into());
        }
        json.value(key, &mut opcodes)?;
        json_len += key.len();
        match content {
            Content::Json(value) => {
                json_len += value.len();
                json.value(value, &mut opcodes).map_err(|error| error.under(key))?;
            }
            Content::Exact(exact) => {
                json_len += exact.json_len;
                opcodes.splice(exact)?;
            }
        }
        // What is read must become JSON again.
        if json_len > MAX_SIZE {
            return Err(PickleError::TooLarge);
        }
    }
    opcodes.close()?;
    opcodes.finish()
}

/// It does not show the value.
impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exact").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod python_tests;
#[cfg(test)]
mod tests;
