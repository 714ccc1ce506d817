//! What is not to be believed: a cache that is down, entries that could not be removed.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{StoreError, describe};
use crate::key::SessionKey;

/// After a failure the cache is left in peace for so long: requests do not queue up before it.
const PEACE: Duration = Duration::from_secs(1);

/// More entries than this are not remembered one by one: then none is believed.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Doubts(Mutex<State>);

#[derive(Default)]
struct State {
    /// Entries that should be gone.
    keys: HashSet<SessionKey>,
    /// Those beyond the most that are remembered, how many they are.
    others: usize,
    down_until: Option<Instant>,
}

impl Doubts {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave it half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the entry of this key is not to be believed.
    pub(super) fn of(&self, key: &SessionKey) -> bool {
        let state = self.state();
        state.others > 0 || (!state.keys.is_empty() && state.keys.contains(key))
    }

    /// From now on it is not; tells whether that is new.
    pub(super) fn begin(&self, key: &SessionKey) -> bool {
        let mut state = self.state();
        if state.keys.contains(key) {
            return false;
        }
        if state.keys.len() >= MOST {
            state.others += 1;
        } else {
            state.keys.insert(key.clone());
        }
        true
    }

    /// It is gone.
    pub(super) fn end(&self, key: &SessionKey) {
        let mut state = self.state();
        if !state.keys.remove(key) {
            state.others = state.others.saturating_sub(1);
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.state().down_until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn fails(&self, error: &StoreError) {
        let was_down = self.state().down_until.replace(Instant::now() + PEACE).is_some();
        if !was_down {
            tracing::warn!(
                error = describe(error),
                "the cache in front of the sessions fails; they come from the database meanwhile"
            );
        }
    }

    pub(super) fn answers(&self) {
        let was_down = self.state().down_until.take().is_some();
        if was_down {
            tracing::info!("the cache in front of the sessions answers again");
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("doubtful", &(self.keys.len() + self.others))
            .field("down", &self.down_until.is_some())
            .finish()
    }
}
