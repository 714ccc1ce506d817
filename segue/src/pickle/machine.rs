//! The machine that a pickle is written for: a stack with marks, a memo, and the bytes themselves.

use std::collections::HashMap;

use super::nodes::Nodes;
use super::value::{Heap, Kind, Span, Value};
use super::{MAX_STEPS, PickleError, op};
use crate::scratch::Scratch;

pub(super) struct Machine<'a> {
    pub(super) heap: Heap<'a>,
    pub(super) at: usize,
    /// Where the present opcode stands: for errors.
    pub(super) opcode_at: usize,
    pub(super) stack: &'a mut Vec<Value>,
    /// How high the stack was at each `MARK`. What lies below the last one is out of reach.
    pub(super) marks: &'a mut Vec<usize>,
    pub(super) memo: Memo<'a>,
    /// Counted, so that a pickle of one byte a part cannot take fifty times its size.
    steps: usize,
    pub(super) object: Option<Value>,
}

/// The memory of a machine.
#[derive(Default)]
pub(super) struct Parts {
    nodes: Nodes,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Vec<Value>,
}

impl Scratch for Parts {
    fn empty(&mut self) {
        let Self { nodes, stack, marks, memo } = self;
        nodes.empty();
        stack.empty();
        marks.empty();
        memo.empty();
    }
}

/// What was put aside, by its place. Picklers number the places from nothing on, in order.
pub(super) struct Memo<'a> {
    in_order: &'a mut Vec<Value>,
    /// Where somebody did otherwise.
    others: HashMap<u32, Value>,
}

impl Memo<'_> {
    pub(super) fn len(&self) -> usize {
        self.in_order.len() + self.others.len()
    }

    pub(super) fn get(&self, place: u32) -> Option<Value> {
        let in_order = usize::try_from(place).ok().and_then(|place| self.in_order.get(place));
        in_order.or_else(|| self.others.get(&place)).copied()
    }

    fn put(&mut self, place: u32, value: Value) {
        let at = usize::try_from(place).unwrap_or(usize::MAX);
        if let Some(old) = self.in_order.get_mut(at) {
            *old = value;
        } else if at == self.in_order.len() && self.others.is_empty() {
            self.in_order.push(value);
        } else {
            self.others.insert(place, value);
        }
    }
}

impl<'a> Machine<'a> {
    pub(super) fn new(pickle: &'a [u8], parts: &'a mut Parts) -> Self {
        let Parts { nodes, stack, marks, memo } = parts;
        Self {
            heap: Heap { pickle, nodes },
            at: 0,
            opcode_at: 0,
            stack,
            marks,
            memo: Memo { in_order: memo, others: HashMap::new() },
            steps: 0,
            object: None,
        }
    }

    /// A new list, tuple or dict of what lies on top of the stack.
    pub(super) fn collect(&mut self, kind: Kind, len: usize) -> Result<(), PickleError> {
        let from = self.last(kind, len)?;
        let id = self.heap.nodes.add(kind, self.stack.get(from..).unwrap_or_default())?;
        self.stack.truncate(from);
        self.push(Value::Node(id))
    }

    /// Moves what lies on top of the stack into the list or dict below it.
    pub(super) fn add(&mut self, kind: Kind, len: usize) -> Result<(), PickleError> {
        let from = self.last(kind, len)?;
        let (below, items) = self.stack.split_at_checked(from).unwrap_or_default();
        let has_one = from > self.floor();
        match below.last().filter(|_| has_one) {
            None => return self.fail("an empty stack"),
            Some(Value::Node(id)) => match self.heap.nodes.get_mut(*id) {
                Some(node) if node.kind == kind => node.items.extend_from_slice(items),
                // A list or dict of a class of its own.
                Some(node) if node.kind == Kind::Object => {}
                _ => return self.fail("items for what has none"),
            },
            Some(Value::Foreign(_)) => {}
            Some(_) => return self.fail("items for what has none"),
        }
        self.stack.truncate(from);
        Ok(())
    }

