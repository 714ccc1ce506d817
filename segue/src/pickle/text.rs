//! Texts: UTF-8 that may hold lone surrogates in pickles, `\u` escapes in JSON.
//!
//! A text in Python may hold lone surrogates; its pickler writes them in UTF-8 all the same
//! (`surrogatepass`), which no `String` in Rust may hold: so such texts stay bytes here.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::json;

enum Piece<'a> {
    Text(&'a str),
    Surrogate(u16),
}

/// What the bytes consist of; ends with nothing where they are no text.
fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = Option<Piece<'_>>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let error = match std::str::from_utf8(bytes) {
            Ok(text) => {
                bytes = &[];
                return Some(Some(Piece::Text(text)));
            }
            Err(error) => error,
        };
        let (valid, rest) = bytes.split_at_checked(error.valid_up_to())?;
        if let (Ok(text), false) = (std::str::from_utf8(valid), valid.is_empty()) {
            bytes = rest;
            return Some(Some(Piece::Text(text)));
        }
        let [0xed, high @ 0xa0..=0xbf, low @ 0x80..=0xbf, after @ ..] = rest else {
            bytes = &[];
            return Some(None);
        };
        bytes = after;
        let unit = 0xd000 | u16::from(high & 0x3f) << 6 | u16::from(low & 0x3f);
        Some(Some(Piece::Surrogate(unit)))
    })
}

/// Whether Python reads these bytes as a text.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || pieces(bytes).all(|piece| piece.is_some())
}

/// Writes a text as a JSON string. Says whether JSON gives back the same text: two surrogates that
/// stand apart in Python become one letter.
pub(super) fn push_json(json: &mut Vec<u8>, bytes: &[u8]) -> bool {
    json.push(b'"');
    // Most texts need no escapes.
    let is_exact = if json::are_plain(bytes) {
        json.extend_from_slice(bytes);
        true
    } else {
        let (letters, is_exact) = escaped(bytes);
        json.extend_from_slice(letters.as_bytes());
        is_exact
    };
    json.push(b'"');
    is_exact
}

fn escaped(bytes: &[u8]) -> (String, bool) {
    let mut letters = String::with_capacity(bytes.len() * 2);
    let mut is_exact = true;
    let mut after_high = false;
    for piece in pieces(bytes).flatten() {
        match piece {
            Piece::Text(text) => {
                json::push_letters(&mut letters, text);
                after_high = false;
            }
            Piece::Surrogate(unit) => {
                is_exact &= !(after_high && is_low(unit.into()));
                after_high = is_high(unit.into());
                // Writing to a string cannot fail.
                let _ = write!(letters, "\\u{unit:04x}");
            }
        }
    }
    (letters, is_exact)
}

/// The text of a valid JSON string, quotes included.
pub(super) fn from_json(quoted: &str) -> Option<Cow<'_, [u8]>> {
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if !rest.contains('\\') {
        return Some(Cow::Borrowed(rest.as_bytes()));
    }
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let mut after = escape.chars();
        let letter = match after.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                rest = push_unit(&mut bytes, after.as_str())?;
                continue;
            }
            other => other,
        };
        bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        rest = after.as_str();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(Cow::Owned(bytes))
}

/// The letter of a `\u` escape, together with a second one that makes a pair; gives what follows.
fn push_unit<'a>(bytes: &mut Vec<u8>, text: &'a str) -> Option<&'a str> {
    let (first, rest) = hex(text, 4)?;
    if is_high(first) {
        let next = rest.strip_prefix("\\u").and_then(|text| hex(text, 4));
        if let Some((second, after)) = next.filter(|(second, _)| is_low(*second)) {
            push_code(bytes, 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?;
            return Some(after);
        }
    }
    push_code(bytes, first)?;
    Some(rest)
}

