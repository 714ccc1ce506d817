//! The way through a value, for whoever wants to write it down.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::vec;

use super::value::{Content, Heap, Kind, Scalar, Value};
use super::{MAX_SIZE, PickleError, Reason, number};
use crate::scratch::Scratch;

/// The most that keys may cost, over reading and keeping. A key of a dict that can be shown costs
/// less than its JSON, so only those that stand again and again are refused for it.
const MAX_COMPARED: usize = 2 * MAX_SIZE;
/// What a key costs besides its length.
const COST_OF_KEY: usize = 4;

/// What writes a value down. Within a dict, keys and values come in turn.
pub(super) trait Sink {
    fn scalar(&mut self, scalar: &Scalar<'_>) -> Result<(), PickleError>;
    /// `len` items follow, or pairs of them.
    fn open(&mut self, kind: Kind, len: usize) -> Result<(), PickleError>;
    fn close(&mut self) -> Result<(), PickleError>;
}

pub(super) struct Walker<'h, 'a> {
    heap: &'h Heap<'a>,
    /// The lists and dicts around the present value.
    frames: &'h mut Vec<Frame>,
    /// And whether each is one of them.
    is_open: &'h mut Vec<bool>,
    /// How many bytes of keys were compared: keys that stand twice cost time and write nothing.
    compared: usize,
}

/// The memory of a walker.
#[derive(Default)]
pub(super) struct Way {
    frames: Vec<Frame>,
    is_open: Vec<bool>,
}

impl Scratch for Way {
    fn empty(&mut self) {
        let Self { frames, is_open } = self;
        frames.empty();
        is_open.empty();
    }
}

struct Frame {
    id: u32,
    items: Items,
}

/// What is in a list or dict, one after the other.
pub(super) enum Items {
    /// All from this place on.
    Of(u32, usize),
    /// Some of a dict's.
    Kept(vec::IntoIter<Value>),
}

impl Items {
    pub(super) fn next(&mut self, heap: &Heap<'_>) -> Option<Value> {
        match self {
            Self::Of(id, at) => {
                let item = heap.node(*id)?.items.get(*at)?;
                *at += 1;
                Some(*item)
            }
            Self::Kept(items) => items.next(),
        }
    }
}

/// When two keys of a dict are the same to Python.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'a> {
    None,
    Str(Cow<'a, [u8]>),
    /// `1`, `1.0` and `True` are equal; as decimal digits.
    Whole(String),
    Fraction(u64),
}

impl<'h, 'a> Walker<'h, 'a> {
    pub(super) fn new(heap: &'h Heap<'a>, Way { frames, is_open }: &'h mut Way) -> Self {
        is_open.resize(heap.nodes.len(), false);
        Self { heap, frames, is_open, compared: 0 }
    }

    /// Keeps its own stack, so that deep nesting cannot overflow ours.
    pub(super) fn walk(&mut self, value: Value, sink: &mut impl Sink) -> Result<(), PickleError> {
        let mut value = value;
        loop {
            self.visit(value, sink).map_err(|error| error.within(!self.frames.is_empty()))?;
            loop {
                let Some(frame) = self.frames.last_mut() else { return Ok(()) };
                if let Some(item) = frame.items.next(self.heap) {
                    value = item;
                    break;
                }
                sink.close()?;
                let id = frame.id;
                self.set_open(id, false);
                self.frames.pop();
            }
        }
    }

    fn visit(&mut self, value: Value, sink: &mut impl Sink) -> Result<(), PickleError> {
        let id = match self.heap.content(value) {
            Content::Scalar(scalar) => return sink.scalar(&scalar),
            Content::TooLong => return Err(Reason::BigInteger.into()),
            Content::Foreign => return Err(self.heap.refusal(value)),
            Content::Node(id) => id,
        };
        let Some(node) = self.heap.node(id) else { return Err(self.heap.refusal(value)) };
        let (items, len) = match node.kind {
            Kind::Object => return Err(self.heap.refusal(value)),
            Kind::List | Kind::Tuple => (Items::Of(id, 0), node.items.len()),
            Kind::Dict => self.distinct(id)?,
        };
        if self.set_open(id, true) {
            return Err(Reason::Cycle.into());
        }
        sink.open(node.kind, len)?;
        self.frames.push(Frame { id, items });
        Ok(())
    }

