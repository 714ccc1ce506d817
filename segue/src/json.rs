//! JSON as Python's `json` module writes and reads it.
//!
//! It is wider than the standard: `NaN`, `Infinity`, integers of any size and lone surrogates are
//! all valid, and Django sessions hold them. Values that nobody looks at stay text, so they come
//! back to the byte.

mod letters;
mod read;
mod scan;
mod write;

use std::fmt::Write as _;

pub(crate) use letters::are_plain;
pub(crate) use read::from_text;
pub(crate) use scan::{Part, Scanner, SyntaxError};
pub(crate) use write::to_text;

/// Checks that the text is one JSON value and gives it back in ASCII, otherwise as it was.
pub(crate) fn check(text: &str) -> Result<String, SyntaxError> {
    let text = text.trim_matches(scan::is_whitespace);
    let mut scanner = Scanner::new(text);
    scanner.value()?;
    scanner.end()?;
    Ok(to_ascii(text))
}

/// The JSON string for a text, quotes included.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

fn push_quoted(quoted: &mut String, text: &str) {
    quoted.push('"');
    push_letters(quoted, text);
    quoted.push('"');
}

/// A piece of a JSON string, without quotes around it.
pub(crate) fn push_letters(quoted: &mut String, text: &str) {
    // Most texts need no escapes.
    if are_plain(text.as_bytes()) {
        return quoted.push_str(text);
    }
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            ' '..='~' => quoted.push(letter),
            _ => push_escaped(quoted, letter),
        }
    }
}

/// The text of a JSON string, or nothing when it holds a lone surrogate, which is no text.
pub(crate) fn unquote(quoted: &str) -> Option<String> {
    serde_json::from_str(quoted).ok()
}

/// Valid JSON with every letter outside ASCII written as a `\u` escape: such letters stand only within
/// strings, so this changes no meaning.
pub(crate) fn to_ascii(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut ascii = String::with_capacity(text.len() * 2);
    for letter in text.chars() {
        if letter.is_ascii() {
            ascii.push(letter);
        } else {
            push_escaped(&mut ascii, letter);
        }
    }
    ascii
}

fn push_escaped(text: &mut String, letter: char) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_what_python_writes() {
        assert_eq!(quote("Zoë\u{8}\u{c}\u{1}\\"), r#""Zo\u00eb\b\f\u0001\\""#);
        assert_eq!(unquote(r#""Zo\u00eb""#).as_deref(), Some("Zoë"));
        assert_eq!(unquote(r#""\ud800""#), None);
    }

    /// Letter by letter, with others around it, so that each place of a word has its turn.
    #[test]
    fn plain_letters_are_pythons() {
        for letter in (0..=0x2ff).filter_map(char::from_u32) {
            let is_plain = matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\');
            for before in 0..10 {
                for after in [0, 1, 5, 9] {
                    let text = format!("{}{letter}{}", "a".repeat(before), "~".repeat(after));
                    assert_eq!(are_plain(text.as_bytes()), is_plain, "{text:?}");
                    assert_eq!(quote(&text).len() == text.len() + 2, is_plain, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_bare_nan_is_a_float() {
        assert!(from_text::<f64>("NaN").unwrap().is_nan());
        assert_eq!(from_text::<f64>("-Infinity").unwrap(), f64::NEG_INFINITY);
        assert!(from_text::<u8>("NaN").is_err());
        assert_eq!(from_text::<u128>("1000000000000000000000000000000").unwrap(), 10_u128.pow(30));
    }

    #[test]
    fn checked_text_is_ascii_and_otherwise_as_it_was() {
        assert_eq!(check(" {\"é\": [1.50, NaN]} ").unwrap(), "{\"\\u00e9\": [1.50, NaN]}");
        assert!(check("{} {}").is_err());
        assert!(check("").is_err());
    }
}
