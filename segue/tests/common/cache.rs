//! A cache with knobs: it counts its calls, fails, hangs, forgets, and holds what a test plants.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use segue::{Cache, Record, StoreError, StoreErrorKind, Swapped, Timestamp};

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Up,
    /// Each call is an error.
    Down,
    /// No call ever ends.
    Hangs,
    /// It answers, and removes nothing.
    KeepsAll,
}

#[derive(Clone, Debug)]
pub struct TestCache(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    values: Mutex<HashMap<String, Record>>,
    calls: AtomicU32,
    health: AtomicU8,
}

impl TestCache {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    pub fn set_health(&self, health: Health) {
        self.0.health.store(health as u8, Ordering::SeqCst);
    }

    /// The calls since the last time.
    pub fn calls(&self) -> u32 {
        self.0.calls.swap(0, Ordering::SeqCst)
    }

    pub fn values(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.0.values.lock().unwrap()
    }

    async fn call(&self) -> Result<(), StoreError> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        // Lets other requests in between, as a real cache does.
        tokio::task::yield_now().await;
        match self.0.health.load(Ordering::SeqCst) {
            up if up == Health::Up as u8 || up == Health::KeepsAll as u8 => Ok(()),
            down if down == Health::Down as u8 => {
                let message = "the test cache was told to fail";
                Err(StoreError::new(StoreErrorKind::Unavailable, message))
            }
            _ => std::future::pending().await,
        }
    }
}

fn live(record: &Record) -> bool {
    record.expires_at() > Timestamp::now()
}

impl Cache for TestCache {
    async fn get(&self, name: &str) -> Result<Option<Record>, StoreError> {
        self.call().await?;
        Ok(self.values().get(name).filter(|record| live(record)).cloned())
    }

    async fn add(
        &self,
        name: &str,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.call().await?;
        let mut values = self.values();
        if values.get(name).is_some_and(live) {
            return Ok(false);
        }
        values.insert(name.to_owned(), Record::new(value, expires_at));
        Ok(true)
    }

    async fn swap(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<Swapped, StoreError> {
        self.call().await?;
        let mut values = self.values();
        match values.get(name).filter(|record| live(record)) {
            None => Ok(Swapped::Gone),
            Some(record) if record.payload() != seen.payload() => Ok(Swapped::Conflict),
            Some(_) => {
                let next = Record::new(value, expires_at);
                if live(&next) {
                    values.insert(name.to_owned(), next);
                } else {
                    values.remove(name);
                }
                Ok(Swapped::Stored)
            }
        }
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.call().await?;
        if self.0.health.load(Ordering::SeqCst) == Health::KeepsAll as u8 {
            let message = "the test cache was told to keep all";
            return Err(StoreError::new(StoreErrorKind::Refused, message));
        }
        self.values().remove(name);
        Ok(())
    }
}
