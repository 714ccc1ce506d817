//! The command line.

use std::path::PathBuf;

use clap::{CommandFactory as _, Parser, Subcommand};

/// The project's own commands, as Django's manage.py has them.
#[derive(Debug, Parser)]
#[command(
    about = "The project's own commands, as Django's manage.py has them.",
    after_help = "Settings stand in settings.toml under Django's names; a variable of the same name \
                  in the environment goes over the file: SESSION_COOKIE_AGE=600.\nThe log goes to \
                  standard error; RUST_LOG=debug shows more of it.",
    disable_help_subcommand = true,
    version
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    /// Read the settings from this file [default: settings.toml here, in the project's folder, or
    /// beside the program]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) settings: Option<PathBuf>,
}

impl Cli {
    /// The command line with what it does when it is given no command.
    pub(super) fn with_default(commands: &[&'static str]) -> clap::Command {
        let command = Self::command();
        if commands.is_empty() {
            return command.subcommand_required(true).arg_required_else_help(true);
        }
        command.before_help(format!("Without a command: {}.", commands.join(", then ")))
    }
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum Command {
    /// Serve the site until Ctrl-C, then finish the requests that are under way
    Runserver {
        /// Where to listen: an address and a port, or one of them
        #[arg(default_value = "127.0.0.1:8000", value_name = "ADDR:PORT", value_parser = address)]
        address: String,
    },
    /// Make the tables that are missing in the database, exactly as Django makes them
    Migrate,
    /// Create a user who may do everything, in Django's admin as well
    #[cfg(feature = "auth")]
    Createsuperuser(super::createsuperuser::Arguments),
    /// Give a user another password; it ends all their sessions
    #[cfg(feature = "auth")]
    Changepassword {
        /// Whose [default: the name of whoever runs the program]
        username: Option<String>,
    },
    /// Remove the expired sessions from the store; run it daily
    Clearsessions,
    /// Look for mistakes in the settings and try the stores
    Check {
        /// Look for what is not safe in production as well
        #[arg(long)]
        deploy: bool,
    },
}

impl Command {
    pub(super) fn named(names: &[&'static str]) -> Result<Vec<Self>, clap::Error> {
        names
            .iter()
            .map(|name| Ok(Cli::try_parse_from(["", name])?.command))
            .filter_map(Result::transpose)
            .collect()
    }
}

/// Reads `8000`, `0.0.0.0`, `127.0.0.1:8000`, `[::1]:8000` or `localhost:8000`.
fn address(text: &str) -> Result<String, String> {
    let (host, port) = match text.rsplit_once(':') {
        _ if text.parse::<u16>().is_ok() => ("127.0.0.1", text),
        _ if text.parse::<std::net::Ipv6Addr>().is_ok() => (text, "8000"),
        Some((host, port)) if !host.is_empty() && !text.ends_with(']') => (host, port),
        _ => (text, "8000"),
    };
    let port: u16 = port.parse().map_err(|_| format!("{port:?} is not a port (0 to 65535)"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
        let default = Command::Runserver { address: "127.0.0.1:8000".to_owned() };
        assert_eq!(Command::named(&["migrate", "runserver"]).unwrap(), [Command::Migrate, default]);
    }

    #[test]
    fn an_address_may_leave_out_either_part() {
        for (text, expected) in [
            ("8080", "127.0.0.1:8080"),
            ("0.0.0.0", "0.0.0.0:8000"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("localhost:0", "localhost:0"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::1]", "[::1]:8000"),
            ("::1", "[::1]:8000"),
        ] {
            assert_eq!(address(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(address("localhost:99999").is_err());
        assert!(address("localhost:http").is_err());
    }
}
