//! Memory that a thread uses again and again: what is only made to be read needs none of its own.

use std::cell::Cell;
use std::thread::LocalKey;

/// More bytes of a vector are not kept between two uses.
const KEPT: usize = 64 * 1024;

/// What a thread can keep for the next use.
pub(crate) trait Scratch: Default {
    /// Takes out what is in it, and gives back the memory that is more than is kept. Whoever has parts takes
    /// itself apart for it, so that none can be forgotten: what is left in one would be read by the next.
    fn empty(&mut self);
}

impl<T> Scratch for Vec<T> {
    fn empty(&mut self) {
        self.clear();
        self.shrink_to(KEPT / size_of::<T>().max(1));
    }
}

impl Scratch for [Vec<u8>; 2] {
    fn empty(&mut self) {
        self.iter_mut().for_each(Vec::empty);
    }
}

thread_local! {
    static BUFFERS: Cell<[Vec<u8>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// Two empty buffers for a piece of work. Within it others may be asked for, which are new.
pub(crate) fn buffers<T>(work: impl FnOnce([&mut Vec<u8>; 2]) -> T) -> T {
    with(&BUFFERS, |buffers| work(buffers.each_mut()))
}

/// What the thread has kept, empty, for a piece of work. Within it another may be asked for, which is new.
pub(crate) fn with<S: Scratch, T>(
    kept: &'static LocalKey<Cell<S>>,
    work: impl FnOnce(&mut S) -> T,
) -> T {
    // Where the thread ends there is nothing to be used again.
    let mut scratch = kept.try_with(Cell::take).unwrap_or_default();
    let done = work(&mut scratch);
    scratch.empty();
    let _ = kept.try_with(|kept| kept.set(scratch));
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_empty_and_each_ones_own() {
        buffers(|[one, other]| {
            one.extend_from_slice(b"one");
            other.extend_from_slice(&[0; 2 * KEPT]);
            buffers(|[inner, _]| {
                assert!(inner.is_empty());
                inner.push(1);
            });
            assert_eq!(one, b"one");
        });
        buffers(|[one, other]| {
            assert!(one.is_empty() && other.is_empty());
            assert!(one.capacity() >= 3 && other.capacity() <= KEPT);
        });
    }
}
