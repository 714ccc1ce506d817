//! What has to be done to come to where one wants to be.

use std::fmt;

use super::built_in::{self, BuiltIn};
use super::error::{MigrationError, MigrationErrorKind};
use super::history::History;
use super::project_app::{ProjectApp, ProjectMigration};
use super::{Migration, Migrator};

/// Where `migrate` is to lead.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// Every migration is applied.
    All,
    /// Every migration of this app.
    App(&'a str),
    /// This migration is the last of its app that is applied: those up to it are applied, or those
    /// after it are undone.
    #[non_exhaustive]
    Migration {
        /// The app.
        app: &'a str,
        /// The migration's name, or so much of its beginning that no other has it.
        name: &'a str,
    },
    /// No migration of this app is applied.
    Zero(&'a str),
}

impl<'a> Target<'a> {
    /// What the command line says: `migrate`, `migrate APP`, `migrate APP NAME`, `migrate APP zero`.
    ///
    /// ```
    /// use segue::database::Target;
    ///
    /// assert_eq!(Target::new(None, None), Target::All);
    /// assert_eq!(Target::new(Some("student"), Some("zero")), Target::Zero("student"));
    /// ```
    #[must_use]
    pub fn new(app: Option<&'a str>, name: Option<&'a str>) -> Self {
        match (app, name) {
            (None, _) => Self::All,
            (Some(app), None) => Self::App(app),
            (Some(app), Some("zero")) => Self::Zero(app),
            (Some(app), Some(name)) => Self::Migration { app, name },
        }
    }
}

/// A migration that is to be applied, or undone.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The migration.
    pub migration: Migration,
    /// It is to be undone.
    pub backwards: bool,
}

impl Step {
    /// The migration is to be applied.
    #[must_use]
    pub fn apply(migration: Migration) -> Self {
        Self { migration, backwards: false }
    }

    /// The migration is to be undone.
    #[must_use]
    pub fn undo(migration: Migration) -> Self {
        Self { migration, backwards: true }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.backwards { "Unapplying" } else { "Applying" };
        write!(f, "{verb} {}", self.migration)
    }
}

/// A target whose names were found.
pub(super) struct Goal<'a> {
    /// Which of Django's apps are to be there.
    pub(super) built_in: Vec<&'static BuiltIn>,
    apps: Vec<Reach<'a>>,
}

/// How much of an app is to be applied.
struct Reach<'a> {
    app: &'a ProjectApp,
    /// So many of its migrations, from the first.
    number: usize,
    /// No more of them.
    exactly: bool,
}

impl Reach<'_> {
    fn goes_back(&self, history: &History) -> bool {
        let last = self.number.checked_sub(1).and_then(|last| self.app.migrations.get(last));
        self.exactly && last.is_none_or(|last| history.is_applied(&last.migration))
    }
}

impl<'a> Goal<'a> {
    pub(super) fn find(migrator: &'a Migrator, target: Target<'_>) -> Result<Self, MigrationError> {
        let whole =
            |app: &'a ProjectApp| Reach { app, number: app.migrations.len(), exactly: false };
        let all_built_in = || built_in::APPS.iter().collect();
        let (app, name) = match target {
            Target::All => {
                let apps = migrator.apps.iter().map(whole).collect();
                return Ok(Self { built_in: all_built_in(), apps });
            }
            Target::App(app) => (app, None),
            Target::Migration { app, name } => (app, Some(name)),
            Target::Zero(app) => (app, Some("zero")),
        };
        if let Some(found) = built_in::APPS.iter().find(|found| found.name == app) {
            if let Some(name) = name {
                require_last(migrator, found, name)?;
            }
            let is_needed =
                |other: &&BuiltIn| other.name == app || found.needs.contains(&other.name);
            return Ok(Self {
                built_in: built_in::APPS.iter().filter(is_needed).collect(),
                apps: vec![],
            });
        }
        let found = migrator.app(app)?;
        // A project's tables may refer to Django's, so these come first, as without a name.
        let reach = match target {
            Target::Zero(_) => Reach { app: found, number: 0, exactly: true },
            Target::Migration { name, .. } => {
                let wanted = migrator.find(app, name)?;
                let is_it = |other: &ProjectMigration| other.migration == wanted;
                let number = found.migrations.iter().position(is_it).map_or(0, |at| at + 1);
                Reach { app: found, number, exactly: true }
            }
            Target::All | Target::App(_) => whole(found),
        };
        Ok(Self { built_in: all_built_in(), apps: vec![reach] })
    }

    /// Whether what is to be done is to undo something.
    pub(super) fn goes_back(&self, history: &History) -> bool {
        self.apps.iter().any(|reach| reach.goes_back(history))
    }

    /// Everything that is to be done, in its order.
    pub(super) fn steps(&self, history: &History) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.goes_back(history) {
            let all = self.built_in.iter().flat_map(|app| app.migrations);
            let missing = all.filter(|migration| !history.is_applied(migration));
            steps.extend(missing.map(|migration| Step::apply(*migration)));
        }
        let of_project = self.project_steps(history);
        steps.extend(of_project.into_iter().map(|(step, _)| step));
        steps
    }

    /// Of these the project's own, with their files.
    pub(super) fn project_steps(&self, history: &History) -> Vec<(Step, &'a ProjectMigration)> {
        let mut steps = Vec::new();
        for reach in &self.apps {
            let (wanted, rest) =
                reach.app.migrations.split_at_checked(reach.number).unwrap_or_default();
            if reach.goes_back(history) {
                let undone = rest.iter().rev().filter(|of| history.is_applied(&of.migration));
                steps.extend(undone.map(|of| (Step::undo(of.migration), of)));
            } else {
                let missing = wanted.iter().filter(|of| !history.is_applied(&of.migration));
                steps.extend(missing.map(|of| (Step::apply(of.migration), of)));
            }
        }
        steps
    }
}

/// Django's tables are made as the last migration leaves them, so there is nothing between.
fn require_last(migrator: &Migrator, app: &BuiltIn, name: &str) -> Result<(), MigrationError> {
    if name != "zero" && app.migrations.last() == Some(&migrator.find(app.name, name)?) {
        return Ok(());
    }
    let app = app.name;
    let message = format!(
        "the tables of {app} are made in one step, as Django's last migration leaves them, and are \
         not taken back: a Django on this database does it, by `python manage.py migrate {app} {name}`"
    );
    Err(MigrationError::new(MigrationErrorKind::Refused, message))
}

/// Refuses where a migration of an app is applied and one before it is not.
///
/// Source: `check_consistent_history` in `django/db/migrations/loader.py`.
pub(super) fn check_history(apps: &[ProjectApp], history: &History) -> Result<(), MigrationError> {
    for app in apps {
        let is_applied = |of: &&ProjectMigration| history.is_applied(&of.migration);
        let mut rest = app.migrations.iter().skip_while(is_applied);
        let Some(missing) = rest.next() else { continue };
        if let Some(applied) = rest.find(is_applied) {
            let (missing, applied) = (missing.migration, applied.migration);
            return Err(MigrationError::new(
                MigrationErrorKind::Inconsistent,
                format!(
                    "{applied} is applied and {missing} before it is not. Give the file of {missing} a \
                     number after the last that is applied, and its name in the list of the app; or, if \
                     what it does was done already, record it by hand: INSERT INTO django_migrations \
                     (app, name, applied) VALUES ('{}', '{}', CURRENT_TIMESTAMP)",
                    missing.app, missing.name
                ),
            ));
        }
    }
    Ok(())
}
