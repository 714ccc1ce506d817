//! What is wrong with the settings.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use super::{Cause, StoreError};

/// The settings do not hold together: which one, what was found, how to mend it.
///
/// Every one of these stops the start; none waits for the first request.
#[non_exhaustive]
#[derive(Debug)]
pub enum ConfigError {
    /// A setting has a value that it cannot have.
    #[non_exhaustive]
    Invalid {
        /// Django's name of the setting.
        setting: &'static str,
        /// The value that was found, or a word in its place where the value is a secret.
        found: String,
        /// Where it was found: the file's name, or the environment.
        origin: String,
        /// What the setting takes.
        allowed: String,
    },
    /// A setting that must be there is not.
    #[non_exhaustive]
    Missing {
        /// Django's name of the setting.
        setting: &'static str,
        /// How to mend it.
        mend: String,
    },
    /// There is no setting of this name.
    #[non_exhaustive]
    Unknown {
        /// The name that was found.
        found: String,
        /// Where it was found.
        origin: String,
        /// The name that was probably meant.
        suggestion: &'static str,
    },
    /// A file could not be read or written.
    #[non_exhaustive]
    File {
        /// Which file.
        path: PathBuf,
        /// What was wrong with it.
        source: Cause,
    },
    /// The store that the settings name could not be opened.
    #[non_exhaustive]
    Store {
        /// The setting that names the store.
        setting: &'static str,
        /// What the store said.
        source: StoreError,
    },
}

impl ConfigError {
    pub(crate) fn file(path: impl Into<PathBuf>, source: impl Into<Cause>) -> Self {
        Self::File { path: path.into(), source: source.into() }
    }

    /// Two settings that do not go together, said of the one to change.
    pub(crate) fn conflict(
        setting: &'static str,
        found: impl fmt::Display,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            setting,
            found: found.to_string(),
            origin: "the settings".to_owned(),
            allowed: allowed.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { setting, found, origin, allowed } => {
                write!(f, "{setting}: found {found} in {origin}; allowed: {allowed}")
            }
            Self::Missing { setting, mend } => write!(f, "{setting} is not set: {mend}"),
            Self::Unknown { found, origin, suggestion } => {
                write!(f, "{found} in {origin} is not a setting; did you mean {suggestion}?")
            }
            Self::File { path, .. } => write!(f, "cannot use the file {}", path.display()),
            Self::Store { setting, .. } => {
                write!(f, "the session store that {setting} names cannot be opened")
            }
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(&**source),
            Self::Store { source, .. } => Some(source),
            Self::Invalid { .. } | Self::Missing { .. } | Self::Unknown { .. } => None,
        }
    }
}
