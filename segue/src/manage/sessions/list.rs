//! `sessions list`: a line for each.

use serde::Serialize;

use super::filter::Filters;
use super::place::{NEEDS_KEY, Place};
use super::summary::{Readable, Summary};
use super::walk::Walk;
use super::words;
use crate::engines::Listed;
use crate::key::SessionKey;
use crate::manage::CommandResult;
use crate::manage::output::{Results, ascii_json, bad, heading, report_warning};
use crate::printable::printable;

/// So much of a user's id is shown in the table.
const LONGEST_USER: usize = 40;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Show whole keys: who has one is that visitor
    #[arg(long)]
    full: bool,

    /// Write a line of JSON for each session
    #[arg(long)]
    json: bool,

    /// Show so many at the most
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    #[command(flatten)]
    filters: Filters,
}

pub(super) async fn run(place: &Place<'_>, arguments: Arguments) -> CommandResult {
    let mut lines = Lines {
        out: Results::new(),
        full: arguments.full,
        json: arguments.json,
        now: place.clock.now(),
        shown: 0,
        unreadable: 0,
    };
    let filter = arguments.filters.resolve(place).await?;
    let mut walk = Walk::with_data(place, &filter)?;
    let limit = arguments.limit.unwrap_or(u64::MAX);
    let mut has_more = false;
    let ended = 'pages: loop {
        let page = match walk.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        for (session, summary) in &page {
            has_more = lines.shown == limit;
            if has_more || !lines.write(session, summary)? {
                break 'pages Ok(());
            }
        }
        if !lines.out.flush()? {
            break Ok(());
        }
    };
    lines.out.flush()?;
    // That there are none is not known after an error.
    if ended.is_ok() || lines.shown > 0 {
        lines.summarise(has_more);
    }
    if !place.has_secret_key {
        report_warning(&format!("users are not shown: {NEEDS_KEY}"));
    }
    ended
}

/// The lines that are written.
struct Lines {
    out: Results,
    full: bool,
    json: bool,
    now: jiff::Timestamp,
    shown: u64,
    unreadable: u64,
}

/// A session as a line of JSON: these names stay.
#[derive(Serialize)]
struct Line<'a> {
    key: Option<&'a str>,
    expires: Option<String>,
    expired: Option<bool>,
    last_saved: Option<String>,
    user: Option<&'a str>,
    size: u64,
    readable: Option<bool>,
    problem: Option<&'a str>,
}

impl Lines {
    /// Writes the line of a session; false where nobody reads it.
    fn write(
        &mut self,
        session: &Listed,
        summary: &Summary,
    ) -> Result<bool, Box<dyn std::error::Error>> {
        let is_first = self.shown == 0;
        self.shown += 1;
        self.unreadable += u64::from(matches!(summary.readable, Readable::No(_)));
        if self.json {
            let line = serde_json::to_string(&self.line(session, summary))?;
            return self.out.line(ascii_json(&line));
        }
        let width = if self.full { SessionKey::LENGTH } else { words::SHORTEST + 1 };
        if is_first {
            let head = format!(
                "{:width$}  {:19}  {:16}  {:>8}  {:10}  {}",
                "KEY", "EXPIRES (UTC)", "FROM NOW", "BYTES", "DATA", "USER"
            );
            if !self.out.line(heading(head))? {
                return Ok(false);
            }
        }
        let key = printable(&words::shown(session.key.as_ref(), self.full));
        let (expires, distance) = match session.expires_at {
            Some(end) => (words::in_utc(end), words::distance(end, self.now)),
            None => ("unreadable".to_owned(), String::new()),
        };
        let data = match &summary.readable {
            Readable::Yes => "readable".to_owned(),
            Readable::No(_) => bad("unreadable").to_string(),
            Readable::Unknown => "-".to_owned(),
        };
        // By hand, because colours have letters that take no place.
        let gap = " ".repeat(10_usize.saturating_sub(console::measure_text_width(&data)));
        let user: String = printable(summary.user.as_deref().unwrap_or("-"))
            .replace('\n', "\\n")
            .chars()
            .take(LONGEST_USER)
            .collect();
        let size = session.size;
        let line =
            format!("{key:width$}  {expires:19}  {distance:16}  {size:>8}  {data}{gap}  {user}");
        self.out.line(line)
    }

    fn line<'a>(&self, session: &'a Listed, summary: &'a Summary) -> Line<'a> {
        let key = session.key.as_ref().map(SessionKey::expose);
        let (readable, problem) = match &summary.readable {
            Readable::Yes => (Some(true), None),
            Readable::No(reason) => (Some(false), Some(reason.as_str())),
            Readable::Unknown => (None, None),
        };
        Line {
            key: if self.full { key } else { key.map(words::beginning) },
            expires: session.expires_at.map(words::in_json),
            expired: session.expires_at.map(|end| end <= self.now),
            last_saved: summary.saved.map(words::in_json),
            user: summary.user.as_deref(),
            size: session.size,
            readable,
            problem,
        }
    }

    /// What the table does not say, for people.
    fn summarise(&self, has_more: bool) {
        if self.json {
            return;
        }
        match (self.shown, has_more) {
            (0, false) => warn_user!("No sessions."),
            (shown, true) => warn_user!("{}, and there are more.", words::sessions(shown)),
            (shown, false) => warn_user!("{}.", words::sessions(shown)),
        }
        if self.unreadable > 0 {
            report_warning(&format!(
                "the data of {} cannot be read; `sessions show KEY` says why",
                words::sessions(self.unreadable)
            ));
        }
    }
}
