//! From JSON text to the values of a pickle.

use super::value::{Kind, Scalar};
use super::walk::Sink;
use super::{NAN, PickleError, Reason, number, text};
use crate::json::{self, Scanner};

/// Writes the value of a JSON text down.
pub(super) fn value(json: &str, sink: &mut impl Sink) -> Result<(), PickleError> {
    let mut scanner = Scanner::new(json);
    scanner.value().and_then(|()| scanner.end()).map_err(|_| Reason::NotJson)?;
    let mut lengths = lengths(json).into_iter();
    let mut depth = 0_usize;
    for token in tokens(json) {
        write(token, &mut lengths, sink).map_err(|error| error.within(depth > 0))?;
        match token {
            Token::Open(_) => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Str(_) | Token::Word(_) => {}
        }
    }
    Ok(())
}

fn write(
    token: Token<'_>,
    lengths: &mut impl Iterator<Item = usize>,
    sink: &mut impl Sink,
) -> Result<(), PickleError> {
    match token {
        Token::Open(kind) => {
            let items = lengths.next().unwrap_or_default();
            sink.open(kind, if kind == Kind::Dict { items / 2 } else { items })
        }
        Token::Close => sink.close(),
        Token::Str(quoted) => {
            sink.scalar(&Scalar::Str(text::from_json(quoted).ok_or(Reason::NotJson)?))
        }
        Token::Word(word) => sink.scalar(&scalar(word)?),
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

/// How many items each list and object has, in the order in which they begin; keys count, too.
/// A pickle says one thing before a single item, another before many.
fn lengths(json: &str) -> Vec<usize> {
    let mut lengths: Vec<usize> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for token in tokens(json) {
        if let Token::Close = token {
            open.pop();
            continue;
        }
        if let Some(length) = open.last().and_then(|place| lengths.get_mut(*place)) {
            *length += 1;
        }
        if let Token::Open(_) = token {
            open.push(lengths.len());
            lengths.push(0);
        }
    }
    lengths
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Open(Kind),
    Close,
    /// Quotes included.
    Str(&'a str),
    Word(&'a str),
}

/// The tokens of valid JSON; commas and colons say nothing that their places do not.
fn tokens(json: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = json;
    let is_between = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':');
    let ends_a_word = move |byte: &u8| is_between(byte) || matches!(byte, b']' | b'}');
    std::iter::from_fn(move || {
        let start = rest.as_bytes().iter().position(|byte| !is_between(byte))?;
        rest = rest.get(start..)?;
        let bytes = rest.as_bytes();
        let (token, len) = match bytes.first()? {
            b'{' => (Token::Open(Kind::Dict), 1),
            b'[' => (Token::Open(Kind::List), 1),
            b'}' | b']' => (Token::Close, 1),
            b'"' => {
                let len = json::string_len(bytes);
                (Token::Str(rest.get(..len)?), len)
            }
            _ => {
                let len = bytes.iter().position(ends_a_word).unwrap_or(bytes.len());
                (Token::Word(rest.get(..len)?), len)
            }
        };
        rest = rest.get(len..)?;
        Some(token)
    })
}
