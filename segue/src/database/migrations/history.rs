//! What was applied to a database: the table `django_migrations`.

use std::collections::HashSet;

use super::super::column::write_date;
use super::super::exclusive::Exclusive;
use super::super::{Database, Reading, Row, Value};
use super::catalogue::{
    APPLIED, CREATE_RECORD, FORGET, HAS_TABLE, RECORD, RECORD_TABLE, has_table,
};
use super::{Migration, Migrator};
use crate::clock::Clock;
use crate::error::StoreError;

/// The migrations that were applied to a database, of whatever apps. The default is that of a
/// database that is not there yet.
#[derive(Clone, Debug, Default)]
pub struct History {
    applied: HashSet<(String, String)>,
}

/// App and name of a migration.
fn applied(row: Row<'_>) -> Option<(String, String)> {
    Some((row.text(0)?.into_owned(), row.text(1)?.into_owned()))
}

impl History {
    /// Reads the table `django_migrations`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn read(database: &Database) -> Result<Self, StoreError> {
        let record = [Value::Text(RECORD_TABLE)];
        if database.fetch_optional(Reading::Few, &HAS_TABLE, &record, |_| ()).await?.is_none() {
            return Ok(Self::default());
        }
        Ok(Self::of(database.fetch_all(Reading::Few, &APPLIED, &[], applied).await?))
    }

    pub(super) async fn read_on(exclusive: &mut Exclusive) -> Result<Self, sqlx::Error> {
        if !has_table(exclusive, RECORD_TABLE).await? {
            return Ok(Self::default());
        }
        Ok(Self::of(exclusive.fetch_all(&APPLIED, &[], applied).await?))
    }

    fn of(applied: Vec<Option<(String, String)>>) -> Self {
        Self { applied: applied.into_iter().flatten().collect() }
    }

    /// Whether a migration was applied.
    #[must_use]
    pub fn is_applied(&self, migration: &Migration) -> bool {
        self.applied.contains(&(migration.app.to_owned(), migration.name.to_owned()))
    }

    /// What was applied of the project's apps and is not in this program, in the order of its apps:
    /// a newer release was here, or a file was renamed.
    #[must_use]
    pub fn unknown(&self, migrator: &Migrator) -> Vec<String> {
        let mut unknown = Vec::new();
        for app in &migrator.apps {
            let known: HashSet<&str> =
                app.migrations.iter().map(|migration| migration.migration.name).collect();
            let of_app = self.applied.iter().filter(|(of, _)| of == app.name);
            let mut names: Vec<&str> = of_app
                .map(|(_, name)| name.as_str())
                .filter(|name| !known.contains(name))
                .collect();
            names.sort_unstable();
            unknown.extend(names.iter().map(|name| format!("{}.{name}", app.name)));
        }
        unknown
    }
}

/// Makes the table, if it is not there.
pub(super) async fn ensure(exclusive: &mut Exclusive) -> Result<(), sqlx::Error> {
    if has_table(exclusive, RECORD_TABLE).await? {
        return Ok(());
    }
    exclusive.execute(&CREATE_RECORD, &[]).await
}

/// Records that a migration is applied now.
pub(super) async fn record(
    migration: Migration,
    exclusive: &mut Exclusive,
) -> Result<(), sqlx::Error> {
    let now = write_date(Clock::system().now());
    let row = [migration.app, migration.name, &now].map(Value::Text);
    exclusive.execute(&RECORD, &row).await
}

/// Records that a migration is applied no more.
pub(super) async fn forget(
    migration: Migration,
    exclusive: &mut Exclusive,
) -> Result<(), sqlx::Error> {
    exclusive.execute(&FORGET, &[migration.app, migration.name].map(Value::Text)).await
}
