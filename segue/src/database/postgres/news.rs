//! What PostgreSQL tells of changes to the sessions.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Executor as _, PgExecutor, Row as _};

use super::super::Database;
use crate::error::{StoreError, StoreErrorKind};

const CHANNEL: &str = "segue_sessions";

/// The triggers that are there and switched on, on the table that our statements find.
const TRIGGERS: &str = "\
    SELECT count(*)::text, coalesce(string_agg(oid::text, ',' ORDER BY tgname), '') FROM pg_trigger \
    WHERE tgrelid = 'django_session'::regclass AND tgenabled IN ('O', 'A') \
    AND tgname IN ('segue_session_changed', 'segue_sessions_gone')";

/// Of the server: who may not, and what is locked or there already.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const NOT_THE_OWNER: &str = "42501";
const LOCKED: &str = "55P03";
const THERE_ALREADY: &str = "42710";

/// Tells of each change the digests of the key, and of payload and deadline if there still is a row: so
/// nobody who may listen learns a key, and whoever has made the change himself knows it again. What had
/// expired is not told of: a clean-up would fill the queue, and nobody believes such a session.
///
/// To make a trigger needs a lock for which whoever writes waits: so it does not wait for it itself.
const MAKE: &str = "\
    SET LOCAL lock_timeout = '200ms'; \
    CREATE OR REPLACE FUNCTION segue_session_changed() RETURNS trigger LANGUAGE plpgsql AS $$ \
    DECLARE told text := ''; \
    BEGIN \
        IF TG_OP IN ('UPDATE', 'DELETE') THEN \
            told := left(encode(sha256(convert_to(OLD.session_key, 'UTF8')), 'hex'), 32); \
        END IF; \
        IF TG_OP = 'UPDATE' THEN \
            told := told || left(encode(sha256(convert_to(NEW.session_data || '.' || \
                to_char(NEW.expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), 'UTF8')), \
                'hex'), 32); \
        END IF; \
        PERFORM pg_notify('segue_sessions', told); \
        RETURN NULL; \
    END $$; \
    CREATE TRIGGER segue_session_changed AFTER UPDATE OR DELETE ON django_session \
    FOR EACH ROW WHEN (OLD.expire_date > now()) EXECUTE FUNCTION segue_session_changed(); \
    CREATE TRIGGER segue_sessions_gone AFTER TRUNCATE ON django_session \
    FOR EACH STATEMENT EXECUTE FUNCTION segue_session_changed();";

/// A connection that hears of changes.
#[derive(Debug)]
pub(crate) struct News {
    listener: PgListener,
    triggers: Triggers,
    patience: Duration,
    database: Database,
}

impl Database {
    /// Hears of changes from now on, on a connection of its own; no answer of the server may take longer
    /// than this, once it is connected. Makes the triggers if there are none.
    pub(crate) async fn news(&self, patience: Duration) -> Result<News, StoreError> {
        let triggers = self.triggers().await?;
        let listener = self.in_time(self.listener()).await?;
        Ok(News { listener, patience, triggers, database: self.clone() })
    }

    /// Makes them if they are not there.
    async fn triggers(&self) -> Result<Triggers, StoreError> {
        let connecting = async { self.postgres()?.detached().await };
        let mut connection = self.in_time(connecting).await?;
        if let Some(triggers) = self.in_time(Triggers::of(&mut connection)).await? {
            return Ok(triggers);
        }
        let made = self.limited(async { connection.execute(MAKE).await.map(drop) }).await;
        // Of two processes that begin together one makes them.
        match self.in_time(Triggers::of(&mut connection)).await? {
            Some(triggers) => Ok(triggers),
            None => Err(self.cannot_tell(made.err().unwrap_or(sqlx::Error::RowNotFound))),
        }
    }

    fn cannot_tell(&self, error: sqlx::Error) -> StoreError {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        let mend = match code.as_deref() {
            Some(NOT_THE_OWNER) => "connect once as the owner of the table",
            Some(LOCKED) => "somebody holds a lock on the table, and it is tried again",
            Some(THERE_ALREADY) => {
                "there are some that are switched off, or of something else: switch them on"
            }
            _ => return self.error(error),
        };
        let message = format!(
            "django_session has no triggers that tell what changes: {mend}, or leave out \
             SESSION_CACHE_STALENESS"
        );
        StoreError::new(StoreErrorKind::Refused, message).with_source(self.error(error))
    }

    async fn listener(&self) -> Result<PgListener, sqlx::Error> {
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        // So that it can be told from those that serve requests.
        let options = self.postgres()?.options().application_name(CHANNEL);
        let pool = pool.connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }
}

/// The triggers, by the numbers that they have until they are made anew.
#[derive(Debug, PartialEq, Eq)]
struct Triggers(String);

impl Triggers {
    /// Nothing where one is missing or switched off.
    async fn of(connection: impl PgExecutor<'_>) -> Result<Option<Self>, sqlx::Error> {
        let row = connection.fetch_one(TRIGGERS).await?;
        let (number, triggers): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        Ok((number == "2").then_some(Self(triggers)))
    }
}

impl News {
    /// Asks the server: once it has answered, all that was told before it was asked is here, and all that has
    /// changed was told.
    pub(crate) async fn ask(&mut self) -> Result<(), StoreError> {
        let asking = Triggers::of(&mut self.listener);
        let answer = tokio::time::timeout(self.patience, asking).await;
        let answer = answer.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        match answer.map_err(|error| self.database.error(error))? {
            Some(triggers) if triggers == self.triggers => Ok(()),
            _ => {
                let message = "the triggers on django_session that tell what changes were removed or \
                               switched off";
                Err(StoreError::new(StoreErrorKind::Refused, message))
            }
        }
    }

    /// What is here already.
    pub(crate) fn told(&mut self) -> Option<String> {
        self.listener.next_buffered().map(|told| told.payload().to_owned())
    }

    /// What is told next, if it comes by then.
    pub(crate) async fn next(&mut self, by: Instant) -> Result<Option<String>, StoreError> {
        let Ok(told) = tokio::time::timeout_at(by.into(), self.listener.try_recv()).await else {
            return Ok(None);
        };
        let cut_off = || Err(sqlx::Error::WorkerCrashed);
        let told = told.and_then(|told| told.map_or_else(cut_off, Ok));
        match told {
            Ok(told) => Ok(Some(told.payload().to_owned())),
            Err(error) => Err(self.database.error(error)),
        }
    }
}
