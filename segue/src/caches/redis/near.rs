//! Copies in this process of what Redis holds, which the server itself keeps true.
//!
//! The server remembers what a connection has read (`CLIENT TRACKING`) and says on that connection when it
//! changes. Each name has a stamp, which changes with everything that is heard of the name, and a copy is
//! believed while the stamp is the one from before its value was asked for. So it does not matter whether an
//! answer or the news that it is old is looked at first, and a change meets loads that are under way as well.
//!
//! Source: <https://redis.io/docs/latest/develop/reference/client-side-caching/>

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redis::{PushInfo, PushKind, Value};
use tokio::time::Instant;

use crate::digest::Digest;
use crate::lru::{Lru, Op};
use crate::store::Record;

/// How often the server is asked whether it is there.
pub(super) const PING: Duration = Duration::from_secs(1);

/// After so long without a reader nobody asks any more.
const REST: Duration = Duration::from_secs(60);

/// How many stamps there are. Names share them: news of one may cost another its copy, and nothing else.
const STAMPS: usize = 4096;

/// Copies of values, by their names.
pub(super) struct Near {
    copies: Lru<Digest, Entry>,
    hasher: RandomState,
    stamps: Box<[AtomicU64]>,
    /// The stamp of all names.
    of_all: AtomicU64,
    /// For how long an answer proves that no news are missing.
    bound: Duration,
    /// Moments are counted from here, in nanoseconds.
    began: Instant,
    /// Until when copies are believed, unless the server answers something before.
    lease: AtomicU64,
    /// When a copy was last made or read, to the second.
    used: AtomicU64,
    is_watched: AtomicBool,
}

struct Entry {
    record: Record,
    stamp: Stamp,
    /// When the server drops the value. By no clock that somebody may set.
    until: Option<Instant>,
}

impl Entry {
    fn is_good(&self, stamp: Stamp, now: Instant) -> bool {
        self.stamp == stamp && self.until.is_none_or(|until| now < until)
    }
}

/// What was known of a name at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    of_name: u64,
    of_all: u64,
}

impl Near {
    /// Room for so many copies. `timeout` is how long a server may take to answer.
    pub(super) fn new(entries: u64, timeout: Duration) -> Self {
        Self {
            copies: Lru::new(entries),
            hasher: RandomState::new(),
            stamps: (0..STAMPS).map(|_| AtomicU64::new(0)).collect(),
            of_all: AtomicU64::new(0),
            bound: PING.saturating_add(timeout),
            began: Instant::now(),
            lease: AtomicU64::new(0),
            used: AtomicU64::new(0),
            is_watched: AtomicBool::new(false),
        }
    }

    /// The copy, if it is as good as the server's value; or the stamp of a value that is asked for now.
    pub(super) fn get(&self, name: &str) -> Result<Record, Stamp> {
        let name = Digest::of(name.as_bytes());
        let stamp = self.stamp(name);
        let now = Instant::now();
        let is_heard = self.since_began(now) < self.lease();
        let copy = self.copies.decide(name, |copy| {
            let good = copy.filter(|copy| copy.is_good(stamp, now));
            (Op::Keep, good.filter(|_| is_heard).map(|copy| copy.record.clone()))
        });
        if copy.is_some() {
            self.is_used(now);
        }
        copy.ok_or(stamp)
    }

    /// Keeps a copy of what the server answered to somebody who had this stamp before he asked.
    pub(super) fn keep(&self, name: &str, record: &Record, stamp: Stamp, until: Option<Instant>) {
        let name = Digest::of(name.as_bytes());
        if self.stamp(name) == stamp {
            self.is_used(Instant::now());
            let copy = Entry { record: record.clone(), stamp, until };
            self.copies.decide(name, |_| (Op::Put(copy), ()));
        }
    }

    /// Copies of this name are not believed any more, nor what was asked for before.
    pub(super) fn forget(&self, name: &str) {
        let name = Digest::of(name.as_bytes());
        if let Some(counter) = self.counter(name) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        self.copies.remove(name);
    }

