//! Forms of names and values between `=` and `&`.

use super::TOKEN_LENGTH;
use crate::csrf::token::FIELD;

/// How much of a pair is kept. The name may take 57 bytes (19 letters as `%63`), and a value of 64
/// characters 768 (each of four bytes, written as `%f0`): no token is cut. What is kept of a longer
/// value of this name has more than 64 characters.
const PAIR: usize = 1024;

#[derive(Default)]
pub(super) struct UrlEncoded {
    /// The pair that has not ended yet.
    pair: Vec<u8>,
    /// The value of the last field that has ended.
    found: String,
}

impl UrlEncoded {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'&');
        self.keep(parts.next().unwrap_or_default());
        for part in parts {
            self.pair_ends();
            self.keep(part);
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.pair_ends();
        self.found
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = PAIR.saturating_sub(self.pair.len());
        self.pair.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn pair_ends(&mut self) {
        if let Some((name, value)) = form_urlencoded::parse(&self.pair).next()
            && name == FIELD
        {
            self.found = value.chars().take(TOKEN_LENGTH + 1).collect();
        }
        self.pair.clear();
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.pair.capacity() + self.found.capacity()
    }
}
