//! What is said of a migration that failed: what of it has happened, and how to go on.

use super::super::dialect::Dialect;
use super::super::script::ScriptError;
use super::Migrator;
use super::error::{MigrationError, MigrationErrorKind};
use super::file::Part;
use super::plan::Step;
use super::project_app::ProjectMigration;

/// A migration that is run.
#[derive(Clone, Copy)]
pub(super) struct Running<'a> {
    pub(super) migrator: &'a Migrator,
    pub(super) step: Step,
    pub(super) of: &'a ProjectMigration,
    pub(super) part: &'a Part<'static>,
    pub(super) dialect: Dialect,
}

const CUT_OFF: &str = "was cut off, and the database is as it was before, unless the file ends the \
                       transaction that it is run in";

impl Running<'_> {
    /// A statement failed, and going back to where the file began went like this.
    pub(super) fn failed(
        self,
        failed: ScriptError,
        undone: Result<(), sqlx::Error>,
    ) -> MigrationError {
        let statement = self.statement(&failed);
        let what = match undone {
            Ok(()) => format!("{statement} failed, and the database is as it was before"),
            // The database undoes it when it misses us.
            Err(error) if is_cut_off(&error) || is_cut_off(&failed.error) => {
                format!("{statement} {CUT_OFF}")
            }
            Err(_) => format!(
                "{statement} failed when the transaction that the file is run in had ended, {}",
                self.after_its_end()
            ),
        };
        error(format!("{}: {what}", self.not_done()), failed.error)
    }

    /// It was run, and could not be committed.
    pub(super) fn not_committed(self, source: sqlx::Error) -> MigrationError {
        let message = if is_cut_off(&source) {
            let Step { migration, .. } = self.step;
            format!(
                "{migration} may have been {}: the connection broke while that was committed. Run \
                 `migrate` again, which finds it done or does it",
                self.direction()
            )
        } else {
            format!("{}: it could not be committed", self.not_done())
        };
        error(message, source)
    }

    /// Its own statements ended the transaction that it was run in.
    pub(super) fn ended(self, source: sqlx::Error) -> MigrationError {
        let message = if is_cut_off(&source) {
            format!("{}: it {CUT_OFF}", self.not_done())
        } else {
            format!(
                "{}: a statement in {} ends the transaction that the file is run in, {}",
                self.not_done(),
                self.of.file_name(),
                self.after_its_end()
            )
        };
        error(message, source)
    }

    fn after_its_end(self) -> String {
        format!(
            "so what is before it may have happened. Undo that by hand, take COMMIT and ROLLBACK out of the \
             file or write transaction:false behind its marker, and run `migrate` again; or see whether \
             all of it has happened, and run `{}`",
            self.fake()
        )
    }

    /// A statement failed, and what is before it stays.
    pub(super) fn halfway(self, failed: ScriptError) -> MigrationError {
        let what =
            if is_cut_off(&failed.error) { "was cut off, and may have happened" } else { "failed" };
        let before = match failed.statement {
            1 => "If a run of it was interrupted before, what that did has happened",
            2 => "The one before it has happened",
            _ => "Those before it have happened",
        };
        let why = match self.dialect {
            Dialect::MySql => "MySQL has no transactions for tables",
            Dialect::Sqlite | Dialect::Postgres => "the file says transaction:false",
        };
        let message = format!(
            "{}: {} {what}. {before}, because {why}, but for what stood in a transaction of the file's \
             own: undo it by hand, or write the file so that it can be run twice, and run `migrate` \
             again; or do the rest by hand, and run `{}`",
            self.not_done(),
            self.statement(&failed),
            self.fake()
        );
        error(message, failed.error)
    }

    /// It was run without a transaction, and could not be recorded.
    pub(super) fn not_recorded(self, source: sqlx::Error) -> MigrationError {
        let message = format!(
            "{} was {}, and that could not be recorded: run `{}`",
            self.step.migration,
            self.direction(),
            self.fake()
        );
        error(message, source)
    }

    fn not_done(self) -> String {
        format!("{} was not {}", self.step.migration, self.direction())
    }

    fn direction(self) -> &'static str {
        if self.step.backwards { "undone" } else { "applied" }
    }

    /// Which statement it was, and where.
    fn statement(self, failed: &ScriptError) -> String {
        let direction = if self.step.backwards { "down" } else { "up" };
        let line = failed.at.map(|at| self.of.file.line_of(self.part, at));
        let line = line.map(|line| format!(", at line {line},")).unwrap_or_default();
        let (number, file) = (failed.statement, self.of.file_name());
        format!("statement {number} of the part `{direction}` in {file}{line}")
    }

    /// The command that records the step and runs nothing.
    fn fake(self) -> String {
        let migration = self.step.migration;
        let app = self.migrator.apps.iter().find(|app| app.name == migration.app);
        let all = app.map_or(&[][..], |app| &app.migrations);
        let at = all.iter().position(|of| of.migration == migration);
        let name = if self.step.backwards {
            let before = at.and_then(|at| all.get(at.checked_sub(1)?));
            before.map_or("zero", |before| before.migration.name)
        } else {
            migration.name
        };
        format!("migrate --fake {} {name}", migration.app)
    }
}

/// Somebody else undoes what is done here.
pub(super) fn taken_back(step: Step) -> MigrationError {
    let direction = if step.backwards { "applied again" } else { "undone" };
    let message = format!(
        "{} was {direction} by somebody else meanwhile: run one `migrate` at a time",
        step.migration
    );
    MigrationError::new(MigrationErrorKind::Refused, message)
}

fn error(message: String, source: sqlx::Error) -> MigrationError {
    MigrationError::new(MigrationErrorKind::Failed, message).with_source(source)
}

/// The connection broke, or the server ended it: what was said last was heard, or was not.
///
/// Source: appendix A of PostgreSQL's documentation, "PostgreSQL Error Codes": 57P01 to 57P05.
fn is_cut_off(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P0")),
        _ => false,
    }
}
