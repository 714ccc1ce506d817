//! Connections to a database server: few, kept, and never waited for in vain.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::trouble;
use crate::settings::ServerUrl;

/// A connection that was used this short a time ago is taken for alive without asking.
const FRESH: Duration = Duration::from_secs(1);

/// A kind of server.
pub(super) trait Server: sqlx::Database {
    /// Sets a limit to each statement on the server's side too, if there is to be one, and tells
    /// whether the server may write.
    fn greet(
        connection: &mut Self::Connection,
        limit: Option<Duration>,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
}

/// The server only reads: what it says may be old, a session that was ended may still be there.
#[derive(Debug)]
pub(super) struct IsReplica;

impl fmt::Display for IsReplica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server is a replica, or read-only")
    }
}

impl Error for IsReplica {}

/// Connections that are lent to one request after the other.
pub(super) struct Connections<DB: Server> {
    pool: Pool<DB>,
    /// For statements that may have to wait for a row that somebody else has locked: they never have all
    /// connections, so that one locked row does not hold up everybody.
    patient: Arc<Semaphore>,
}

/// Connections that we made, or a pool of sqlx's that the user opened.
///
/// Not sqlx's own pool for ours: it asks the server after each use whether the connection is well,
/// and waits for the answer for as long as the network likes, with the connection's place taken; and
/// it goes on trying where a server refuses to be connected to, until the request's time is over.
enum Pool<DB: Server> {
    Own(managed::Pool<Maker<DB>>),
    Theirs(sqlx::Pool<DB>),
}

impl<DB: Server> fmt::Debug for Connections<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options have a password.
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl<DB: Server> Clone for Connections<DB> {
    fn clone(&self) -> Self {
        let pool = match &self.pool {
            Pool::Own(pool) => Pool::Own(pool.clone()),
            Pool::Theirs(pool) => Pool::Theirs(pool.clone()),
        };
        Self { pool, patient: Arc::clone(&self.patient) }
    }
}

impl<DB: Server> Connections<DB> {
    /// Connections by these options, made when they are needed.
    pub(super) fn own(
        options: <DB::Connection as sqlx::Connection>::Options,
        url: &ServerUrl,
    ) -> Result<Self, sqlx::Error> {
        let maker = Maker { options, limit: url.timeout, max_age: url.conn_max_age };
        let most = usize::try_from(url.max_connections).unwrap_or(usize::MAX);
        let pool = managed::Pool::builder(maker).max_size(most).build();
        let pool = pool.map_err(|error| sqlx::Error::Configuration(error.into()))?;
        Ok(Self::of(Pool::Own(pool), most))
    }

    pub(super) fn theirs(pool: sqlx::Pool<DB>) -> Self {
        let most = usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX);
        Self::of(Pool::Theirs(pool), most)
    }

    fn of(pool: Pool<DB>, most: usize) -> Self {
        let patient = (most - most.div_ceil(4)).clamp(1, Semaphore::MAX_PERMITS);
        Self { pool, patient: Arc::new(Semaphore::new(patient)) }
    }

    /// Whether they were made by these options of ours.
    #[cfg(feature = "mysql")]
    pub(super) fn are_own(&self) -> bool {
        matches!(self.pool, Pool::Own(_))
    }

    /// Whether one more statement may wait for a row.
    #[cfg(feature = "mysql")]
    pub(super) fn may_wait(&self) -> bool {
        self.patient.available_permits() > 0
    }

    /// One for a statement that may have to wait for a row.
    pub(super) async fn lend_patiently(&self) -> Result<Lent<DB>, sqlx::Error> {
        let permit = Arc::clone(&self.patient).acquire_owned().await;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let mut lent = self.lend().await?;
        lent.permit = Some(permit);
        Ok(lent)
    }

    pub(super) async fn lend(&self) -> Result<Lent<DB>, sqlx::Error> {
        let connection = match &self.pool {
            Pool::Own(pool) => Borrowed::Own(pool.get().await.map_err(|error| match error {
                PoolError::Backend(error) => error,
                PoolError::Closed => sqlx::Error::PoolClosed,
                _ => sqlx::Error::PoolTimedOut,
            })?),
            // Boxed, so that the other's future is small.
            Pool::Theirs(pool) => Borrowed::Theirs(Box::pin(pool.acquire()).await?),
        };
        Ok(Lent { connection: Some(connection), permit: None, is_idle: false })
    }

    /// A connection that is none of the pool's, so that nobody else ever gets it. No statement on it
    /// has a limit of ours.
    pub(super) async fn detached(&self) -> Result<DB::Connection, sqlx::Error> {
        match &self.pool {
            Pool::Own(pool) => {
                let maker = pool.manager();
                maker.in_time(Box::pin(maker.connect(None))).await
            }
            Pool::Theirs(pool) => Ok(pool.acquire().await?.detach()),
        }
    }

    /// How a connection is made, for one that lives outside of the pool.
    #[cfg(all(feature = "postgres", feature = "memory-cache"))]
    pub(super) fn options(&self) -> <DB::Connection as sqlx::Connection>::Options {
        match &self.pool {
            Pool::Own(pool) => pool.manager().options.clone(),
            Pool::Theirs(pool) => (*pool.connect_options()).clone(),
        }
    }

    pub(super) async fn close(&self) {
        match &self.pool {
            Pool::Own(pool) => pool.close(),
            Pool::Theirs(pool) => pool.close().await,
        }
    }
}

