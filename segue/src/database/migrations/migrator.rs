//! The migrations of Django's apps and of a project's own, in their order.

use super::super::Database;
use super::super::app::App;
use super::super::dialect::Dialect;
use super::built_in;
use super::error::{MigrationError, MigrationErrorKind};
use super::history::History;
use super::plan::{Goal, Step, Target, check_history};
use super::project_app::ProjectApp;
use super::sql::Sql;
use super::{Applied, Migration, names, run};
use crate::settings::DatabaseUrl;

/// Applies migrations, and tells what is applied: those of Django's apps that this build needs, and
/// after them those of a project's apps, in the order of the apps.
///
/// ```
/// use segue::database::{Database, History, Migrator, Target};
/// use segue::{App, SqlMigration};
///
/// // What `segue::migrations!["0001_marks"]` makes of the file `migrations/0001_marks.sql`.
/// const MIGRATIONS: segue::Migrations = &[SqlMigration::new(
///     "0001_marks",
///     "-- migrate:up\nCREATE TABLE marks (mark integer NOT NULL);\n\
///      -- migrate:down\nDROP TABLE marks;\n",
/// )];
/// const INSTALLED_APPS: &[App] = &[App::new("student", MIGRATIONS)];
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
/// let database = Database::from_url(&url).await?;
/// let migrator = Migrator::new(INSTALLED_APPS)?;
/// let done = migrator.migrate(&database, Target::All, &|_| ()).await?;
/// assert_eq!(done.last().unwrap().0.to_string(), "Applying student.0001_marks");
///
/// let done = migrator.migrate(&database, Target::Zero("student"), &|_| ()).await?;
/// assert_eq!(done[0].0.to_string(), "Unapplying student.0001_marks");
/// let unapplied = migrator.unapplied(&History::read(&database).await?);
/// assert_eq!(unapplied[0].to_string(), "student.0001_marks");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Migrator {
    pub(super) apps: Vec<ProjectApp>,
}

/// How far [`Migrator::migrate`] has come.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Somebody else migrates this database; it waits until they have ended.
    Waiting,
    /// This step begins.
    Started(Step),
    /// This step is done and recorded.
    Done(Step, Applied),
}

impl Migrator {
    /// The migrations of Django's apps and of these.
    ///
    /// # Errors
    /// [`MigrationErrorKind::Invalid`] when an app or a migration has a name that it cannot have, or
    /// one that another has; when migrations are not in the order of their numbers; and when a file
    /// is not as it must be.
    pub fn new(apps: &[App]) -> Result<Self, MigrationError> {
        let mut read: Vec<ProjectApp> = Vec::new();
        for app in apps {
            let name = app.name();
            if let Some(problem) = names::app_problem(name) {
                return Err(invalid(format!("an app cannot be called {name:?}: {problem}")));
            }
            if read.iter().any(|other| other.name == name) {
                return Err(invalid(format!("two apps are called {name}: give one another name")));
            }
            read.push(ProjectApp::read(app)?);
        }
        Ok(Self { apps: read })
    }

    /// Those of Django's apps alone.
    pub(super) fn built_in() -> Self {
        Self { apps: Vec::new() }
    }

    /// Every migration, in the order in which they are applied.
    pub fn migrations(&self) -> impl Iterator<Item = Migration> {
        let built_in = built_in::APPS.iter().flat_map(|app| app.migrations).copied();
        let of_apps = self.apps.iter().flat_map(|app| &app.migrations);
        built_in.chain(of_apps.map(|of| of.migration))
    }

    /// The migration of an app with this name, or the only one whose name begins with it.
    ///
    /// # Errors
    /// [`MigrationErrorKind::Unknown`] when there is no such app, no such migration, or several.
    pub fn find(&self, app: &str, name: &str) -> Result<Migration, MigrationError> {
        self.require_app(app)?;
        let mut found = self.migrations().filter(|of| of.app == app && of.name.starts_with(name));
        match (found.next(), found.next()) {
            (Some(migration), None) => Ok(migration),
            (Some(_), Some(_)) => Err(unknown(format!(
                "More than one migration matches '{name}' in app '{app}'. Please be more specific."
            ))),
            (None, _) => {
                Err(unknown(format!("Cannot find a migration matching '{name}' from app '{app}'.")))
            }
        }
    }

