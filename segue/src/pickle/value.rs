//! What a pickle says, before it is shown as JSON.

use std::borrow::Cow;

use super::nodes::Nodes;
use super::{PickleError, Reason, number, text};

/// A place in the pickle.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

/// A value of Python's. Small, because a pickle may hold a million of them.
#[derive(Clone, Copy)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A larger integer: its bytes, trimmed.
    Long(Span),
    /// A larger integer: its decimal digits.
    Decimal(Span),
    Float(f64),
    /// A text in UTF-8.
    Str(Span),
    /// A text in Python's `raw-unicode-escape`.
    RawStr(Span),
    Foreign(Foreign),
    /// By its place in [`Heap::nodes`].
    Node(u32),
}

/// What has no place in JSON and no class that is named.
#[derive(Clone, Copy)]
pub(super) enum Foreign {
    Bytes,
    ByteArray,
    Set,
    FrozenSet,
    Python2Str,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    Tuple,
    /// Its items are key, value, key, value …
    Dict,
    /// Its items are the names of module and class. It is no more than these names.
    Object,
}

pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) items: Vec<Value>,
}

/// All values of a pickle. Lists refer to their items by number, so that neither depth nor a list
/// within itself is a danger to anyone who does not follow the numbers.
pub(super) struct Heap<'a> {
    pub(super) pickle: &'a [u8],
    pub(super) nodes: &'a mut Nodes,
}

/// A value without parts.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// Trimmed bytes of two's complement.
    Long(Cow<'a, [u8]>),
    Float(f64),
    /// UTF-8 that may hold surrogates.
    Str(Cow<'a, [u8]>),
}

/// A step into the value.
pub(super) enum Content<'a> {
    Scalar(Scalar<'a>),
    Node(u32),
    Foreign,
    /// A number of more digits than Python writes.
    TooLong,
}

impl<'a> Heap<'a> {
    pub(super) fn node(&self, id: u32) -> Option<&Node> {
        self.nodes.get(id)
    }

    pub(super) fn bytes(&self, span: Span) -> &'a [u8] {
        let start = usize::try_from(span.start).unwrap_or(usize::MAX);
        let rest = self.pickle.get(start..).unwrap_or_default();
        rest.get(..usize::try_from(span.len).unwrap_or(usize::MAX)).unwrap_or_default()
    }

    pub(super) fn content(&self, value: Value) -> Content<'a> {
        Content::Scalar(match value {
            Value::None => Scalar::None,
            Value::Bool(value) => Scalar::Bool(value),
            Value::Int(value) => Scalar::Int(value),
            Value::Float(value) => Scalar::Float(value),
            Value::Long(span) => Scalar::Long(Cow::Borrowed(self.bytes(span))),
            Value::Decimal(span) => {
                let digits = std::str::from_utf8(self.bytes(span)).ok();
                match digits.and_then(number::from_decimal) {
                    Some(bytes) => Scalar::Long(Cow::Owned(bytes)),
                    None => return Content::TooLong,
                }
            }
            Value::Str(span) => Scalar::Str(Cow::Borrowed(self.bytes(span))),
            Value::RawStr(span) => {
                let text = text::from_raw_unicode_escape(self.bytes(span));
                Scalar::Str(Cow::Owned(text.unwrap_or_default()))
            }
            Value::Node(id) => return Content::Node(id),
            Value::Foreign(_) => return Content::Foreign,
        })
    }

    /// What Python calls it, with an article.
    pub(super) fn kind_of(&self, value: Value) -> &'static str {
        match value {
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Int(_) | Value::Long(_) | Value::Decimal(_) => "an int",
            Value::Float(_) => "a float",
            Value::Str(_) | Value::RawStr(_) => "a str",
            Value::Foreign(Foreign::Bytes) => "bytes",
            Value::Foreign(_) => "a Python object",
            Value::Node(id) => match self.node(id).map(|node| node.kind) {
                Some(Kind::List) => "a list",
                Some(Kind::Tuple) => "a tuple",
                Some(Kind::Dict) => "a dict",
                Some(Kind::Object) | None => "a Python object",
            },
        }
    }

    /// Why this value is not plain data.
    pub(super) fn refusal(&self, value: Value) -> PickleError {
        match value {
            Value::Foreign(Foreign::Bytes) => Reason::Bytes.into(),
            _ => Reason::Object(self.class_of(value)).into(),
        }
    }

    /// Module and name of an object's class, where they look like such: errors show them.
    fn class_of(&self, value: Value) -> Option<String> {
        const MOST: usize = 100;
        let id = match value {
            Value::Node(id) => id,
            Value::Foreign(Foreign::Bytes) => return Some("bytes".to_owned()),
            Value::Foreign(Foreign::ByteArray) => return Some("bytearray".to_owned()),
            Value::Foreign(Foreign::Set) => return Some("set".to_owned()),
            Value::Foreign(Foreign::FrozenSet) => return Some("frozenset".to_owned()),
            Value::Foreign(Foreign::Python2Str) => return Some("a str of Python 2".to_owned()),
            _ => return None,
        };
        let mut class = String::new();
        for name in &self.node(id).filter(|node| node.kind == Kind::Object)?.items {
            let Value::Str(span) = *name else { return None };
            let name = std::str::from_utf8(self.bytes(span)).ok()?;
            let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
            if name.is_empty() || name.len() > MOST || !name.chars().all(is_name) {
                return None;
            }
            if !class.is_empty() {
                class.push('.');
            }
            class.push_str(name);
        }
        Some(class).filter(|class| !class.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_small() {
        assert_eq!(size_of::<Value>(), 16);
    }
}
