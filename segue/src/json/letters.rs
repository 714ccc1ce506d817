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

/// How long the string is that this valid JSON begins with, quotes included.
pub(crate) fn string_len(json: &[u8]) -> usize {
    let mut at = 1;
    loop {
        at += plain(json.get(at..).unwrap_or_default());
        match json.get(at) {
            Some(b'"') => return at + 1,
            // It takes the next letter along.
            Some(b'\\') => at += 2,
            _ => return json.len(),
        }
    }
}

/// Whether Python writes these letters into a JSON string as they are.
pub(crate) fn are_plain(bytes: &[u8]) -> bool {
    run(bytes, |word| not_plain(word) | not_printable(word)) == bytes.len()
}

/// How many bytes stand before the first that is marked; they are looked at eight at a time.
fn run(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.as_chunks();
    let mut last = [b' '; 8];
    last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    let marks = |word: &[u8; 8]| marks(u64::from_le_bytes(*word));
    let found = words.iter().chain([&last]).map(marks).enumerate().find(|(_, marks)| *marks != 0);
    found.map_or(bytes.len(), |(at, marks)| 8 * at + marks.trailing_zeros() as usize / 8)
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
