//! The letters of JSON strings, eight bytes at once.
//!
//! What is marked in a word has its highest bit set in the result; above the lowest of them, and never below,
//! a subtraction that borrows may have marked others.

const ONES: u64 = u64::MAX / 0xff;
const HIGHEST: u64 = ONES << 7;

/// How many of these bytes, from the first on, stand in a string for themselves. Python's strict mode, which
/// is the default, refuses bare control characters.
pub(super) fn plain(bytes: &[u8]) -> usize {
    run(bytes, not_plain)
}

/// Whether Python writes these letters into a JSON string as they are.
pub(crate) fn are_plain(bytes: &[u8]) -> bool {
    run(bytes, |word| not_plain(word) | not_printable(word)) == bytes.len()
}

/// How many bytes stand before the first that is marked; they are looked at eight at a time.
fn run(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.as_chunks();
    let first = |marks: u64| marks.trailing_zeros() as usize / 8;
    for (at, word) in words.iter().enumerate() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return 8 * at + first(marks);
        }
    }
    let mut last = [b' '; 8];
    last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    // What stands behind the last of them is as long as eight spaces at the most.
    (8 * words.len() + first(marks(u64::from_le_bytes(last)))).min(bytes.len())
}

fn below(word: u64, least: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(least)) & !word
}

fn is(word: u64, letter: u8) -> u64 {
    below(word ^ (ONES * u64::from(letter)), 1)
}

/// What ends a string or is not itself in it.
fn not_plain(word: u64) -> u64 {
    (below(word, b' ') | is(word, b'"') | is(word, b'\\')) & HIGHEST
}

/// Letters outside of ASCII, and the one of its control characters that is above the others.
fn not_printable(word: u64) -> u64 {
    (word | is(word, 0x7f)) & HIGHEST
}
