//! The settings whose names begin with `DATABASE_`, but for the URL.

use std::fmt;

use super::reader::Reader;
use crate::error::ConfigError;

/// How a database is used: the settings whose names begin with `DATABASE_` (all ours).
///
/// ```
/// use segue::settings::{DatabaseOptions, Synchronous};
///
/// let options = DatabaseOptions::default();
/// assert_eq!((options.synchronous, options.batches), (Synchronous::Full, 4));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// `DATABASE_SYNCHRONOUS` (ours): what SQLite waits for before a write is acknowledged. With
    /// `"FULL"` it survives a power cut; with `"NORMAL"` a power cut may undo the last ones, which is
    /// quicker, and what was written before stays whole. Default: `"FULL"`, as Django's.
    pub synchronous: Synchronous,
    /// `DATABASE_BATCHES` (ours): on servers, how many batches of loads, and how many of saves, are under way
    /// at once. What comes meanwhile waits and leaves as one. Default: `4`.
    pub batches: usize,
    /// `DATABASE_QUEUE` (ours): on servers how many loads, and how many saves, and on SQLite how many writes
    /// may wait; one more is answered with 503.
    /// Default: `4096`.
    pub queue: usize,
}

/// What SQLite waits for before a write is acknowledged: <https://sqlite.org/pragma.html#pragma_synchronous>
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// For the disk, at each transaction.
    Full,
    /// For the disk, now and then.
    Normal,
}

impl Synchronous {
    /// As SQLite and the setting have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
        }
    }
}

impl fmt::Display for Synchronous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self { synchronous: Synchronous::Full, batches: 4, queue: 4096 }
    }
}

impl DatabaseOptions {
    pub(super) fn read(reader: &Reader) -> Result<Self, ConfigError> {
        let defaults = Self::default();
        let number = |(name, most): (&'static str, u32)| {
            let number = reader.integer(name, &allowed(most), 1..=i64::from(most))?;
            Ok::<_, ConfigError>(number.and_then(|number| usize::try_from(number).ok()))
        };
        let synchronous = reader.parsed(SYNCHRONOUS, "FULL or NORMAL", |text| {
            let all = [Synchronous::Full, Synchronous::Normal];
            all.into_iter().find(|level| level.name().eq_ignore_ascii_case(text))
        })?;
        Ok(Self {
            synchronous: synchronous.unwrap_or(defaults.synchronous),
            batches: number(BATCHES)?.unwrap_or(defaults.batches),
            queue: number(QUEUE)?.unwrap_or(defaults.queue),
        })
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        for ((name, most), number) in [(BATCHES, self.batches), (QUEUE, self.queue)] {
            if number == 0 || number > usize::try_from(most).unwrap_or(usize::MAX) {
                return Err(ConfigError::conflict(name, number, allowed(most)));
            }
        }
        Ok(())
    }
}

const SYNCHRONOUS: &str = "DATABASE_SYNCHRONOUS";
/// With the most that it may be.
const BATCHES: (&str, u32) = ("DATABASE_BATCHES", 100);
const QUEUE: (&str, u32) = ("DATABASE_QUEUE", 1_000_000);

fn allowed(most: u32) -> String {
    format!("a number from 1 to {most}")
}
