//! Finds where the values of a JSON text begin and end, without building them.

use std::fmt;
use std::ops::Range;

use super::letters::plain;

/// The text is not JSON as Python reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// Where, in bytes from the start.
    offset: usize,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not JSON at byte {}", self.offset)
    }
}

impl std::error::Error for SyntaxError {}

/// The characters that JSON allows between its tokens.
pub(super) fn is_whitespace(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Object,
    List,
    /// Of the object or list that was the last to begin.
    End,
    /// Where a string stands, of a key too, quotes included.
    Text(Range<usize>),
    /// Where a number or another word stands.
    Word(Range<usize>),
}

/// A cursor over JSON text. It keeps its own stack, so that deep nesting cannot overflow ours.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    has_escapes: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self::of(text.as_bytes())
    }

    /// Of a text in any encoding that has ASCII's letters and no other in their place.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, has_escapes: false }
    }

    /// Whether there were escapes in the strings so far.
    pub(crate) fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// Reads an object and calls back with where each key (quotes included) and value stands.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(Range<usize>, Range<usize>),
    ) -> Result<(), SyntaxError> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.span(Self::string)?;
            self.expect(b':')?;
            let value = self.span(Self::value)?;
            member(key, value);
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Reads a list and calls back with where each item stands.
    pub(crate) fn list(&mut self, mut item: impl FnMut(Range<usize>)) -> Result<(), SyntaxError> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            item(self.span(Self::value)?);
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Reads one value of any kind.
    pub(crate) fn value(&mut self) -> Result<(), SyntaxError> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{' | b'[') => self.parts(|_| {}),
            _ => self.scalar(),
        }
    }

    /// Reads one value of any kind and calls back with its parts, as they stand there.
    pub(crate) fn parts(&mut self, mut part: impl FnMut(Part)) -> Result<(), SyntaxError> {
        let mut closers = Closers::default();
        loop {
            self.skip_whitespace();
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    part(Part::Object);
                    if !self.take(b'}') {
                        closers.push(b'}');
                        part(Part::Text(self.key()?));
                        continue;
                    }
                    part(Part::End);
                }
                Some(b'[') => {
                    self.at += 1;
                    part(Part::List);
                    if !self.take(b']') {
                        closers.push(b']');
                        continue;
                    }
                    part(Part::End);
                }
                Some(b'"') => part(Part::Text(self.span(Self::string)?)),
                _ => part(Part::Word(self.span(Self::scalar)?)),
            }
            // A value has ended: so may the lists and objects around it.
            loop {
                let Some(closer) = closers.last() else { return Ok(()) };
                if self.take(closer) {
                    closers.pop();
                    part(Part::End);
                    continue;
                }
                self.expect(b',')?;
                if closer == b'}' {
                    part(Part::Text(self.key()?));
                }
                break;
            }
        }
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), SyntaxError> {
        self.skip_whitespace();
        if self.at == self.bytes.len() { Ok(()) } else { self.fail() }
    }

    fn key(&mut self) -> Result<Range<usize>, SyntaxError> {
        let key = self.span(Self::string)?;
        self.expect(b':')?;
        Ok(key)
    }

    fn span(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), SyntaxError>,
    ) -> Result<Range<usize>, SyntaxError> {
        self.skip_whitespace();
        let start = self.at;
        read(self)?;
        Ok(start..self.at)
    }

    fn string(&mut self) -> Result<(), SyntaxError> {
        if self.peek() != Some(b'"') {
            return self.fail();
        }
        self.at += 1;
        loop {
            self.at += plain(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.has_escapes = true;
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                            self.at += 1;
                        }
                        Some(b'u') => {
                            self.at += 1;
                            self.hex4()?;
                        }
                        _ => return self.fail(),
                    }
                }
                _ => return self.fail(),
            }
        }
    }

    fn hex4(&mut self) -> Result<(), SyntaxError> {
        for _ in 0..4 {
            if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return self.fail();
            }
            self.at += 1;
        }
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), SyntaxError> {
        const WORDS: [&[u8]; 6] = [b"null", b"true", b"false", b"NaN", b"Infinity", b"-Infinity"];
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.number();
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if let Some(word) = WORDS.iter().find(|word| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(());
        }
        self.number()
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { self.fail() }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_whitespace();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), SyntaxError> {
        if self.take(byte) { Ok(()) } else { self.fail() }
    }

    fn skip_whitespace(&mut self) {
        while self.peek().is_some_and(|byte| is_whitespace(char::from(byte))) {
            self.at += 1;
        }
    }

    fn fail<T>(&self) -> Result<T, SyntaxError> {
        Err(SyntaxError { offset: self.at })
    }
}

