//! SQLite by one connection, on the thread that serves: it cannot be done with less.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::Raw;
use crate::Result;

pub(super) struct Rusqlite(Mutex<Connection>);

impl Rusqlite {
    /// `synchronous` is `NORMAL`, which may lose the last writes in a power cut, or `FULL`.
    pub(super) fn open(folder: &str, synchronous: &str) -> Result<Self> {
        let connection = Connection::open(Path::new(folder).join("sessions.sqlite3"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.execute_batch(
            "CREATE TABLE sessions (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Raw for Rusqlite {
    async fn create(&self, key: &str, contents: &str) -> Result {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("INSERT INTO sessions (id, data) VALUES (?1, ?2)")?;
        statement.execute((key, contents))?;
        Ok(())
    }

    async fn load(&self, key: &str) -> Result<String> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT data FROM sessions WHERE id = ?1")?;
        Ok(statement.query_row([key], |row| row.get(0))?)
    }

    async fn save(&self, key: &str, contents: &str) -> Result {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("UPDATE sessions SET data = ?2 WHERE id = ?1")?;
        statement.execute((key, contents))?;
        Ok(())
    }
}
