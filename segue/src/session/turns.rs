//! Turns for those who save one session at once: one after the other, in the order in which they came.
//!
//! Whoever has lost a race would lose the next one as well, to others of the same process: of a crowd of
//! n each would need n rounds, and luck would decide who is last. In turn each has one round, and begins
//! where the one before it has ended, without a load. A store that other processes write to as well is as
//! safe as before: every save is a compare-and-swap.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use crate::key::SessionKey;
use crate::store::Record;

/// How long a turn is waited for while the queue does not move. A store that does not answer those in
/// front is asked all the same then, so that everybody is told in time.
const PATIENCE: Duration = Duration::from_secs(1);

/// Those who wait for one session.
#[derive(Clone, Debug, Default)]
struct Queue {
    /// What the last one has saved, for whoever has the turn.
    left: Arc<tokio::sync::Mutex<Option<Record>>>,
    /// How many have had it.
    moved: Arc<AtomicU64>,
}

/// The queues, each for a session that somebody has lost a race for.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<SessionKey, Queue>>);

/// The turn of one who saves. The next one has it when this is dropped.
pub(super) struct Turn<'t> {
    /// Nothing where it was waited for in vain. It goes first.
    has_it: Option<OwnedMutexGuard<Option<Record>>>,
    _place: Place<'t>,
}

/// A place in a queue, which is gone with the last of them.
struct Place<'t> {
    turns: &'t Turns,
    key: SessionKey,
    queue: Option<Queue>,
}

impl Turns {
    /// Waits for the turn, behind all who have lost a race for this session.
    pub(super) async fn take(&self, key: &SessionKey) -> Turn<'_> {
        let queue = self.lock().entry(key.clone()).or_default().clone();
        self.wait(key, queue).await
    }

    /// Waits for the turn where others wait; nothing where nobody does.
    pub(super) async fn take_if_any(&self, key: &SessionKey) -> Option<Turn<'_>> {
        let queue = self.lock().get(key)?.clone();
        Some(self.wait(key, queue).await)
    }

    async fn wait(&self, key: &SessionKey, queue: Queue) -> Turn<'_> {
        let Queue { left, moved } = queue.clone();
        let place = Place { turns: self, key: key.clone(), queue: Some(queue) };
        let has_it = match Arc::clone(&left).try_lock_owned() {
            Ok(turn) => Some(turn),
            Err(_) => in_time(left.lock_owned(), &moved).await,
        };
        if has_it.is_some() {
            moved.fetch_add(1, Ordering::Relaxed);
        }
        Turn { has_it, _place: place }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a turn, in its place, as long as others have theirs.
async fn in_time<T>(turn: impl Future<Output = T>, moved: &AtomicU64) -> Option<T> {
    let mut turn = pin!(turn);
    let mut before = moved.load(Ordering::Relaxed);
    loop {
        if let Ok(turn) = tokio::time::timeout(PATIENCE, turn.as_mut()).await {
            return Some(turn);
        }
        let now = moved.load(Ordering::Relaxed);
        if std::mem::replace(&mut before, now) == now {
            return None;
        }
    }
}

impl Turn<'_> {
    /// Whether it is there, and was not waited for in vain.
    pub(super) fn has_come(&self) -> bool {
        self.has_it.is_some()
    }

    /// What the one before has saved, to be told once; nothing where that is not known.
    pub(super) fn left(&mut self) -> Option<Record> {
        self.has_it.as_mut()?.take()
    }

    /// This one has saved this, and the next one goes on from there.
    pub(super) fn leave(&mut self, record: &Record) {
        if let Some(left) = &mut self.has_it {
            **left = Some(record.clone());
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.lock();
        // Others come by the map alone, which is locked: whoever is the last now stays the last.
        drop(self.queue.take());
        if queues.get(&self.key).is_some_and(|queue| Arc::strong_count(&queue.left) == 1) {
            queues.remove(&self.key);
        }
    }
}

/// The keys are secret.
impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn record(payload: &str) -> Record {
        Record::new(payload.as_bytes(), Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn each_goes_on_where_the_one_before_has_ended() {
        let (turns, key) = (Arc::new(Turns::default()), SessionKey::generate().unwrap());
        assert!(turns.take_if_any(&key).await.is_none(), "nobody has lost a race");
        let mut first = turns.take(&key).await;
        assert_eq!(first.left(), None);
        let (order, mut ended) = tokio::sync::mpsc::unbounded_channel();
        let mut others = tokio::task::JoinSet::new();
        for number in 0..10 {
            let (turns, key, order) = (Arc::clone(&turns), key.clone(), order.clone());
            others.spawn(async move {
                let mut turn = turns.take_if_any(&key).await.unwrap();
                order.send((number, turn.left().unwrap())).unwrap();
                turn.leave(&record(&number.to_string()));
            });
            tokio::task::yield_now().await;
        }
        first.leave(&record("first"));
        drop(first);
        others.join_all().await;
        let mut before = "first".to_owned();
        for number in 0..10 {
            assert_eq!(ended.recv().await.unwrap(), (number, record(&before)));
            before = number.to_string();
        }
        assert!(turns.lock().is_empty(), "nothing is left of a queue");
    }

    #[tokio::test]
    async fn who_goes_away_leaves_no_trace_and_holds_up_nobody() {
        let (turns, key) = (Turns::default(), SessionKey::generate().unwrap());
        let mut first = turns.take(&key).await;
        for _ in 0..10 {
            let waiting = tokio::time::timeout(Duration::from_millis(1), turns.take(&key));
            assert!(waiting.await.is_err(), "the first has not ended");
        }
        first.leave(&record("first"));
        drop(first);
        assert!(turns.lock().is_empty());
        assert_eq!(turns.take(&key).await.left(), None, "it is another queue");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_is_not_waited_for_for_ever() {
        let (turns, key) = (Turns::default(), SessionKey::generate().unwrap());
        let mut first = turns.take(&key).await;
        first.leave(&record("first"));
        let mut second = turns.take(&key).await;
        assert_eq!(second.left(), None, "it goes without");
        second.leave(&record("second"));
        assert_eq!(first.left(), Some(record("first")));
    }

    /// A store may be slow: as long as one after the other gets there, nobody goes without.
    #[tokio::test(start_paused = true)]
    async fn a_long_queue_stays_one() {
        let (turns, key) = (Arc::new(Turns::default()), SessionKey::generate().unwrap());
        let mut crowd = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (turns, key) = (Arc::clone(&turns), key.clone());
            crowd.spawn(async move {
                let turn = turns.take(&key).await;
                tokio::time::sleep(PATIENCE * 9 / 10).await;
                turn.has_come()
            });
        }
        let has_come = crowd.join_all().await;
        assert!(has_come.iter().all(|has_come| *has_come), "{has_come:?}");
        assert!(turns.lock().is_empty());
    }
}
