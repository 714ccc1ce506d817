//! The main table: how fast, by the bare handler, and what it costs the server.

use super::table::{Table, percent, ratio, short, thousands};
use crate::catalogue::Class;
use crate::harness::server::Route;
use crate::measure::{Measured, Row};

const HEADINGS: &[&str] = &[
    "server",
    "bare/s",
    "untouched/s (÷ bare)",
    "read/s (÷ bare)",
    "write/s (÷ bare)",
    "added CPU µs: untouched / read / write",
    "p50 / p99 ms, read",
    "p50 / p99 ms, write",
    "spread",
];

pub(crate) fn section(measured: &Measured) -> String {
    if measured.rows.is_empty() {
        return String::new();
    }
    let mut text = "## Requests per second, and what one costs\n\n".to_owned();
    text += "![How fast each server reads and writes](results.svg)\n\n";
    for class in Class::ALL {
        let rows: Vec<&Row> =
            measured.rows.iter().filter(|row| row.contender.class == class).collect();
        if rows.is_empty() {
            continue;
        }
        let mut table = Table::new(HEADINGS);
        for row in rows {
            table.row(cells(row));
        }
        text += &format!("### {}\n\n{}\n", class.title(), table.into_text());
    }
    text
}

fn cells(row: &Row) -> Vec<String> {
    let speed =
        |route| format!("{} ({})", thousands(row.per_second(route)), ratio(row.ratio(route)));
    let latency = |route| {
        let (p50, p99) = row.latency(route);
        format!("{p50:.2} / {p99:.2}")
    };
    let mut cells = vec![name(row), thousands(row.per_second(Route::Bare))];
    cells.extend(Route::WITH_SESSION.map(speed));
    cells.push(Route::WITH_SESSION.map(|route| short(row.added_cpu(route))).join(" / "));
    cells.extend([Route::Read, Route::Write].map(latency));
    cells.push(percent(row.spread()));
    cells
}

/// Ours are in bold, the limits in italics.
pub(crate) fn name(row: &Row) -> String {
    let name = row.contender.name;
    match row.contender {
        contender if contender.is_ours() => format!("**{name}**"),
        contender if contender.is_limit() => format!("*{name}*"),
        _ => name.to_owned(),
    }
}
