//! An app of the project, whose names and files are as they must be.

use std::collections::HashMap;

use super::super::app::App;
use super::super::dialect::Dialect;
use super::error::{MigrationError, MigrationErrorKind};
use super::file::{MigrationFile, Part};
use super::migrator::invalid;
use super::plan::Step;
use super::{Migration, names};

#[derive(Debug)]
pub(super) struct ProjectApp {
    pub(super) name: &'static str,
    pub(super) migrations: Vec<ProjectMigration>,
}

#[derive(Debug)]
pub(super) struct ProjectMigration {
    pub(super) migration: Migration,
    pub(super) file: MigrationFile<'static>,
}

impl ProjectApp {
    /// Reads the files of an app.
    pub(super) fn read(app: &App) -> Result<Self, MigrationError> {
        let mut numbers: HashMap<u32, &str> = HashMap::new();
        let mut last = 0;
        let mut migrations = Vec::new();
        for migration in app.migrations() {
            let (app, name) = (app.name(), migration.name);
            let number = names::number(name).map_err(|problem| {
                invalid(format!("a migration of {app} cannot be called {name:?}: {problem}"))
            })?;
            if let Some(other) = numbers.insert(number, name) {
                return Err(invalid(names::same_number(app, other, name)));
            }
            if number < last {
                return Err(invalid(format!(
                    "the migrations of {app} are not in the order of their numbers: {name} stands \
                     too late; `makemigrations` writes the list anew"
                )));
            }
            last = number;
            let file = MigrationFile::parse(migration.text)
                .map_err(|mistake| invalid(format!("{app}/migrations/{name}.sql, {mistake}")))?;
            migrations.push(ProjectMigration { migration: Migration { app, name }, file });
        }
        Ok(Self { name: app.name(), migrations })
    }
}

impl ProjectMigration {
    /// What a step runs on such a database.
    pub(super) fn part(
        &self,
        step: Step,
        dialect: Dialect,
    ) -> Result<&Part<'static>, MigrationError> {
        let (file, migration) = (self.file_name(), self.migration);
        let found = if step.backwards { self.file.down(dialect) } else { self.file.up(dialect) };
        found.ok_or_else(|| {
            if step.backwards {
                let message = format!(
                    "{migration} cannot be undone: {file} has no part `-- migrate:down` for {dialect}"
                );
                return MigrationError::new(MigrationErrorKind::Irreversible, message);
            }
            let message = format!(
                "{migration} says nothing for {dialect}: add a part `-- migrate:up {dialect}` to \
                 {file}, or one for all databases, `-- migrate:up`"
            );
            MigrationError::new(MigrationErrorKind::Refused, message)
        })
    }

    /// The file, by its path within the sources.
    pub(super) fn file_name(&self) -> String {
        let Migration { app, name } = self.migration;
        format!("{app}/migrations/{name}.sql")
    }
}
