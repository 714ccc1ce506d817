//! The settings about passwords: how they are hashed, and which are taken.

mod hashers;
mod validators;

use std::num::NonZero;
use std::path::Path;

use config::{Map, Value, ValueKind};

use super::reader::{Reader, origin, show, texts};
use crate::error::ConfigError;

pub use hashers::PasswordHasher;
pub use validators::PasswordValidator;

use hashers::{HASHERS, WORK};
use validators::{SIMILARITIES, VALIDATORS, is_similarity};

/// The settings about passwords.
///
/// ```
/// use segue::settings::PasswordHasher;
///
/// let mut settings = segue::Settings::new("a key of fifty characters and more from a safe place");
/// assert_eq!(settings.passwords.hashers(), PasswordHasher::DEFAULTS);
/// settings.passwords.hashers = Some(vec![PasswordHasher::Bcrypt { rounds: 40 }]);
/// let error = settings.validate().unwrap_err().to_string();
/// assert!(error.starts_with("PASSWORD_HASHERS: found bcrypt with "), "{error}");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct PasswordSettings {
    /// `PASSWORD_HASHERS`: what hashes passwords. The first makes new hashes, and only those in the
    /// list read them. With a list, a login also makes the user's hash anew where another hasher or
    /// another work factor made it. Default: none: [`PasswordHasher::DEFAULTS`], Django's five, and no
    /// hash is made anew.
    pub hashers: Option<Vec<PasswordHasher>>,
    /// `AUTH_PASSWORD_VALIDATORS`: what a new password must pass; an entry is a name, or a table with
    /// `NAME` and `OPTIONS`. Default: all four of Django's, with Django's options.
    pub validators: Vec<PasswordValidator>,
    /// `PASSWORD_HASHING_LIMIT` (ours): how many passwords are hashed at once; others wait. Each
    /// takes a processor for a tenth of a second or more. Default: one less than there are
    /// processors, and at least one.
    pub hashing_limit: usize,
}

const LIMITS: &str = "1 to 512: how many passwords are hashed at once";
const MOST_AT_ONCE: usize = 512;

impl PasswordSettings {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            hashers: None,
            validators: PasswordValidator::defaults(),
            hashing_limit: processors.saturating_sub(1).clamp(1, MOST_AT_ONCE),
        }
    }

    pub(super) fn read(reader: &Reader, base_dir: &Path) -> Result<Self, ConfigError> {
        let defaults = Self::new();
        let validator = |entry: &Value| PasswordValidator::read(entry, base_dir);
        let limit = reader.integer("PASSWORD_HASHING_LIMIT", LIMITS, 1..=MOST_AT_ONCE as i64)?;
        Ok(Self {
            hashers: entries(reader, "PASSWORD_HASHERS", HASHERS, PasswordHasher::read)?,
            validators: entries(reader, "AUTH_PASSWORD_VALIDATORS", VALIDATORS, validator)?
                .unwrap_or(defaults.validators),
            hashing_limit: limit
                .and_then(|limit| usize::try_from(limit).ok())
                .unwrap_or(defaults.hashing_limit),
        })
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let hashers = self.hashers();
        if hashers.is_empty() {
            return Err(ConfigError::conflict("PASSWORD_HASHERS", "an empty list", HASHERS));
        }
        for (position, hasher) in hashers.iter().enumerate() {
            let algorithm = hasher.algorithm();
            if hashers.iter().take(position).any(|other| other.algorithm() == algorithm) {
                let found = format!("{algorithm} twice");
                return Err(ConfigError::conflict("PASSWORD_HASHERS", found, "each of them once"));
            }
            if !hasher.is_bearable() {
                let found = format!("{algorithm} with {hasher:?}");
                return Err(ConfigError::conflict("PASSWORD_HASHERS", found, WORK));
            }
        }
        for validator in &self.validators {
            if let PasswordValidator::UserAttributeSimilarity { max_similarity, .. } = validator
                && !is_similarity(*max_similarity)
            {
                let found = format!("a max_similarity of {max_similarity}");
                return Err(ConfigError::conflict("AUTH_PASSWORD_VALIDATORS", found, SIMILARITIES));
            }
        }
        if !(1..=MOST_AT_ONCE).contains(&self.hashing_limit) {
            return Err(ConfigError::conflict(
                "PASSWORD_HASHING_LIMIT",
                self.hashing_limit,
                LIMITS,
            ));
        }
        Ok(())
    }

    /// The hashers: those that were given, or the defaults.
    #[must_use]
    pub fn hashers(&self) -> &[PasswordHasher] {
        self.hashers.as_deref().unwrap_or(PasswordHasher::DEFAULTS)
    }
}

/// The entries of a list; in the environment they are names. What is wrong with one is said of that
/// one.
fn entries<T>(
    reader: &Reader,
    setting: &'static str,
    allowed: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<Vec<T>>, ConfigError> {
    let Some(value) = reader.value(setting) else { return Ok(None) };
    let invalid = |found| ConfigError::Invalid {
        setting,
        found,
        origin: origin(value),
        allowed: format!("a list of {allowed}"),
    };
    let entries = match &value.kind {
        ValueKind::Array(entries) => entries.clone(),
        _ => {
            let names = texts(value).ok_or_else(|| invalid(show(value)))?;
            names.into_iter().map(Value::from).collect()
        }
    };
    let one = |entry: &Value| read(entry).ok_or_else(|| invalid(show(entry)));
    entries.iter().map(one).collect::<Result<_, _>>().map(Some)
}

/// The name of an entry, and what else is in its table.
fn name_and(entry: &Value) -> Option<(String, Map<String, Value>)> {
    match &entry.kind {
        ValueKind::String(name) => Some((name.clone(), Map::new())),
        ValueKind::Table(table) => {
            let mut table = table.clone();
            let name = table.remove("NAME")?;
            matches!(name.kind, ValueKind::String(_)).then_some(())?;
            Some((name.into_string().ok()?, table))
        }
        _ => None,
    }
}
