//! Writes opcodes as Python's own pickler in C does (`Modules/_pickle.c`), protocol 5.

use super::value::{Kind, Scalar};
use super::walk::Sink;
use super::{Exact, MAX_DEPTH, MAX_SIZE, MAX_STEPS, PickleError, Reason, number, op};

const PROTOCOL: u8 = 5;
/// Items come in batches, so that Python's stack stays short.
const BATCH: usize = 1_000;
/// A frame that is as long as this is closed before the next value; what is as long stands outside.
const FRAME_TARGET: usize = 64 << 10;
/// A shorter frame is not worth its header.
const FRAME_LEAST: usize = 4;
const FRAME_HEADER: usize = 9;

/// Opcodes so far.
pub(super) struct Opcodes {
    bytes: Vec<u8>,
    limit: usize,
    has_frames: bool,
    /// Where the header of the present frame stands.
    frame: Option<usize>,
    open: Vec<Open>,
    /// How deep the first value stands.
    depth: usize,
    /// As counted when they are read.
    steps: usize,
}

struct Open {
    kind: Kind,
    len: usize,
    /// Keys and values are counted one by one.
    done: usize,
}

impl Opcodes {
    /// A whole pickle.
    pub(super) fn pickle() -> Self {
        // As much as most sessions need; each time it is full the room doubles.
        let mut bytes = Vec::with_capacity(512);
        bytes.extend([op::PROTO, PROTOCOL]);
        Self { bytes, has_frames: true, depth: 0, ..Self::fragment(MAX_SIZE) }
    }

