//! The command line.

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

#[cfg(feature = "auth")]
use super::{changepassword, createsuperuser};
use super::{
    check, clearsessions, makemigrations, migrate, runserver, sessions, showmigrations, sqlmigrate,
    startapp, startproject,
};

/// The commands, as Django's manage.py has them.
#[derive(Debug, Parser)]
#[command(
    after_help = "Settings stand in settings.toml under Django's names; a variable of the same name \
                  in the environment goes over the file: SESSION_COOKIE_AGE=600.\nThe log goes to \
                  standard error; RUST_LOG=debug shows more of it.",
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
    let matches = command(is_project, without_arguments).get_matches();
    let cli = Cli::from_arg_matches(&matches)?;
    let commands = match cli.command {
        Some(command) => vec![command],
        None => named(without_arguments)?,
    };
    Ok((cli.options, commands))
}

/// The command line of this program.
fn command(is_project: bool, without_arguments: &[&'static str]) -> clap::Command {
    let (about, hidden) = match is_project {
        true => ("The project's own commands, as Django's manage.py has them.", BEFORE_A_PROJECT),
        false => (
            "Begins projects, and looks after the sessions and users in any database of Segue's or \
             Django's.",
            OF_A_PROJECT,
        ),
    };
    let mut command = Cli::command().about(about);
    for name in hidden {
        command = command.mut_subcommand(name, |command| command.hide(true));
    }
    if without_arguments.is_empty() {
        return command.subcommand_required(true).arg_required_else_help(true);
    }
    command.before_help(format!("Without a command: {}.", without_arguments.join(", then ")))
}

fn named(names: &[&'static str]) -> Result<Vec<Command>, clap::Error> {
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
    fn the_command_line_is_well_formed() {
        command(true, &[]).debug_assert();
        command(false, &[]).debug_assert();
        let commands = named(&["migrate", "runserver"]).unwrap();
        assert!(matches!(&commands[..], [Command::Migrate(_), Command::Runserver(_)]));
    }
}
