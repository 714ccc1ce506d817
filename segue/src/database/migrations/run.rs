//! Applying migrations, and undoing them.

use std::time::Duration;

use super::super::Database;
use super::super::dialect::Dialect;
use super::super::exclusive::Exclusive;
use super::super::script::ScriptError;
use super::built_in::BuiltIn;
use super::error::MigrationError;
use super::failure::{self, Running};
use super::history::{self, History};
#[cfg(feature = "auth")]
use super::permissions;
use super::plan::{Goal, Step, Target, check_history};
use super::{Applied, Migration, Migrator, Progress, lexer};

/// How long one waits for another before it looks again.
const PAUSE: Duration = Duration::from_millis(50);

/// Who is told what happens.
type Listener<'a> = dyn Fn(Progress) + Send + Sync + 'a;

/// Why it does not go on.
pub(super) enum Trouble {
    Database(sqlx::Error),
    Migration(MigrationError),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<MigrationError> for Trouble {
    fn from(error: MigrationError) -> Self {
        Self::Migration(error)
    }
}

/// Brings a database to the target.
pub(super) async fn run(
    migrator: &Migrator,
    database: &Database,
    target: Target<'_>,
    fakes: bool,
    on_progress: &Listener<'_>,
) -> Result<Vec<(Step, Applied)>, MigrationError> {
    let goal = Goal::find(migrator, target)?;
    let work = async {
        let exclusive = Exclusive::open(&database.pools).await?;
        let dialect = exclusive.dialect();
        let (has_waited, done) = (false, Vec::new());
        let mut run =
            Run { migrator, goal, dialect, fakes, on_progress, exclusive, has_waited, done };
        run.everything().await?;
        run.exclusive.close().await?;
        Ok(run.done)
    };
    work.await.map_err(|trouble| match trouble {
        Trouble::Database(error) => database.error(error).into(),
        Trouble::Migration(error) => error,
    })
}

struct Run<'a> {
    migrator: &'a Migrator,
    goal: Goal<'a>,
    dialect: Dialect,
    /// What is to be done is recorded and not done.
    fakes: bool,
    on_progress: &'a Listener<'a>,
    exclusive: Exclusive,
    has_waited: bool,
    done: Vec<(Step, Applied)>,
}

impl<'a> Run<'a> {
    async fn everything(&mut self) -> Result<(), Trouble> {
        let made = self.make_built_in().await;
        for (step, applied) in self.or_undo(made).await? {
            (self.on_progress)(Progress::Started(step));
            self.is_done(step, applied);
        }
        loop {
            let done = self.do_next().await;
            if !self.or_undo(done).await? {
                return Ok(());
            }
        }
    }

    /// What failed is undone, as far as it was not committed.
    async fn or_undo<T>(&mut self, done: Result<T, Trouble>) -> Result<T, Trouble> {
        if done.is_err() {
            self.exclusive.rollback().await;
        }
        done
    }

    /// Begins a transaction when nobody else is in one.
    async fn begin(&mut self) -> Result<(), sqlx::Error> {
        while !self.exclusive.try_begin().await? {
            self.wait().await;
        }
        Ok(())
    }

    async fn wait(&mut self) {
        if !self.has_waited {
            (self.on_progress)(Progress::Waiting);
            self.has_waited = true;
        }
        tokio::time::sleep(PAUSE).await;
    }

    fn is_done(&mut self, step: Step, applied: Applied) {
        (self.on_progress)(Progress::Done(step, applied));
        self.done.push((step, applied));
    }

    /// Makes the tables of Django's apps that are missing, and the rows for each model. Looks at
    /// everything before, because MySQL would not take it back.
    async fn make_built_in(&mut self) -> Result<Vec<(Step, Applied)>, Trouble> {
        self.begin().await?;
        let exclusive = &mut self.exclusive;
        let history = History::read_on(exclusive).await?;
        check_history(&self.migrator.apps, &history)?;
        if !self.fakes {
            for (step, of) in self.goal.project_steps(&history) {
                of.part(step, self.dialect)?;
            }
        }
        let mut done = Vec::new();
        if !self.goal.goes_back(&history) {
            for app in self.goal.built_in.iter().filter(|_| !self.fakes) {
                app.require_ours(&history, exclusive).await?;
            }
            history::ensure(exclusive).await?;
            for app in &self.goal.built_in {
                done.extend(make_app(app, &history, self.fakes, exclusive).await?);
            }
            #[cfg(feature = "auth")]
            permissions::make_missing(exclusive).await?;
        }
        exclusive.commit().await?;
        Ok(done)
    }