    /// Makes sure that there is an app of this name, of Django's or of the project.
    ///
    /// # Errors
    /// [`MigrationErrorKind::Unknown`] when there is none.
    pub fn require_app(&self, app: &str) -> Result<(), MigrationError> {
        match built_in::APPS.iter().any(|of| of.name == app) {
            true => Ok(()),
            false => self.app(app).map(drop),
        }
    }

    /// An app of the project.
    pub(super) fn app(&self, name: &str) -> Result<&ProjectApp, MigrationError> {
        let found = self.apps.iter().find(|app| app.name == name);
        found.ok_or_else(|| unknown(format!("No installed app with label '{name}'.")))
    }

    /// Those that were not applied yet.
    #[must_use]
    pub fn unapplied(&self, history: &History) -> Vec<Migration> {
        self.migrations().filter(|migration| !history.is_applied(migration)).collect()
    }

    /// What [`migrate`](Self::migrate) would do.
    ///
    /// # Errors
    /// [`MigrationErrorKind::Unknown`] when there is no such app or migration, `Inconsistent` and
    /// `Refused` as with [`migrate`](Self::migrate).
    pub fn plan(&self, history: &History, target: Target<'_>) -> Result<Vec<Step>, MigrationError> {
        check_history(&self.apps, history)?;
        Ok(Goal::find(self, target)?.steps(history))
    }

    /// Applies what is not applied, or undoes what is, until the target is reached, and records it in
    /// `django_migrations`. What is done is told as it happens and given in the end.
    ///
    /// Django's apps come first, and all at once: all of their tables are made or none. Then each
    /// migration of the project in a transaction of its own, with its record; on MySQL, and where
    /// the file says `transaction:false`, statement by statement. Two at once do it once: the second
    /// waits for the first, however long that takes.
    ///
    /// # Errors
    /// Before anything is done: `Unknown` when the target is not there; `Inconsistent` when a
    /// migration was applied before one that it follows; `Irreversible` when a migration that is to
    /// be undone does not say how; `Refused` when a file has no part for this database, or when
    /// Django's apps are to be taken back. Then `Failed` when a statement fails, and `Database`, as
    /// with [`Database::migrate`]. Of a migration that fails nothing has happened, unless the error
    /// says which of its statements have; those before it stay applied.
    pub async fn migrate(
        &self,
        database: &Database,
        target: Target<'_>,
        on_progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Vec<(Step, Applied)>, MigrationError> {
        run::run(self, database, target, false, on_progress).await
    }

    /// Records what [`migrate`](Self::migrate) would do, and does none of it: for what was done by
    /// hand. Django's `--fake`.
    ///
    /// # Errors
    /// As with [`migrate`](Self::migrate), but for those that come of the files.
    pub async fn fake(
        &self,
        database: &Database,
        target: Target<'_>,
        on_progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Vec<(Step, Applied)>, MigrationError> {
        run::run(self, database, target, true, on_progress).await
    }

    /// The statements that a step runs on the database of this URL, to which nobody connects. Empty
    /// where it has nothing to run. For an app of Django's these are the statements that make all of
    /// its tables.
    ///
    /// # Errors
    /// [`MigrationErrorKind::Unknown`] when there is no such migration; `Refused` when its file says
    /// nothing of this database, or it is one of Django's and is to be undone; `Irreversible`.
    pub fn sql(&self, url: &DatabaseUrl, step: Step) -> Result<Sql<'_>, MigrationError> {
        let dialect = Dialect::of(url);
        let Step { migration: Migration { app, name }, backwards } = step;
        if let Some(found) = built_in::APPS.iter().find(|found| found.name == app) {
            if backwards {
                let message = format!("the tables of {app} are not taken back");
                return Err(MigrationError::new(MigrationErrorKind::Refused, message));
            }
            return Ok(Sql::of_tables(found, dialect));
        }
        let of_app = &self.app(app)?.migrations;
        let found = of_app.iter().find(|of| of.migration.name == name);
        let found = found.ok_or_else(|| unknown(format!("there is no {}", step.migration)))?;
        Ok(Sql::of_part(found.part(step, dialect)?, dialect))
    }
}

pub(super) fn invalid(message: String) -> MigrationError {
    MigrationError::new(MigrationErrorKind::Invalid, message)
}

fn unknown(message: String) -> MigrationError {
    MigrationError::new(MigrationErrorKind::Unknown, message)
}
