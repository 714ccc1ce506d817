//! Django's tables, exactly, and Django's record of having made them.

use std::collections::HashSet;
use std::fmt;

use sqlx::{Row as _, SqliteConnection};

use super::Database;
use super::column::write_date;
use crate::clock::Clock;
use crate::error::{StoreError, StoreErrorKind};

/// A migration of Django's, by its name in `django_migrations`.
#[non_exhaustive]
#[derive(Debug, PartialEq, Eq)]
pub struct Migration {
    /// The app that it belongs to.
    pub app: &'static str,
    /// Its name within the app.
    pub name: &'static str,
    table: &'static str,
    /// The columns of the table, its key first.
    columns: &'static [&'static str],
    statements: &'static [&'static str],
}

impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.app, self.name)
    }
}

/// Every migration that Segue knows, in the order in which they are applied.
///
/// Source: `django/contrib/sessions/migrations/0001_initial.py`.
const MIGRATIONS: &[Migration] = &[Migration {
    app: "sessions",
    name: "0001_initial",
    table: "django_session",
    columns: &["session_key", "session_data", "expire_date"],
    statements: &[
        r#"CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL)"#,
        r#"CREATE INDEX IF NOT EXISTS "django_session_expire_date_a5c62663" ON "django_session" ("expire_date")"#,
    ],
}];

const CREATE_RECORD: &str = r#"CREATE TABLE IF NOT EXISTS "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL, "applied" datetime NOT NULL)"#;
const HAS_TABLE: &str = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
const APPLIED: &str = "SELECT app, name FROM django_migrations";
const RECORD: &str = "INSERT INTO django_migrations (app, name, applied) VALUES (?1, ?2, ?3)";

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
        let work = async {
            let mut connection = self.readers().acquire().await?;
            unapplied(&mut connection).await
        };
        work.await.map_err(|error| self.error(error))
    }

    /// Makes Django's tables, as Django's own `migrate` would, and records it in
    /// `django_migrations`, so that Django has nothing to do for them afterwards.
    ///
    /// All of it happens or nothing does, and two at once do it once.
    ///
    /// # Errors
    /// When the database cannot be written, or has a table of that name which is not Django's.
    pub async fn migrate(&self) -> Result<Vec<(&'static Migration, Applied)>, StoreError> {
        let work = async {
            let mut transaction = self.writer().begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query(CREATE_RECORD).execute(&mut *transaction).await?;
            let mut done = Vec::new();
            for migration in unapplied(&mut transaction).await? {
                let applied = apply(migration, &mut transaction).await?;
                sqlx::query(RECORD)
                    .bind(migration.app)
                    .bind(migration.name)
                    .bind(write_date(Clock::system().now()))
                    .execute(&mut *transaction)
                    .await?;
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

async fn has_table(name: &str, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let found = sqlx::query(HAS_TABLE).bind(name).fetch_optional(connection).await?;
    Ok(found.is_some())
}

async fn unapplied(
    connection: &mut SqliteConnection,
) -> Result<Vec<&'static Migration>, sqlx::Error> {
    let mut applied = HashSet::new();
    if has_table("django_migrations", connection).await? {
        for row in sqlx::query(APPLIED).fetch_all(connection).await? {
            applied.insert((row.try_get::<String, _>(0)?, row.try_get::<String, _>(1)?));
        }
    }
    let is_new = |migration: &&Migration| {
        !applied.contains(&(migration.app.to_owned(), migration.name.to_owned()))
    };
    Ok(MIGRATIONS.iter().filter(is_new).collect())
}

async fn apply(
    migration: &Migration,
    connection: &mut SqliteConnection,
) -> Result<Applied, Refusal> {
    let is_there = has_table(migration.table, connection).await?;
    if is_there {
        require_same_columns(migration, connection).await?;
    }
    // The table first, then its indexes, which it may lack.
    for statement in migration.statements.iter().skip(usize::from(is_there)) {
        sqlx::query(*statement).execute(&mut *connection).await?;
    }
    Ok(if is_there { Applied::Recorded } else { Applied::Made })
}

/// A table of the right name was made by an older Django or by hand: is it Django's?
async fn require_same_columns(
    migration: &Migration,
    connection: &mut SqliteConnection,
) -> Result<(), Refusal> {
    let columns: Vec<(String, bool)> =
        sqlx::query_as("SELECT name, pk > 0 FROM pragma_table_info(?1)")
            .bind(migration.table)
            .fetch_all(connection)
            .await?;
    if columns.len() == migration.columns.len()
        && migration.columns.iter().enumerate().all(|(at, name)| {
            // The key is the first of Django's columns.
            columns.iter().any(|(found, is_key)| found == name && *is_key == (at == 0))
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