/// What closes the lists and objects around a value. Hardly any value is nested deeper than what
/// has its place on the stack.
#[derive(Default)]
struct Closers {
    near: [u8; 16],
    depth: usize,
    far: Vec<u8>,
}

impl Closers {
    fn push(&mut self, closer: u8) {
        match self.near.get_mut(self.depth) {
            Some(place) => *place = closer,
            None => self.far.push(closer),
        }
        self.depth += 1;
    }

    fn last(&self) -> Option<u8> {
        let at = self.depth.checked_sub(1)?;
        self.near.get(at).or(self.far.last()).copied()
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.depth >= self.near.len() {
            self.far.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Result<(), SyntaxError> {
        let mut scanner = Scanner::new(text);
        scanner.value()?;
        scanner.end()
    }

    #[test]
    fn a_value_has_parts() {
        let mut parts = Vec::new();
        let mut scanner = Scanner::new(r#" {"a": [1, "b", []], "c": {}}"#);
        scanner.parts(|part| parts.push(part)).unwrap();
        let (text, word) = (|from, to| Part::Text(from..to), Part::Word(8..9));
        let list = [Part::List, word, text(11, 14), Part::List, Part::End, Part::End];
        let object = [text(21, 24), Part::Object, Part::End, Part::End];
        let all = [[Part::Object, text(2, 5)].as_slice(), &list, &object].concat();
        assert_eq!(parts, all);
    }

    #[test]
    fn python_reads_these() {
        let valid = [
            "0",
            "-0",
            "-0.0",
            "1.0",
            "1e+16",
            "1E5",
            "NaN",
            "Infinity",
            "-Infinity",
            "null",
            "true",
            "\"\\ud800\"",
            "\"\"",
            "[]",
            "{}",
            "[ ]",
            "{ }",
            " [1 , {\"a\" : [ ] } ] ",
            "{\"a\":{\"b\":[1,2,[3]]},\"c\":\"\u{e9}\\/\\u00E9\"}",
            "1000000000000000000000000000000000000000000000000000000000000000000000000",
        ];
        for text in valid {
            assert_eq!(scan(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn python_refuses_these() {
        let invalid = [
            "",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "nan",
            "-NaN",
            "tru",
            "'a'",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\"}",
            "[1 2]",
            "[}",
            "{]",
            "1 1",
            "\u{a0}1",
            "[",
            "{\"a\":",
            "\"\\",
        ];
        for text in invalid {
            assert!(scan(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_string_ends_where_it_ends() {
        for length in 0..70 {
            let letters = "é".repeat(length / 2) + &"a".repeat(length % 2);
            let members = format!("{{\"{letters}\":\"{letters}\\\"\\\\\"}}");
            let mut found = Vec::new();
            Scanner::new(&members).object(|key, value| found.push((key, value))).unwrap();
            assert_eq!(found, [(1..length + 3, length + 4..members.len() - 1)], "{length}");
            for refused in ['\0', '\n', '\u{1f}'] {
                assert!(scan(&format!("\"{letters}{refused}{letters}\"")).is_err(), "{length}");
            }
            assert!(scan(&format!("\"{letters}")).is_err(), "{length}");
        }
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(scan(&deep), Ok(()));
    }

    #[test]
    fn members_are_given_where_they_stand() {
        let text = "{\"a\": [1, 2] , \"b\":null}";
        let mut members = Vec::new();
        Scanner::new(text).object(|key, value| members.push((&text[key], &text[value]))).unwrap();
        assert_eq!(members, [("\"a\"", "[1, 2]"), ("\"b\"", "null")]);
    }
}
