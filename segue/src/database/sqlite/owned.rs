//! Values for another thread.

use crate::database::statement::Value;

/// The values of a statement that somebody else runs.
#[derive(Debug)]
pub(super) struct OwnedValues(Vec<OwnedValue>);

#[derive(Debug)]
enum OwnedValue {
    Text(String),
    Integer(i64),
}

impl OwnedValues {
    pub(super) fn of(values: &[Value<'_>]) -> Self {
        let own = |value: &Value<'_>| match *value {
            Value::Text(text) => OwnedValue::Text(text.to_owned()),
            Value::Integer(number) => OwnedValue::Integer(number),
        };
        Self(values.iter().map(own).collect())
    }

    /// So many bytes of text.
    pub(super) fn size(&self) -> usize {
        let text = |value: &OwnedValue| match value {
            OwnedValue::Text(text) => text.len(),
            OwnedValue::Integer(_) => 0,
        };
        self.0.iter().map(text).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Value<'_>> {
        self.0.iter().map(|value| match value {
            OwnedValue::Text(text) => Value::Text(text),
            OwnedValue::Integer(number) => Value::Integer(*number),
        })
    }
}