    fn set_open(&mut self, id: u32, open: bool) -> bool {
        let flag = usize::try_from(id).ok().and_then(|id| self.is_open.get_mut(id));
        flag.is_some_and(|flag| std::mem::replace(flag, open))
    }

    /// The pairs of a dict as Python keeps them, and how many: of equal keys the first, with the last value.
    pub(super) fn distinct(&mut self, dict: u32) -> Result<(Items, usize), PickleError> {
        let heap = self.heap;
        let items = heap.node(dict).map(|node| &*node.items).unwrap_or_default();
        let all = (Items::Of(dict, 0), items.len() / 2);
        if self.are_few_and_differ(items)? {
            return Ok(all);
        }
        let mut places: HashMap<Identity<'_>, usize> = HashMap::new();
        let mut kept: Vec<Value> = Vec::new();
        for pair in items.chunks_exact(2) {
            let &[key, value] = pair else { continue };
            let Some(identity) = self.identity(key)? else {
                kept.extend(pair);
                continue;
            };
            match places.entry(identity) {
                Entry::Vacant(place) => {
                    place.insert(kept.len() + 1);
                    kept.extend(pair);
                }
                Entry::Occupied(place) => {
                    if let Some(old) = kept.get_mut(*place.get()) {
                        *old = value;
                    }
                }
            }
        }
        if kept.len() == items.len() {
            return Ok(all);
        }
        let pairs = kept.len() / 2;
        Ok((Items::Kept(kept.into_iter()), pairs))
    }

    /// Whether these keys are a few texts that differ, as those of most dicts: then it is faster to
    /// compare than to hash them.
    fn are_few_and_differ(&mut self, items: &[Value]) -> Result<bool, PickleError> {
        const FEW: usize = 16;
        if items.len() > 2 * FEW {
            return Ok(false);
        }
        let mut seen: [&[u8]; FEW] = [&[]; FEW];
        for (at, pair) in items.chunks_exact(2).enumerate() {
            let Some(Value::Str(span)) = pair.first() else { return Ok(false) };
            let key = self.heap.bytes(*span);
            if seen.get(..at).unwrap_or_default().contains(&key) {
                return Ok(false);
            }
            if let Some(place) = seen.get_mut(at) {
                *place = key;
            }
        }
        let keys = seen.get(..items.len() / 2).unwrap_or_default();
        let cost: usize = keys.iter().map(|key| COST_OF_KEY + key.len()).sum();
        self.spend(cost).map(|()| true)
    }

    fn spend(&mut self, cost: usize) -> Result<(), PickleError> {
        self.compared += cost;
        if self.compared > MAX_COMPARED { Err(PickleError::TooLarge) } else { Ok(()) }
    }

    /// Nothing for `NaN`, which no key is equal to.
    fn identity(&mut self, key: Value) -> Result<Option<Identity<'a>>, PickleError> {
        let identity = match self.heap.content(key) {
            Content::Scalar(Scalar::None) => Identity::None,
            Content::Scalar(Scalar::Bool(value)) => Identity::Whole(u8::from(value).to_string()),
            Content::Scalar(Scalar::Int(value)) => Identity::Whole(value.to_string()),
            Content::Scalar(Scalar::Long(bytes)) => {
                Identity::Whole(number::to_decimal(&bytes).ok_or(Reason::BigInteger)?)
            }
            Content::TooLong => return Err(Reason::BigInteger.into()),
            Content::Scalar(Scalar::Float(value)) if value.is_nan() => return Ok(None),
            Content::Scalar(Scalar::Float(value))
                if value == value.trunc() && value.is_finite() =>
            {
                // All digits; and no minus before a zero.
                Identity::Whole(format!("{:.0}", value + 0.0))
            }
            Content::Scalar(Scalar::Float(value)) => Identity::Fraction(value.to_bits()),
            Content::Scalar(Scalar::Str(bytes)) => Identity::Str(bytes),
            Content::Node(_) | Content::Foreign => {
                return Err(Reason::Key(self.heap.kind_of(key)).into());
            }
        };
        let length = match &identity {
            Identity::Str(bytes) => bytes.len(),
            Identity::Whole(digits) => digits.len(),
            Identity::None | Identity::Fraction(_) => 0,
        };
        self.spend(COST_OF_KEY + length).map(|()| Some(identity))
    }
}
