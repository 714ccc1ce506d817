//! A project's program, and the program without a project.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axum::Router;

use super::command_line::{Command, Options};
use super::context::{Context, Sources};
use super::{CommandResult, command_line, runserver};
#[cfg(feature = "auth")]
use super::{changepassword, createsuperuser};
use super::{
    check, clearsessions, completions, makemigrations, manpage, migrate, output, sessions,
    showmigrations, sqlmigrate, startapp, startproject,
};
use crate::database::App;
use crate::error::{ConfigError, describe};
use crate::settings::Settings;
use crate::site::Site;

/// A project: its folder, its routes and its apps. Its program answers Django's management commands.
///
/// The settings are read from the file that `--settings` names; without it from `settings.toml` in
/// the current folder, in the project's folder or beside the program, whichever is first found;
/// and the environment goes over all of them.
pub struct Project {
    sources: Sources,
    site: Option<SiteParts>,
    without_arguments: Vec<&'static str>,
}

/// What a site is made of, again where the settings have changed.
pub(super) struct SiteParts {
    urlpatterns: Box<dyn Fn(&Settings) -> Router>,
    configure: Box<dyn Fn(Site) -> Site>,
}

impl SiteParts {
    pub(super) async fn build(&self, settings: Settings) -> Result<Site, ConfigError> {
        let routes = (self.urlpatterns)(&settings);
        Ok((self.configure)(Site::new(settings, routes).await?))
    }
}

impl Project {
    /// A project in this folder (`env!("CARGO_MANIFEST_DIR")`), with these routes.
    pub fn new(
        base_dir: impl Into<PathBuf>,
        urlpatterns: impl Fn(&Settings) -> Router + 'static,
    ) -> Self {
        Self {
            sources: Sources { base_dir: Some(base_dir.into()), apps: Vec::new() },
            site: Some(SiteParts {
                urlpatterns: Box::new(urlpatterns),
                configure: Box::new(|site| site),
            }),
            without_arguments: Vec::new(),
        }
    }

    /// The apps of the project, whose migrations are applied after those of Django. Django's
    /// `INSTALLED_APPS`.
    #[must_use]
    pub fn apps(mut self, apps: &[App]) -> Self {
        self.sources.apps = apps.to_vec();
        self
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
    pub fn configure(mut self, configure: impl Fn(Site) -> Site + 'static) -> Self {
        if let Some(site) = &mut self.site {
            site.configure = Box::new(configure);
        }
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
            Err(error) => report(&*error),
        }
    }

    fn try_run(self) -> CommandResult {
        let (options, commands) =
            command_line::parse(self.site.is_some(), &self.without_arguments)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        for command in commands {
            runtime.block_on(self.run_one(command, &options))?;
        }
        Ok(())
    }

    async fn run_one(&self, command: Command, options: &Options) -> CommandResult {
        let program = command_line::program();
        let shown = || {
            let without_arguments = &self.without_arguments;
            command_line::visible(&command_line::command(
                self.site.is_some(),
                without_arguments,
                &program,
            ))
        };
        let site =
            |name| self.site.as_ref().ok_or_else(|| command_line::needs_project(name, &program));
        // Not read before a command needs them, so that there need not be any.
        let context = || self.context(options, false);
        match command {
            Command::Completions(arguments) => completions::run(shown(), &arguments, &program),
            Command::Manpage => manpage::run(shown(), &program),
            Command::Startproject(arguments) => startproject::run(&arguments),
            Command::Startapp(arguments) => startapp::run(&self.sources, &arguments),
            Command::Makemigrations(arguments) => {
                site("makemigrations")?;
                makemigrations::run(&self.sources, &arguments)
            }
            Command::Runserver(arguments) => {
                let site = site("runserver")?;
                let settings_file = self.settings_file(options)?;
                let read_settings = || {
                    let context = self.context(options, true)?;
                    context.require_secret_key()?;
                    Ok(context.settings)
                };
                let sources = &self.sources;
                Box::pin(runserver::run(settings_file, sources, &arguments, site, &read_settings))
                    .await
            }
            Command::Migrate(arguments) => migrate::run(&context()?, &arguments).await,
            Command::Showmigrations(arguments) => {
                showmigrations::run(&context()?, &arguments).await
            }
            Command::Sqlmigrate(arguments) => sqlmigrate::run(&context()?, &arguments),
            #[cfg(feature = "auth")]
            Command::Createsuperuser(arguments) => {
                createsuperuser::run(&context()?.settings, &arguments).await
            }
            #[cfg(feature = "auth")]
            Command::Changepassword(arguments) => {
                changepassword::run(&context()?.settings, arguments).await
            }
            Command::Clearsessions(arguments) => {
                clearsessions::run(&context()?.settings, &arguments).await
            }
            Command::Sessions(arguments) => sessions::run(&context()?, arguments).await,
            Command::Check(arguments) => check::run(&context()?, &arguments).await,
        }
    }

