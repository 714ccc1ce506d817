//! What the opcodes of objects do here: leave a name where the object would be.
//!
//! Python would import and call what these say. We only go on far enough to tell which value of the
//! session holds which class, and then refuse the session.

use super::machine::Machine;
use super::value::{Foreign, Kind, Value};
use super::{PickleError, op};

impl Machine<'_> {
    /// Opcodes of objects, and all others that are not of plain data.
    pub(super) fn step_of_objects(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            op::GLOBAL => {
                let names = [Value::Str(self.line()?), Value::Str(self.line()?)];
                self.push_object(names)
            }
            op::STACK_GLOBAL => {
                let name = self.pop()?;
                let names = [self.pop()?, name];
                self.push_object(names)
            }
            op::INST => {
                let names = [Value::Str(self.line()?), Value::Str(self.line()?)];
                self.pop_mark()?;
                self.push_object(names)
            }
            op::OBJ => {
                let class = self.pop_mark()?;
                self.push_foreign(class.unwrap_or(Value::Foreign(Foreign::Unknown)))
            }
            // What a class or function makes is called after it.
            op::REDUCE | op::NEWOBJ => {
                self.pop()?;
                let class = self.pop()?;
                self.push_foreign(class)
            }
            op::NEWOBJ_EX => {
                self.pop()?;
                self.pop()?;
                let class = self.pop()?;
                self.push_foreign(class)
            }
            op::BUILD => {
                self.pop()?;
                let object = self.pop()?;
                self.push_foreign(object)
            }
            op::EMPTY_SET => self.push_foreign(Value::Foreign(Foreign::Set)),
            op::ADDITEMS => {
                self.pop_mark()?;
                let set = self.pop()?;
                self.push_foreign(set)
            }
            op::FROZENSET => {
                self.pop_mark()?;
                self.push_foreign(Value::Foreign(Foreign::FrozenSet))
            }
            op::BYTEARRAY8 => {
                self.counted(opcode)?;
                self.push_foreign(Value::Foreign(Foreign::ByteArray))
            }
            op::BINSTRING | op::SHORT_BINSTRING => {
                self.counted(opcode)?;
                self.push_foreign(Value::Foreign(Foreign::Python2Str))
            }
            op::STRING => {
                self.line()?;
                self.push_foreign(Value::Foreign(Foreign::Python2Str))
            }
            op::PERSID => {
                self.line()?;
                self.push_foreign(Value::Foreign(Foreign::Unknown))
            }
            op::BINPERSID => {
                self.pop()?;
                self.push_foreign(Value::Foreign(Foreign::Unknown))
            }
            op::EXT1 | op::EXT2 | op::EXT4 => {
                self.take(match opcode {
                    op::EXT1 => 1,
                    op::EXT2 => 2,
                    _ => 4,
                })?;
                self.push_foreign(Value::Foreign(Foreign::Unknown))
            }
            op::NEXT_BUFFER => self.push_foreign(Value::Foreign(Foreign::Unknown)),
            op::READONLY_BUFFER => {
                let buffer = self.pop()?;
                self.push_foreign(buffer)
            }
            _ => self.fail("an unknown opcode"),
        }
    }

    fn push_object(&mut self, names: [Value; 2]) -> Result<(), PickleError> {
        let id = self.heap.nodes.add(Kind::Object, &names)?;
        self.push_foreign(Value::Node(id))
    }

    /// What is called and is no class we know stays without a name.
    fn push_foreign(&mut self, value: Value) -> Result<(), PickleError> {
        let is_object = |id| self.heap.node(id).is_some_and(|node| node.kind == Kind::Object);
        let value = match value {
            Value::Foreign(_) => value,
            Value::Node(id) if is_object(id) => value,
            _ => Value::Foreign(Foreign::Unknown),
        };
        self.object.get_or_insert(value);
        self.push(value)
    }
}