/// Makes connections, and looks after those that are kept.
pub(super) struct Maker<DB: sqlx::Database> {
    options: <DB::Connection as sqlx::Connection>::Options,
    limit: Duration,
    max_age: Duration,
}

impl<DB: Server> Maker<DB> {
    async fn connect(&self, limit: Option<Duration>) -> Result<DB::Connection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        if DB::greet(&mut connection, limit).await? {
            Ok(connection)
        } else {
            Err(sqlx::Error::Configuration(IsReplica.into()))
        }
    }

    /// Also for those who have no limit of their own, as `migrate`.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, sqlx::Error> {
        let done = tokio::time::timeout(self.limit, work).await;
        done.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

impl<DB: Server> managed::Manager for Maker<DB> {
    type Type = DB::Connection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<DB::Connection, sqlx::Error> {
        // The server gives up first: then it is known that nothing was done.
        let limit = self.limit.mul_f64(0.8);
        // Seldom and large: not a part of every request's future.
        self.in_time(Box::pin(self.connect(Some(limit)))).await
    }

    async fn recycle(
        &self,
        connection: &mut DB::Connection,
        metrics: &Metrics,
    ) -> RecycleResult<sqlx::Error> {
        if metrics.age() > self.max_age {
            return Err(RecycleError::message("it is old"));
        }
        if metrics.last_used() > FRESH {
            // As a connection that is made.
            self.in_time(Box::pin(connection.ping())).await?;
        }
        Ok(())
    }
}

/// A connection that is lent. If its request goes away half-way, it is closed: to wait for the
/// answer, of a server that may be gone, would keep its place in the pool for ever.
pub(super) struct Lent<DB: Server> {
    connection: Option<Borrowed<DB>>,
    /// Given back after the connection.
    permit: Option<OwnedSemaphorePermit>,
    is_idle: bool,
}

enum Borrowed<DB: Server> {
    Own(Object<Maker<DB>>),
    Theirs(sqlx::pool::PoolConnection<DB>),
}

impl<DB: Server> Lent<DB> {
    pub(super) fn connection(&mut self) -> Result<&mut DB::Connection, sqlx::Error> {
        match &mut self.connection {
            Some(Borrowed::Own(connection)) => Ok(connection),
            Some(Borrowed::Theirs(connection)) => Ok(connection),
            None => Err(sqlx::Error::PoolClosed),
        }
    }

    /// The statement has ended, well or not: the next one may use the connection, if that is well.
    pub(super) fn ended<T>(&mut self, answer: &Result<T, sqlx::Error>) {
        self.is_idle = !answer.as_ref().is_err_and(trouble::is_over);
    }
}

impl<DB: Server> Drop for Lent<DB> {
    fn drop(&mut self) {
        if self.is_idle {
            return;
        }
        match self.connection.take() {
            // Without a word to the server, which may not be listening.
            Some(Borrowed::Own(connection)) => drop(Object::take(connection)),
            Some(Borrowed::Theirs(mut connection)) => connection.close_on_drop(),
            None => {}
        }
    }
}
