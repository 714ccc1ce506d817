//! Django's tables, exactly, and Django's record of having made them.

#[macro_use]
mod indexes;

#[cfg(feature = "auth")]
mod auth;
mod catalogue;
#[cfg(feature = "auth")]
mod contenttypes;
#[cfg(feature = "auth")]
mod permissions;
mod sessions;

use std::collections::HashSet;
use std::fmt;

use super::column::write_date;
use super::transaction::Transaction;
use super::{Database, Row, Side, Statement, Value};
use crate::clock::Clock;
use crate::error::{StoreError, StoreErrorKind};

use catalogue::{
    APPLIED, COLUMNS, CREATE_RECORD, HAS_TABLE, RECORD, RECORD_TABLE, has_index, has_table,
};

/// A migration of Django's, by its name in `django_migrations`.
#[non_exhaustive]
#[derive(Debug)]
pub struct Migration {
    /// The app that it belongs to.
    pub app: &'static str,
    /// Its name within the app.
    pub name: &'static str,
}

/// An app of Django's. Its tables are made as its last migration leaves them, and all of its
/// migrations are recorded.
struct App {
    migrations: &'static [Migration],
    /// In the order in which they refer to each other.
    tables: &'static [Table],
}

struct Table {
    name: &'static str,
    /// The columns as [`COLUMNS`] tells them, in any order.
    columns: &'static [&'static str],
    create: Statement,
    indexes: &'static [Index],
}

/// An index of a table, by its name. A database that has no such index has nothing to do for it.
struct Index {
    name: &'static str,
    create: Statement,
}

/// The apps whose tables this build uses, in the order in which they refer to each other, which is
/// Django's as well.
const APPS: &[App] = &[
    #[cfg(feature = "auth")]
    contenttypes::APP,
    #[cfg(feature = "auth")]
    auth::APP,
    sessions::APP,
];

impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.app, self.name)
    }
}

/// How a migration was applied.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Its tables were made.
    Made,
    /// Its tables were there already, so it was only recorded: Django's `--fake-initial`.
    Recorded,
}

impl Database {
    /// The migrations that this build needs, in the order in which they are applied: those of
    /// `sessions`, and with the feature `auth` those of `contenttypes` and `auth`.
    pub fn migrations() -> impl Iterator<Item = &'static Migration> {
        APPS.iter().flat_map(|app| app.migrations)
    }

    /// Those of them that were not applied to this database yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unapplied(&self) -> Result<Vec<&'static Migration>, StoreError> {
        let record = [Value::Text(RECORD_TABLE)];
        if self.fetch(Side::Reader, &HAS_TABLE, &record).await?.is_empty() {
            return Ok(Self::migrations().collect());
        }
        let applied = names(self.fetch(Side::Reader, &APPLIED, &[]).await?);
        Ok(Self::migrations().filter(|migration| !has(&applied, migration)).collect())
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
    pub async fn migrate(&self) -> Result<Vec<(&'static Migration, Applied)>, StoreError> {
        let work = async {
            let mut transaction = Transaction::begin(&self.pools).await?;
            transaction.execute(&CREATE_RECORD, &[]).await?;
            let applied = names(transaction.fetch(&APPLIED, &[]).await?);
            // Before anything is made: MySQL would not take it back.
            for app in APPS {
                app.require_ours(&applied, &mut transaction).await?;
            }
            let mut done = Vec::new();
            for app in APPS {
                done.extend(app.apply(&applied, &mut transaction).await?);
            }
            #[cfg(feature = "auth")]
            permissions::make_missing(&mut transaction).await?;
            transaction.commit().await?;
            Ok(done)
        };
        work.await.map_err(|refusal| match refusal {
            Refusal::Database(error) => self.error(error),
            Refusal::Tables(message) => StoreError::new(StoreErrorKind::Refused, message),
        })
    }
}

/// Why the tables could not be made.
enum Refusal {
    Database(sqlx::Error),
    Tables(String),
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// App and name of each migration that was applied.
type Names = HashSet<(String, String)>;

fn names(rows: Vec<Row>) -> Names {
    rows.into_iter().filter_map(|mut row| Some((row.text(0)?, row.text(1)?))).collect()
}

fn has(applied: &Names, migration: &Migration) -> bool {
    applied.contains(&(migration.app.to_owned(), migration.name.to_owned()))
}

impl App {
    /// Refuses what only Django can migrate, and tables of these names that are not Django's.
    async fn require_ours(
        &self,
        applied: &Names,
        transaction: &mut Transaction,
    ) -> Result<(), Refusal> {
        let (before, missing): (Vec<_>, Vec<_>) =
            self.migrations.iter().partition(|migration| has(applied, migration));
        if missing.is_empty() {
            return Ok(());
        }
        if let Some(last) = before.last() {
            return Err(Refusal::Tables(format!(
                "the tables of {} are those of an older Django, whose last migration was {last}: \
                 run `python manage.py migrate` with Django 3.1 or later, then this one again",
                last.app
            )));
        }
        for table in self.tables {
            table.require_ours(transaction).await?;
        }
        Ok(())
    }

    /// Makes the tables and records the migrations, unless that was done.
    async fn apply(
        &self,
        applied: &Names,
        transaction: &mut Transaction,
    ) -> Result<Vec<(&'static Migration, Applied)>, sqlx::Error> {
        if self.migrations.iter().all(|migration| has(applied, migration)) {
            return Ok(Vec::new());
        }
        let mut how = Applied::Recorded;
        for table in self.tables {
            if table.make(transaction).await? {
                how = Applied::Made;
            }
        }
        let now = write_date(Clock::system().now());
        for migration in self.migrations {
            let row = [migration.app, migration.name, &now].map(Value::Text);
            transaction.execute(&RECORD, &row).await?;
        }
        Ok(self.migrations.iter().map(|migration| (migration, how)).collect())
    }
}

impl Table {
    /// Makes it, unless it is there; whether it was made.
    async fn make(&self, transaction: &mut Transaction) -> Result<bool, sqlx::Error> {
        let is_there = has_table(transaction, self.name).await?;
        if !is_there {
            transaction.execute(&self.create, &[]).await?;
        }
        // A table that was there may lack its indexes.
        for index in self.indexes {
            if !has_index(transaction, self.name, index.name).await? {
                transaction.execute(&index.create, &[]).await?;
            }
        }
        Ok(!is_there)
    }

    /// A table of this name was made by a Django, an older one, or somebody else: is it the one
    /// that we would make?
    async fn require_ours(&self, transaction: &mut Transaction) -> Result<(), Refusal> {
        if !has_table(transaction, self.name).await? {
            return Ok(());
        }
        let rows = transaction.fetch(&COLUMNS, &[Value::Text(self.name)]).await?;
        let found: HashSet<String> = rows.into_iter().filter_map(|mut row| row.text(0)).collect();
        if found.len() == self.columns.len()
            && self.columns.iter().all(|column| found.contains(*column))
        {
            return Ok(());
        }
        Err(Refusal::Tables(format!(
            "there is a table {} that is not Django's (which has the columns {}): if an older \
             Django made it, run `python manage.py migrate --fake-initial` with Django 3.1 or later, otherwise \
             rename or drop it; then run `migrate` again",
            self.name,
            self.columns.join(", ")
        )))
    }
}
