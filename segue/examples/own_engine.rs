//! An engine of one's own in one file, and the test that it keeps the contract.
//!
//! `cargo run -p segue --features testing --example own_engine`
//!
//! It keeps sessions in a map of this process, each with the number of times it was written. In the
//! place of the map stands your database: what matters is that `create` alone makes a record, that
//! `replace` and `touch` compare and write in one step, and that a store that cannot tell says so.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use segue::{
    Cleared, Guarantees, Record, Replaced, SessionKey, SessionStore, StoreError, Timestamp,
};

/// Sessions in a map, by their ids.
#[derive(Debug, Default)]
pub struct OwnEngine {
    rows: Mutex<BTreeMap<String, Row>>,
}

#[derive(Debug)]
struct Row {
    payload: Vec<u8>,
    expires_at: Timestamp,
    writes: u64,
}

impl Row {
    fn is_live(&self) -> bool {
        self.expires_at > Timestamp::now()
    }
}

impl OwnEngine {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for OwnEngine {
    /// What it promises: here all that a store can, except to remove expired sessions by itself.
    fn guarantees(&self) -> Guarantees {
        Guarantees::full()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        let rows = self.rows();
        let row = rows.get(key.expose()).filter(|row| row.is_live());
        Ok(row.map(|row| {
            Record::new(row.payload.as_slice(), row.expires_at).with_version(row.writes)
        }))
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        let key = SessionKey::generate()?;
        let row = Row { payload: payload.to_vec(), expires_at, writes: 1 };
        // A new id is nobody's: of 36^32 there are, two never meet. A database says so with a unique
        // index, and then another id is tried.
        self.rows().insert(key.expose().to_owned(), row);
        Ok(key)
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        // In SQL: UPDATE … WHERE id = key AND expires_at > now() AND payload = seen
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(key.expose()).filter(|row| row.is_live()) else {
            return Ok(Replaced::Gone);
        };
        // The version is a hint: who has just saved does not know it.
        let is_seen = match seen.version() {
            Some(version) => version == row.writes,
            None => seen.payload() == row.payload,
        };
        if !is_seen {
            return Ok(Replaced::Conflict);
        }
        *row = Row { payload: payload.to_vec(), expires_at, writes: row.writes + 1 };
        Ok(Replaced::Saved(key.clone()))
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.replace(key, seen, seen.payload(), expires_at).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.rows().remove(key.expose());
        Ok(())
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let before = rows.len();
        rows.retain(|_, row| row.is_live());
        let removed = (before - rows.len()) as u64;
        on_batch(Cleared::new(removed, None));
        Ok(removed)
    }
}

#[tokio::main]
async fn main() {
    segue::testing::check_store(OwnEngine::default()).await;
    println!("The engine keeps the contract.");
}
