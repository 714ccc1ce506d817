//! How far a command has come, for whoever waits at a terminal.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Whoever waits no longer than this needs no progress bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows how far a command has come, once it takes long: on standard error, and only where that is a
/// terminal.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    started: Instant,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    /// Counts `what` is done: `removed`.
    pub(super) fn of(what: &'static str) -> Self {
        Self { what, started: Instant::now(), bar: OnceLock::new() }
    }

    /// So many are done, of so many, if that is known.
    pub(super) fn set(&self, done: u64, expected: Option<u64>) {
        if self.started.elapsed() > PATIENCE {
            self.bar.get_or_init(|| self.bar(expected)).set_position(done);
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }

    fn bar(&self, expected: Option<u64>) -> ProgressBar {
        let (bar, template) = match expected {
            Some(expected) => (
                ProgressBar::new(expected),
                "{wide_bar} {human_pos} of {human_len}, {eta} left".to_owned(),
            ),
            None => (
                ProgressBar::new_spinner(),
                format!("{{spinner}} {{human_pos}} {}, {{per_sec}}", self.what),
            ),
        };
        bar.with_style(
            ProgressStyle::with_template(&template)
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        )
    }
}