    /// Does what is to be done next of the project's own; whether there was something. What is done
    /// is looked up each time: somebody else may have done it meanwhile.
    async fn do_next(&mut self) -> Result<bool, Trouble> {
        self.begin().await?;
        let history = History::read_on(&mut self.exclusive).await?;
        check_history(&self.migrator.apps, &history)?;
        let Some((step, of)) = self.goal.project_steps(&history).into_iter().next() else {
            self.exclusive.commit().await?;
            return Ok(false);
        };
        if self.done.iter().any(|(done, _)| *done == step) {
            return Err(failure::taken_back(step).into());
        }
        let part = if self.fakes { None } else { Some(of.part(step, self.dialect)?) };
        let is_one = part.is_none_or(|part| part.is_one(self.dialect));
        if !is_one && !self.exclusive.is_kept() {
            // Nobody else may begin in the middle of it. Then what is next is looked up again.
            self.exclusive.commit().await?;
            while !self.exclusive.try_keep().await? {
                self.wait().await;
            }
            return Ok(true);
        }
        (self.on_progress)(Progress::Started(step));
        let Some(part) = part else {
            self.record(step).await?;
            self.exclusive.commit().await?;
            self.is_done(step, Applied::Faked);
            return Ok(true);
        };
        let (migrator, dialect) = (self.migrator, self.dialect);
        let running = Running { migrator, step, of, part, dialect };
        if is_one {
            self.run_as_one(running).await?;
        } else {
            self.exclusive.commit().await?;
            self.run_one_by_one(running).await?;
        }
        self.is_done(step, Applied::Made);
        Ok(true)
    }

    async fn record(&mut self, step: Step) -> Result<(), sqlx::Error> {
        if step.backwards {
            history::forget(step.migration, &mut self.exclusive).await
        } else {
            history::record(step.migration, &mut self.exclusive).await
        }
    }

    /// Runs a migration and records it, within the transaction that was begun.
    async fn run_as_one(&mut self, running: Running<'_>) -> Result<(), Trouble> {
        let sql = running.part.sql;
        self.exclusive.savepoint().await?;
        if !lexer::is_blank(sql, self.dialect) {
            let ran = self.exclusive.run(sql).await;
            if let Err(failed) = ran {
                let undone = self.exclusive.rollback_to_savepoint().await;
                return Err(running.failed(failed, undone).into());
            }
        }
        self.exclusive.release().await.map_err(|error| running.ended(error))?;
        self.exclusive.reset().await?;
        self.record(running.step).await?;
        Ok(self.exclusive.commit().await.map_err(|error| running.not_committed(error))?)
    }

    /// Runs a migration without a transaction, and then records it.
    async fn run_one_by_one(&mut self, running: Running<'_>) -> Result<(), Trouble> {
        let statements = lexer::statements(running.part.sql, self.dialect);
        for (before, (at, sql)) in statements.into_iter().enumerate() {
            let ran = self.exclusive.run(sql).await;
            ran.map_err(|failed| {
                // The first of what was sent begins where that does.
                let first = (failed.statement == 1).then_some(0);
                let at = failed.at.or(first).map(|within| at + within);
                running.halfway(ScriptError { statement: before + failed.statement, at, ..failed })
            })?;
        }
        let recorded = async {
            self.exclusive.reset().await?;
            self.begin().await?;
            self.record(running.step).await?;
            self.exclusive.commit().await
        };
        Ok(recorded.await.map_err(|error| running.not_recorded(error))?)
    }
}

/// Makes the tables of one of Django's apps, unless they are recorded, and records them.
async fn make_app(
    app: &BuiltIn,
    history: &History,
    fakes: bool,
    exclusive: &mut Exclusive,
) -> Result<Vec<(Step, Applied)>, sqlx::Error> {
    let is_missing = |migration: &&Migration| !history.is_applied(migration);
    let missing: Vec<Migration> = app.migrations.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let how = if fakes { Applied::Faked } else { app.make(exclusive).await? };
    for migration in &missing {
        history::record(*migration, exclusive).await?;
    }
    Ok(missing.into_iter().map(|migration| (Step::apply(migration), how)).collect())
}
