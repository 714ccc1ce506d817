//! Django's own apps: their tables, exactly, and the record of having made them.

use std::collections::HashSet;

use super::super::dialect::Dialect;
use super::super::exclusive::Exclusive;
use super::super::{Statement, Value, first_text};
use super::catalogue::{COLUMNS, has_index, has_table};
use super::history::History;
use super::sessions;
use super::{Applied, Migration, run::Trouble};
#[cfg(feature = "auth")]
use super::{auth, contenttypes};
use crate::error::{StoreError, StoreErrorKind};

/// An app of Django's. Its tables are made as its last migration leaves them, and all of its
/// migrations are recorded.
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    pub(super) migrations: &'static [Migration],
    /// In the order in which they refer to each other.
    pub(super) tables: &'static [Table],
    /// The apps whose tables its own refer to.
    pub(super) needs: &'static [&'static str],
}

pub(super) struct Table {
    pub(super) name: &'static str,
    /// The columns as [`COLUMNS`] tells them, in any order.
    pub(super) columns: &'static [&'static str],
    pub(super) create: Statement,
    pub(super) indexes: &'static [Index],
}

/// An index of a table, by its name. Where a database needs none, there is no statement.
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) create: Statement,
}

/// The apps whose tables this build uses, in the order in which they refer to each other, which is
/// Django's as well.
pub(super) const APPS: &[BuiltIn] = &[
    #[cfg(feature = "auth")]
    contenttypes::APP,
    #[cfg(feature = "auth")]
    auth::APP,
    sessions::APP,
];

impl BuiltIn {
    /// Refuses what only Django can migrate, and tables of these names that are not Django's.
    pub(super) async fn require_ours(
        &self,
        history: &History,
        exclusive: &mut Exclusive,
    ) -> Result<(), Trouble> {
        let is_applied = |migration: &&Migration| history.is_applied(migration);
        if self.migrations.iter().all(|migration| history.is_applied(migration)) {
            return Ok(());
        }
        if let Some(last) = self.migrations.iter().rfind(is_applied) {
            return Err(refused(format!(
                "the tables of {} are those of an older Django, whose last migration was {last}: \
                 run `python manage.py migrate` with Django 3.1 or later, then this one again",
                last.app
            )));
        }
        for table in self.tables {
            table.require_ours(exclusive).await?;
        }
        Ok(())
    }

    /// Makes the tables that are not there.
    pub(super) async fn make(&self, exclusive: &mut Exclusive) -> Result<Applied, sqlx::Error> {
        let mut how = Applied::Recorded;
        for table in self.tables {
            if table.make(exclusive).await? {
                how = Applied::Made;
            }
        }
        Ok(how)
    }

    /// The statements by which its tables are made.
    pub(super) fn sql(&self, dialect: Dialect) -> String {
        let mut lines = Vec::new();
        for table in self.tables {
            lines.push(format!("{};", table.create.in_words_of(dialect)));
            let indexes = table.indexes.iter().map(|index| index.create.in_words_of(dialect));
            lines.extend(indexes.filter(|sql| !sql.is_empty()).map(|sql| format!("{sql};")));
        }
        lines.join("\n")
    }
}

impl Table {
    /// Makes it, unless it is there; whether it was made.
    async fn make(&self, exclusive: &mut Exclusive) -> Result<bool, sqlx::Error> {
        let is_there = has_table(exclusive, self.name).await?;
        if !is_there {
            exclusive.execute(&self.create, &[]).await?;
        }
        // A table that was there may lack its indexes.
        for index in self.indexes {
            let is_needed = !index.create.in_words_of(exclusive.dialect()).is_empty();
            if is_needed && !has_index(exclusive, self.name, index.name).await? {
                exclusive.execute(&index.create, &[]).await?;
            }
        }
        Ok(!is_there)
    }

    /// A table of this name was made by a Django, an older one, or somebody else: is it the one
    /// that we would make?
    async fn require_ours(&self, exclusive: &mut Exclusive) -> Result<(), Trouble> {
        if !has_table(exclusive, self.name).await? {
            return Ok(());
        }
        let name = [Value::Text(self.name)];
        let found: HashSet<String> =
            exclusive.fetch_all(&COLUMNS, &name, first_text).await?.into_iter().flatten().collect();
        if found.len() == self.columns.len()
            && self.columns.iter().all(|column| found.contains(*column))
        {
            return Ok(());
        }
        Err(refused(format!(
            "there is a table {} that is not Django's (which has the columns {}): if an older \
             Django made it, run `python manage.py migrate --fake-initial` with Django 3.1 or later, otherwise \
             rename or drop it; then run `migrate` again",
            self.name,
            self.columns.join(", ")
        )))
    }
}

fn refused(message: String) -> Trouble {
    Trouble::Migration(StoreError::new(StoreErrorKind::Refused, message).into())
}
