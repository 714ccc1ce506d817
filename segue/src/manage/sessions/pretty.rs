//! JSON for people, with each value as it was written.

use std::io::{self, Write};

/// Deeper than this, values stand on one line: a visitor's nesting must not fill the disk with
/// blanks.
const DEEPEST: usize = 12;

/// Writes JSON text with a line for each member and item. No value is read, so `1.0` stays `1.0`; what
/// a terminal could take for an order is escaped.
pub(super) fn write(out: &mut impl Write, json: &str) -> io::Result<()> {
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    let mut letters =
        json.chars().filter(|letter| !matches!(letter, '\r' | '\n' | '\t')).peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            in_text = letter != '"' || is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            write_letter(out, letter)?;
            continue;
        }
        match letter {
            ' ' => {}
            '"' => {
                in_text = true;
                write_letter(out, letter)?;
            }
            '{' | '[' => {
                write_letter(out, letter)?;
                while letters.next_if_eq(&' ').is_some() {}
                depth += 1;
                if !matches!(letters.peek(), Some('}' | ']')) {
                    new_line(out, depth)?;
                    continue;
                }
                // Empty: it ends where it begins.
                depth -= 1;
                if let Some(end) = letters.next() {
                    write_letter(out, end)?;
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                // Its items stand on one line, if they are the first that do.
                if depth < DEEPEST {
                    new_line(out, depth)?;
                }
                write_letter(out, letter)?;
            }
            ',' => {
                write_letter(out, letter)?;
                new_line(out, depth)?;
            }
            ':' => out.write_all(b": ")?,
            _ => write_letter(out, letter)?,
        }
    }
    Ok(())
}

fn new_line(out: &mut impl Write, depth: usize) -> io::Result<()> {
    if depth > DEEPEST {
        return Ok(());
    }
    write!(out, "\n{:width$}", "", width = 2 * depth)
}

fn write_letter(out: &mut impl Write, letter: char) -> io::Result<()> {
    match letter {
        ' '..='~' => write!(out, "{letter}"),
        // JSON text of ours is ASCII; this is for the one letter of it that does not print.
        _ => write!(out, "{}", crate::manage::output::ascii_json(letter.encode_utf8(&mut [0; 4]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pretty(json: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, json).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_as_they_were() {
        let json = r#"{"a":1.0,"big":100000000000000000000000000000,"e":1e+16,"n":NaN,"t":"x \"{[,:]}\\","l":[1,[]],"o":{ }}"#;
        let expected = "{\n  \"a\": 1.0,\n  \"big\": 100000000000000000000000000000,\n  \"e\": 1e+16,\n  \
                        \"n\": NaN,\n  \"t\": \"x \\\"{[,:]}\\\\\",\n  \"l\": [\n    1,\n    []\n  ],\n  \
                        \"o\": {}\n}";
        assert_eq!(pretty(json), expected);
        assert_eq!(pretty("{}"), "{}");
        assert_eq!(pretty("[ [ ] , { } ]"), "[\n  [],\n  {}\n]");
    }

    #[test]
    fn no_order_reaches_the_terminal() {
        assert_eq!(pretty("[\"\u{7f}\u{9b}\"]"), "[\n  \"\\u007f\\u009b\"\n]");
    }

    #[test]
    fn deep_nesting_is_no_desert() {
        let deep = "[".repeat(100_000) + "1" + &"]".repeat(100_000);
        let text = pretty(&deep);
        assert!(text.len() < deep.len() + 2_000, "{}", text.len());
        let without: String = text.split_whitespace().collect();
        assert_eq!(without, deep);
    }
}
