//! A file that we opened.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "memory-cache")]
use super::edition::FileEdition;
use super::open::Place;
use super::readers::Readers;
use super::sweeper::Sweeper;
use super::writer::Writer;
use crate::database::statement::{Gather, Reading, Statement, Value};
use crate::settings::DatabaseOptions;

/// Our connections to a file, each opened when it is needed. They are not pinged before each use: a
/// file does not hang up.
#[derive(Clone, Debug)]
pub(in crate::database) struct SqliteFile {
    place: Arc<Place>,
    readers: Arc<Readers>,
    writer: Arc<Writer>,
    sweeping: Arc<Mutex<()>>,
}

impl SqliteFile {
    /// Connections to a file that is there.
    pub(in crate::database) fn new(path: &Path, options: DatabaseOptions) -> Self {
        let place = Arc::new(Place::new(path));
        let readers = Arc::new(Readers::new(Arc::clone(&place)));
        let writer = Writer::new(Arc::clone(&place), options);
        Self { place, readers, writer: Arc::new(writer), sweeping: Arc::default() }
    }

    pub(in crate::database) fn path(&self) -> &Path {
        &self.place.path
    }

    pub(in crate::database) async fn execute(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        self.writer.execute(statement.sqlite, values).await
    }

    pub(in crate::database) async fn fetch<A: Default + Send + 'static>(
        &self,
        reading: Reading,
        statement: &Statement,
        values: &[Value<'_>],
        gather: impl Gather<A>,
    ) -> Result<A, sqlx::Error> {
        // What never has to wait must let others have their turn now and then.
        tokio::task::coop::consume_budget().await;
        if reading == Reading::Few
            && let Some(gathered) = self.readers.glance(statement.sqlite, values, gather)?
        {
            return Ok(gathered);
        }
        // Boxed, so that the others' futures are small.
        Box::pin(self.readers.read_elsewhere(statement.sqlite, values, gather)).await
    }

    pub(in crate::database) fn fetch_now<A: Default>(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
        gather: impl Gather<A>,
    ) -> Option<A> {
        self.readers.glance(statement.sqlite, values, gather).ok().flatten()
    }

    #[cfg(feature = "memory-cache")]
    pub(in crate::database) fn edition(&self) -> Option<FileEdition> {
        self.writer.edition()
    }

    /// For who removes a great many rows.
    pub(in crate::database) fn sweeper(&self) -> Sweeper {
        Sweeper::new(Arc::clone(&self.place), Arc::clone(&self.sweeping))
    }

    /// Waits for the statements that are under way and closes every connection.
    pub(in crate::database) async fn close(&self) {
        self.place.close();
        let (readers, writer) = (Arc::clone(&self.readers), Arc::clone(&self.writer));
        let sweeping = Arc::clone(&self.sweeping);
        // The last one to close writes the file whole.
        let closed = tokio::task::spawn_blocking(move || {
            drop(sweeping.lock().unwrap_or_else(PoisonError::into_inner));
            readers.close();
            writer.close();
        });
        let _ = closed.await;
    }
}
