//! The command line.

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

#[cfg(feature = "auth")]
use super::{changepassword, createsuperuser};
use super::{
    check, clearsessions, completions, help, makemigrations, migrate, runserver, sessions,
    showmigrations, sqlmigrate, startapp, startproject,
};

/// The commands, as Django's manage.py has them.
#[derive(Debug, Parser)]
#[command(
    after_help = "Settings stand in settings.toml under Django's names; a variable of the same name \
                  in the environment goes over the file: SESSION_COOKIE_AGE=600.\nThe log goes to \
                  standard error; RUST_LOG=debug shows more of it.\nExit status: 0 done; 1 failed, and standard error \
                  says why; 2 a wrong command line.",
    disable_help_subcommand = true,
    version
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    options: Options,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Read the settings from this file [default: settings.toml here, in the project's folder, or
    /// beside the program]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) settings: Option<PathBuf>,

    /// Work on this database, also that of a Django site; no settings.toml is looked for then
    #[arg(long, global = true, value_name = "URL")]
    pub(super) database_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Begin a project: write its files into a new folder
    Startproject(startproject::Arguments),
    /// Begin an app: write its files into the project
    Startapp(startapp::Arguments),
    /// Serve the site until Ctrl-C, then finish the requests that are under way
    Runserver(runserver::Arguments),
    /// Begin a migration of an app, and keep the list of those that are there
    Makemigrations(makemigrations::Arguments),
    /// Make the tables that are missing in the database, Django's exactly as Django makes them
    Migrate(migrate::Arguments),
    /// Show which migrations are applied
    Showmigrations(showmigrations::Arguments),
    /// Show what a migration says to the database
    Sqlmigrate(sqlmigrate::Arguments),
    /// Create a user who may do everything, in Django's admin as well
    #[cfg(feature = "auth")]
    Createsuperuser(createsuperuser::Arguments),
    /// Give a user another password; it ends all their sessions
    #[cfg(feature = "auth")]
    Changepassword(changepassword::Arguments),
    /// Remove the expired sessions from the store; run it daily
    Clearsessions(clearsessions::Arguments),
    /// Look after sessions: list, show, delete and count them
    Sessions(sessions::Arguments),
    /// Look for mistakes in the settings and try the stores
    Check(check::Arguments),
    /// Print what a shell needs to complete this program's commands
    Completions(completions::Arguments),
    /// Print the manual of this program, for `man`
    Manpage,
}

/// What needs the routes or the sources of a project.
const OF_A_PROJECT: &[&str] = &["makemigrations", "runserver"];

/// What a project has behind it.
const BEFORE_A_PROJECT: &[&str] = &["startproject"];

/// Reads the command line: what every command takes, and the commands in their order. It ends the
/// program where there is nothing to do but to say something.
pub(super) fn parse(
    is_project: bool,
    without_arguments: &[&'static str],
) -> Result<(Options, Vec<Command>), Box<dyn Error>> {
    let matches = command(is_project, without_arguments, &program()).get_matches();
    let cli = Cli::from_arg_matches(&matches)?;
    let commands = match cli.command {
        Some(command) => vec![command],
        None => named(without_arguments)?,
    };
    Ok((cli.options, commands))
}

/// The name of this program, as it was typed.
pub(super) fn program() -> String {
    let path = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.strip_suffix(std::env::consts::EXE_SUFFIX).unwrap_or(&name) {
        "" => "segue".to_owned(),
        name => name.to_owned(),
    }
}

/// The command line of this program.
pub(super) fn command(
    is_project: bool,
    without_arguments: &[&'static str],
    program: &str,
) -> clap::Command {
    let mut command = help::with_examples(Cli::command(), program).name(program.to_owned());
    let hidden = if is_project {
        command = command
            .version(concat!("(Segue ", env!("CARGO_PKG_VERSION"), ")"))
            .about("The project's own commands, as Django's manage.py has them.");
        BEFORE_A_PROJECT
    } else {
        command = command.about(
            "Begins projects, and looks after the sessions and users in any database of Segue's or \
             Django's.",
        );
        OF_A_PROJECT
    };
    for name in hidden {
        command = command.mut_subcommand(name, |command| command.hide(true));
    }
    if without_arguments.is_empty() {
        return command.subcommand_required(true).arg_required_else_help(true);
    }
    command.before_help(format!("Without a command: {}.", without_arguments.join(", then ")))
}

/// The command line without what is hidden, for programs that would show it.
pub(super) fn visible(command: &clap::Command) -> clap::Command {
    let mut visible = clap::Command::new(command.get_name().to_owned())
        .args(command.get_arguments())
        .subcommands(command.get_subcommands().filter(|command| !command.is_hide_set()))
        .disable_help_subcommand(true);
    if let Some(version) = command.get_version() {
        visible = visible.version(version.to_owned());
    }
    visible = visible.about(command.get_about().cloned().unwrap_or_default());
    visible.after_help(command.get_after_help().cloned().unwrap_or_default())
}

/// Why a command cannot run where there is no project.
pub(super) fn needs_project(name: &str, program: &str) -> String {
    format!(
        "`{name}` belongs to a project's own program: run `cargo run -- {name}` in the project's \
         folder, or the program that was built there; `{program}` has the commands that need a \
         database alone"
    )
}

pub(super) fn named(names: &[&'static str]) -> Result<Vec<Command>, clap::Error> {
    names
        .iter()
        .map(|name| Ok(Cli::try_parse_from(["", name])?.command))
        .filter_map(Result::transpose)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_project_is_not_shown_without_one() {
        let names = |is_project| {
            let command = visible(&command(is_project, &[], "segue"));
            command.get_subcommands().map(|it| it.get_name().to_owned()).collect::<Vec<_>>()
        };
        let all = names(true);
        for name in OF_A_PROJECT {
            assert!(all.iter().any(|it| it == name), "{name}");
        }
        let without = names(false);
        assert_eq!(without.len() + OF_A_PROJECT.len(), all.len() + BEFORE_A_PROJECT.len());
        assert!(OF_A_PROJECT.iter().all(|name| without.iter().all(|it| it != name)));
    }

    #[test]
    fn the_command_line_is_well_formed() {
        command(true, &[], "site").debug_assert();
        command(false, &[], "segue").debug_assert();
        visible(&command(false, &[], "segue")).debug_assert();
        let commands = named(&["migrate", "runserver"]).unwrap();
        assert!(matches!(&commands[..], [Command::Migrate(_), Command::Runserver(_)]));
    }
}
