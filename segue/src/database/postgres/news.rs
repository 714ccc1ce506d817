//! What PostgreSQL tells of changes to the sessions.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Executor as _, PgConnection, Row as _};

use super::super::Database;
use crate::error::{StoreError, StoreErrorKind};

const CHANNEL: &str = "segue_sessions";

/// Whether the trigger is there, on the table that our statements find.
const IS_THERE: &str = "SELECT EXISTS (SELECT FROM pg_trigger \
                        WHERE tgrelid = 'django_session'::regclass AND tgname = 'segue_session_changed')";

/// Tells of each change the digests of the key, and of payload and deadline if there still is a row: so
/// nobody who may listen learns a key, and whoever has made the change himself knows it again. What had
/// expired is not told of: a clean-up would fill the queue, and nobody believes such a session.
const TRIGGER: &str = "\
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
    patience: Duration,
    database: Database,
}

impl Database {
    /// Hears of changes from now on, on a connection of its own; no answer of the server may take longer
    /// than this, once it is connected. Makes the trigger if there is none.
    pub(crate) async fn news(&self, patience: Duration) -> Result<News, StoreError> {
        self.in_time(self.with_trigger()).await.map_err(lacks_trigger)?;
        let listener = self.in_time(self.listener()).await?;
        Ok(News { listener, patience, database: self.clone() })
    }

    async fn with_trigger(&self) -> Result<(), sqlx::Error> {
        let mut connection = self.postgres()?.detached().await?;
        if is_there(&mut connection).await? {
            return Ok(());
        }
        match connection.execute(TRIGGER).await {
            // Of two processes that begin together one makes it.
            Err(error) if !is_there(&mut connection).await.unwrap_or(false) => Err(error),
            _ => Ok(()),
        }
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

async fn is_there(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    connection.fetch_one(IS_THERE).await?.try_get(0)
}

/// Where it is the trigger that is refused, and not the server that is down.
fn lacks_trigger(error: StoreError) -> StoreError {
    if error.kind() != StoreErrorKind::Refused {
        return error;
    }
    let message = "django_session has no trigger that tells what changes, and none could be made: connect \
                   once as the owner of the table, or leave out SESSION_CACHE_STALENESS";
    StoreError::new(StoreErrorKind::Refused, message).with_source(error)
}

impl News {
    /// Asks the server: once it has answered, all that was told before it was asked is here.
    pub(crate) async fn ask(&mut self) -> Result<(), StoreError> {
        let answer = tokio::time::timeout(self.patience, self.listener.execute("SELECT 1")).await;
        let answer = answer.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        answer.map(drop).map_err(|error| self.database.error(error))
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
