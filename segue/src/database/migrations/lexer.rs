//! As much of SQL as one must know to see where a statement ends.

use std::ops::Range;

use super::super::dialect::Dialect;

/// A piece of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// White space, or a comment.
    Nothing,
    /// A name or a word of the language.
    Word,
    Semicolon,
    Open,
    Close,
    /// A text in quotes, a number, a sign.
    Other,
}

/// What has to be sent by itself, with where each of it begins.
///
/// PostgreSQL makes one transaction of all that is sent together, in which some statements cannot be;
/// so each statement is sent alone, as its own `psql` tells them apart: by the semicolons that stand
/// in no quotes, comments, brackets and bodies of functions. MySQL goes on with all that was sent when
/// nobody is there any more; so there as well, but for what comes after the beginning of a routine,
/// whose end only the server knows. What SQLite was given ends with this process.
///
/// Source: PostgreSQL's documentation, 4.1 "Lexical Structure"; `psqlscan.l` for what is counted.
pub(super) fn statements(sql: &str, dialect: Dialect) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut statement = Statement::default();
    for (piece, range) in Pieces::of(sql, dialect) {
        let text = sql.get(range.clone()).unwrap_or_default();
        if piece == Piece::Semicolon && statement.ends(dialect) {
            found.extend(statement.taken_from(sql));
            statement = Statement::default();
        } else if piece != Piece::Nothing {
            statement.add(piece, text, range);
        }
    }
    found.extend(statement.taken_from(sql));
    found
}

/// Whether there is nothing to run in a text.
pub(super) fn is_blank(sql: &str, dialect: Dialect) -> bool {
    last(sql, dialect).is_none()
}

/// Whether the last statement of a text has its semicolon.
pub(super) fn ends_well(sql: &str, dialect: Dialect) -> bool {
    last(sql, dialect).is_none_or(|piece| piece == Piece::Semicolon)
}

/// The last piece that is not nothing.
fn last(sql: &str, dialect: Dialect) -> Option<Piece> {
    Pieces::of(sql, dialect).map(|(piece, _)| piece).filter(|piece| *piece != Piece::Nothing).last()
}

/// What was seen of a statement.
#[derive(Default)]
struct Statement {
    range: Option<Range<usize>>,
    /// How many round brackets are open.
    brackets: usize,
    /// Its first words: `CREATE OR REPLACE FUNCTION` are enough.
    words: Vec<String>,
    /// How many `BEGIN`s of a function's body are open, with the `CASE`s in it.
    bodies: usize,
    is_routine: bool,
}

impl Statement {
    fn add(&mut self, piece: Piece, text: &str, range: Range<usize>) {
        let start = self.range.as_ref().map_or(range.start, |seen| seen.start);
        self.range = Some(start..range.end);
        match piece {
            Piece::Open => self.brackets += 1,
            Piece::Close => self.brackets = self.brackets.saturating_sub(1),
            Piece::Word => {
                let word = text.to_ascii_lowercase();
                if self.makes_a_function() && self.brackets == 0 {
                    match word.as_str() {
                        "begin" => self.bodies += 1,
                        "case" if self.bodies > 0 => self.bodies += 1,
                        "end" => self.bodies = self.bodies.saturating_sub(1),
                        _ => {}
                    }
                }
                self.is_routine |= self.begins_a_routine(&word);
                if self.words.len() < 4 {
                    self.words.push(word);
                }
            }
            Piece::Nothing | Piece::Semicolon | Piece::Other => {}
        }
    }

    fn makes_a_function(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        matches!(
            words[..],
            ["create", "function" | "procedure", ..]
                | ["create", "or", "replace", "function" | "procedure"]
        )
    }

    /// Whether this word makes it a routine of MySQL's, or lets it look like one.
    fn begins_a_routine(&self, word: &str) -> bool {
        match self.words.first().map(String::as_str) {
            Some("create" | "alter") => {
                matches!(word, "procedure" | "function" | "trigger" | "event" | "package")
            }
            Some("begin") => word == "not",
            _ => false,
        }
    }

