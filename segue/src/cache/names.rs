//! How sessions are named and written in a cache.

use crate::key::SessionKey;
use crate::settings::{CacheFormat, CacheOptions};
use crate::store::Payload;

/// The names that sessions have in a cache.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    /// Those of the engine of this name, `django.contrib.sessions.cache` for example.
    pub(crate) fn new(options: &CacheOptions, engine: &str) -> Self {
        Self { prefix: options.make_key(engine) }
    }

    /// The name of a session; nothing for a key that is itself the session, which no cache has.
    pub(crate) fn of(&self, key: &SessionKey) -> Option<String> {
        Some([&self.prefix, key.id()?].concat())
    }

    /// As [`of`](Self::of), written into an empty buffer.
    pub(crate) fn write<'a>(&self, key: &SessionKey, buffer: &'a mut Vec<u8>) -> Option<&'a str> {
        for part in [&self.prefix, key.id()?] {
            buffer.extend_from_slice(part.as_bytes());
        }
        str::from_utf8(buffer).ok()
    }
}

/// What sessions are in a cache of this format.
pub(crate) fn payload_of(format: CacheFormat) -> Payload {
    match format {
        CacheFormat::Pickle => Payload::Pickle,
        CacheFormat::Json => Payload::Json,
    }
}
