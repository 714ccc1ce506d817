//! Django's tables, exactly; the tables of a project's own apps; and Django's record of having made
//! them.

#[macro_use]
mod indexes;

#[cfg(feature = "auth")]
mod auth;
mod built_in;
mod catalogue;
#[cfg(feature = "auth")]
mod contenttypes;
mod error;
mod failure;
pub(crate) mod file;
mod history;
mod lexer;
mod migrator;
pub(crate) mod names;
#[cfg(feature = "auth")]
mod permissions;
mod plan;
mod project_app;
mod run;
mod sessions;
mod sql;

use std::fmt;

use super::Database;
use crate::error::StoreError;

pub use error::{MigrationError, MigrationErrorKind};
pub use history::History;
pub use migrator::{Migrator, Progress};
pub use plan::{Step, Target};
pub use sql::Sql;

/// A migration, by its name in `django_migrations`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Migration {
    /// The app that it belongs to.
    pub app: &'static str,
    /// Its name within the app.
    pub name: &'static str,
}

impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.app, self.name)
    }
}

/// How a migration was applied, or undone.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// What it says was done: its tables were made, its statements were run.
    Made,
    /// Its tables were there already, so it was only recorded: Django's `--fake-initial`.
    Recorded,
    /// It was only recorded, because that was asked for: Django's `--fake`.
    Faked,
}

impl Database {
    /// The migrations of Django's apps that this build needs, in the order in which they are applied:
    /// those of `sessions`, and with the feature `auth` those of `contenttypes` and `auth`. A
    /// project's own are the [`Migrator`]'s.
    pub fn migrations() -> impl Iterator<Item = Migration> {
        built_in::APPS.iter().flat_map(|app| app.migrations).copied()
    }

    /// Those of them that were not applied to this database yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unapplied(&self) -> Result<Vec<Migration>, StoreError> {
        Ok(Migrator::built_in().unapplied(&History::read(self).await?))
    }

    /// Makes Django's tables, as Django's own `migrate` would, and records it in
    /// `django_migrations`, so that Django has nothing to do for them afterwards. With the feature
    /// `auth` it also makes the rows that Django makes for each model: its content type and its
    /// permissions.
    ///
    /// All of it happens or nothing does, and two at once do it once. (On MySQL, which has no
    /// transactions for tables, an interrupted one is completed by the next.)
    ///
    /// # Errors
    /// When the database cannot be written, has a table of that name which is not Django's, or was
    /// migrated by a Django of another age, which has to go on itself.
    pub async fn migrate(&self) -> Result<Vec<(Migration, Applied)>, StoreError> {
        let done = Migrator::built_in().migrate(self, Target::All, &|_| ()).await;
        let done = done.map_err(MigrationError::into_store_error)?;
        Ok(done.into_iter().map(|(step, applied)| (step.migration, applied)).collect())
    }
}