    /// Where on the stack the last so many values begin, which are the items of such a one.
    fn last(&self, kind: Kind, len: usize) -> Result<usize, PickleError> {
        if kind == Kind::Dict && len % 2 == 1 {
            return self.fail("a key without a value");
        }
        match self.stack.len().checked_sub(len) {
            Some(from) if from >= self.floor() => Ok(from),
            _ => self.fail("an empty stack"),
        }
    }

    /// Drops what lies above the last mark, and gives the first of it.
    pub(super) fn pop_mark(&mut self) -> Result<Option<Value>, PickleError> {
        let mark = self.unmark()?;
        let first = self.stack.get(mark).copied();
        self.stack.truncate(mark);
        Ok(first)
    }

    /// The height of the stack at the last mark, which is no lower than the one before it.
    pub(super) fn unmark(&mut self) -> Result<usize, PickleError> {
        match self.marks.pop() {
            Some(mark) => Ok(mark),
            None => self.fail("no mark"),
        }
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or_default()
    }

    fn top(&self) -> Result<Value, PickleError> {
        match self.stack.last() {
            Some(value) if self.stack.len() > self.floor() => Ok(*value),
            _ => self.fail("an empty stack"),
        }
    }

    pub(super) fn pop(&mut self) -> Result<Value, PickleError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    pub(super) fn push(&mut self, value: Value) -> Result<(), PickleError> {
        self.count()?;
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn put(&mut self, place: u32) -> Result<(), PickleError> {
        self.count()?;
        let top = self.top()?;
        self.memo.put(place, top);
        Ok(())
    }

    pub(super) fn count(&mut self) -> Result<(), PickleError> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(PickleError::TooLarge) } else { Ok(()) }
    }

    pub(super) fn place(&mut self, opcode: u8) -> Result<u32, PickleError> {
        match opcode {
            op::BINPUT | op::BINGET => self.byte().map(u32::from),
            op::LONG_BINPUT | op::LONG_BINGET => self.array().map(u32::from_le_bytes),
            _ => {
                let line = self.line()?;
                let line = std::str::from_utf8(self.heap.bytes(line)).ok();
                match line.and_then(|line| line.parse().ok()) {
                    Some(place) => Ok(place),
                    None => self.fail("no number"),
                }
            }
        }
    }

    /// Where the bytes stand whose length is written before them.
    pub(super) fn counted(&mut self, opcode: u8) -> Result<Span, PickleError> {
        let len = match opcode {
            op::SHORT_BINUNICODE | op::SHORT_BINBYTES | op::SHORT_BINSTRING => {
                u64::from(self.byte()?)
            }
            op::BINUNICODE | op::BINBYTES | op::BINSTRING => {
                u64::from(u32::from_le_bytes(self.array()?))
            }
            _ => u64::from_le_bytes(self.array()?),
        };
        // Whatever does not fit is longer than the payload.
        self.span(usize::try_from(len).unwrap_or(usize::MAX))
    }

    pub(super) fn line(&mut self) -> Result<Span, PickleError> {
        let rest = self.heap.pickle.get(self.at..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(len) => {
                let span = self.span(len)?;
                self.at += 1;
                Ok(span)
            }
            None => self.fail("cut off"),
        }
    }

    pub(super) fn span(&mut self, len: usize) -> Result<Span, PickleError> {
        let start = u32::try_from(self.at).map_err(|_| PickleError::TooLarge)?;
        self.take(len)?;
        Ok(Span { start, len: u32::try_from(len).map_err(|_| PickleError::TooLarge)? })
    }

    pub(super) fn byte(&mut self) -> Result<u8, PickleError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        match self.take(N)?.first_chunk() {
            Some(array) => Ok(*array),
            None => self.fail("cut off"),
        }
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], PickleError> {
        match self.heap.pickle.get(self.at..).and_then(|rest| rest.get(..len)) {
            Some(bytes) => {
                self.at += len;
                Ok(bytes)
            }
            None => self.fail("cut off"),
        }
    }

    pub(super) fn fail<T>(&self, what: &'static str) -> Result<T, PickleError> {
        Err(PickleError::Malformed { at: self.opcode_at, what })
    }
}
