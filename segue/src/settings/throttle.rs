//! The settings whose names begin with `LOGIN_FAILURE_`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::CacheSettings;
use super::cookie::CENTURY;
use super::reader::Reader;
use crate::error::ConfigError;

/// The settings whose names begin with `LOGIN_FAILURE_` (all ours): how many logins may fail.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct ThrottleSettings {
    /// `LOGIN_FAILURE_LIMIT` (ours): how many logins may fail for one account from one address, before the
    /// next ones are refused until the window ends; ten times as many for one account from all
    /// addresses, and from one address for all accounts. `0` is no limit. Default: `10`.
    pub limit: u32,
    /// `LOGIN_FAILURE_WINDOW` (ours): how long after the first failure they are counted, in seconds.
    /// Default: `900`, a quarter of an hour.
    pub window: Duration,
    /// `LOGIN_FAILURE_CACHE` (ours): the alias in `CACHES` of the cache that counts for all processes.
    /// Default: none, each process counts for itself.
    pub cache: Option<String>,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        Self { limit: 10, window: Duration::from_secs(900), cache: None }
    }
}

impl ThrottleSettings {
    pub(super) fn read(reader: &Reader) -> Result<Self, ConfigError> {
        let defaults = Self::default();
        let limit = reader.integer(LIMIT, LIMITS, 0..=i64::from(MOST))?;
        let window = reader.integer(WINDOW, WINDOWS, 1..=CENTURY)?;
        Ok(Self {
            limit: limit.and_then(|limit| limit.try_into().ok()).unwrap_or(defaults.limit),
            window: window
                .map_or(defaults.window, |seconds| Duration::from_secs(seconds.unsigned_abs())),
            cache: reader.text(CACHE, "the name of a cache")?,
        })
    }

    pub(super) fn validate(
        &self,
        caches: &BTreeMap<String, CacheSettings>,
    ) -> Result<(), ConfigError> {
        if self.limit > MOST {
            return Err(ConfigError::conflict(LIMIT, self.limit, LIMITS));
        }
        if self.window < Duration::from_secs(1) {
            return Err(ConfigError::conflict(WINDOW, format!("{:?}", self.window), WINDOWS));
        }
        match &self.cache {
            Some(alias) if !caches.contains_key(alias) => {
                let aliases: Vec<String> =
                    caches.keys().map(|alias| format!("{alias:?}")).collect();
                let allowed = format!("a cache in CACHES, which has: {}", aliases.join(", "));
                Err(ConfigError::conflict(CACHE, format!("{alias:?}"), allowed))
            }
            _ => Ok(()),
        }
    }
}

const LIMIT: &str = "LOGIN_FAILURE_LIMIT";
const WINDOW: &str = "LOGIN_FAILURE_WINDOW";
const CACHE: &str = "LOGIN_FAILURE_CACHE";

/// More than this is no limit for anybody.
const MOST: u32 = 100_000;

const LIMITS: &str = "how many logins may fail, up to 100000; 0 for no limit";
const WINDOWS: &str = "seconds, 1 or more";
