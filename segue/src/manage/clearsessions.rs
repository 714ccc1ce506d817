//! `clearsessions`: away with what has expired.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::CommandResult;
use crate::settings::Settings;
use crate::site::Stores;
use crate::store::{Cleared, SessionStore as _};

/// Whoever waits no longer than this needs no progress bar.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn run(settings: &Settings) -> CommandResult {
    if settings.session.engine.uses_database() && !settings.database_url.exists() {
        return Err("there is no database to clear: run `migrate` first".into());
    }
    // No `Site`: nobody is served, so it does not matter under which hosts.
    let stores = Stores::open(settings).await?;
    let started = Instant::now();
    let bar = OnceLock::new();
    let on_batch = |cleared: Cleared| {
        if started.elapsed() > PATIENCE {
            let bar = bar.get_or_init(|| progress_bar(cleared.expected));
            bar.set_position(cleared.removed);
        }
    };
    let removed = stores.sessions.clear_expired(&on_batch).await;
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    match removed? {
        0 if stores.sessions.guarantees().cleans_itself => {
            say!("Expired sessions go by themselves here: nothing to remove.");
        }
        0 => say!("No expired sessions to remove."),
        1 => say!("Removed 1 expired session."),
        removed => say!("Removed {removed} expired sessions."),
    }
    stores.close().await;
    Ok(())
}

/// It draws itself on standard error, and only where that is a terminal.
fn progress_bar(expected: Option<u64>) -> ProgressBar {
    let (bar, template) = match expected {
        Some(expected) => {
            (ProgressBar::new(expected), "{wide_bar} {human_pos} of {human_len}, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} removed, {per_sec}"),
    };
    bar.with_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    )
}
