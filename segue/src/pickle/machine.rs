//! The machine that a pickle is written for: a stack with marks, a memo, and the bytes themselves.

use std::collections::HashMap;

use super::value::{Heap, Kind, Node, Span, Value};
use super::{MAX_STEPS, PickleError, op};

pub(super) struct Machine<'a> {
    pub(super) heap: Heap<'a>,
    pub(super) at: usize,
    /// Where the present opcode stands: for errors.
    pub(super) opcode_at: usize,
    pub(super) stack: Vec<Value>,
    /// How high the stack was at each `MARK`. What lies below the last one is out of reach.
    pub(super) marks: Vec<usize>,
    pub(super) memo: Memo,
    /// Counted, so that a pickle of one byte a part cannot take fifty times its size.
    steps: usize,
    pub(super) object: Option<Value>,
}

/// What was put aside, by its place. Picklers number the places from nothing on, in order.
#[derive(Default)]
pub(super) struct Memo {
    in_order: Vec<Value>,
    /// Where somebody did otherwise.
    others: HashMap<u32, Value>,
}

impl Memo {
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
    pub(super) fn new(pickle: &'a [u8]) -> Self {
        Self {
            heap: Heap { pickle, nodes: Vec::new() },
            at: 0,
            opcode_at: 0,
            // As many as most sessions have; each more doubles the room.
            stack: Vec::with_capacity(32),
            marks: Vec::with_capacity(4),
            memo: Memo { in_order: Vec::with_capacity(32), others: HashMap::new() },
            steps: 0,
            object: None,
        }
    }

    /// A new list, tuple or dict of what lies on top of the stack.
    pub(super) fn collect(&mut self, kind: Kind, len: usize) -> Result<(), PickleError> {
        let items = self.pop_many(kind, len)?;
        self.push_node(kind, items)
    }

    /// Moves what lies on top of the stack into the list or dict below it.
    pub(super) fn add(&mut self, kind: Kind, len: usize) -> Result<(), PickleError> {
        let items = self.pop_many(kind, len)?;
        match self.top()? {
            Value::Node(id) => {
                let node = usize::try_from(id).ok().and_then(|id| self.heap.nodes.get_mut(id));
                match node {
                    Some(node) if node.kind == kind && node.items.is_empty() => {
                        node.items = items;
                        return Ok(());
                    }
                    Some(node) if node.kind == kind => {
                        node.items.extend(items);
                        return Ok(());
                    }
                    // A list or dict of a class of its own.
                    Some(node) if node.kind == Kind::Object => return Ok(()),
                    _ => {}
                }
            }
            Value::Foreign(_) => return Ok(()),
            _ => {}
        }
        self.fail("items for what has none")
    }

    fn pop_many(&mut self, kind: Kind, len: usize) -> Result<Vec<Value>, PickleError> {
        if kind == Kind::Dict && len % 2 == 1 {
            return self.fail("a key without a value");
        }
        match self.stack.len().checked_sub(len) {
            Some(from) if from >= self.floor() => {
                let items = self.stack.get(from..).unwrap_or_default().to_vec();
                self.stack.truncate(from);
                Ok(items)
            }
            _ => self.fail("an empty stack"),
        }
    }

    pub(super) fn pop_mark(&mut self) -> Result<Vec<Value>, PickleError> {
        let mark = self.unmark()?;
        self.pop_many(Kind::List, self.stack.len().saturating_sub(mark))
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

    pub(super) fn push_node(&mut self, kind: Kind, items: Vec<Value>) -> Result<(), PickleError> {
        let id = u32::try_from(self.heap.nodes.len()).map_err(|_| PickleError::TooLarge)?;
        self.heap.nodes.push(Node { kind, items });
        self.push(Value::Node(id))
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
