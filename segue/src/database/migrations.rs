//! Django's tables, exactly, and Django's record of having made them.

mod tables;

use std::collections::HashSet;
use std::fmt;

use super::column::write_date;
use super::transaction::Transaction;
use super::{Database, Side, Statement, Value};
use crate::clock::Clock;
use crate::error::{StoreError, StoreErrorKind};

use tables::MIGRATIONS;

/// A migration of Django's, by its name in `django_migrations`.
#[non_exhaustive]
#[derive(Debug)]
pub struct Migration {
    /// The app that it belongs to.
    pub app: &'static str,
    /// Its name within the app.
    pub name: &'static str,
    table: &'static str,
    /// The columns of the table, its key first.
    columns: &'static [&'static str],
    create: Statement,
    indexes: &'static [Index],
}

/// An index of a table, by its name. Where a statement is empty the database has no such index.
#[derive(Debug)]
struct Index {
    name: &'static str,
    create: Statement,
}

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
    /// The migrations that were not applied to this database yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unapplied(&self) -> Result<Vec<&'static Migration>, StoreError> {
        let record = [Value::Text(RECORD_TABLE)];
        if self.fetch(Side::Reader, &tables::HAS_TABLE, &record).await?.is_empty() {
            return Ok(MIGRATIONS.iter().collect());
        }
        Ok(without(self.fetch(Side::Reader, &tables::APPLIED, &[]).await?))
    }

    /// Makes Django's tables, as Django's own `migrate` would, and records it in
    /// `django_migrations`, so that Django has nothing to do for them afterwards.
    ///
    /// All of it happens or nothing does, and two at once do it once. (On MySQL, which has no
    /// transactions for tables, an interrupted one is completed by the next.)
    ///
    /// # Errors
    /// When the database cannot be written, or has a table of that name which is not Django's.
    pub async fn migrate(&self) -> Result<Vec<(&'static Migration, Applied)>, StoreError> {
        let work = async {
            let mut transaction = Transaction::begin(&self.pools).await?;
            transaction.execute(&tables::CREATE_RECORD, &[]).await?;
            let mut done = Vec::new();
            for migration in without(transaction.fetch(&tables::APPLIED, &[]).await?) {
                let applied = apply(migration, &mut transaction).await?;
                let now = write_date(Clock::system().now());
                let row = [migration.app, migration.name, now.as_str()].map(Value::Text);
                transaction.execute(&tables::RECORD, &row).await?;
                done.push((migration, applied));
            }
            transaction.commit().await?;
            Ok(done)
        };
        work.await.map_err(|refusal| match refusal {
            Refusal::Database(error) => self.error(error),
            Refusal::ForeignTable(message) => StoreError::new(StoreErrorKind::Refused, message),
        })
    }
}

const RECORD_TABLE: &str = "django_migrations";

/// Why the tables could not be made.
enum Refusal {
    Database(sqlx::Error),
    ForeignTable(String),
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// The migrations of which there is no row.
fn without(rows: Vec<super::Row>) -> Vec<&'static Migration> {
    let applied: HashSet<(Option<String>, Option<String>)> =
        rows.into_iter().map(|mut row| (row.text(0), row.text(1))).collect();
    let is_new = |migration: &&Migration| {
        !applied.contains(&(Some(migration.app.to_owned()), Some(migration.name.to_owned())))
    };
    MIGRATIONS.iter().filter(is_new).collect()
}

async fn apply(migration: &Migration, transaction: &mut Transaction) -> Result<Applied, Refusal> {
    let table = Value::Text(migration.table);
    let is_there = !transaction.fetch(&tables::HAS_TABLE, &[table]).await?.is_empty();
    if is_there {
        require_same_columns(migration, transaction).await?;
    } else {
        transaction.execute(&migration.create, &[]).await?;
    }
    // A table that was there may lack its indexes.
    for index in migration.indexes {
        let name = [table, Value::Text(index.name)];
        if transaction.fetch(&tables::HAS_INDEX, &name).await?.is_empty() {
            transaction.execute(&index.create, &[]).await?;
        }
    }
    Ok(if is_there { Applied::Recorded } else { Applied::Made })
}

/// A table of the right name was made by an older Django or by hand: is it Django's?
async fn require_same_columns(
    migration: &Migration,
    transaction: &mut Transaction,
) -> Result<(), Refusal> {
    let rows = transaction.fetch(&tables::COLUMNS, &[Value::Text(migration.table)]).await?;
    let columns: Vec<(Option<String>, bool)> = rows
        .into_iter()
        .map(|mut row| (row.text(0), row.text(1).as_deref() == Some("1")))
        .collect();
    if columns.len() == migration.columns.len()
        && migration.columns.iter().enumerate().all(|(at, name)| {
            // The key is the first of Django's columns.
            columns
                .iter()
                .any(|(found, is_key)| found.as_deref() == Some(name) && *is_key == (at == 0))
        })
    {
        return Ok(());
    }
    Err(Refusal::ForeignTable(format!(
        "there is a table {} that is not Django's (which has the columns {}, the first as its \
         key): rename or drop it, then run `migrate` again",
        migration.table,
        migration.columns.join(", ")
    )))
}
