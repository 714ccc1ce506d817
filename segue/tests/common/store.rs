//! A store with knobs: it counts its calls, fails on demand, holds what a test plants.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use segue::{
    Cleared, Clock, Guarantees, Record, Replaced, SessionKey, SessionStore, StoreError,
    StoreErrorKind, Timestamp,
};

/// How often each method was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub load: u32,
    pub create: u32,
    pub replace: u32,
    pub touch: u32,
    pub delete: u32,
}

impl Calls {
    pub fn total(self) -> u32 {
        self.load + self.create + self.replace + self.touch + self.delete
    }
}

#[derive(Clone, Debug)]
pub struct TestStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    records: Mutex<HashMap<SessionKey, Record>>,
    calls: Mutex<Calls>,
    next_key: Mutex<Option<SessionKey>>,
    clock: Clock,
    down: AtomicBool,
    compares: AtomicBool,
    forgets: AtomicBool,
}

impl TestStore {
    pub fn new(clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                records: Mutex::default(),
                calls: Mutex::default(),
                next_key: Mutex::default(),
                clock,
                down: AtomicBool::new(false),
                compares: AtomicBool::new(true),
                forgets: AtomicBool::new(false),
            }),
        }
    }

    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The calls since the last time.
    pub fn calls(&self) -> Calls {
        std::mem::take(&mut *self.inner.calls.lock().unwrap())
    }

    /// From now on every call fails, or none.
    pub fn set_down(&self, down: bool) {
        self.inner.down.store(down, Ordering::SeqCst);
    }

    /// Without the comparison every `replace` of a live record succeeds: the negative control.
    pub fn set_compares(&self, compares: bool) {
        self.inner.compares.store(compares, Ordering::SeqCst);
    }

    /// From now on it says at once that nothing is there, whatever is: another negative control.
    pub fn set_forgets(&self, forgets: bool) {
        self.inner.forgets.store(forgets, Ordering::SeqCst);
    }

    /// The next `create` uses this key.
    pub fn set_next_key(&self, key: SessionKey) {
        *self.inner.next_key.lock().unwrap() = Some(key);
    }

    pub fn plant(&self, key: SessionKey, payload: &[u8], expires_at: Timestamp) {
        self.records().insert(key, Record::new(payload, expires_at));
    }

    pub fn records(&self) -> MutexGuard<'_, HashMap<SessionKey, Record>> {
        self.inner.records.lock().unwrap()
    }

    fn call(&self, count: impl FnOnce(&mut Calls)) -> Result<(), StoreError> {
        count(&mut self.inner.calls.lock().unwrap());
        if self.inner.down.load(Ordering::SeqCst) {
            let message = "the test store was told to fail";
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        Ok(())
    }

    fn swap(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let compares = self.inner.compares.load(Ordering::SeqCst);
        let mut records = self.records();
        let Some(record) = records.get_mut(key).filter(|record| self.is_live(record)) else {
            return Ok(Replaced::Gone);
        };
        if compares && record.payload() != seen.payload() {
            return Ok(Replaced::Conflict);
        }
        *record = Record::new(payload, expires_at);
        Ok(Replaced::Saved(key.clone()))
    }

    fn is_live(&self, record: &Record) -> bool {
        record.expires_at() > self.inner.clock.now()
    }
}

impl SessionStore for TestStore {
    fn guarantees(&self) -> Guarantees {
        Guarantees::full()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        self.call(|calls| calls.load += 1)?;
        // Lets other requests in between, as a real store does.
        tokio::task::yield_now().await;
        Ok(self.records().get(key).filter(|record| self.is_live(record)).cloned())
    }

    fn load_now(&self, _: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        self.inner.forgets.load(Ordering::SeqCst).then_some(Ok(None))
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        self.call(|calls| calls.create += 1)?;
        let planned = self.inner.next_key.lock().unwrap().take();
        let key = planned.map_or_else(SessionKey::generate, Ok)?;
        self.plant(key.clone(), payload, expires_at);
        tokio::task::yield_now().await;
        Ok(key)
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.call(|calls| calls.replace += 1)?;
        tokio::task::yield_now().await;
        self.swap(key, seen, payload, expires_at)
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.call(|calls| calls.touch += 1)?;
        self.swap(key, seen, seen.payload(), expires_at)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.call(|calls| calls.delete += 1)?;
        tokio::task::yield_now().await;
        self.records().remove(key);
        Ok(())
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        self.call(|_| {})?;
        let mut records = self.records();
        let before = records.len();
        records.retain(|_, record| self.is_live(record));
        let removed = (before - records.len()) as u64;
        on_batch(Cleared::new(removed, None));
        Ok(removed)
    }
}