    /// Where the settings stand, if not in the environment alone.
    fn settings_file(&self, options: &Options) -> Result<Option<PathBuf>, ConfigError> {
        match &options.settings {
            Some(file) if file.exists() => Ok(Some(file.clone())),
            Some(file) => {
                let mend = "No such file: --settings must name one that is there";
                Err(ConfigError::file(file, mend))
            }
            // Whoever names a database alone means no settings that happen to lie about.
            None if options.database_url.is_some() => Ok(None),
            None => Ok(find_settings(self.sources.base_dir.as_deref())),
        }
    }

    /// Reads the settings, for a command that serves or another.
    fn context(&self, options: &Options, serves: bool) -> Result<Context<'_>, ConfigError> {
        let settings_file = self.settings_file(options)?;
        // Where there is no project, its settings need not be here.
        let is_alone = self.site.is_none() && settings_file.is_none();
        let of_environment = || is_alone.then(|| variable("DATABASE_URL")).flatten();
        let database_url = options.database_url.clone().or_else(of_environment);
        let read = Settings::of_command(settings_file.as_deref(), database_url.as_deref(), serves);
        let (settings, has_secret_key) = read.map_err(|error| match error {
            // Whoever is in the wrong folder has no use for a key.
            ConfigError::Missing { setting, mend } if settings_file.is_none() => {
                let mend = format!(
                    "no settings.toml was found here, in the project's folder or beside the \
                     program; name one with --settings, or a database with --database-url. Where \
                     the environment has the settings, {mend}"
                );
                ConfigError::Missing { setting, mend }
            }
            error => error,
        })?;
        Ok(Context { settings, settings_file, has_secret_key, sources: &self.sources })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says what a command failed with, and gives the program's exit code: 2 where the command line was
/// wrong, as clap's own, and otherwise 1.
fn report(error: &(dyn Error + 'static)) -> ExitCode {
    match error.downcast_ref::<clap::Error>() {
        Some(wrong) => {
            // Nobody may be listening: that is no error.
            let _ = wrong.print();
            u8::try_from(wrong.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        None => {
            output::report_error(&describe(error));
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line says, where there is no project: the program `segue` is this. Django's
/// function of the same name, by which `django-admin` works.
///
/// It starts a project, and looks after the sessions and users of any database, also that of a
/// Django site.
#[must_use]
pub fn execute_from_command_line() -> ExitCode {
    Project { sources: Sources::default(), site: None, without_arguments: Vec::new() }.run()
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project").field("sources", &self.sources).finish_non_exhaustive()
    }
}

fn find_settings(base_dir: Option<&Path>) -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent);
    [Some(Path::new("")), base_dir, beside]
        .into_iter()
        .flatten()
        .map(|folder| folder.join("settings.toml"))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_project_a_command_of_projects_says_where_it_is() {
        let program =
            Project { sources: Sources::default(), site: None, without_arguments: Vec::new() };
        let options = Options { settings: None, database_url: None };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let command = command_line::named(&["runserver"]).unwrap().remove(0);
        let error = runtime.block_on(program.run_one(command, &options)).unwrap_err().to_string();
        assert!(error.contains("run `cargo run -- runserver` in the project's folder"), "{error}");
    }
}