    /// Whether a semicolon ends it.
    fn ends(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Postgres => self.brackets == 0 && self.bodies == 0,
            Dialect::MySql => !self.is_routine,
            Dialect::Sqlite => false,
        }
    }

    fn taken_from(self, sql: &str) -> Option<(usize, &str)> {
        let range = self.range?;
        Some((range.start, sql.get(range)?))
    }
}

/// The pieces of a text, without a gap.
struct Pieces<'a> {
    sql: &'a str,
    at: usize,
    dialect: Dialect,
}

impl<'a> Pieces<'a> {
    fn of(sql: &'a str, dialect: Dialect) -> Self {
        Self { sql, at: 0, dialect }
    }

    fn rest(&self) -> &'a str {
        self.sql.get(self.at..).unwrap_or_default()
    }

    /// How long the piece is that begins here, and what it is.
    fn measure(&self) -> Option<(Piece, usize)> {
        use Dialect::{MySql, Postgres, Sqlite};
        let rest = self.rest();
        let first = rest.chars().next()?;
        let second = rest.chars().nth(1);
        Some(match first {
            _ if first.is_whitespace() => (Piece::Nothing, run(rest, char::is_whitespace)),
            '-' if rest.starts_with("--") && self.is_comment(rest.chars().nth(2)) => {
                (Piece::Nothing, line(rest))
            }
            '#' if self.dialect == MySql => (Piece::Nothing, line(rest)),
            '/' if second == Some('*') => {
                let is_code = self.dialect == MySql
                    && ["/*!", "/*M!"].iter().any(|start| rest.starts_with(start));
                let piece = if is_code { Piece::Other } else { Piece::Nothing };
                (piece, block(rest, self.dialect == Postgres))
            }
            '\'' => (Piece::Other, quoted(rest, first, self.dialect == MySql)),
            'e' | 'E' if second == Some('\'') && self.dialect == Postgres => {
                (Piece::Other, 1 + quoted(rest.get(1..)?, '\'', true))
            }
            '"' => (Piece::Other, quoted(rest, first, self.dialect == MySql)),
            '`' if self.dialect != Postgres => (Piece::Other, quoted(rest, first, false)),
            '[' if self.dialect == Sqlite => {
                (Piece::Other, rest.find(']').map_or(rest.len(), |end| end + 1))
            }
            '$' if self.dialect == Postgres => (Piece::Other, dollar_quoted(rest).unwrap_or(1)),
            ';' => (Piece::Semicolon, 1),
            '(' => (Piece::Open, 1),
            ')' => (Piece::Close, 1),
            _ if is_of_a_word(first) => (Piece::Word, run(rest, |c| is_of_a_word(c) || c == '$')),
            _ => (Piece::Other, first.len_utf8()),
        })
    }

    /// In MySQL two hyphens are a comment only where white space follows; otherwise they are signs.
    fn is_comment(&self, after: Option<char>) -> bool {
        let is_space = |c: char| c.is_whitespace() || c.is_control();
        self.dialect != Dialect::MySql || after.is_none_or(is_space)
    }
}

impl Iterator for Pieces<'_> {
    type Item = (Piece, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let (piece, length) = self.measure()?;
        let start = self.at;
        self.at += length;
        Some((piece, start..self.at))
    }
}

/// A number begins no word, but it may follow in one; as a piece it makes no difference.
fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// How far this goes on.
fn run(text: &str, goes_on: impl Fn(char) -> bool) -> usize {
    text.find(|c| !goes_on(c)).unwrap_or(text.len())
}

/// A comment to the end of its line.
fn line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// A comment to its end; in PostgreSQL there may be others in it.
fn block(text: &str, nests: bool) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") && (nests || depth == 0) {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// A text in these quotes. The quote itself stands in it twice, and where there are escapes also
/// after a backslash.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && escapes {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// A text between two equal tags, `$$` or `$body$`.
fn dollar_quoted(text: &str) -> Option<usize> {
    let name = text.get(1..)?.split_once('$')?.0;
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_of_a_word);
    let tag = text.get(..name.len() + 2).filter(|_| is_name)?;
    let body = text.get(tag.len()..)?;
    Some(body.find(tag).map_or(text.len(), |end| tag.len() + end + tag.len()))
}

#[cfg(test)]
mod tests;
