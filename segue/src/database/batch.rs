//! Many requests in one round trip, on servers.

use super::Database;
use super::pools::Pools;
use crate::error::StoreError;
use crate::lane::{Bounds, Flight, Lane};

/// More requests are not on their way together: others wait for the answer as well.
const TOGETHER: usize = 256;

/// Nor more bytes on PostgreSQL. What is larger than a TLS record (16 KiB) sqlx 0.9.0 sends in two pieces, and
/// the kernel keeps the second back for 40 ms, because `TCP_NODELAY` is not set:
/// <https://github.com/launchbadge/sqlx/issues/4335>
#[cfg(feature = "postgres")]
const BYTES_POSTGRES: usize = 14_000;

/// Nor on MySQL, whose own limit, `max_allowed_packet`, is 16 MiB by default.
#[cfg(feature = "mysql")]
const BYTES_MYSQL: usize = 1 << 20;

/// Why a batch has no rows.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// The server refused it and did nothing, perhaps because of one request among them.
    Undone,
    /// Nor will it do another one: it is too old for the words.
    #[cfg(feature = "mysql")]
    Unsupported,
    /// Nobody knows what was done.
    Unknown(StoreError),
}

impl Database {
    /// How much may be on its way at once; nothing where requests do not leave together.
    pub(crate) fn bounds(&self) -> Option<Bounds> {
        let (flights, waiting) = (self.options.batches, self.options.queue);
        let bytes = match self.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => BYTES_POSTGRES,
            #[cfg(feature = "mysql")]
            Pools::MySql(_) => BYTES_MYSQL,
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => return None,
        };
        Some(Bounds { flights, together: TOGETHER, bytes, waiting })
    }

    /// Whether statements may be sent whose text has values in it: a pool that the user brings may write each
    /// slow statement into the log, and what is in it are keys.
    pub(crate) fn takes_scripts(&self) -> bool {
        match &self.pools {
            #[cfg(feature = "mysql")]
            Pools::MySql(connections) => connections.are_own(),
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            _ => true,
        }
    }

    /// Waits for an answer, for as long as anything may take.
    pub(crate) async fn wait<Q: Send, A: Send>(
        &self,
        lane: &Lane<Q, A>,
        request: Q,
        size: usize,
        start: impl FnOnce(Flight<Q, A>) + Send,
    ) -> Result<A, StoreError> {
        self.in_time(async { Ok(lane.ask(request, size, start).await?) }).await
    }
}
