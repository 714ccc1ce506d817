//! Forms of parts between lines that nothing else in the form may look like.
//!
//! Source: RFC 7578; RFC 2046, section 5.1.1.

use super::TOKEN_LENGTH;
use super::content_type::parameters;
use crate::csrf::token::FIELD;

/// The headers of one part. Django refuses a form with more than 1024 bytes; a browser that sends a
/// whole folder puts paths of up to 4096 into them.
pub(super) const HEADERS: usize = 8192;

/// Browsers send two headers.
const MOST_HEADERS: usize = 32;

const END_OF_HEADERS: &[u8] = b"\r\n\r\n";

/// How much of a value is kept: no 64 characters have as many bytes.
pub(super) const VALUE: usize = 4 * TOKEN_LENGTH + 1;

pub(super) struct Multipart {
    /// `CRLF--boundary`. Of this only the first byte is a CR, so when a byte does not go on with it,
    /// it can only begin anew with that byte, and nothing has to be looked at again.
    delimiter: Vec<u8>,
    line: Line,
    part: Part,
    /// The part's headers, or its value.
    held: Vec<u8>,
    /// How much of the value came before what may become a delimiter.
    before_line: usize,
    done: bool,
}

/// How much of a delimiter's line has come, in the end of what has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// So many bytes of the delimiter itself.
    Delimiter(usize),
    /// All of it.
    Whole,
    /// And blanks.
    Blanks,
    /// And the first of two hyphens: the end of the form.
    Hyphen,
    /// And a CR: the next byte ends the line.
    Return,
}

impl Line {
    const NONE: Self = Self::Delimiter(0);
    /// After a line break.
    const START: Self = Self::Delimiter(2);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Headers,
    /// Of the field that is looked for.
    Value,
    /// Of another field, of a file, or of what stands before the first part.
    Other,
}

impl Multipart {
    pub(super) fn new(boundary: &str) -> Self {
        Self {
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            line: Line::START,
            part: Part::Other,
            held: Vec::new(),
            before_line: 0,
            done: false,
        }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while !self.done
            && let Some((byte, after)) = bytes.split_first()
        {
            if self.line == Line::NONE && *byte != b'\r' {
                let end = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
                let (text, after) = bytes.split_at_checked(end).unwrap_or_default();
                self.keep(text);
                bytes = after;
            } else {
                self.step(*byte);
                bytes = after;
            }
        }
        self.done
    }

    /// The first field that is not empty decides, so that an upload may go on to the handler as soon
    /// as this field has come. (Django takes the last one, and has the upload on its disk by then.)
    pub(super) fn finish(mut self) -> String {
        if self.part != Part::Value {
            return String::new();
        }
        self.cut_line();
        String::from_utf8_lossy(&self.held).into_owned()
    }

    /// Takes a byte that may belong to a delimiter's line.
    fn step(&mut self, byte: u8) {
        self.line = match (self.line, byte) {
            (Line::Delimiter(length), _) if self.delimiter.get(length) == Some(&byte) => {
                let length = length + 1;
                if length == self.delimiter.len() { Line::Whole } else { Line::Delimiter(length) }
            }
            (Line::Whole | Line::Blanks, b' ' | b'\t') => Line::Blanks,
            (Line::Whole | Line::Blanks, b'\r') => Line::Return,
            (Line::Whole, b'-') => Line::Hyphen,
            (Line::Hyphen, b'-') => return self.part_ends(true),
            (Line::Return, b'\n') => return self.part_ends(false),
            (_, b'\r') => Line::Delimiter(1),
            _ => Line::NONE,
        };
        if self.line == Line::Delimiter(1) {
            self.before_line = self.held.len();
        }
        // Until the line is whole it may be text as well.
        self.keep(&[byte]);
    }

    /// Takes text: without any CR, or a single byte.
    fn keep(&mut self, bytes: &[u8]) {
        let most = match self.part {
            Part::Headers => HEADERS,
            Part::Value => VALUE,
            Part::Other => return,
        };
        let room = most.saturating_sub(self.held.len());
        self.held.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if self.part == Part::Value {
            // No delimiter can make it shorter than this, so it is too long to be a token.
            let sure = if self.line == Line::NONE { self.held.len() } else { self.before_line };
            self.done = sure == VALUE;
        } else if self.held.ends_with(END_OF_HEADERS) {
            self.part = if is_token(&self.held) { Part::Value } else { Part::Other };
            self.held.clear();
            // The line break that ends the headers may begin the next delimiter.
            self.before_line = 0;
        } else {
            self.done = self.held.len() == HEADERS;
        }
    }

    /// The delimiter's line is whole.
    fn part_ends(&mut self, last: bool) {
        if self.part == Part::Value {
            self.cut_line();
            self.done = !self.held.is_empty();
        }
        self.done |= last;
        if self.done {
            return;
        }
        self.part = Part::Headers;
        self.line = Line::START;
        // The headers begin with the end of this line, so that no headers end as all others do.
        self.held.clear();
        self.held.extend_from_slice(b"\r\n");
    }

    fn cut_line(&mut self) {
        if self.line != Line::NONE {
            self.held.truncate(self.before_line);
        }
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.delimiter.capacity() + self.held.capacity()
    }
}

/// Whether these are the headers of the field: of its name, and no file.
fn is_token(headers: &[u8]) -> bool {
    let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let headers = headers.strip_prefix(b"\r\n").unwrap_or(headers);
    // Headers that are none belong to no field of ours.
    let Ok(httparse::Status::Complete((_, lines))) = httparse::parse_headers(headers, &mut lines)
    else {
        return false;
    };
    let mut lines = lines.iter();
    let Some(line) = lines.rfind(|line| line.name.eq_ignore_ascii_case("content-disposition"))
    else {
        return false;
    };
    let (mut is_named, mut is_file) = (false, false);
    for (name, value) in parameters(std::str::from_utf8(line.value).unwrap_or_default()) {
        match name.as_str() {
            "name" => is_named = value.trim() == FIELD,
            "filename" | "filename*" => is_file |= !value.is_empty(),
            _ => {}
        }
    }
    is_named && !is_file
}
