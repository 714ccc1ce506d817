//! `migrate`: Django's tables, exactly, and what the project's own migrations say.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::CommandResult;
use super::app_sources::{AppSources, shown};
use super::context::{Context, Sources};
use super::output::{good, report_warning};
use crate::database::{
    Applied, Database, History, Migration, MigrationError, MigrationErrorKind, Migrator, Progress,
    Step, Target,
};
use crate::settings::Settings;

/// What the command line says.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Arguments {
    /// The app whose migrations are applied [default: all]
    #[arg(value_name = "APP")]
    app: Option<String>,

    /// The migration up to which they are applied, or down to which they are undone: its name or the
    /// beginning of it, or `zero` to undo them all
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Apply nothing, and show what would be done
    #[arg(long)]
    plan: bool,

    /// Apply nothing, and fail if there is something to do
    #[arg(long)]
    check: bool,

    /// Record that it is done, and do none of it
    #[arg(long)]
    fake: bool,
}

impl Arguments {
    fn target(&self) -> Target<'_> {
        Target::new(self.app.as_deref(), self.name.as_deref())
    }
}

pub(super) async fn run(context: &Context<'_>, arguments: &Arguments) -> CommandResult {
    let migrator = Migrator::new(&context.sources.apps)?;
    let target = arguments.target();
    let what = describe(&migrator, target)?;
    warn_of_files(context.sources, &migrator);
    if arguments.plan || arguments.check {
        return look(&context.settings, &migrator, arguments).await;
    }
    let database =
        Database::connect_with(&context.settings.database_url, context.settings.database).await?;
    warn_of_unknown(&migrator, &History::read(&database).await?);
    say!("Operations to perform:\n  {what}\nRunning migrations:");
    let report = Report::default();
    let on_progress = |progress| report.tell(progress);
    let done = if arguments.fake {
        migrator.fake(&database, target, &on_progress).await
    } else {
        migrator.migrate(&database, target, &on_progress).await
    };
    report.end();
    if done?.is_empty() {
        say!("  No migrations to apply.");
    }
    database.close().await;
    Ok(())
}

/// The apps that migrations are of, by the alphabet, as Django names them.
pub(super) fn apps(migrations: impl IntoIterator<Item = Migration>) -> String {
    let apps: BTreeSet<&str> = migrations.into_iter().map(|migration| migration.app).collect();
    apps.into_iter().collect::<Vec<_>>().join(", ")
}

/// What was applied to the database that the settings name. To look must not make one.
pub(super) async fn history(settings: &Settings) -> Result<History, Box<dyn std::error::Error>> {
    if !settings.database_url.exists() {
        return Ok(History::default());
    }
    let database = Database::connect_with(&settings.database_url, settings.database).await?;
    let history = History::read(&database).await;
    database.close().await;
    Ok(history?)
}

/// Warns of migrations that are recorded and not in this program.
pub(super) fn warn_of_unknown(migrator: &Migrator, history: &History) {
    for unknown in history.unknown(migrator) {
        report_warning(&format!(
            "{unknown} is applied and not in this program: a newer release was here, or its file was \
             renamed. It stays as it is."
        ));
    }
}

/// Warns of files that are not in this program, where the sources are at hand.
fn warn_of_files(sources: &Sources, migrator: &Migrator) {
    let Some(base_dir) = &sources.base_dir else { return };
    for app in &sources.apps {
        // On a server there are no sources.
        let Ok(of_app) = AppSources::find(base_dir, app.name()) else { continue };
        let names = match of_app.names() {
            Ok(names) => names,
            Err(error) => {
                report_warning(&error.to_string());
                continue;
            }
        };
        for name in names {
            let is_known = migrator.migrations().any(|of| of.app == app.name() && of.name == name);
            if !is_known {
                report_warning(&format!(
                    "{} is not in this program: run `makemigrations`, and build it again.",
                    shown(&of_app.file(&name)).display()
                ));
            }
        }
    }
}

/// What is to be done, in Django's words.
fn describe(migrator: &Migrator, target: Target<'_>) -> Result<String, MigrationError> {
    Ok(match target {
        Target::All => format!("Apply all migrations: {}", apps(migrator.migrations())),
        Target::App(app) => {
            migrator.require_app(app)?;
            let has_some = migrator.migrations().any(|migration| migration.app == app);
            format!("Apply all migrations: {}", if has_some { app } else { "(none)" })
        }
        Target::Migration { app, name } => {
            let name = migrator.find(app, name)?.name;
            format!("Target specific migration: {name}, from {app}")
        }
        Target::Zero(app) => {
            migrator.require_app(app)?;
            format!("Unapply all migrations: {app}")
        }
    })
}

/// Shows what would be done.
async fn look(settings: &Settings, migrator: &Migrator, arguments: &Arguments) -> CommandResult {
    let history = history(settings).await?;
    warn_of_unknown(migrator, &history);
    let steps = migrator.plan(&history, arguments.target())?;
    if arguments.plan {
        say!("Planned operations:");
        if steps.is_empty() {
            say!("  No planned migration operations.");
        }
        for step in &steps {
            say!("{}", step.migration);
            if let Some(operation) = operation(settings, migrator, *step) {
                say!("    {operation}");
            }
        }
    }
    if arguments.check && !steps.is_empty() {
        let number = steps.len();
        return Err(format!("{number} migration(s) to apply or undo; nothing was done").into());
    }
    Ok(())
}

/// What a migration of the project does, as Django describes its `RunSQL`. Those of Django's apps have
/// no operations here: their tables are made in one step.
///
/// Source: `describe_operation` in `django/core/management/commands/migrate.py`.
fn operation(settings: &Settings, migrator: &Migrator, step: Step) -> Option<String> {
    if Database::migrations().any(|migration| migration == step.migration) {
        return None;
    }
    let action = match migrator.sql(&settings.database_url, step) {
        Ok(sql) if sql.statements().is_empty() => return None,
        Ok(sql) => sql.statements().replace(['\n', '\r'], ""),
        Err(error) if error.kind() == MigrationErrorKind::Irreversible => "IRREVERSIBLE".to_owned(),
        Err(error) => return Some(error.to_string()),
    };
    let action = format!(" -> {action}");
    let is_long = action.chars().count() > 40;
    let shown: String = action.chars().take(if is_long { 39 } else { 40 }).collect();
    Some(format!("Raw SQL operation{shown}{}", if is_long { "…" } else { "" }))
}

/// Says what happens as it happens.
#[derive(Debug, Default)]
struct Report {
    /// A line was begun.
    is_within: AtomicBool,
}

impl Report {
    fn tell(&self, progress: Progress) {
        match progress {
            Progress::Waiting => {
                warn_user!("Another `migrate` is at work on this database: waiting for its end.");
            }
            Progress::Started(step) => {
                let mut out = std::io::stdout();
                let _ = write!(out, "  {step}...").and_then(|()| out.flush());
                self.is_within.store(true, Ordering::Relaxed);
            }
            Progress::Done(_, applied) => {
                self.is_within.store(false, Ordering::Relaxed);
                match applied {
                    Applied::Made => say!(" {}", good("OK")),
                    Applied::Recorded => say!(" {} (its tables were there already)", good("OK")),
                    Applied::Faked => say!(" {}", good("FAKED")),
                }
            }
        }
    }

    /// Ends the line of a migration that failed.
    fn end(&self) {
        if self.is_within.load(Ordering::Relaxed) {
            say!("");
        }
    }
}
