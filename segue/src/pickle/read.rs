//! What each opcode of plain data does.

use super::machine::{Machine, Parts};
use super::value::{Foreign, Heap, Kind, Value};
use super::{MAX_SIZE, PickleError, number, op, text};

/// The newest protocol there is.
const MAX_PROTOCOL: u8 = 5;

/// What a pickle says.
pub(super) struct Said<'a> {
    pub(super) heap: Heap<'a>,
    pub(super) top: Value,
    /// The first object that stood anywhere in it, also where nothing refers to it.
    pub(super) object: Option<Value>,
}

/// Reads a whole pickle. Nothing is run, imported or looked up.
pub(super) fn read<'a>(pickle: &'a [u8], parts: &'a mut Parts) -> Result<Said<'a>, PickleError> {
    if pickle.len() > MAX_SIZE {
        return Err(PickleError::TooLarge);
    }
    let mut machine = Machine::new(pickle, parts);
    loop {
        machine.opcode_at = machine.at;
        let opcode = machine.byte()?;
        if opcode == op::STOP {
            break;
        }
        machine.step(opcode)?;
    }
    let top = machine.pop()?;
    if !machine.stack.is_empty() || !machine.marks.is_empty() {
        return machine.fail("more than one value");
    }
    if machine.at < pickle.len() {
        machine.opcode_at = machine.at;
        return machine.fail("something after the end");
    }
    Ok(Said { heap: machine.heap, top, object: machine.object })
}

impl Machine<'_> {
    fn step(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            op::PROTO => {
                if self.byte()? > MAX_PROTOCOL {
                    return self.fail("an unknown protocol");
                }
                Ok(())
            }
            op::FRAME => {
                // Frames say only how much may be read ahead.
                let len = self.array()?;
                match usize::try_from(u64::from_le_bytes(len)) {
                    Ok(len) if len <= self.heap.pickle.len().saturating_sub(self.at) => Ok(()),
                    _ => self.fail("a frame that is cut off"),
                }
            }
            op::NONE => self.push(Value::None),
            op::NEWTRUE => self.push(Value::Bool(true)),
            op::NEWFALSE => self.push(Value::Bool(false)),
            op::BININT => {
                let int = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(int.into()))
            }
            op::BININT1 => {
                let int = self.byte()?;
                self.push(Value::Int(int.into()))
            }
            op::BININT2 => {
                let int = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(int.into()))
            }
            op::LONG1 => {
                let len = self.byte()?;
                self.long(len.into())
            }
            op::LONG4 => match usize::try_from(i32::from_le_bytes(self.array()?)) {
                Ok(len) => self.long(len),
                Err(_) => self.fail("an integer of negative length"),
            },
            op::BINFLOAT => {
                let float = f64::from_be_bytes(self.array()?);
                self.push(Value::Float(float))
            }
            op::INT | op::LONG | op::FLOAT | op::UNICODE => self.line_of_text(opcode),
            op::SHORT_BINUNICODE | op::BINUNICODE | op::BINUNICODE8 => {
                let span = self.counted(opcode)?;
                if !text::is_text(self.heap.bytes(span)) {
                    return self.fail("a text that is none");
                }
                self.push(Value::Str(span))
            }
            op::SHORT_BINBYTES | op::BINBYTES | op::BINBYTES8 => {
                self.counted(opcode)?;
                self.push(Value::Foreign(Foreign::Bytes))
            }
            op::MARK => {
                self.count()?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            op::POP => {
                // As in Python: a mark that lies on top is a value, too.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                    return Ok(());
                }
                self.pop().map(drop)
            }
            op::POP_MARK => self.pop_mark().map(drop),
            op::EMPTY_LIST => self.collect(Kind::List, 0),
            op::EMPTY_DICT => self.collect(Kind::Dict, 0),
            op::EMPTY_TUPLE => self.collect(Kind::Tuple, 0),
            op::TUPLE1 => self.collect(Kind::Tuple, 1),
            op::TUPLE2 => self.collect(Kind::Tuple, 2),
            op::TUPLE3 => self.collect(Kind::Tuple, 3),
            op::LIST | op::TUPLE | op::DICT => {
                let mark = self.unmark()?;
                let kind = match opcode {
                    op::LIST => Kind::List,
                    op::TUPLE => Kind::Tuple,
                    _ => Kind::Dict,
                };
                self.collect(kind, self.stack.len().saturating_sub(mark))
            }
            op::APPEND => self.add(Kind::List, 1),
            op::SETITEM => self.add(Kind::Dict, 2),
            op::APPENDS | op::SETITEMS => {
                let mark = self.unmark()?;
                let kind = if opcode == op::APPENDS { Kind::List } else { Kind::Dict };
                self.add(kind, self.stack.len().saturating_sub(mark))
            }
            op::MEMOIZE => match u32::try_from(self.memo.len()) {
                Ok(place) => self.put(place),
                Err(_) => Err(PickleError::TooLarge),
            },
            op::BINPUT | op::LONG_BINPUT | op::PUT => {
                let place = self.place(opcode)?;
                self.put(place)
            }
            op::BINGET | op::LONG_BINGET | op::GET => {
                let place = self.place(opcode)?;
                match self.memo.get(place) {
                    Some(value) => self.push(value),
                    None => self.fail("a reference to nothing"),
                }
            }
            _ => self.step_of_objects(opcode),
        }
    }

    /// `INT`, `LONG`, `FLOAT` and `UNICODE`, which end with their line.
    fn line_of_text(&mut self, opcode: u8) -> Result<(), PickleError> {
        let mut span = self.line()?;
        let line = self.heap.bytes(span);
        if opcode == op::UNICODE {
            return match text::from_raw_unicode_escape(line) {
                Some(_) => self.push(Value::RawStr(span)),
                None => self.fail("a text that is none"),
            };
        }
        let Ok(mut line) = std::str::from_utf8(line) else { return self.fail("no number") };
        if opcode == op::FLOAT {
            return match line.parse() {
                Ok(float) => self.push(Value::Float(float)),
                Err(_) => self.fail("no float"),
            };
        }
        match (opcode, line) {
            (op::INT, "00") => return self.push(Value::Bool(false)),
            (op::INT, "01") => return self.push(Value::Bool(true)),
            (op::LONG, _) => {
                if let Some(number) = line.strip_suffix('L') {
                    line = number;
                    span.len -= 1;
                }
            }
            _ => {}
        }
        let digits = line.strip_prefix('-').unwrap_or(line);
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number || (digits.len() > 1 && digits.starts_with('0')) {
            return self.fail("no integer");
        }
        self.push(line.parse().map_or(Value::Decimal(span), Value::Int))
    }

    fn long(&mut self, len: usize) -> Result<(), PickleError> {
        let mut span = self.span(len)?;
        let trimmed = number::trim(self.heap.bytes(span));
        span.len = u32::try_from(trimmed.len()).unwrap_or(span.len);
        self.push(number::to_i64(trimmed).map_or(Value::Long(span), Value::Int))
    }
}