    /// The same with all names.
    pub(super) fn forget_all(&self) {
        self.of_all.fetch_add(1, Ordering::SeqCst);
        self.copies.clear();
    }

    /// From now on, and once more when the guard goes, older copies of this name are not believed.
    pub(super) fn changing<'a>(&'a self, name: &'a str) -> Changing<'a> {
        self.forget(name);
        Changing { near: self, name }
    }

    /// The server has answered what it was asked at this moment, so all that it said before is here.
    pub(super) fn heard(&self, asked: Instant) {
        let until = asked.checked_add(self.bound).unwrap_or(asked);
        self.lease.fetch_max(self.since_began(until), Ordering::SeqCst);
    }

    /// Takes what the server says by itself.
    pub(super) fn hear(&self, push: &PushInfo) {
        match (&push.kind, push.data.first()) {
            (PushKind::Invalidate, Some(Value::Array(names))) => {
                for name in names {
                    match name {
                        // One that is no text is none of ours.
                        Value::BulkString(name) => {
                            if let Ok(name) = std::str::from_utf8(name) {
                                self.forget(name);
                            }
                        }
                        _ => self.forget_all(),
                    }
                }
            }
            // A database was emptied.
            (PushKind::Invalidate, _) => self.forget_all(),
            (PushKind::Other(kind), _) if kind == "tracking-redir-broken" => self.forget_all(),
            _ => {}
        }
    }

    /// Whoever gets this has to ask the server each second. Nothing if somebody does.
    pub(super) fn watch(self: &Arc<Self>) -> Option<Watching> {
        let is_watched = self.is_watched.swap(true, Ordering::AcqRel);
        (!is_watched).then(|| Watching(Arc::clone(self)))
    }

