//! The layers that settings are read from: the file, and the environment over it.

use std::path::Path;

use config::{Config, File, FileFormat, Map, Source, Value, ValueKind};

use super::names::NAMES;
use crate::error::ConfigError;

/// What the values of the environment name as their origin.
pub(super) const ENVIRONMENT: &str = "the environment";

pub(super) fn file_and_environment(path: &Path) -> Result<Map<String, Value>, ConfigError> {
    // Read here, so that "no such file" and "not TOML" are told apart in words of our own.
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::file(path, error))?;
    let file = Named { inner: File::from_str(&text, FileFormat::Toml), name: name_of(path) };
    let layers = Config::builder().add_source(file).add_source(Environment).build();
    values(layers).map_err(|error| ConfigError::file(path, without_excerpt(&error)))
}

/// The settings in a file that are secrets, or hold one.
#[cfg(feature = "manage")]
pub(super) fn secrets_in(path: &Path) -> Vec<&'static str> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let file = Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).build();
    let Ok(values) = values(file) else { return Vec::new() };
    ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_URL", "CACHE_URL", "CACHES"]
        .into_iter()
        .filter(|name| {
            let is_key = name.starts_with("SECRET_KEY");
            values
                .get(*name)
                .is_some_and(|value| texts_in(value, &|text| is_key || has_password(text)))
        })
        .collect()
}

/// Whether there is such a text in a value.
#[cfg(feature = "manage")]
fn texts_in(value: &Value, is_one: &dyn Fn(&str) -> bool) -> bool {
    match &value.kind {
        ValueKind::String(text) => is_one(text),
        ValueKind::Array(values) => values.iter().any(|value| texts_in(value, is_one)),
        ValueKind::Table(values) => values.values().any(|value| texts_in(value, is_one)),
        _ => false,
    }
}

/// Whether a text is a URL with a password.
#[cfg(feature = "manage")]
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let credentials = rest.rsplit_once('@').map_or("", |(credentials, _)| credentials);
    // PostgreSQL takes one behind the URL as well.
    let options = rest.split_once('?').map_or("", |(_, options)| options);
    credentials.contains(':') || options.split('&').any(|option| option.starts_with("password="))
}

/// Where the mistake is and which, but not the line itself: it may be that of the secret key.
fn without_excerpt(error: &config::ConfigError) -> String {
    let text = error.to_string();
    let is_excerpt = |line: &&str| {
        line.split_once('|').is_some_and(|(margin, _)| margin.trim().parse::<u32>().is_ok())
            || line.trim_start().starts_with('|')
            || line.trim().is_empty()
    };
    text.lines().filter(|line| !is_excerpt(line)).collect::<Vec<_>>().join("; ")
}

pub(super) fn environment() -> Result<Map<String, Value>, ConfigError> {
    let layers = Config::builder().add_source(Environment).build();
    values(layers).map_err(|error| ConfigError::file(ENVIRONMENT, error))
}

fn values(
    layers: Result<Config, config::ConfigError>,
) -> Result<Map<String, Value>, config::ConfigError> {
    layers?.cache.into_table()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A source whose values say which file they come from.
#[derive(Clone, Debug)]
struct Named<S> {
    inner: S,
    name: String,
}

impl<S: Source + Clone + Send + Sync + 'static> Source for Named<S> {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        let values = self.inner.collect()?;
        Ok(named(values, &self.name))
    }
}

/// The values within a table need a name as well: the layers are laid over each other value by
/// value, and of the table itself it is lost.
fn named(values: Map<String, Value>, name: &String) -> Map<String, Value> {
    let one = |(key, value): (String, Value)| {
        let kind = match value.kind {
            ValueKind::Table(values) => ValueKind::Table(named(values, name)),
            other => other,
        };
        (key, Value::new(Some(name), kind))
    };
    values.into_iter().map(one).collect()
}

/// The variables that are settings, under their own names; an empty one counts as not set.
#[derive(Clone, Copy, Debug)]
struct Environment;

impl Source for Environment {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(*self)
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        let origin = ENVIRONMENT.to_owned();
        let mut values = Map::new();
        for name in NAMES {
            match std::env::var(name) {
                Ok(text) if !text.is_empty() => {
                    values.insert((*name).to_owned(), Value::new(Some(&origin), text));
                }
                Ok(_) | Err(std::env::VarError::NotPresent) => {}
                Err(std::env::VarError::NotUnicode(_)) => {
                    let message = format!("the variable {name} is not text");
                    return Err(config::ConfigError::Message(message));
                }
            }
        }
        Ok(values)
    }
}
