//! A file that we opened.

use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "memory-cache")]
use super::edition::FileEdition;
use super::open::Place;
use super::readers::Readers;
use super::writer::Writer;
use crate::database::statement::{Reading, Row, Statement, Value};
use crate::settings::DatabaseOptions;

/// Our connections to a file, each opened when it is needed. They are not pinged before each use: a
/// file does not hang up.
#[derive(Clone, Debug)]
pub(in crate::database) struct SqliteFile {
    place: Arc<Place>,
    readers: Arc<Readers>,
    writer: Arc<Writer>,
}

impl SqliteFile {
    /// Connections to a file that is there.
    pub(in crate::database) fn new(path: &Path, options: DatabaseOptions) -> Self {
        let place = Arc::new(Place::new(path));
        let readers = Arc::new(Readers::new(Arc::clone(&place)));
        let writer = Writer::new(Arc::clone(&place), options);
        Self { place, readers, writer: Arc::new(writer) }
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

    pub(in crate::database) async fn fetch(
        &self,
        reading: Reading,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        // What never has to wait must let others have their turn now and then.
        tokio::task::coop::consume_budget().await;
        if reading == Reading::Few
            && let Some(rows) = self.readers.glance(statement.sqlite, values)?
        {
            return Ok(rows);
        }
        // Boxed, so that the others' futures are small.
        Box::pin(self.readers.read_elsewhere(statement.sqlite, values)).await
    }

    #[cfg(feature = "memory-cache")]
    pub(in crate::database) fn edition(&self) -> Option<FileEdition> {
        self.writer.edition()
    }

    /// Waits for the statements that are under way and closes every connection.
    pub(in crate::database) async fn close(&self) {
        self.place.close();
        let (readers, writer) = (Arc::clone(&self.readers), Arc::clone(&self.writer));
        // The last one to close writes the file whole.
        let closed = tokio::task::spawn_blocking(move || {
            readers.close();
            writer.close();
        });
        let _ = closed.await;
    }
}
