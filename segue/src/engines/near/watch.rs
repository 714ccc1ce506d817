//! How it is noticed that somebody else has changed a row.

#[cfg(feature = "postgres")]
mod told;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::entries::Entries;
use crate::database::{Coherence, Database, Edition};

#[cfg(feature = "postgres")]
use told::Told;

/// How it is noticed that somebody else has changed a row.
#[derive(Debug)]
pub(super) struct Watch {
    way: Way,
    staleness: Duration,
}

#[derive(Debug)]
enum Way {
    /// The database is asked each time.
    Asked,
    /// The database says it by itself.
    #[cfg(feature = "postgres")]
    Told(Told),
    /// Not at all: what was read is old after a time.
    Aged,
}

/// What was known when a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    Edition(Edition),
    /// How often the news have been interrupted.
    #[cfg(feature = "postgres")]
    Told(u64),
    Read(Instant),
}

impl Watch {
    pub(super) fn new(database: &Database, entries: &Arc<Entries>, staleness: Duration) -> Self {
        let way = match database.coherence() {
            Coherence::Editions => Way::Asked,
            #[cfg(feature = "postgres")]
            Coherence::News if !staleness.is_zero() => {
                Way::Told(Told::new(database, entries, staleness))
            }
            _ => Way::Aged,
        };
        let _ = entries;
        Self { way, staleness }
    }

    pub(super) fn staleness(&self) -> Duration {
        self.staleness
    }

    /// What is known now; nothing where that is too little to answer anything from memory.
    pub(super) fn stamp(&self, database: &Database) -> Option<Stamp> {
        match &self.way {
            Way::Asked => database.edition().map(Stamp::Edition),
            #[cfg(feature = "postgres")]
            Way::Told(told) => told.interruptions().map(Stamp::Told),
            Way::Aged => (!self.staleness.is_zero()).then(|| Stamp::Read(Instant::now())),
        }
    }

    /// What was known before a row is saved. Where the database would have to be asked, what was known of the row
    /// does as well: an edition is the same after a save of ours, and one that is older than it has to be makes
    /// the row no better than it is.
    pub(super) fn stamp_for_save(
        &self,
        known: Option<Stamp>,
        database: &Database,
    ) -> Option<Stamp> {
        match &self.way {
            Way::Asked if known.is_some() => known,
            _ => self.stamp(database),
        }
    }

    /// Whether a row that was read then is still good, as far as is known now.
    pub(super) fn is_good(&self, then: Stamp, now: Stamp) -> bool {
        match (then, now) {
            (Stamp::Read(then), Stamp::Read(now)) => {
                now.saturating_duration_since(then) < self.staleness
            }
            (then, now) => then == now,
        }
    }
}
