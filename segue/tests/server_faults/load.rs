//! Visitors who come back again and again, and remember what they were told.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use segue::{SessionErrorKind, SessionKey, Sessions};
use tokio::task::JoinHandle;

use super::TIMEOUT;

const VISITORS: usize = 16;

/// How many visits in a row make a visitor content.
const CONTENT: u64 = 20;

/// Saving asks the store twice at the most, and a busy machine takes its time.
const SLOWEST: Duration = Duration::from_millis(2 * TIMEOUT.as_millis() as u64 + 1500);

pub struct Load {
    shared: Arc<Shared>,
    visitors: Vec<JoinHandle<Visitor>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    errors: AtomicU64,
    visits: AtomicU64,
    /// Of each visitor, how many visits went well since one went wrong.
    in_a_row: Mutex<[u64; VISITORS]>,
    slowest: Mutex<Duration>,
}

/// What a visitor was told.
#[derive(Default)]
struct Visitor {
    /// The session, and the number that it must have at least.
    session: Option<(SessionKey, u64)>,
    /// The number that it may have at the most: of the last save nobody may know.
    tried: u64,
    /// Sessions of which it was acknowledged that they have ended.
    ended: HashSet<SessionKey>,
}

/// A visit went wrong in a way that may happen in an outage.
struct Failed;

impl Load {
    pub fn start(sessions: &Sessions) -> Self {
        let shared = Arc::<Shared>::default();
        let visitors = (0..VISITORS)
            .map(|number| {
                let (sessions, shared) = (sessions.clone(), Arc::clone(&shared));
                tokio::spawn(async move { come_again(number, &sessions, &shared).await })
            })
            .collect();
        Self { shared, visitors }
    }

    /// Some visitor has come many times in a row, lately.
    pub async fn until_it_goes_well(&self, when: &str) {
        self.shared.in_a_row.lock().unwrap().fill(0);
        self.until(when, |in_a_row| in_a_row.iter().any(|visits| *visits > CONTENT)).await;
    }

    pub async fn until_all_visitors_go_well(&self) {
        self.shared.in_a_row.lock().unwrap().fill(0);
        self.until("for all", |in_a_row| in_a_row.iter().all(|visits| *visits > CONTENT)).await;
    }

    pub async fn until_it_goes_wrong(&self) {
        let before = self.shared.errors.load(Ordering::SeqCst);
        for _ in 0..300 {
            self.fail_early();
            if self.shared.errors.load(Ordering::SeqCst) > before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nobody notices the outage");
    }

    async fn until(&self, when: &str, holds: impl Fn(&[u64; VISITORS]) -> bool) {
        for _ in 0..600 {
            self.fail_early();
            if holds(&self.shared.in_a_row.lock().unwrap()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (visits, errors) = (&self.shared.visits, &self.shared.errors);
        panic!("it never goes well {when}: {visits:?} visits, {errors:?} errors");
    }

    /// A visitor who has been lied to ends its task.
    fn fail_early(&self) {
        let ended = self.visitors.iter().any(JoinHandle::is_finished);
        assert!(!ended, "a visitor has been told what is not true; see above");
    }

    /// Ends the load, and looks whether all that visitors were told is true.
    pub async fn stop(self, sessions: &Sessions) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let (mut live, mut ended) = (0, 0);
        for visitor in self.visitors {
            let visitor = visitor.await.expect("the visitor has not been lied to");
            for key in &visitor.ended {
                let found = sessions.exists(key).await.unwrap();
                assert!(!found, "a session came back after its logout");
                ended += 1;
            }
            if let Some((key, acknowledged)) = visitor.session {
                let session = sessions.open(Some(key)).load().await.unwrap();
                let found: Option<u64> = session.get("n").unwrap();
                let found = found.expect("an acknowledged session is there");
                let expected = acknowledged..=visitor.tried;
                assert!(expected.contains(&found), "{found} is not in {expected:?}");
                live += 1;
            }
        }
        let slowest = *self.shared.slowest.lock().unwrap();
        assert!(slowest < SLOWEST, "somebody waited for {slowest:?}");
        assert!(live > 0 && ended > 0, "the test looks at something: {live} live, {ended} ended");
        let visits = self.shared.visits.load(Ordering::SeqCst);
        let errors = self.shared.errors.load(Ordering::SeqCst);
        println!("{visits} visits, {errors} errors, slowest {slowest:?}, {ended} logouts");
    }
}

async fn come_again(number: usize, sessions: &Sessions, shared: &Shared) -> Visitor {
    let mut visitor = Visitor::default();
    let mut round = 0_u64;
    while !shared.stop.load(Ordering::SeqCst) {
        round += 1;
        match visitor.visit(sessions, round.is_multiple_of(25)).await {
            Ok(slowest) => {
                shared.visits.fetch_add(1, Ordering::SeqCst);
                shared.in_a_row.lock().unwrap()[number] += 1;
                shared.note(slowest);
            }
            Err((Failed, slowest)) => {
                shared.errors.fetch_add(1, Ordering::SeqCst);
                shared.in_a_row.lock().unwrap()[number] = 0;
                shared.note(slowest);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    visitor
}

impl Shared {
    fn note(&self, took: Duration) {
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = (*slowest).max(took);
    }
}

impl Visitor {
    /// Counts one more visit, or logs out; tells how long the slower of loading and saving took.
    async fn visit(
        &mut self,
        sessions: &Sessions,
        logout: bool,
    ) -> Result<Duration, (Failed, Duration)> {
        let started = Instant::now();
        let key = self.session.as_ref().map(|(key, _)| key.clone());
        let loaded = sessions.open(key.clone()).load().await;
        let loading = started.elapsed();
        let Ok(session) = loaded else { return Err((Failed, loading)) };
        let found: Option<u64> = session.get("n").unwrap();
        if let Some((_, acknowledged)) = self.session {
            let found = found.expect("a session that was acknowledged is never found empty");
            assert!(found >= acknowledged, "{found} is older than the acknowledged {acknowledged}");
            assert!(found <= self.tried, "{found} was never saved");
        }
        let started = Instant::now();
        if logout && key.is_some() {
            session.flush();
            let saved = session.save().await;
            let took = started.elapsed().max(loading);
            // Of one that failed nobody knows whether it has ended: it is left.
            let (key, _) = self.session.take().unwrap();
            return match saved {
                Ok(()) => {
                    self.ended.insert(key);
                    Ok(took)
                }
                Err(_) => Err((Failed, took)),
            };
        }
        let next = found.unwrap_or(0) + 1;
        session.insert("n", next).unwrap();
        if key.is_some() {
            self.tried = self.tried.max(next);
        }
        let saved = session.save().await;
        let took = started.elapsed().max(loading);
        match saved {
            Ok(()) => {
                self.tried = if key.is_some() { self.tried } else { next };
                self.session = Some((session.key().unwrap(), next));
                Ok(took)
            }
            Err(error) => {
                let kind = error.kind();
                assert_eq!(kind, SessionErrorKind::StoreFailed, "{}", segue::describe(&error));
                Err((Failed, took))
            }
        }
    }
}
