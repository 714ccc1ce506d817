//! `migrate`: Django's tables, exactly.

use super::CommandResult;
use crate::database::{Applied, Database};
use crate::settings::Settings;

pub(super) async fn run(settings: &Settings) -> CommandResult {
    let database = Database::connect(&settings.database_url).await?;
    say!("Operations to perform:\n  Apply all migrations: sessions\nRunning migrations:");
    let done = database.migrate().await?;
    if done.is_empty() {
        say!("  No migrations to apply.");
    }
    for (migration, applied) in done {
        let how = match applied {
            Applied::Made => "OK",
            Applied::Recorded => "OK (its table was there already)",
        };
        say!("  Applying {migration}... {how}");
    }
    database.close().await;
    Ok(())
}
