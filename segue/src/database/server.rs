//! What the databases that are servers have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::pool::PoolOptions;

use crate::settings::ServerUrl;

/// A connection that was used this short a time ago is taken for alive without asking.
const FRESH: Duration = Duration::from_secs(1);

/// Whether the last connection was to a replica: the pool itself only says that it got none.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusal(Arc<AtomicBool>);

impl Refusal {
    /// Refuses a connection to a server that only reads: what it says may be old, a session that
    /// was ended may still be there.
    pub(super) fn unless(&self, writes: bool) -> Result<(), sqlx::Error> {
        self.0.store(!writes, Ordering::Relaxed);
        if writes {
            return Ok(());
        }
        Err(sqlx::Error::Configuration("the server is a replica, or read-only".into()))
    }

    pub(super) fn is_replica(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) fn configure<DB: sqlx::Database>(
    options: PoolOptions<DB>,
    url: &ServerUrl,
) -> PoolOptions<DB> {
    options
        .max_connections(url.max_connections)
        .acquire_timeout(url.timeout)
        .max_lifetime(url.conn_max_age)
        .test_before_acquire(false)
        .before_acquire(|connection, connected| {
            Box::pin(async move {
                if connected.idle_for > FRESH {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

pub(super) fn read_only(name: &str) -> String {
    format!(
        "the database {name} is a replica or read-only: DATABASE_URL must name the server that \
         writes"
    )
}

pub(super) fn too_many_connections(name: &str) -> String {
    format!(
        "the database {name} has no connection to spare: lower max_connections in DATABASE_URL, or \
         raise the server's own limit"
    )
}

pub(super) fn too_slow(name: &str) -> String {
    format!("a statement took too long in the database {name}, or waited too long for another")
}

pub(super) fn unsafe_connection(name: &str) -> String {
    format!(
        "no safe connection to the database {name}: does its certificate fit DATABASE_URL (sslmode \
         and sslrootcert, ssl-mode and ssl-ca)?"
    )
}

pub(super) fn access_denied(name: &str) -> String {
    format!(
        "the database {name} does not let this user in: look at the name and password in \
             DATABASE_URL"
    )
}
