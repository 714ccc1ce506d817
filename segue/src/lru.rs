//! A map with room for so many entries: what was not used for the longest time makes room for the next.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LinkedHashMap;
use hashlink::linked_hash_map::RawEntryMut;

/// The entries of one part, the next to go first.
type Part<K, V> = LinkedHashMap<K, V, RandomState>;

/// So many threads need not wait for each other.
const PARTS: u64 = 16;

/// A part has room for so many at least: in smaller ones the luck of the draw would show.
const LEAST: u64 = 512;

/// A map with room for so many entries, whose entries are decided on by one thread at a time.
///
/// It is in parts, each with a lock and an order of its own, and hashed with a key of its own, so that nobody
/// can choose names that fall together.
pub(crate) struct Lru<K, V> {
    parts: Box<[Mutex<Part<K, V>>]>,
    /// The most that each part holds.
    room: usize,
    hasher: RandomState,
}

/// What becomes of an entry.
pub(crate) enum Op<V> {
    /// It stays as it is, or away.
    Keep,
    Put(V),
    Remove,
}

impl<K: Copy + Eq + Hash, V> Lru<K, V> {
    /// Room for so many.
    pub(crate) fn new(most: u64) -> Self {
        let (number, hasher) = ((most / LEAST).clamp(1, PARTS), RandomState::new());
        let part = |_| Mutex::new(LinkedHashMap::with_hasher(hasher.clone()));
        let parts = (0..number).map(part).collect();
        Self { parts, room: usize::try_from(most / number).unwrap_or(usize::MAX), hasher }
    }

    /// What becomes of an entry is decided, and done, while nobody else can touch it. It is the last to go then.
    pub(crate) fn decide<T>(&self, name: K, decide: impl FnOnce(Option<&V>) -> (Op<V>, T)) -> T {
        let hash = self.hasher.hash_one(name);
        let mut part = self.part(hash);
        match part.raw_entry_mut().from_hash(hash, |found| *found == name) {
            RawEntryMut::Occupied(mut entry) => {
                let (op, decided) = decide(Some(entry.get()));
                match op {
                    Op::Keep => entry.to_back(),
                    Op::Put(value) => {
                        entry.replace_value(value);
                        entry.to_back();
                    }
                    Op::Remove => drop(entry.remove()),
                }
                decided
            }
            RawEntryMut::Vacant(entry) => {
                let (op, decided) = decide(None);
                if let Op::Put(value) = op {
                    entry.insert_hashed_nocheck(hash, name, value);
                    if part.len() > self.room {
                        part.pop_front();
                    }
                }
                decided
            }
        }
    }

    /// Removes an entry if there is one.
    pub(crate) fn remove(&self, name: K) {
        self.decide(name, |_| (Op::Remove, ()));
    }

    /// Removes what is over of the next to go, two at most. Whoever calls it for each new entry has no more
    /// that are over than are used.
    #[cfg_attr(not(feature = "memory-cache"), allow(dead_code, reason = "copies are not over"))]
    pub(crate) fn tidy(&self, beside: K, is_over: impl Fn(&V) -> bool) {
        let mut part = self.part(self.hasher.hash_one(beside));
        for _ in 0..2 {
            if part.front().is_some_and(|(_, value)| is_over(value)) {
                part.pop_front();
            }
        }
    }

    /// Removes all entries.
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "a server alone says so"))]
    pub(crate) fn clear(&self) {
        self.all().for_each(|mut part| part.clear());
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.all().map(|part| part.len()).sum()
    }

    fn part(&self, hash: u64) -> MutexGuard<'_, Part<K, V>> {
        // The part's own table looks at the other bits.
        let number = (hash >> 32) as usize % self.parts.len();
        lock(&self.parts[number])
    }

    fn all(&self) -> impl Iterator<Item = MutexGuard<'_, Part<K, V>>> {
        self.parts.iter().map(lock)
    }
}

/// No code that holds the lock can leave an entry half written.
fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Copy + Eq + Hash, V> fmt::Debug for Lru<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lru").field("entries", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(lru: &Lru<u64, u64>, name: u64, value: u64) {
        lru.decide(name, |_| (Op::Put(value), ()));
    }

    fn get(lru: &Lru<u64, u64>, name: u64) -> Option<u64> {
        lru.decide(name, |value| (Op::Keep, value.copied()))
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let lru = Lru::new(3);
        for name in 0..3 {
            put(&lru, name, name);
        }
        assert_eq!(get(&lru, 0), Some(0));
        put(&lru, 1, 10);
        put(&lru, 3, 3);
        let known = |name| get(&lru, name);
        assert_eq!([0, 1, 2, 3].map(known), [Some(0), Some(10), None, Some(3)]);
        lru.remove(1);
        put(&lru, 4, 4);
        assert_eq!([0, 1, 3, 4].map(known), [Some(0), None, Some(3), Some(4)], "there was room");
        lru.clear();
        assert_eq!((lru.len(), get(&lru, 0)), (0, None));
    }

    #[test]
    fn it_holds_no_more_than_it_was_told_and_nearly_as_many() {
        for most in [0, 1, 511, 512, 1023, 1025, 10_000, 100_000] {
            let lru = Lru::new(most);
            for name in 0..2 * most + 10 {
                put(&lru, name, name);
            }
            let held = lru.len() as u64;
            assert!(held <= most && held + 100 >= most, "{held} of {most}");
        }
    }

    #[test]
    fn what_is_over_goes_as_new_ones_come() {
        let lru = Lru::new(1000);
        for name in 0..100 {
            put(&lru, name, name);
        }
        for name in 100..150 {
            lru.tidy(name, |value| *value < 100);
            put(&lru, name, name);
        }
        assert_eq!(lru.len(), 50);
        lru.tidy(0, |value| *value < 100);
        assert_eq!(lru.len(), 50, "what is not over stays");
    }

    #[test]
    fn one_thread_at_a_time_decides() {
        let lru = Lru::new(10_000);
        let count = |name| lru.decide(name, |value| (Op::Put(value.map_or(1, |n| n + 1)), ()));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|number| count(number % 100)));
            }
        });
        assert!((0..100).all(|name| get(&lru, name) == Some(400)));
    }
}