    fn is_used(&self, now: Instant) {
        let now = self.since_began(now);
        // Written once a second, because many read on many cores.
        if now.saturating_sub(self.used.load(Ordering::Relaxed)) >= nanos(PING) {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    fn stamp(&self, name: Digest) -> Stamp {
        let of_name = self.counter(name).map_or(0, |counter| counter.load(Ordering::SeqCst));
        Stamp { of_name, of_all: self.of_all.load(Ordering::SeqCst) }
    }

    fn counter(&self, name: Digest) -> Option<&AtomicU64> {
        let hash = self.hasher.hash_one(name) % STAMPS as u64;
        self.stamps.get(usize::try_from(hash).unwrap_or(0))
    }

    fn lease(&self) -> u64 {
        self.lease.load(Ordering::SeqCst)
    }

    fn since_began(&self, moment: Instant) -> u64 {
        nanos(moment.saturating_duration_since(self.began))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A change of a name that is under way. Nobody knows when it takes place, so what was asked for before its end
/// is not kept.
pub(super) struct Changing<'a> {
    near: &'a Near,
    name: &'a str,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.near.forget(self.name);
    }
}

/// The one who asks the server whether it is there; when it goes there may be another.
pub(super) struct Watching(Arc<Near>);

impl Watching {
    /// Whether somebody still reads the copies.
    pub(super) fn is_wanted(&self) -> bool {
        let idle =
            self.0.since_began(Instant::now()).saturating_sub(self.0.used.load(Ordering::Relaxed));
        idle < nanos(REST)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.is_watched.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::time::advance;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    fn near() -> Near {
        let near = Near::new(100, TIMEOUT);
        near.heard(Instant::now());
        near
    }

    fn record(payload: &str) -> Record {
        Record::new(payload.as_bytes(), Timestamp::MAX)
    }

    /// Asks for a name, while something happens before the answer is kept.
    fn ask(near: &Near, name: &str, meanwhile: impl FnOnce()) {
        let stamp = near.get(name).unwrap_err();
        meanwhile();
        near.keep(name, &record(name), stamp, None);
    }

    fn is_known(near: &Near, name: &str) -> bool {
        near.get(name).is_ok_and(|known| known == record(name))
    }

    fn push(kind: PushKind, data: Vec<Value>) -> PushInfo {
        PushInfo { kind, data }
    }

    fn news_of(names: &[&[u8]]) -> PushInfo {
        let names = names.iter().map(|name| Value::BulkString(name.to_vec()));
        push(PushKind::Invalidate, vec![Value::Array(names.collect())])
    }

    #[tokio::test(start_paused = true)]
    async fn news_end_copies_and_meet_loads_that_are_under_way() {
        let near = near();
        let of_all = [
            push(PushKind::Invalidate, vec![Value::Nil]),
            push(PushKind::Other("tracking-redir-broken".to_owned()), vec![]),
        ];
        let of_some = news_of(&[b"x", b"\xff", b"a"]);
        for (news, is_of_b) in [(&of_some, false), (&of_all[0], true), (&of_all[1], true)] {
            near.forget("b");
            for name in ["a", "b"] {
                ask(&near, name, || {});
                assert!(is_known(&near, name));
            }
            near.hear(news);
            assert!(!is_known(&near, "a"));
            assert_eq!(is_known(&near, "b"), !is_of_b, "{news:?}");
            ask(&near, "a", || near.hear(news));
            assert!(!is_known(&near, "a"), "it may have been read before the change");
        }
        // Kept at the very moment at which the news came.
        let name = Digest::of(b"a");
        let stamp = near.stamp(name);
        near.hear(&of_some);
        let copy = Entry { record: record("a"), stamp, until: None };
        near.copies.decide(name, |_| (Op::Put(copy), ()));
        assert!(!is_known(&near, "a"));
        ask(&near, "a", || near.hear(&push(PushKind::Message, vec![Value::Nil])));
        assert!(is_known(&near, "a"), "that was about something else");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_changed_here_is_not_believed_until_it_has_ended() {
        let near = near();
        ask(&near, "a", || {});
        let changing = near.changing("a");
        assert!(!is_known(&near, "a"));
        ask(&near, "a", || {});
        assert!(is_known(&near, "a"), "of before or of after");
        drop(changing);
        assert!(!is_known(&near, "a"));
        let changing = near.changing("a");
        ask(&near, "a", || drop(changing));
        assert!(!is_known(&near, "a"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_hears_nothing_believes_nothing() {
        let near = near();
        ask(&near, "a", || {});
        advance(PING + TIMEOUT - Duration::from_millis(1)).await;
        assert!(is_known(&near, "a"));
        advance(Duration::from_millis(1)).await;
        assert!(!is_known(&near, "a"));
        near.heard(Instant::now());
        assert!(is_known(&near, "a"), "nothing was missed after all");
        advance(PING).await;
        let asked = Instant::now();
        advance(TIMEOUT).await;
        near.heard(asked);
        advance(PING - Duration::from_millis(1)).await;
        assert!(is_known(&near, "a"));
        advance(Duration::from_millis(1)).await;
        assert!(!is_known(&near, "a"), "it proves that nothing was missed until it was asked");
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_has_the_deadline_of_the_value() {
        let near = near();
        let stamp = near.get("a").unwrap_err();
        let life = Duration::from_millis(500);
        near.keep("a", &record("a"), stamp, Some(Instant::now() + life));
        advance(life - Duration::from_millis(1)).await;
        assert!(is_known(&near, "a"));
        advance(Duration::from_millis(1)).await;
        assert!(!is_known(&near, "a"));
    }

    #[tokio::test(start_paused = true)]
    async fn one_watches_while_there_are_readers() {
        let near = Arc::new(near());
        let watching = near.watch().unwrap();
        assert!(near.watch().is_none());
        ask(&near, "a", || {});
        for _ in 0..5 {
            advance(REST - PING).await;
            assert!(watching.is_wanted());
            near.heard(Instant::now());
            assert!(is_known(&near, "a"));
        }
        advance(REST).await;
        assert!(!watching.is_wanted());
        drop(watching);
        assert!(near.watch().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_no_more_copies_than_it_was_told() {
        let near = near();
        let names: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        for name in &names {
            ask(&near, name, || {});
        }
        let known = names.iter().filter(|name| is_known(&near, name)).count();
        assert!((1..=100).contains(&known), "{known}");
    }
}
