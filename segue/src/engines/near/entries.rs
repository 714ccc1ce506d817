//! What was read of sessions, and how good it is still.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::watch::Stamp;
use crate::database::column::write_date;
use crate::store::Record;

/// A digest: of a key, which is secret, so that whoever may listen to notifications learns none by them;
/// of a row.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name(u128);

impl Name {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        Self(digest.iter().take(16).fold(0, |name, byte| name << 8 | u128::from(*byte)))
    }

    /// From its 32 digits.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "PostgreSQL alone tells"))]
    pub(super) fn read(digits: &str) -> Option<Self> {
        u128::from_str_radix(digits, 16).ok().map(Self)
    }

    /// Of a row as the trigger makes it: of the payload, a point, and the deadline.
    fn of_row(record: &Record) -> Self {
        let deadline = write_date(record.expires_at());
        Self::of(&[record.payload(), b".", deadline.as_bytes()].concat())
    }
}

/// What is known of a session.
#[derive(Clone)]
enum Entry {
    Row(Record, Stamp),
    /// Somebody reads the row, and will fill it in if nothing happens meanwhile.
    Mark(u64),
    Saves(Saves),
}

/// Saves that are under way.
#[derive(Clone, Copy)]
struct Saves {
    number: u32,
    /// Of several the last one is not known.
    was_alone: bool,
    told: Told,
}

/// What a row has become since a save of it began.
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "PostgreSQL alone tells"))]
#[derive(Clone, Copy)]
enum Told {
    Nothing,
    Row(Name),
    Gone,
}

impl Told {
    /// Whether this may be what stands in the row.
    fn leaves(self, record: &Record) -> bool {
        match self {
            Self::Nothing => true,
            Self::Row(row) => row == Name::of_row(record),
            Self::Gone => false,
        }
    }
}

/// What a look at the entries found.
#[derive(Debug)]
pub(super) enum Seen {
    Here(Record),
    /// Nothing that is good. Whoever reads the row now may fill it in with this mark.
    Marked(u64),
    /// It is being saved, so it is read from the database, and not filled in.
    Busy,
}

pub(super) struct Entries {
    cache: Cache<Name, Entry>,
    most: u64,
    life: Option<Duration>,
    marks: AtomicU64,
}

impl Entries {
    pub(super) fn new(most: u64, life: Option<Duration>) -> Self {
        let cache = Cache::builder().max_capacity(most).eviction_policy(EvictionPolicy::lru());
        let cache = match life {
            Some(life) => cache.time_to_live(life),
            None => cache,
        };
        Self { cache: cache.build(), most, life, marks: AtomicU64::new(0) }
    }

    pub(super) fn most(&self) -> u64 {
        self.most
    }

    pub(super) fn life(&self) -> Option<Duration> {
        self.life
    }

    /// The session, if its stamp is good, or else a mark in its place.
    pub(super) fn look(&self, name: Name, is_good: impl Fn(Stamp) -> bool, now: Timestamp) -> Seen {
        if let Some(Entry::Row(record, stamp)) = self.cache.get(&name)
            && is_good(stamp)
            && record.expires_at() > now
        {
            return Seen::Here(record);
        }
        let mark = self.marks.fetch_add(1, Ordering::Relaxed);
        let mut seen = Seen::Marked(mark);
        // The mark of somebody else is taken over: perhaps nobody reads there any more.
        self.change(name, |entry| match entry {
            Some(Entry::Saves(_)) => {
                seen = Seen::Busy;
                Op::Nop
            }
            _ => Op::Put(Entry::Mark(mark)),
        });
        seen
    }

    /// Fills in what was read, if the mark still stands there.
    pub(super) fn fill(&self, name: Name, mark: u64, row: Option<(Record, Stamp)>) {
        self.change(name, |entry| match (entry, row) {
            (Some(Entry::Mark(found)), Some((record, stamp))) if found == mark => {
                Op::Put(Entry::Row(record, stamp))
            }
            (Some(Entry::Mark(found)), None) if found == mark => Op::Remove,
            _ => Op::Nop,
        });
    }

    /// From now on nobody gets what was known, nor fills in what he has read.
    pub(super) fn begin(&self, name: Name) {
        self.change(name, |entry| {
            Op::Put(Entry::Saves(match entry {
                Some(Entry::Saves(saves)) => {
                    Saves { number: saves.number.saturating_add(1), was_alone: false, ..saves }
                }
                _ => Saves { number: 1, was_alone: true, told: Told::Nothing },
            }))
        });
    }

    /// A save has ended, and this is in the row now, unless others have changed it meanwhile.
    pub(super) fn end(&self, name: Name, row: Option<(Record, Stamp)>) {
        self.change(name, |entry| match (entry, row) {
            (Some(Entry::Saves(saves)), _) if saves.number > 1 => {
                Op::Put(Entry::Saves(Saves { number: saves.number - 1, ..saves }))
            }
            (Some(Entry::Saves(Saves { was_alone: true, told, .. })), Some((record, stamp)))
                if told.leaves(&record) =>
            {
                Op::Put(Entry::Row(record.remembering(), stamp))
            }
            // Whatever stands there, somebody may have read it before the save.
            _ => Op::Remove,
        });
    }

