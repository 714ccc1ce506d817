//! A connection that is made when it is needed, once for all who need it.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::near::Near;
use super::words::Trouble;

/// How long after a failure nobody tries again; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection that is made when it is first needed, and anew once it broke.
///
/// However many wait for it, one attempt is under way; after one that failed the others hear of the
/// failure, and for a short while nobody tries again. So a server that comes back is not run down.
#[derive(Debug)]
pub(super) struct Lazy<C> {
    attempt: Mutex<Arc<Attempt<C>>>,
}

#[derive(Debug)]
struct Attempt<C> {
    result: OnceCell<Result<Live<C>, Failure>>,
    /// How many failed before this one, in a row.
    failures: u32,
}

/// A connection, and whether it broke.
#[derive(Clone, Debug)]
pub(super) struct Live<C> {
    pub(super) connection: C,
    pub(super) broken: Broken,
}

/// Whether a connection broke. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Broken {
    is_set: Arc<AtomicBool>,
    /// Copies of what was read on it, which nobody keeps true any more when it breaks.
    near: Option<Arc<Near>>,
}

#[derive(Debug)]
struct Failure {
    trouble: Trouble,
    next: Instant,
}

impl Broken {
    pub(super) fn of(near: Option<Arc<Near>>) -> Self {
        Self { is_set: Arc::default(), near }
    }

    pub(super) fn set(&self) {
        // In this order: whoever asks after the copies are gone does not ask on this connection.
        let was_set = self.is_set.swap(true, Ordering::AcqRel);
        if let Some(near) = self.near.as_ref().filter(|_| !was_set) {
            near.forget_all();
        }
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Broken").field(&self.is_set()).finish()
    }
}

impl<C: Clone> Lazy<C> {
    pub(super) fn new() -> Self {
        Self { attempt: Mutex::new(Attempt::after(0)) }
    }

    /// The connection; `connect` makes one if there is none and nobody else is making it.
    pub(super) async fn get<F>(&self, connect: impl FnOnce() -> F) -> Result<Live<C>, Trouble>
    where
        F: Future<Output = Result<Live<C>, Trouble>>,
    {
        let attempt = self.current();
        let result = match attempt.result.get() {
            Some(result) => result,
            // If the one who makes it is cancelled, the next of those who wait begins anew. Boxed,
            // because connecting is rare and large.
            None => attempt.result.get_or_init(|| Box::pin(attempt.make(connect()))).await,
        };
        match result {
            Ok(live) => Ok(live.clone()),
            Err(failure) => Err(failure.trouble.clone()),
        }
    }

    /// The connection, if there is one that did not break.
    pub(super) fn at_hand(&self) -> Option<Live<C>> {
        let attempt = self.attempt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let live = attempt.result.get()?.as_ref().ok()?;
        (!live.broken.is_set()).then(|| live.clone())
    }

    fn current(&self) -> Arc<Attempt<C>> {
        let mut attempt = self.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        match attempt.result.get() {
            Some(Ok(live)) if live.broken.is_set() => *attempt = Attempt::after(0),
            Some(Err(failure)) if failure.next <= Instant::now() => {
                *attempt = Attempt::after(attempt.failures.saturating_add(1));
            }
            _ => {}
        }
        attempt.clone()
    }
}

impl<C> Attempt<C> {
    fn after(failures: u32) -> Arc<Self> {
        Arc::new(Self { result: OnceCell::new(), failures })
    }

    async fn make(
        &self,
        connect: impl Future<Output = Result<Live<C>, Trouble>>,
    ) -> Result<Live<C>, Failure> {
        connect.await.map_err(|trouble| {
            let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10));
            Failure { trouble, next: Instant::now() + pause.min(LONGEST_PAUSE) }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::error::StoreErrorKind;

    fn failed() -> Trouble {
        Trouble::Said(StoreErrorKind::Unavailable, "no".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_need_it_make_one() {
        let (lazy, made) = (Arc::new(Lazy::new()), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let (lazy, made) = (lazy.clone(), made.clone());
                tokio::spawn(async move {
                    let connect = async {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        let connection = made.fetch_add(1, Ordering::SeqCst);
                        Ok(Live { connection, broken: Broken::default() })
                    };
                    lazy.get(|| connect).await.unwrap().connection
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), 0);
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_nobody_tries_for_a_while() {
        let (lazy, tries) = (Lazy::<()>::new(), AtomicUsize::new(0));
        for _ in 0..10_000 {
            let connect = async {
                tries.fetch_add(1, Ordering::SeqCst);
                Err(failed())
            };
            assert!(lazy.get(|| connect).await.is_err());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // 50, 100, 200, 400, 800 ms, then once a second.
        assert!((12..=15).contains(&tries.load(Ordering::SeqCst)), "{tries:?}");
    }

    #[tokio::test]
    async fn a_broken_one_is_made_anew() {
        let lazy = Lazy::new();
        let broken = Broken::default();
        let first = Live { connection: 1, broken: broken.clone() };
        let second = Live { connection: 2, broken: Broken::default() };
        assert_eq!(lazy.get(|| async { Ok(first) }).await.unwrap().connection, 1);
        assert_eq!(lazy.get(|| async { Err(failed()) }).await.unwrap().connection, 1);
        broken.set();
        assert_eq!(lazy.get(|| async { Ok(second) }).await.unwrap().connection, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_cancelled_while_making_it_leaves_it_to_the_next() {
        let lazy = Arc::new(Lazy::new());
        let first = tokio::spawn({
            let lazy = lazy.clone();
            async move { lazy.get(std::future::pending).await.map(drop) }
        });
        tokio::task::yield_now().await;
        let second = tokio::spawn(async move {
            lazy.get(|| async { Ok(Live { connection: 7, broken: Broken::default() }) }).await
        });
        tokio::task::yield_now().await;
        first.abort();
        assert_eq!(second.await.unwrap().unwrap().connection, 7);
    }
}
