//! The log on standard error: what the site says, and a line for each request.

use std::fmt;
use std::io;
use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use console::Style;
use http::{Method, StatusCode, Uri, Version};
use http_body::Body as _;
use jiff::ZonedDateTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The target of the lines of requests, for `RUST_LOG`. Django's logger `django.server`.
const SERVER: &str = "segue::server";

/// No more letters of a path are written.
const MOST: usize = 1000;

/// Writes the log to standard error, as much of it as `RUST_LOG` says.
pub(in crate::manage) fn start_log() {
    let filter = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    // On a terminal, unless NO_COLOR is set.
    let colours = console::colors_enabled_stderr();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(colours)
        .event_format(Lines { others: Format::default().with_target(false), colours });
    // A program that has a log of its own already keeps it.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// What is known of a request before it is answered.
pub(super) struct Asked {
    method: Method,
    uri: Uri,
    version: Version,
    began: Instant,
}

impl Asked {
    pub(super) fn now(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            began: Instant::now(),
        }
    }

    /// Writes the line: a server error is an error, any other refusal a warning.
    pub(super) fn log(&self, response: &Response) {
        let status = response.status();
        let length = response.body().size_hint().exact();
        let line = Line { asked: self, status, length };
        let status = status.as_u16();
        match status {
            500.. => tracing::error!(target: SERVER, status, "{line}"),
            400.. => tracing::warn!(target: SERVER, status, "{line}"),
            _ => tracing::info!(target: SERVER, status, "{line}"),
        }
    }
}

/// `"GET /set/ HTTP/1.1" 200 1234 1.2 ms`. The query is left out: it may hold secrets.
struct Line<'a> {
    asked: &'a Asked,
    status: StatusCode,
    length: Option<u64>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Asked { method, uri, version, began } = self.asked;
        write!(
            f,
            "\"{} {} {version:?}\" {} ",
            written(method.as_str()),
            written(uri.path()),
            self.status.as_u16()
        )?;
        match self.length {
            Some(length) => write!(f, "{length}")?,
            None => f.write_str("-")?,
        }
        write!(f, " {:.1} ms", began.elapsed().as_secs_f64() * 1000.0)
    }
}

/// A text of a visitor's that ends no line, closes no quote and moves no cursor.
fn written(text: &str) -> String {
    let mut written: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        written.push('…');
    }
    written
}

/// The lines of requests look as Django's do, all others as `tracing` writes them.
struct Lines {
    others: Format<Full>,
    colours: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() != SERVER {
            return self.others.format_event(context, writer, event);
        }
        let mut said = Said::default();
        event.record(&mut said);
        let now = ZonedDateTime::now().strftime("%d/%b/%Y %H:%M:%S");
        let line = format!("[{now}] {}", said.message);
        writeln!(writer, "{}", style(said.status).force_styling(self.colours).apply_to(line))
    }
}

/// Django's colours. Source: `PALETTES` in `django/utils/termcolors.py`.
fn style(status: u64) -> Style {
    match status {
        100..=199 => Style::new().bold(),
        304 => Style::new().cyan(),
        300..=399 => Style::new().green(),
        400..=499 => Style::new().yellow(),
        500.. => Style::new().red().bold(),
        _ => Style::new(),
    }
}

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    status: u64,
}

impl Visit for Said {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "status" {
            self.status = value;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_path_forges_a_line() {
        for (path, expected) in [
            ("/set/", "/set/"),
            ("/a\"b\\c", "/a\\\"b\\\\c"),
            ("/a%0ab", "/a%0ab"),
            ("/a\r\n[now] \"GET /\" 200", "/a\\r\\n[now] \\\"GET /\\\" 200"),
            ("/\u{1b}[2J\u{9b}2J\u{202e}\u{2028}", "/\\u{1b}[2J\\u{9b}2J\\u{202e}\\u{2028}"),
            ("/é", "/é"),
        ] {
            assert_eq!(written(path), expected);
        }
        assert_eq!(written(&"a".repeat(2000)).chars().count(), MOST + 1);
    }
}
