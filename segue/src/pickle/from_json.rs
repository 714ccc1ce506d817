//! From JSON text to the values of a pickle.

use std::ops::Range;

use super::value::{Kind, Scalar};
use super::walk::Sink;
use super::{MAX_SIZE, MAX_STEPS, NAN, PickleError, Reason, number, text};
use crate::json::{Part, Scanner, SyntaxError};

/// More are not kept of a text: each that closes nothing is a step, and what opens something two, so that the
/// pickle has become too large before the last of them is written.
const MOST_TOKENS: usize = 2 * MAX_STEPS;

/// Reads JSON texts, one after the other.
pub(super) struct Reader {
    tokens: Vec<Token>,
    /// Where the lists and objects begin that have not ended.
    open: Vec<usize>,
}

/// Small, because a text may have millions of them.
enum Token {
    /// With so many items; keys count, too. A pickle says one thing before a single item, another before many.
    Open(Kind, u32),
    Close,
    /// Quotes included.
    Str(Range<u32>),
    Word(Range<u32>),
}

impl Reader {
    pub(super) fn new() -> Self {
        // As many as most values have; each more doubles the room.
        Self { tokens: Vec::with_capacity(32), open: Vec::with_capacity(4) }
    }

    /// Writes the value of a JSON text down.
    pub(super) fn value(&mut self, json: &str, sink: &mut impl Sink) -> Result<(), PickleError> {
        if json.len() > MAX_SIZE {
            return Err(PickleError::TooLarge);
        }
        self.read(json).map_err(|_| Reason::NotJson)?;
        let mut depth = 0_usize;
        for token in &self.tokens {
            write(json, token, sink).map_err(|error| error.within(depth > 0))?;
            match token {
                Token::Open(..) => depth += 1,
                Token::Close => depth = depth.saturating_sub(1),
                Token::Str(_) | Token::Word(_) => {}
            }
        }
        Ok(())
    }

    fn read(&mut self, json: &str) -> Result<(), SyntaxError> {
        self.tokens.clear();
        self.open.clear();
        let mut scanner = Scanner::new(json);
        scanner.parts(|part| {
            if self.tokens.len() == MOST_TOKENS {
                return;
            }
            if part != Part::End
                && let Some(Token::Open(_, items)) =
                    self.open.last().and_then(|place| self.tokens.get_mut(*place))
            {
                *items += 1;
            }
            let mut open = |kind| {
                self.open.push(self.tokens.len());
                Token::Open(kind, 0)
            };
            let token = match part {
                Part::Object => open(Kind::Dict),
                Part::List => open(Kind::List),
                Part::End => {
                    self.open.pop();
                    Token::Close
                }
                Part::Text(place) => Token::Str(short(place)),
                Part::Word(place) => Token::Word(short(place)),
            };
            self.tokens.push(token);
        })?;
        scanner.end()
    }
}

/// A place in a text of [`MAX_SIZE`].
fn short(place: Range<usize>) -> Range<u32> {
    let [start, end] = [place.start, place.end].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
    start..end
}

fn write(json: &str, token: &Token, sink: &mut impl Sink) -> Result<(), PickleError> {
    let text = |place: &Range<u32>| json.get(place.start as usize..place.end as usize);
    match token {
        Token::Open(Kind::Dict, items) => sink.open(Kind::Dict, *items as usize / 2),
        Token::Open(kind, items) => sink.open(*kind, *items as usize),
        Token::Close => sink.close(),
        Token::Str(place) => {
            let letters = text(place).and_then(text::from_json).ok_or(Reason::NotJson)?;
            sink.scalar(&Scalar::Str(letters))
        }
        Token::Word(place) => sink.scalar(&scalar(text(place).unwrap_or_default())?),
    }
}

fn scalar(word: &str) -> Result<Scalar<'_>, Reason> {
    Ok(match word {
        "null" => Scalar::None,
        "true" => Scalar::Bool(true),
        "false" => Scalar::Bool(false),
        "NaN" => Scalar::Float(f64::from_bits(NAN)),
        "Infinity" => Scalar::Float(f64::INFINITY),
        "-Infinity" => Scalar::Float(f64::NEG_INFINITY),
        _ if word.contains(['.', 'e', 'E']) => {
            Scalar::Float(word.parse().map_err(|_| Reason::NotJson)?)
        }
        _ => match word.parse() {
            Ok(value) => Scalar::Int(value),
            // Python refuses to read them, too.
            Err(_) => Scalar::Long(number::from_decimal(word).ok_or(Reason::BigInteger)?.into()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::write::Opcodes;
    use super::*;

    #[test]
    fn a_text_of_millions_of_values_takes_no_more_memory_than_it_may() {
        assert_eq!(size_of::<Token>(), 12);
        for value in ["1", "[]"] {
            let json = format!("[{}{value}]", format!("{value},").repeat(MOST_TOKENS));
            let mut reader = Reader::new();
            let written = reader.value(&json, &mut Opcodes::pickle());
            assert_eq!(written, Err(PickleError::TooLarge), "{value}");
            assert_eq!(reader.tokens.len(), MOST_TOKENS, "{value}");
        }
    }
}
