//! What stands in the file of a migration: dbmate's format, and in it which databases a part is for.

use std::fmt;

use super::super::dialect::Dialect;
use super::lexer;

/// The parts of a migration's file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MigrationFile<'a> {
    text: &'a str,
    parts: Vec<Part<'a>>,
}

/// What is run in one direction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    backwards: bool,
    /// The databases that it names; none, where it is for all that no other part names.
    dialects: Vec<Dialect>,
    /// Whether it is run in a transaction, where the database can.
    in_transaction: bool,
    pub(crate) sql: &'a str,
    /// Where its marker is, and where its SQL begins.
    line: usize,
    start: usize,
}

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    line: usize,
    what: String,
}

const MARKERS: &str = "`-- migrate:up` or `-- migrate:down`, with the databases that it is for where it is not for all \
     (sqlite, postgres, mysql; MariaDB is mysql), and transaction:false where it must not be in one";

impl<'a> MigrationFile<'a> {
    /// Reads a file.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Mistake> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut file = Self { text, parts: Vec::new() };
        let mut start = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let end = start + line.len();
            if let Some(part) = Part::read(line, number + 1, end)? {
                file.end_part(start)?;
                file.refuse_twice(&part)?;
                file.parts.push(part);
            }
            start = end;
        }
        file.end_part(text.len())?;
        if file.parts.iter().all(|part| part.backwards) {
            let what = "no line `-- migrate:up`, after which stands what the migration does";
            return Err(Mistake { line: text.lines().count().max(1), what: what.to_owned() });
        }
        Ok(file)
    }

    /// What it does on this database; nothing, where it says nothing of it.
    pub(crate) fn up(&self, dialect: Dialect) -> Option<&Part<'a>> {
        self.part(dialect, false)
    }

    /// How that is undone; nothing, where it cannot be.
    pub(crate) fn down(&self, dialect: Dialect) -> Option<&Part<'a>> {
        self.part(dialect, true)
    }

    /// What names the database goes before what names none.
    fn part(&self, dialect: Dialect, backwards: bool) -> Option<&Part<'a>> {
        let parts = || self.parts.iter().filter(move |part| part.backwards == backwards);
        let named = parts().find(|part| part.dialects.contains(&dialect));
        named.or_else(|| parts().find(|part| part.dialects.is_empty()))
    }

    /// The line in the file of something in a part, by its place in the part's SQL.
    pub(crate) fn line_of(&self, part: &Part<'_>, at: usize) -> usize {
        let before = self.text.get(..part.start + at).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    /// A part ends here. Before the first there may only be comments.
    fn end_part(&mut self, end: usize) -> Result<(), Mistake> {
        if let Some(part) = self.parts.last_mut() {
            part.sql = self.text.get(part.start..end).unwrap_or_default();
            return Ok(());
        }
        let before = self.text.get(..end).unwrap_or_default();
        let found = lexer::statements(before, Dialect::Sqlite);
        let Some((at, _)) = found.first().copied() else { return Ok(()) };
        let line = before.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let what = "a statement before the first marker: it would never be run. Put a line `-- migrate:up` before it";
        Err(Mistake { line, what: what.to_owned() })
    }

    /// Of two parts for one database, one would never be run.
    fn refuse_twice(&self, new: &Part<'_>) -> Result<(), Mistake> {
        let same = self.parts.iter().find(|part| {
            part.backwards == new.backwards
                && (part.dialects.iter().any(|dialect| new.dialects.contains(dialect))
                    || (part.dialects.is_empty() && new.dialects.is_empty()))
        });
        let Some(same) = same else { return Ok(()) };
        let direction = if new.backwards { "down" } else { "up" };
        let what = format!(
            "a second part `{direction}` for the same database; the first is at line {}",
            same.line
        );
        Err(Mistake { line: new.line, what })
    }
}

impl Part<'_> {
    /// Whether all of it happens or nothing does.
    pub(crate) fn is_one(&self, dialect: Dialect) -> bool {
        self.in_transaction && dialect.has_transactions_for_tables()
    }

    /// Reads the marker with which a part begins; nothing, where the line is none.
    fn read(text: &str, line: usize, start: usize) -> Result<Option<Self>, Mistake> {
        let text = text.trim();
        let Some(direction) = marked(text) else { return Ok(None) };
        let mistake = |what: String| Err(Mistake { line, what });
        let mut words = text.strip_prefix("--").unwrap_or_default().split_whitespace();
        let right = format!("migrate:{direction}");
        if words.next() != Some(right.as_str()) {
            return mistake(format!(
                "{text:?} looks like a marker and is none. A marker is {MARKERS}; say a comment in \
                 other words"
            ));
        }
        let backwards = direction == "down";
        let mut part =
            Part { backwards, dialects: Vec::new(), in_transaction: true, sql: "", line, start };
        for word in words {
            match (word, Dialect::ALL.into_iter().find(|dialect| dialect.name() == word)) {
                (_, Some(dialect)) if part.dialects.contains(&dialect) => {
                    return mistake(format!("{word} stands twice in {text:?}"));
                }
                (_, Some(dialect)) => part.dialects.push(dialect),
                ("transaction:false", _) => part.in_transaction = false,
                ("transaction:true", _) => {}
                _ => return mistake(format!("{word:?} in {text:?}. A marker is {MARKERS}")),
            }
        }
        Ok(Some(part))
    }
}

/// The direction that a line means, if it is a marker or was meant to be one. What is nearly a
/// marker must not pass for a comment: what is after it would be run with what is before.
fn marked(line: &str) -> Option<&'static str> {
    let comment = line.strip_prefix("--").or_else(|| line.strip_prefix('#'))?;
    let comment = comment.trim_start_matches(['-', '#', ' ', '\t']).to_ascii_lowercase();
    let rest = comment.strip_prefix("migrate")?;
    let rest = rest.trim_start_matches([' ', '\t', ':', '-', '_', '.', '=']);
    let is_right = rest.len() + "migrate".len() < comment.len();
    let word = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().filter(|_| is_right)?;
    ["up", "down"].into_iter().find(|direction| *direction == word).or_else(|| {
        // Another word after the colon: `migrate:rollback`.
        comment.starts_with("migrate:").then_some("up")
    })
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

#[cfg(test)]
mod tests;