    /// One value, to stand within another pickle. It refers to nothing outside of it, nor to
    /// anything by number.
    pub(super) fn fragment(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            has_frames: false,
            frame: None,
            open: Vec::new(),
            depth: 1,
            steps: 0,
        }
    }

    pub(super) fn into_exact(self, json_len: usize) -> Exact {
        Exact { opcodes: self.bytes.into(), steps: self.steps, json_len }
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, PickleError> {
        self.put(&[op::STOP])?;
        self.end_frame();
        Ok(self.bytes)
    }

    /// A value whose opcodes were kept.
    pub(super) fn splice(&mut self, exact: &Exact) -> Result<(), PickleError> {
        self.begin_value();
        self.steps += exact.steps;
        if exact.opcodes.len() < FRAME_TARGET {
            self.put(&exact.opcodes)?;
        } else {
            self.put_outside(&[], &exact.opcodes)?;
        }
        self.end_value()
    }

    /// One more value in the list or dict around it; that may end a batch.
    fn end_value(&mut self) -> Result<(), PickleError> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        open.done += 1;
        let (add, items) = match open.kind {
            Kind::Dict => (op::SETITEMS, open.done / 2),
            _ => (op::APPENDS, open.done),
        };
        let ends_a_batch = match open.kind {
            // C looks for a next batch after each that is full, also where there is none.
            Kind::Dict => open.done % (2 * BATCH) == 0,
            Kind::List => open.done % BATCH == 0 && items < open.len,
            Kind::Tuple | Kind::Object => false,
        };
        if ends_a_batch {
            self.put(&[add])?;
            self.mark()?;
        }
        Ok(())
    }

    fn mark(&mut self) -> Result<(), PickleError> {
        self.steps += 1;
        self.put(&[op::MARK])
    }

    fn memoize(&mut self) -> Result<(), PickleError> {
        self.steps += 1;
        self.put(&[op::MEMOIZE])
    }

    fn int(&mut self, value: i64) -> Result<(), PickleError> {
        if let Ok(value) = u8::try_from(value) {
            return self.put(&[op::BININT1, value]);
        }
        if let Ok(value) = u16::try_from(value) {
            return self.put_all(&[&[op::BININT2], &value.to_le_bytes()]);
        }
        if let Ok(value) = i32::try_from(value) {
            return self.put_all(&[&[op::BININT], &value.to_le_bytes()]);
        }
        self.long(number::trim(&value.to_le_bytes()))
    }

    fn long(&mut self, bytes: &[u8]) -> Result<(), PickleError> {
        if let Ok(len) = u8::try_from(bytes.len()) {
            return self.put_all(&[&[op::LONG1, len], bytes]);
        }
        let len = i32::try_from(bytes.len()).map_err(|_| Reason::BigInteger)?;
        self.put_all(&[&[op::LONG4], &len.to_le_bytes(), bytes])
    }

    fn str(&mut self, bytes: &[u8]) -> Result<(), PickleError> {
        if let Ok(len) = u8::try_from(bytes.len()) {
            self.put_all(&[&[op::SHORT_BINUNICODE, len], bytes])?;
        } else {
            // Longer ones than this can say are longer than a session may be.
            let len = u32::try_from(bytes.len()).map_err(|_| PickleError::TooLarge)?.to_le_bytes();
            let [a, b, c, d] = len;
            let header = [op::BINUNICODE, a, b, c, d];
            if bytes.len() < FRAME_TARGET {
                self.put_all(&[&header, bytes])?;
            } else {
                self.put_outside(&header, bytes)?;
            }
        }
        self.memoize()
    }

    fn begin_value(&mut self) {
        if self.frame.is_some_and(|start| self.bytes.len() - start >= FRAME_HEADER + FRAME_TARGET) {
            self.end_frame();
        }
    }

    fn end_frame(&mut self) {
        let Some(start) = self.frame.take() else { return };
        let len = self.bytes.len().saturating_sub(start + FRAME_HEADER);
        if len < FRAME_LEAST {
            self.bytes.drain(start..start + FRAME_HEADER);
            return;
        }
        // A u64 has room for any length.
        let len = u64::try_from(len).unwrap_or(u64::MAX).to_le_bytes();
        let header = [op::FRAME].into_iter().chain(len);
        self.bytes.splice(start..start + FRAME_HEADER, header);
    }

    fn put_outside(&mut self, header: &[u8], bytes: &[u8]) -> Result<(), PickleError> {
        self.end_frame();
        let has_frames = std::mem::replace(&mut self.has_frames, false);
        self.put_all(&[header, bytes])?;
        self.has_frames = has_frames;
        Ok(())
    }

    fn put_all(&mut self, parts: &[&[u8]]) -> Result<(), PickleError> {
        parts.iter().try_for_each(|part| self.put(part))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), PickleError> {
        if self.has_frames && self.frame.is_none() {
            self.frame = Some(self.bytes.len());
            self.bytes.extend([0; FRAME_HEADER]);
        }
        if self.bytes.len() + bytes.len() > self.limit || self.steps > MAX_STEPS {
            return Err(PickleError::TooLarge);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl Sink for Opcodes {
    fn scalar(&mut self, scalar: &Scalar<'_>) -> Result<(), PickleError> {
        self.begin_value();
        self.steps += 1;
        match scalar {
            Scalar::None => self.put(&[op::NONE])?,
            Scalar::Bool(true) => self.put(&[op::NEWTRUE])?,
            Scalar::Bool(false) => self.put(&[op::NEWFALSE])?,
            Scalar::Int(value) => self.int(*value)?,
            Scalar::Long(bytes) => self.long(bytes)?,
            Scalar::Float(value) => self.put_all(&[&[op::BINFLOAT], &value.to_be_bytes()])?,
            Scalar::Str(bytes) => self.str(bytes)?,
        }
        self.end_value()
    }

    fn open(&mut self, kind: Kind, len: usize) -> Result<(), PickleError> {
        if self.depth + self.open.len() >= MAX_DEPTH {
            return Err(Reason::TooDeep.into());
        }
        self.begin_value();
        match kind {
            Kind::Tuple => {
                if len > 3 {
                    self.mark()?;
                }
            }
            Kind::List | Kind::Dict | Kind::Object => {
                self.steps += 1;
                self.put(&[if kind == Kind::Dict { op::EMPTY_DICT } else { op::EMPTY_LIST }])?;
                self.memoize()?;
                if len > 1 {
                    self.mark()?;
                }
            }
        }
        self.open.push(Open { kind, len, done: 0 });
        Ok(())
    }

    fn close(&mut self) -> Result<(), PickleError> {
        let Some(Open { kind, len, .. }) = self.open.pop() else { return Ok(()) };
        match (kind, len) {
            (Kind::Tuple, _) => {
                self.steps += 1;
                match len {
                    0 => self.put(&[op::EMPTY_TUPLE])?,
                    1 => self.put(&[op::TUPLE1])?,
                    2 => self.put(&[op::TUPLE2])?,
                    3 => self.put(&[op::TUPLE3])?,
                    _ => self.put(&[op::TUPLE])?,
                }
                // There is but one empty tuple.
                if len > 0 {
                    self.memoize()?;
                }
            }
            (_, 0) => {}
            (Kind::Dict, 1) => self.put(&[op::SETITEM])?,
            (Kind::Dict, _) => self.put(&[op::SETITEMS])?,
            (_, 1) => self.put(&[op::APPEND])?,
            (_, _) => self.put(&[op::APPENDS])?,
        }
        self.end_value()
    }
}
