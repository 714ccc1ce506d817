//! The news of a database that tells them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::super::entries::Entries;
use crate::database::Database;
use crate::digest::Digest;
use crate::error::{StoreError, describe};

/// The longest pause before the database is listened to again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a server tells of changes, as long as it is heard of.
#[derive(Debug)]
pub(super) struct Told {
    hearing: Arc<Mutex<Hearing>>,
    listener: OnceLock<AbortHandle>,
    database: Database,
    entries: Weak<Entries>,
    staleness: Duration,
}

#[derive(Debug, Default)]
struct Hearing {
    /// Until then nothing can have been missed for too long.
    until: Option<Instant>,
    interruptions: u64,
}

impl Told {
    pub(super) fn new(database: &Database, entries: &Arc<Entries>, staleness: Duration) -> Self {
        let (database, entries) = (database.clone(), Arc::downgrade(entries));
        Self { hearing: Arc::default(), listener: OnceLock::new(), database, entries, staleness }
    }

    /// How often the news have been interrupted; nothing while they are.
    pub(super) fn interruptions(&self) -> Option<u64> {
        self.listener.get_or_init(|| {
            let (database, entries) = (self.database.clone(), Weak::clone(&self.entries));
            let listener = Listener {
                hearing: Arc::clone(&self.hearing),
                database,
                entries,
                staleness: self.staleness,
            };
            tokio::spawn(listener.run()).abort_handle()
        });
        let hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
        hearing.until.filter(|until| Instant::now() < *until).map(|_| hearing.interruptions)
    }
}

/// Nobody needs the news any more, nor their connection.
impl Drop for Told {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get() {
            listener.abort();
        }
    }
}

/// Listens until it is told to stop.
struct Listener {
    hearing: Arc<Mutex<Hearing>>,
    database: Database,
    entries: Weak<Entries>,
    staleness: Duration,
}

impl Listener {
    async fn run(self) {
        let (mut pause, mut was_told) = (Duration::ZERO, false);
        loop {
            tokio::time::sleep(pause).await;
            let Err(error) = self.listen().await;
            let was_heard = {
                let mut hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
                hearing.interruptions += 1;
                hearing.until.take().is_some()
            };
            if was_heard || !was_told {
                tracing::warn!(
                    error = describe(&error),
                    "the database does not tell what changes; all sessions are read from it meanwhile"
                );
                was_told = true;
            }
            let first = self.staleness.min(Duration::from_secs(1));
            pause = if was_heard { first } else { (pause * 2).clamp(first, LONGEST_PAUSE) };
        }
    }

    /// Until the news are interrupted.
    async fn listen(&self) -> Result<Infallible, StoreError> {
        // What was asked that long ago, and answered, is the oldest that can have been missed.
        let turn = self.staleness / 3;
        let mut news = self.database.news(turn).await?;
        loop {
            let asked = Instant::now();
            news.ask().await?;
            while let Some(told) = news.told() {
                self.take(&told);
            }
            self.hearing.lock().unwrap_or_else(PoisonError::into_inner).until =
                Some(asked + self.staleness);
            while let Some(told) = news.next(asked + turn).await? {
                self.take(&told);
            }
        }
    }

    /// The digests of a key and of its row; of a key alone if the row is gone; nothing if all may be gone.
    fn take(&self, told: &str) {
        match told.split_at_checked(32) {
            Some((key, row)) => {
                if let (Some(key), Some(entries)) = (Digest::read(key), self.entries.upgrade()) {
                    entries.changed(key, Digest::read(row));
                }
            }
            None => {
                let mut hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
                hearing.interruptions += 1;
            }
        }
    }
}