/// The text of a `UNICODE` opcode: Latin-1 with `\u` and `\U` escapes, where surrogates stay apart.
pub(super) fn from_raw_unicode_escape(line: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    while let [first, after @ ..] = rest {
        rest = after;
        let width = match (first, after) {
            (b'\\', [b'u', ..]) => 4,
            (b'\\', [b'U', ..]) => 8,
            (b'\\', [other, ..]) => {
                // A backslash before any other letter is one, and takes that letter along.
                bytes.push(b'\\');
                push_code(&mut bytes, u32::from(*other))?;
                rest = after.get(1..)?;
                continue;
            }
            _ => {
                push_code(&mut bytes, u32::from(*first))?;
                continue;
            }
        };
        let digits = std::str::from_utf8(after.get(1..=width)?).ok()?;
        push_code(&mut bytes, hex(digits, width)?.0)?;
        rest = after.get(1 + width..)?;
    }
    Some(bytes)
}

fn hex(text: &str, width: usize) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(width)?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    Some((u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?, rest))
}

/// One code point in UTF-8, a surrogate too.
fn push_code(bytes: &mut Vec<u8>, code: u32) -> Option<()> {
    match char::from_u32(code) {
        Some(letter) => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            let [high, low] = u16::try_from(code).ok()?.to_be_bytes();
            bytes.extend([0xed, 0x80 | (high & 0xf) << 2 | low >> 6, 0x80 | low & 0x3f]);
        }
    }
    Some(())
}

fn is_high(unit: u32) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn is_low(unit: u32) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_json(bytes: &[u8]) -> (String, bool) {
        let mut json = Vec::new();
        let is_exact = push_json(&mut json, bytes);
        (String::from_utf8(json).unwrap(), is_exact)
    }

    #[test]
    fn surrogates_pass() {
        let texts: [(&str, &[u8]); 6] = [
            (r#""\ud800""#, b"\xed\xa0\x80"),
            (r#""a\udfff\ud800b""#, b"a\xed\xbf\xbf\xed\xa0\x80b"),
            (r#""\ud83d\ude00""#, "😀".as_bytes()),
            (r#""\ud83dA""#, b"\xed\xa0\xbdA"),
            (r#""\u00e9\n\"\\\b\f\r\t\u0001""#, "é\n\"\\\u{8}\u{c}\r\t\u{1}".as_bytes()),
            (r#""""#, b""),
        ];
        for (json, bytes) in texts {
            assert_eq!(from_json(json).unwrap(), bytes, "{json}");
            assert_eq!(to_json(bytes), (json.to_owned(), true));
            assert!(is_text(bytes));
        }
        assert_eq!(
            from_json(r#""\ud800\ud83d\ude00\/""#).unwrap(),
            &b"\xed\xa0\x80\xf0\x9f\x98\x80/"[..]
        );
    }

    /// JSON would make one letter of the two.
    #[test]
    fn a_pair_that_python_holds_apart_is_not_exact() {
        let apart = b"\xed\xa0\xbd\xed\xb8\x80";
        assert_eq!(to_json(apart), (r#""\ud83d\ude00""#.to_owned(), false));
        let with_a_letter_between = b"\xed\xa0\xbd.\xed\xb8\x80";
        assert!(to_json(with_a_letter_between).1);
    }

    #[test]
    fn what_is_no_text() {
        for bytes in
            [&b"\xff"[..], b"a\xed", b"\xed\xa0", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\x80"]
        {
            assert!(!is_text(bytes), "{bytes:?}");
        }
        for json in [r#"""#, "a", r#""\u12""#, r#""\u+123""#, r#""\"#] {
            assert_eq!(from_json(json), None, "{json}");
        }
    }

    #[test]
    fn raw_unicode_escapes() {
        let read = |line: &[u8]| from_raw_unicode_escape(line);
        assert_eq!(read(b"a\xe9\\u0041\\U0001f600").unwrap(), "aéA😀".as_bytes());
        assert_eq!(read(b"\\ud83d\\ude00").unwrap(), b"\xed\xa0\xbd\xed\xb8\x80");
        assert_eq!(read(b"\\\\u0041\\n\\").unwrap(), b"\\\\u0041\\n\\");
        assert_eq!(read(b"\\u004"), None);
        assert_eq!(read(b"\\U00110000"), None);
        assert_eq!(read(b"\\u00+1"), None);
    }
}
