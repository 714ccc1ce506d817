//! `migrate`: Django's tables, exactly.

use std::collections::BTreeSet;

use super::CommandResult;
use super::output::good;
use crate::database::{Applied, Database, Migration};
use crate::settings::Settings;

pub(super) async fn run(settings: &Settings) -> CommandResult {
    let database = Database::connect(&settings.database_url).await?;
    let apps = apps(Database::migrations());
    say!("Operations to perform:\n  Apply all migrations: {apps}\nRunning migrations:");
    let done = database.migrate().await?;
    if done.is_empty() {
        say!("  No migrations to apply.");
    }
    for (migration, applied) in done {
        let how = match applied {
            Applied::Made => "",
            Applied::Recorded => " (its tables were there already)",
        };
        say!("  Applying {migration}... {}{how}", good("OK"));
    }
    database.close().await;
    Ok(())
}

/// The apps that migrations are of, by the alphabet, as Django names them.
pub(super) fn apps(migrations: impl IntoIterator<Item = &'static Migration>) -> String {
    let apps: BTreeSet<&str> = migrations.into_iter().map(|migration| migration.app).collect();
    apps.into_iter().collect::<Vec<_>>().join(", ")
}
