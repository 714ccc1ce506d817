//! The commands of a project: `runserver`, `migrate`, `clearsessions`, `check`.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use segue::{Settings, manage::Project};
//!
//! fn urlpatterns(_: &Settings) -> Router {
//!     Router::new().route("/", get(|| async { "Hello" }))
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Project::new(env!("CARGO_MANIFEST_DIR"), urlpatterns).run()
//! }
//! ```

/// Says something to the person at the terminal. Nobody may be listening: that is no error.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// As `say!`, on standard error.
macro_rules! warn_user {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

#[cfg(feature = "auth")]
mod changepassword;
mod check;
mod clearsessions;
mod cli;
#[cfg(feature = "auth")]
mod createsuperuser;
mod migrate;
mod runserver;
mod shutdown;
#[cfg(feature = "auth")]
mod terminal;

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axum::Router;
use clap::FromArgMatches as _;

use crate::error::describe;
use crate::settings::Settings;
use crate::site::Site;
use cli::{Cli, Command};

/// What a command fails with: an error that says what happened and how to mend it.
type CommandResult = Result<(), Box<dyn Error>>;

/// A project: its folder and its routes. Its program answers Django's management commands.
///
/// The settings are read from the file that `--settings` names; without it from `settings.toml` in
/// the current folder, in the project's folder or beside the program, whichever is first found;
/// and the environment goes over all of them.
pub struct Project {
    base_dir: PathBuf,
    urlpatterns: Box<dyn FnOnce(&Settings) -> Router>,
    configure: Box<dyn FnOnce(Site) -> Site>,
    without_arguments: Vec<&'static str>,
}

impl Project {
    /// A project in this folder (`env!("CARGO_MANIFEST_DIR")`), with these routes.
    pub fn new(
        base_dir: impl Into<PathBuf>,
        urlpatterns: impl FnOnce(&Settings) -> Router + 'static,
    ) -> Self {
        Self {
            base_dir: base_dir.into(),
            urlpatterns: Box::new(urlpatterns),
            configure: Box::new(|site| site),
            without_arguments: Vec::new(),
        }
    }

    /// Changes the site before it is served: its error page for example.
    ///
    /// ```no_run
    /// # use segue::manage::Project;
    /// # let project = Project::new("", |_| axum::Router::new());
    /// project.configure(|site| {
    ///     site.on_session_error(|error| http::Response::new(format!("Sorry: {error}")))
    /// });
    /// ```
    #[must_use]
    pub fn configure(mut self, configure: impl FnOnce(Site) -> Site + 'static) -> Self {
        self.configure = Box::new(configure);
        self
    }

    /// The commands that the program runs, one after the other, when it is given none. Otherwise it
    /// shows its help.
    #[must_use]
    pub fn without_arguments(mut self, commands: &[&'static str]) -> Self {
        self.without_arguments = commands.to_vec();
        self
    }

    /// Does what the command line says. Django's `execute_from_command_line`.
    #[must_use]
    pub fn run(self) -> ExitCode {
        runserver::start_log();
        match self.try_run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                warn_user!("error: {}", describe(&*error));
                ExitCode::FAILURE
            }
        }
    }

    fn try_run(self) -> CommandResult {
        let matches = Cli::with_default(&self.without_arguments).get_matches();
        let cli = Cli::from_arg_matches(&matches)?;
        let commands = match cli.command {
            Some(command) => vec![command],
            None => Command::named(&self.without_arguments)?,
        };
        let file = cli.settings.or_else(|| find_settings(&self.base_dir));
        let settings = match &file {
            Some(file) => Settings::from_file(file)?,
            None => Settings::from_env(std::env::current_dir()?)?,
        };
        let mut parts = Some((self.urlpatterns, self.configure));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        for command in commands {
            let settings = settings.clone();
            runtime.block_on(async {
                match command {
                    Command::Runserver { address } => {
                        let Some((urlpatterns, configure)) = parts.take() else { return Ok(()) };
                        let routes = urlpatterns(&settings);
                        let debug = settings.debug;
                        let site = configure(Site::new(settings, routes).await?);
                        runserver::run(&address, file.as_deref(), debug, site).await
                    }
                    Command::Migrate => migrate::run(&settings).await,
                    #[cfg(feature = "auth")]
                    Command::Createsuperuser(arguments) => {
                        createsuperuser::run(&settings, &arguments).await
                    }
                    #[cfg(feature = "auth")]
                    Command::Changepassword { username } => {
                        changepassword::run(&settings, username).await
                    }
                    Command::Clearsessions => clearsessions::run(&settings).await,
                    Command::Check { deploy } => check::run(&settings, deploy).await,
                }
            })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project").field("base_dir", &self.base_dir).finish_non_exhaustive()
    }
}

/// The users in the database that the settings name.
#[cfg(feature = "auth")]
async fn open_users(
    settings: &Settings,
) -> Result<(crate::database::Database, crate::users::Users), Box<dyn Error>> {
    if !settings.database_url.exists() {
        return Err("there is no database to keep users in: run `migrate` first".into());
    }
    let database = crate::database::Database::connect(&settings.database_url).await?;
    let users = crate::users::Users::new(database.clone(), settings)?;
    Ok((database, users))
}

fn find_settings(base_dir: &Path) -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent);
    [Some(Path::new("")), Some(base_dir), beside]
        .into_iter()
        .flatten()
        .map(|folder| folder.join("settings.toml"))
        .find(|file| file.is_file())
}
