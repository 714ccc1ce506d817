//! `makemigrations`: new migrations, and the list of those that are there.

use std::error::Error;
use std::path::Path;

use super::CommandResult;
use super::app_sources::{AppSources, shown};
use super::context::Sources;
use crate::clock::Clock;
use crate::database::migrations::names;
use crate::database::{App, Migrator};

/// What the command line says.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes new migrations, and keeps the list of those that are there. There are no models from which Segue could tell what has changed: a migration is a file of \
                        SQL that you write, src/APP/migrations/0001_NAME.sql. `makemigrations APP --empty --name NAME` begins \
                        one; without --empty, files that were written by hand are added to the list of the app, \
                        src/APP/migrations.rs, by which they become a part of the program."
)]
pub(super) struct Arguments {
    /// The apps [default: all of the project]
    #[arg(value_name = "APP")]
    apps: Vec<String>,

    /// Begin a new migration for each of the apps
    #[arg(long)]
    empty: bool,

    /// What the new migration is called, after its number [default: initial, or auto and the time]
    #[arg(short, long)]
    name: Option<String>,

    /// Write nothing, and say what would be written
    #[arg(long)]
    dry_run: bool,

    /// Write nothing, and fail if there is something to write
    #[arg(long)]
    check: bool,
}

/// What is to be written for an app.
struct Change {
    app: String,
    sources: AppSources,
    /// The migration whose file is to be made.
    new: Option<String>,
    /// What is to be in the list, and what is.
    names: Vec<String>,
    listed: Vec<String>,
    has_list: bool,
}

/// The file of a new migration. It has no `down`: an empty one would take nothing back, and say so
/// to nobody.
const EMPTY: &str = "\
-- What `migrate` does stands after the next line, each statement with a semicolon at its end.
-- Where databases differ, each has a part of its own: `-- migrate:up sqlite`, `-- migrate:up postgres`,
-- `-- migrate:up mysql`. What cannot be done in a transaction: `-- migrate:up transaction:false`.
-- How it is undone stands after a line `-- migrate:down`; without one it cannot be.
-- migrate:up

";

pub(super) fn run(sources: &Sources, arguments: &Arguments) -> CommandResult {
    let mut changes = Vec::new();
    for app in chosen(sources, arguments)? {
        changes.extend(Change::find(sources, app, arguments)?);
    }
    if changes.is_empty() {
        say!("{}", nothing(&arguments.apps));
        return Ok(());
    }
    for change in &changes {
        change.say();
        if !arguments.dry_run && !arguments.check {
            change.write()?;
        }
    }
    // As in Django, where nobody asks whether an empty migration is missing.
    if arguments.check && !arguments.empty {
        let lists = changes.iter().map(|change| shown(change.sources.list()).display().to_string());
        let lists = lists.collect::<Vec<_>>().join(", ");
        return Err(format!("{lists}: not the list of what is there; run `makemigrations`").into());
    }
    Ok(())
}

/// The project's apps that the command line means.
fn chosen(sources: &Sources, arguments: &Arguments) -> Result<Vec<&'static str>, Box<dyn Error>> {
    if arguments.empty && arguments.apps.is_empty() {
        return Err("You must supply at least one app label when using --empty.".into());
    }
    if let Some(name) = arguments.name.as_deref().filter(|name| !names::is_identifier(name)) {
        return Err(format!(
            "a migration cannot be called {name:?}: ASCII letters, digits and underscores, and no digit \
             at the beginning; its number is given to it"
        )
        .into());
    }
    let djangos = Migrator::new(&[])?;
    let mut chosen: Vec<&str> = Vec::new();
    for label in &arguments.apps {
        match sources.apps.iter().find(|app| app.name() == label) {
            Some(app) if chosen.contains(&app.name()) => {}
            Some(app) => chosen.push(app.name()),
            None => {
                djangos.require_app(label)?;
                if arguments.empty {
                    return Err(
                        format!("{label} is an app of Django's: so are its migrations").into()
                    );
                }
            }
        }
    }
    if arguments.apps.is_empty() {
        chosen.extend(sources.apps.iter().map(App::name));
    }
    for app in &chosen {
        if let Some(problem) = names::app_problem(app) {
            return Err(format!("an app cannot be called {app:?}: {problem}").into());
        }
    }
    Ok(chosen)
}

impl Change {
    /// What is to be written for an app, if anything is.
    fn find(
        sources: &Sources,
        app: &str,
        arguments: &Arguments,
    ) -> Result<Option<Self>, Box<dyn Error>> {
        let base_dir = sources.base_dir.as_deref().unwrap_or(Path::new(""));
        let app_sources = AppSources::find(base_dir, app)?;
        let mut names = app_sources.names()?;
        names.iter().try_for_each(|name| app_sources.check(name))?;
        let listed = app_sources.listed()?;
        let new = arguments.empty.then(|| next(&names, arguments.name.as_deref())).transpose()?;
        names.extend(new.clone());
        let is_listed = listed.as_ref().map_or(names.is_empty(), |listed| *listed == names);
        if is_listed {
            return Ok(None);
        }
        let has_list = listed.is_some();
        let listed = listed.unwrap_or_default();
        let (app, sources) = (app.to_owned(), app_sources);
        Ok(Some(Self { sources, app, new, names, listed, has_list }))
    }

    fn say(&self) {
        say!("Migrations for '{}':", self.app);
        for name in self.names.iter().filter(|name| !self.listed.contains(name)) {
            say!("  {}", shown(&self.sources.file(name)).display());
        }
        for name in self.listed.iter().filter(|name| !self.names.contains(name)) {
            say!("  {} is not there any more", shown(&self.sources.file(name)).display());
        }
    }

    fn write(&self) -> CommandResult {
        if let Some(name) = &self.new {
            self.sources.write_new(name, EMPTY)?;
        }
        self.sources.write_list(&self.names)?;
        if !self.has_list {
            let (list, app) = (shown(self.sources.list()), &self.app);
            warn_user!(
                "{} is new: src/{app}.rs needs `pub mod migrations;`, and the app its list, \
                 `App::new(\"{app}\", migrations::MIGRATIONS)`.",
                list.display()
            );
        }
        Ok(())
    }
}

/// The name of a migration that follows these.
///
/// Source: `arrange_for_graph` in `django/db/migrations/autodetector.py`.
fn next(names: &[String], word: Option<&str>) -> Result<String, Box<dyn Error>> {
    let last = names.last().map_or(Ok(0), |last| names::number(last))?;
    let word = match word {
        Some(word) => word.to_owned(),
        None if names.is_empty() => "initial".to_owned(),
        None => Clock::system().now().strftime("auto_%Y%m%d_%H%M").to_string(),
    };
    let name = format!("{:04}_{word}", u64::from(last) + 1);
    names::number(&name)?;
    Ok(name)
}

/// What Django says where there is nothing to write.
fn nothing(apps: &[String]) -> String {
    match apps {
        [] => "No changes detected".to_owned(),
        [app] => format!("No changes detected in app '{app}'"),
        apps => format!("No changes detected in apps '{}'", apps.join("', '")),
    }
}
