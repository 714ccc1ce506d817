//! What becomes of the figures as the work grows.

use std::time::Duration;

use crate::catalogue::{self, Contender};
use crate::harness::Harness;

/// One table, or several, on one question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// About how long it takes.
    pub(crate) time: Duration,
    /// The servers that it starts.
    names: &'static [&'static str],
    pub(crate) run: fn(&mut Harness, &mut Vec<(String, String)>) -> String,
}

impl Part {
    pub(crate) fn servers(&self) -> impl Iterator<Item = Contender> + use<> {
        self.names.iter().filter_map(|name| catalogue::one(name))
    }
}

/// All of them.
pub(crate) const ALL: &[Part] = &[];
