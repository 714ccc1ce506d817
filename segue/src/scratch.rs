//! Memory that a thread uses again and again: what is only made to be read needs none of its own.

use std::cell::Cell;

/// More is not kept between two uses.
const KEPT: usize = 64 * 1024;

thread_local! {
    static BUFFERS: Cell<[Vec<u8>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// Two empty buffers for a piece of work. Within it others may be asked for, which are new.
pub(crate) fn with<T>(work: impl FnOnce([&mut Vec<u8>; 2]) -> T) -> T {
    // Where the thread ends there is nothing to be used again.
    let mut buffers = BUFFERS.try_with(Cell::take).unwrap_or_default();
    let done = work(buffers.each_mut());
    for buffer in &mut buffers {
        buffer.clear();
        buffer.shrink_to(KEPT);
    }
    let _ = BUFFERS.try_with(|kept| kept.set(buffers));
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_empty_and_each_ones_own() {
        with(|[one, other]| {
            one.extend_from_slice(b"one");
            other.extend_from_slice(&[0; 2 * KEPT]);
            with(|[inner, _]| {
                assert!(inner.is_empty());
                inner.push(1);
            });
            assert_eq!(one, b"one");
        });
        with(|[one, other]| {
            assert!(one.is_empty() && other.is_empty());
            assert!(one.capacity() >= 3 && other.capacity() <= KEPT);
        });
    }
}
