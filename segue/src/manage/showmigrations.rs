//! `showmigrations`: what is applied and what is not.

use super::CommandResult;
use super::context::Context;
use super::migrate::{history, warn_of_unknown};
use crate::database::{App, History, Migration, Migrator};

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The apps [default: all]
    #[arg(value_name = "APP")]
    apps: Vec<String>,

    /// Show them app by app, in the order of the alphabet: the default
    #[arg(short, long, conflicts_with = "plan")]
    list: bool,

    /// Show them in the order in which they are applied
    #[arg(short, long)]
    plan: bool,
}

pub(super) async fn run(context: &Context<'_>, arguments: &Arguments) -> CommandResult {
    let migrator = Migrator::new(&context.sources.apps)?;
    for app in &arguments.apps {
        migrator.require_app(app)?;
    }
    let history = history(&context.settings).await?;
    if arguments.plan {
        show_plan(&migrator, &history, &arguments.apps);
    } else {
        show_list(&migrator, &history, context, &arguments.apps);
    }
    warn_of_unknown(&migrator, &history);
    Ok(())
}

fn show_list(migrator: &Migrator, history: &History, context: &Context<'_>, apps: &[String]) {
    let mut all: Vec<&str> = migrator.migrations().map(|migration| migration.app).collect();
    all.extend(context.sources.apps.iter().map(App::name));
    all.sort_unstable();
    all.dedup();
    let chosen: Vec<&str> = apps.iter().map(String::as_str).collect();
    for app in if chosen.is_empty() { all } else { chosen } {
        say!("{app}");
        let mut has_some = false;
        for migration in migrator.migrations().filter(|migration| migration.app == app) {
            say!(" {} {}", sign(history, &migration), migration.name);
            has_some = true;
        }
        if !has_some {
            say!(" (no migrations)");
        }
    }
}

fn show_plan(migrator: &Migrator, history: &History, apps: &[String]) {
    let is_chosen = |of: &Migration| apps.is_empty() || apps.iter().any(|app| app == of.app);
    let mut has_some = false;
    for migration in migrator.migrations().filter(is_chosen) {
        say!("{}  {migration}", sign(history, &migration));
        has_some = true;
    }
    if !has_some {
        say!("(no migrations)");
    }
}

fn sign(history: &History, migration: &Migration) -> &'static str {
    if history.is_applied(migration) { "[X]" } else { "[ ]" }
}
