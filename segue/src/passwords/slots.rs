//! How many passwords are hashed at once, and how many wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::error::{PasswordError, PasswordErrorKind};

/// How many may wait for each slot. At a tenth of a second each, the last one waits for a quarter
/// of a minute; who comes after it is better told at once.
const WAITING: usize = 128;

/// No hasher takes longer where it is optimised.
const SLOW: Duration = Duration::from_secs(4);

#[derive(Clone)]
pub(super) struct Slots {
    running: Arc<Semaphore>,
    /// Those who run and those who wait.
    places: Arc<Semaphore>,
}

impl Slots {
    pub(super) fn new(limit: usize) -> Self {
        let places = limit.saturating_add(limit.saturating_mul(WAITING));
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits));
        Self { running: semaphore(limit), places: semaphore(places) }
    }

    /// Does the work on a thread of its own, when it is its turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let busy = |_| PasswordError::new(PasswordErrorKind::Busy);
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(busy)?;
        let slot =
            Arc::clone(&self.running).acquire_owned().await.map_err(PasswordError::failed)?;
        let done = spawn_blocking(move || {
            // The work cannot be stopped when its caller goes away, so it keeps its slot itself.
            let _held = (slot, place);
            let started = Instant::now();
            let outcome = work();
            complain_of_the_build(started.elapsed());
            outcome
        });
        done.await.map_err(PasswordError::failed)
    }
}

/// Hashing that is not optimised takes a hundred times as long, and nobody would think of that.
fn complain_of_the_build(took: Duration) {
    static DONE: AtomicBool = AtomicBool::new(false);
    if cfg!(debug_assertions) && took > SLOW && !DONE.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "hashing a password took {:.0} s, because this is a debug build: put \
             `[profile.dev.package.pbkdf2]` and `[profile.dev.package.sha2]`, each with \
             `opt-level = 3`, into Cargo.toml",
            took.as_secs_f64()
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    /// Work that goes on until it is released, and counts who is at it.
    struct Bench {
        slots: Slots,
        at_work: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        started: Arc<AtomicUsize>,
        release: Sender<()>,
        released: Arc<Mutex<Receiver<()>>>,
    }

    impl Bench {
        fn new(limit: usize) -> Self {
            let (release, released) = channel();
            let count = || Arc::new(AtomicUsize::new(0));
            Self {
                slots: Slots::new(limit),
                at_work: count(),
                most: count(),
                started: count(),
                release,
                released: Arc::new(Mutex::new(released)),
            }
        }

        fn come(&self) -> JoinHandle<Result<(), PasswordErrorKind>> {
            let slots = self.slots.clone();
            let (at_work, most) = (Arc::clone(&self.at_work), Arc::clone(&self.most));
            let (started, released) = (Arc::clone(&self.started), Arc::clone(&self.released));
            tokio::spawn(async move {
                let work = move || {
                    started.fetch_add(1, Ordering::SeqCst);
                    let now = at_work.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    released.lock().unwrap().recv().unwrap();
                    at_work.fetch_sub(1, Ordering::SeqCst);
                };
                slots.run(work).await.map_err(|error| error.kind())
            })
        }

        async fn until_started(&self, count: usize) {
            until(|| self.started.load(Ordering::SeqCst) >= count).await;
        }

        async fn until_places(&self, free: usize) {
            until(|| self.slots.places.available_permits() == free).await;
        }

        fn release(&self, count: usize) {
            (0..count).for_each(|_| self.release.send(()).unwrap());
        }
    }

    async fn until(condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                yield_now().await;
            }
        };
        in_time(wait).await;
    }

    async fn end_of<T>(task: JoinHandle<T>) -> T {
        in_time(task).await.unwrap()
    }

    /// A minute is no measure, but the end of a test that would go on for ever.
    async fn in_time<T>(wait: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it comes about")
    }

    #[tokio::test]
    async fn no_more_run_than_the_limit_says_and_no_more_wait_than_the_bound() {
        for limit in [1, 3] {
            let bench = Bench::new(limit);
            let all = limit * (1 + WAITING);
            let tasks: Vec<_> = (0..all).map(|_| bench.come()).collect();
            bench.until_places(0).await;
            bench.until_started(limit).await;
            assert_eq!(end_of(bench.come()).await, Err(PasswordErrorKind::Busy));
            bench.release(all);
            for task in tasks {
                assert_eq!(end_of(task).await, Ok(()));
            }
            assert_eq!(bench.started.load(Ordering::SeqCst), all, "each of them ran");
            assert_eq!(bench.most.load(Ordering::SeqCst), limit);
            assert_eq!(bench.slots.places.available_permits(), all, "and none kept its place");
        }
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_leaves_the_place_to_another() {
        let bench = Bench::new(1);
        let first = bench.come();
        bench.until_started(1).await;
        let waiting: Vec<_> = (0..WAITING).map(|_| bench.come()).collect();
        bench.until_places(0).await;
        waiting.iter().for_each(JoinHandle::abort);
        bench.until_places(WAITING).await;
        let last = bench.come();
        bench.release(2);
        assert_eq!((end_of(first).await, end_of(last).await), (Ok(()), Ok(())));
        assert_eq!(bench.started.load(Ordering::SeqCst), 2, "nobody works for who went away");
    }

    #[tokio::test]
    async fn work_whose_caller_went_away_keeps_its_slot_until_it_ends() {
        let bench = Bench::new(1);
        let first = bench.come();
        bench.until_started(1).await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let second = bench.come();
        bench.until_places(WAITING - 1).await;
        assert_eq!(bench.slots.running.available_permits(), 0, "it still works");
        bench.release(2);
        assert_eq!(end_of(second).await, Ok(()));
        assert_eq!(bench.most.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_slot_back() {
        let slots = Slots::new(1);
        let error = slots.run::<()>(|| panic!("in a test")).await.unwrap_err();
        assert_eq!(error.kind(), PasswordErrorKind::Failed);
        assert_eq!(slots.run(|| 7).await.unwrap(), 7);
    }
}
