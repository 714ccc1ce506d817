//! Reads one setting at a time, and says what is wrong with it.

use config::{Map, Value, ValueKind};

use super::names::{NAMES, elsewhere, meant_by};
use super::source::ENVIRONMENT;
use crate::error::ConfigError;
use crate::secret::SecretKey;

/// What a size takes.
pub(super) const SIZES: &str = "bytes, 1 or more";

/// The values that were found, by name.
#[derive(Debug)]
pub(super) struct Reader {
    values: Map<String, Value>,
}

impl Reader {
    /// Takes the values that are settings, unless one has a name that was meant for a setting and is
    /// none. Of a setting that Django alone has it warns; other names are the site's own.
    pub(super) fn new(values: Map<String, Value>) -> Result<Self, ConfigError> {
        let is_setting = |name: &String| NAMES.contains(&name.as_str());
        let (values, others): (Map<_, _>, Map<_, _>) =
            values.into_iter().partition(|(name, _)| is_setting(name));
        let meant = others.iter().find_map(|(name, value)| Some((name, value, meant_by(name)?)));
        if let Some((name, value, suggestion)) = meant {
            let (found, origin) = (name.clone(), origin(value));
            return Err(ConfigError::Unknown { found, origin, suggestion });
        }
        for (name, value) in &others {
            if let Some(instead) = elsewhere(name) {
                let origin = origin(value);
                tracing::warn!(
                    "{name} in {origin} does nothing, Segue has no such setting: {instead}"
                );
            }
        }
        Ok(Self { values })
    }

    pub(super) fn bool(&self, name: &'static str) -> Result<Option<bool>, ConfigError> {
        self.read(name, "true or false", |value| match &value.kind {
            ValueKind::Boolean(value) => Some(*value),
            ValueKind::String(text) if from_environment(value) => {
                match text.to_ascii_lowercase().as_str() {
                    "true" | "1" | "yes" | "on" => Some(true),
                    "false" | "0" | "no" | "off" => Some(false),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    pub(super) fn integer(
        &self,
        name: &'static str,
        allowed: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, ConfigError> {
        self.read(name, allowed, |value| number(value, &range))
    }

    /// How many bytes something may have.
    pub(super) fn size(&self, name: &'static str) -> Result<Option<u64>, ConfigError> {
        let size = self.integer(name, SIZES, 1..=i64::MAX)?;
        Ok(size.map(i64::unsigned_abs))
    }

    pub(super) fn text(
        &self,
        name: &'static str,
        allowed: &str,
    ) -> Result<Option<String>, ConfigError> {
        self.parsed(name, allowed, |text| Some(text.to_owned()))
    }

    /// A text that must mean something.
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        self.read(name, allowed, |value| match &value.kind {
            ValueKind::String(text) => parse(text),
            _ => None,
        })
    }

    /// The value itself, for settings that are more than one value.
    pub(super) fn value(&self, name: &'static str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Texts: a list in the file; in the environment separated by commas, or a JSON list.
    pub(super) fn list(
        &self,
        name: &'static str,
        allowed: &str,
    ) -> Result<Option<Vec<String>>, ConfigError> {
        self.read(name, allowed, texts)
    }

    pub(super) fn secret(&self, name: &'static str) -> Result<Option<SecretKey>, ConfigError> {
        let allowed = "a text that is not empty";
        let key = self.hidden(name, allowed, |value| match &value.kind {
            ValueKind::String(text) if !text.is_empty() => Some(SecretKey::new(text.as_str())),
            _ => None,
        })?;
        Ok(key)
    }

    pub(super) fn secrets(&self, name: &'static str) -> Result<Vec<SecretKey>, ConfigError> {
        let keys = self.hidden(name, "a list of texts that are not empty", |value| {
            texts(value).filter(|keys| keys.iter().all(|key| !key.is_empty()))
        })?;
        Ok(keys.unwrap_or_default().into_iter().map(SecretKey::new).collect())
    }

    pub(super) fn read<T>(
        &self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        self.read_or_else(name, read, |value| invalid(name, show(value), value, allowed))
    }

    /// As [`read`](Self::read), and the value does not show in the error.
    fn hidden<T>(
        &self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let found = "something else (not shown, it may be secret)".to_owned();
        self.read_or_else(name, read, |value| invalid(name, found, value, allowed))
    }

    fn read_or_else<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
        refuse: impl FnOnce(&Value) -> ConfigError,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| refuse(value))
    }
}

fn invalid(setting: &'static str, found: String, value: &Value, allowed: &str) -> ConfigError {
    ConfigError::Invalid { setting, found, origin: origin(value), allowed: allowed.to_owned() }
}

/// A whole number in this range.
pub(super) fn number(value: &Value, range: &std::ops::RangeInclusive<i64>) -> Option<i64> {
    let number = match &value.kind {
        ValueKind::I64(number) => Some(*number),
        ValueKind::String(text) if from_environment(value) => text.parse().ok(),
        _ => None,
    };
    number.filter(|number| range.contains(number))
}

/// A number, whole or not.
pub(super) fn fraction(value: &Value) -> Option<f64> {
    match &value.kind {
        ValueKind::Float(number) => Some(*number),
        // Exact, as far as anybody counts.
        ValueKind::I64(number) => i32::try_from(*number).ok().map(f64::from),
        ValueKind::String(text) if from_environment(value) => text.parse().ok(),
        _ => None,
    }
}

/// The texts of a [list](Reader::list).
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match &value.kind {
        ValueKind::Array(items) => items
            .iter()
            .map(|item| match &item.kind {
                ValueKind::String(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        ValueKind::String(text) if from_environment(value) && text.starts_with('[') => {
            serde_json::from_str(text).ok()
        }
        ValueKind::String(text) if from_environment(value) => {
            Some(text.split(',').map(|item| item.trim().to_owned()).collect())
        }
        _ => None,
    }
}

pub(super) fn origin(value: &Value) -> String {
    // Of a table only what is within has one.
    fn look(value: &Value) -> Option<&str> {
        let within = || match &value.kind {
            ValueKind::Table(values) => values.values().find_map(look),
            _ => None,
        };
        value.origin().or_else(within)
    }
    look(value).unwrap_or("the settings").to_owned()
}

fn from_environment(value: &Value) -> bool {
    value.origin() == Some(ENVIRONMENT)
}

/// A value as one would write it.
pub(super) fn show(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}
