//! `sqlmigrate`: what a migration says to the database.

use std::io::Write as _;

use super::CommandResult;
use super::context::Context;
use super::output::Results;
use crate::database::{Migrator, Step};

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The app
    #[arg(value_name = "APP")]
    app: String,

    /// The migration: its name or the beginning of it
    #[arg(value_name = "NAME")]
    name: String,

    /// Show how it is undone
    #[arg(long)]
    backwards: bool,
}

pub(super) fn run(context: &Context<'_>, arguments: &Arguments) -> CommandResult {
    let migrator = Migrator::new(&context.sources.apps)?;
    let migration = migrator.find(&arguments.app, &arguments.name)?;
    let step = Step { migration, backwards: arguments.backwards };
    let sql = migrator.sql(&context.settings.database_url, step)?;
    if sql.statements().is_empty() {
        warn_user!("No operations found.");
        return Ok(());
    }
    let mut out = Results::new();
    out.write(|out| write!(out, "{sql}"))?;
    out.flush().map(drop)
}