    /// Somebody has changed the row, to one of this digest unless it is gone.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "PostgreSQL alone tells"))]
    pub(super) fn changed(&self, name: Name, row: Option<Name>) {
        self.change(name, |entry| match entry {
            Some(Entry::Row(record, _)) if row == Some(Name::of_row(&record)) => Op::Nop,
            // Perhaps it is what we are saving: the news may be faster than the answer.
            Some(Entry::Saves(saves)) => {
                let told = row.map_or(Told::Gone, Told::Row);
                Op::Put(Entry::Saves(Saves { told, ..saves }))
            }
            Some(Entry::Row(..) | Entry::Mark(_)) => Op::Remove,
            None => Op::Nop,
        });
    }

    /// What to do with an entry, decided while nobody else can touch it.
    fn change(&self, name: Name, decide: impl FnOnce(Option<Entry>) -> Op<Entry>) {
        let entry = self.cache.entry(name);
        entry.and_compute_with(|entry| decide(entry.map(moka::Entry::into_value)));
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { most, life, .. } = self;
        f.debug_struct("Entries").field("most", most).field("life", life).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn entries() -> (Entries, Name, Stamp) {
        (Entries::new(10, None), Name::of(b"key"), Stamp::Read(Instant::now()))
    }

    fn record(payload: &str) -> Record {
        Record::new(payload.as_bytes(), Timestamp::MAX)
    }

    fn marked(entries: &Entries, name: Name) -> u64 {
        match entries.look(name, |_| true, NOW) {
            Seen::Marked(mark) => mark,
            other => panic!("{other:?}"),
        }
    }

    fn here(entries: &Entries, name: Name) -> Option<Record> {
        match entries.look(name, |_| true, NOW) {
            Seen::Here(record) => Some(record),
            Seen::Marked(_) | Seen::Busy => None,
        }
    }

    #[test]
    fn what_was_read_is_there_until_its_stamp_or_its_life_is_over() {
        let (entries, name, stamp) = entries();
        let mark = marked(&entries, name);
        entries.fill(name, mark, Some((record("one"), stamp)));
        assert_eq!(here(&entries, name), Some(record("one")));
        assert!(matches!(entries.look(name, |found| found != stamp, NOW), Seen::Marked(_)));
        assert_eq!(here(&entries, name), None, "whoever has looked is reading it anew");
        let mark = marked(&entries, name);
        entries.fill(name, mark, Some((Record::new(*b"over", NOW), stamp)));
        assert_eq!(here(&entries, name), None);
    }

    #[test]
    fn what_was_read_before_a_change_is_not_filled_in_after_it() {
        let (entries, name, stamp) = entries();
        let row = || Some((record("old"), stamp));
        // By us.
        let mark = marked(&entries, name);
        entries.begin(name);
        entries.fill(name, mark, row());
        assert!(matches!(entries.look(name, |_| true, NOW), Seen::Busy));
        entries.end(name, None);
        entries.fill(name, mark, row());
        assert_eq!(here(&entries, name), None);
        // By others.
        let mark = marked(&entries, name);
        entries.changed(name, Some(Name::of_row(&record("new"))));
        entries.fill(name, mark, row());
        assert_eq!(here(&entries, name), None);
        // By somebody who reads it after us, and perhaps something newer.
        let (first, second) = (marked(&entries, name), marked(&entries, name));
        entries.fill(name, first, row());
        assert_eq!(here(&entries, name), None);
        let _ = second;
    }

    #[test]
    fn the_last_of_several_saves_is_not_known() {
        let (entries, name, stamp) = entries();
        let row = |payload| Some((record(payload), stamp));
        entries.begin(name);
        entries.end(name, row("alone"));
        assert_eq!(here(&entries, name), Some(record("alone")));
        for _ in 0..3 {
            entries.begin(name);
        }
        for payload in ["one", "two", "three"] {
            assert!(matches!(entries.look(name, |_| true, NOW), Seen::Busy));
            entries.end(name, row(payload));
        }
        assert_eq!(here(&entries, name), None);
        // Nor where others have saved meanwhile; the news of our own save are another thing.
        let of = |payload| Some(Name::of_row(&record(payload)));
        for (told, known) in [
            (vec![None], None),
            (vec![of("ours"), of("theirs")], None),
            (vec![of("theirs"), of("ours")], Some(record("ours"))),
        ] {
            entries.begin(name);
            told.into_iter().for_each(|told| entries.changed(name, told));
            entries.end(name, row("ours"));
            assert_eq!(here(&entries, name), known);
        }
        // Nor where the memory was too small for it.
        entries.changed(name, None);
        let mark = marked(&entries, name);
        entries.fill(name, mark, row("old"));
        entries.end(name, row("ours"));
        assert_eq!(here(&entries, name), None);
    }

    #[test]
    fn news_of_what_is_known_change_nothing() {
        let (entries, name, stamp) = entries();
        let mark = marked(&entries, name);
        entries.fill(name, mark, Some((record("one"), stamp)));
        entries.changed(name, Some(Name::of_row(&record("one"))));
        assert_eq!(here(&entries, name), Some(record("one")));
        entries.changed(name, None);
        assert_eq!(here(&entries, name), None);
    }
}
