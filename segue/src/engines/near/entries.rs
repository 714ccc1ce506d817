//! What was read of sessions, and how good it is still.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::watch::Stamp;
use crate::database::column::write_date;
use crate::digest::Digest;
use crate::lru::{Lru, Op};
use crate::store::Record;

/// Of a row as the trigger makes it: of the payload, a point, and the deadline.
fn of_row(record: &Record) -> Digest {
    let deadline = write_date(record.expires_at());
    Digest::of(&[record.payload(), b".", deadline.as_bytes()].concat())
}

/// What is known of a session.
enum Entry {
    Row(Row),
    /// Somebody reads the row, and will fill it in if nothing happens meanwhile.
    Mark(u64),
    Saves(Saves),
}

/// What was read, or saved.
struct Row {
    record: Record,
    stamp: Stamp,
    /// Until when it stays.
    until: Option<Instant>,
}

/// Saves that are under way.
#[derive(Clone, Copy)]
struct Saves {
    number: u32,
    /// Of several the last one is not known.
    was_alone: bool,
    told: Told,
}

impl Saves {
    const FIRST: Self = Self { number: 1, was_alone: true, told: Told::Nothing };
}

/// What a row has become since a save of it began.
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "PostgreSQL alone tells"))]
#[derive(Clone, Copy)]
enum Told {
    Nothing,
    Row(Digest),
    Gone,
}

impl Told {
    /// Whether this may be what stands in the row.
    fn leaves(self, record: &Record) -> bool {
        match self {
            Self::Nothing => true,
            Self::Row(row) => row == of_row(record),
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

/// Entries by the digests of their keys, which are secret: whoever may listen to notifications learns none.
pub(super) struct Entries {
    entries: Lru<Digest, Entry>,
    most: u64,
    life: Option<Duration>,
    marks: AtomicU64,
}

impl Entries {
    pub(super) fn new(most: u64, life: Option<Duration>) -> Self {
        Self { entries: Lru::new(most), most, life, marks: AtomicU64::new(0) }
    }

    pub(super) fn most(&self) -> u64 {
        self.most
    }

    pub(super) fn life(&self) -> Option<Duration> {
        self.life
    }

    /// The session, if its stamp is good, or else a mark in its place.
    pub(super) fn look(
        &self,
        name: Digest,
        is_good: impl Fn(Stamp) -> bool,
        now: Timestamp,
    ) -> Seen {
        self.entries.decide(name, |entry| match entry {
            Some(Entry::Row(row))
                if is_good(row.stamp) && row.record.expires_at() > now && row.is_young() =>
            {
                (Op::Keep, Seen::Here(row.record.clone()))
            }
            Some(Entry::Saves(_)) => (Op::Keep, Seen::Busy),
            // The mark of somebody else is taken over: perhaps nobody reads there any more.
            _ => {
                let mark = self.marks.fetch_add(1, Ordering::Relaxed);
                (Op::Put(Entry::Mark(mark)), Seen::Marked(mark))
            }
        })
    }

    /// Fills in what was read, if the mark still stands there.
    pub(super) fn fill(&self, name: Digest, mark: u64, row: Option<(Record, Stamp)>) {
        self.change(name, |entry| match (entry, row) {
            (Some(Entry::Mark(found)), Some(row)) if *found == mark => Op::Put(self.row(row)),
            (Some(Entry::Mark(found)), None) if *found == mark => Op::Remove,
            _ => Op::Keep,
        });
    }

    /// From now on nobody gets what was known, nor fills in what he has read. Gives the stamp of what was known.
    pub(super) fn begin(&self, name: Digest) -> Option<Stamp> {
        self.entries.decide(name, |entry| {
            let (saves, stamp) = match entry {
                Some(Entry::Saves(saves)) => {
                    let number = saves.number.saturating_add(1);
                    (Saves { number, was_alone: false, ..*saves }, None)
                }
                Some(Entry::Row(row)) => (Saves::FIRST, Some(row.stamp)),
                _ => (Saves::FIRST, None),
            };
            (Op::Put(Entry::Saves(saves)), stamp)
        })
    }

    /// A save has ended, and this is in the row now, unless others have changed it meanwhile.
    pub(super) fn end(&self, name: Digest, row: Option<(Record, Stamp)>) {
        self.change(name, |entry| match (entry, row) {
            (Some(Entry::Saves(saves)), _) if saves.number > 1 => {
                Op::Put(Entry::Saves(Saves { number: saves.number - 1, ..*saves }))
            }
            (Some(Entry::Saves(Saves { was_alone: true, told, .. })), Some((record, stamp)))
                if told.leaves(&record) =>
            {
                Op::Put(self.row((record.remembering(), stamp)))
            }
            // Whatever stands there, somebody may have read it before the save.
            _ => Op::Remove,
        });
    }

    /// Somebody has changed the row, to one of this digest unless it is gone.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "PostgreSQL alone tells"))]
    pub(super) fn changed(&self, name: Digest, row: Option<Digest>) {
        self.change(name, |entry| match entry {
            Some(Entry::Row(known)) if row == Some(of_row(&known.record)) => Op::Keep,
            // Perhaps it is what we are saving: the news may be faster than the answer.
            Some(Entry::Saves(saves)) => {
                let told = row.map_or(Told::Gone, Told::Row);
                Op::Put(Entry::Saves(Saves { told, ..*saves }))
            }
            Some(Entry::Row(_) | Entry::Mark(_)) => Op::Remove,
            None => Op::Keep,
        });
    }

    /// What to do with an entry, decided while nobody else can touch it.
    fn change(&self, name: Digest, decide: impl FnOnce(Option<&Entry>) -> Op<Entry>) {
        self.entries.decide(name, |entry| (decide(entry), ()));
    }

    fn row(&self, (record, stamp): (Record, Stamp)) -> Entry {
        let until = self.life.and_then(|life| Instant::now().checked_add(life));
        Entry::Row(Row { record, stamp, until })
    }
}

impl Row {
    fn is_young(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
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
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn entries() -> (Entries, Digest, Stamp) {
        (Entries::new(10, None), Digest::of(b"key"), Stamp::Read(Instant::now()))
    }

    fn record(payload: &str) -> Record {
        Record::new(payload.as_bytes(), Timestamp::MAX)
    }

    fn marked(entries: &Entries, name: Digest) -> u64 {
        match entries.look(name, |_| true, NOW) {
            Seen::Marked(mark) => mark,
            other => panic!("{other:?}"),
        }
    }

    fn here(entries: &Entries, name: Digest) -> Option<Record> {
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
        for (life, known) in
            [(Duration::ZERO, None), (Duration::from_secs(3600), Some(record("one")))]
        {
            let entries = Entries::new(10, Some(life));
            let mark = marked(&entries, name);
            entries.fill(name, mark, Some((record("one"), stamp)));
            assert_eq!(here(&entries, name), known, "{life:?}");
            entries.begin(name);
            entries.end(name, Some((record("one"), stamp)));
            assert_eq!(here(&entries, name), known, "after a save, {life:?}");
        }
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
        entries.changed(name, Some(of_row(&record("new"))));
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
        let of = |payload| Some(of_row(&record(payload)));
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
        entries.changed(name, Some(of_row(&record("one"))));
        assert_eq!(here(&entries, name), Some(record("one")));
        entries.changed(name, None);
        assert_eq!(here(&entries, name), None);
    }
}
