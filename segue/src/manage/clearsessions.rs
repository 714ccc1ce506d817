//! `clearsessions`: away with what has expired.

use std::num::NonZeroU32;

use super::CommandResult;
use super::context::require_database_of_sessions;
use super::progress::Progress;
use crate::settings::Settings;
use crate::site::Stores;
use crate::store::{Cleared, SessionStore as _};

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Remove so many sessions at once; others may write between two batches [default: as many as take 5 to
    /// 50 ms]
    #[arg(long, value_name = "N")]
    batch: Option<NonZeroU32>,

    /// Count the expired sessions, and remove none
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(settings: &Settings, arguments: &Arguments) -> CommandResult {
    require_database_of_sessions(settings)?;
    // No `Site`: nobody is served, so it does not matter under which hosts.
    let stores = Stores::open_with_batch(settings, arguments.batch).await?;
    let done = if arguments.dry_run { count(&stores).await } else { clear(&stores).await };
    stores.close().await;
    done
}

async fn clear(stores: &Stores) -> CommandResult {
    let progress = Progress::of("removed");
    let on_batch = |cleared: Cleared| progress.set(cleared.removed, cleared.expected);
    let removed = stores.sessions.clear_expired(&on_batch).await;
    progress.end();
    match removed? {
        0 => say_nothing_to_remove(stores),
        1 => say!("Removed 1 expired session."),
        removed => say!("Removed {removed} expired sessions."),
    }
    Ok(())
}

async fn count(stores: &Stores) -> CommandResult {
    let Some(listable) = &stores.listable else {
        say_nothing_to_remove(stores);
        return Ok(());
    };
    match listable.count_expired().await? {
        0 => say_nothing_to_remove(stores),
        1 => say!("Would remove 1 expired session."),
        expired => say!("Would remove {expired} expired sessions."),
    }
    Ok(())
}

fn say_nothing_to_remove(stores: &Stores) {
    if stores.sessions.guarantees().cleans_itself {
        say!("Expired sessions go by themselves here: nothing to remove.");
    } else {
        say!("No expired sessions to remove.");
    }
}
