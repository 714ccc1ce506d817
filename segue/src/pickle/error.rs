//! Why a pickle is not read or written; keys are named, values never shown.

use std::fmt;

use super::{MAX_DEPTH, MAX_DIGITS, MAX_SIZE, MAX_STEPS};

/// Why a pickle was not read, or not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PickleError {
    /// Cut off, changed on its way, or never a pickle: Python could not read it either, or no
    /// pickler of Python's writes such.
    Malformed { at: usize, what: &'static str },
    /// Over one of the limits.
    TooLarge,
    /// A pickle of something else; its kind.
    NotADict(&'static str),
    /// A key of the session is not a text; its kind.
    NotAText(&'static str),
    /// Python can read it, and JSON has no place for it; or the other way round.
    Value {
        /// The key in the session as a JSON string; nothing where no single value is to blame.
        key: Option<String>,
        /// It stands within the value.
        is_nested: bool,
        reason: Reason,
    },
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Of a class; its name, where it is known.
    Object(Option<String>),
    Bytes,
    /// A dict with a key of this kind.
    Key(&'static str),
    BigInteger,
    TooDeep,
    Cycle,
    NotJson,
}

impl PickleError {
    /// The same error, said of the value under this key.
    pub(super) fn under(self, json_key: &str) -> Self {
        match self {
            Self::Value { key: None, is_nested, reason } => {
                Self::Value { key: Some(json_key.to_owned()), is_nested, reason }
            }
            other => other,
        }
    }

    /// The same error, said of what stands within a value.
    pub(super) fn within(self, is_nested: bool) -> Self {
        match self {
            Self::Value { key, reason, .. } => Self::Value { key, is_nested, reason },
            other => other,
        }
    }
}

impl From<Reason> for PickleError {
    fn from(reason: Reason) -> Self {
        Self::Value { key: None, is_nested: false, reason }
    }
}

impl fmt::Display for PickleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { at, what } => {
                write!(f, "the payload is no whole pickle: {what} at byte {at}")
            }
            Self::TooLarge => write!(
                f,
                "the session is larger than {} MiB, or of more than {MAX_STEPS} parts",
                MAX_SIZE >> 20
            ),
            Self::NotADict(kind) => write!(f, "the payload is {kind}, not a dict"),
            Self::NotAText(kind) => write!(f, "a key of the session is {kind}, not a str"),
            Self::Value { key, is_nested, reason } => {
                match key {
                    Some(key) => write!(f, "the value of {}", short(key))?,
                    None => f.write_str("the payload")?,
                }
                reason.describe(if *is_nested { "holds" } else { "is" }, f)
            }
        }
    }
}

impl Reason {
    fn describe(&self, is: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(Some(class)) => {
                write!(f, " {is} a Python object ({class}), not plain data")
            }
            Self::Object(None) => write!(f, " {is} a Python object, not plain data"),
            Self::Bytes => write!(f, " {is} bytes, which JSON does not have"),
            Self::Key(kind) => write!(f, " {is} a dict with a key that is {kind}"),
            Self::BigInteger => write!(f, " {is} an integer of more than {MAX_DIGITS} digits"),
            Self::TooDeep => write!(f, " is nested more than {MAX_DEPTH} deep"),
            Self::Cycle => f.write_str(" holds itself"),
            Self::NotJson => f.write_str(" is not JSON"),
        }
    }
}

impl std::error::Error for PickleError {}

/// A key may be as long as its writer liked; a line of a log may not.
fn short(key: &str) -> String {
    const MOST: usize = 80;
    if key.chars().count() <= MOST {
        return key.to_owned();
    }
    key.chars().take(MOST).chain("…\"".chars()).collect()
}
