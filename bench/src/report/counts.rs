//! What does not vary from run to run: round trips, system calls, allocations, bytes.

use super::speed::name;
use super::table::{Table, short, thousands};
use crate::harness::server::Route;
use crate::measure::{Measured, Row};

const HEADINGS: &[&str] = &[
    "server",
    "round trips: untouched / read / write",
    "added system calls: untouched / read / write",
    "added allocations: untouched / read / write",
    "bytes per session",
];

pub(crate) fn section(measured: &Measured) -> String {
    if measured.rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new(HEADINGS);
    for row in &measured.rows {
        table.row(cells(row));
    }
    format!("## What a request takes besides time\n\n{}\n", table.into_text())
}

fn cells(row: &Row) -> [String; 5] {
    [
        name(row),
        of_all(|route| row.counts.get(&route)?.trips, "in process"),
        of_all(|route| row.added_calls(route), "not counted"),
        of_all(|route| row.added_allocations(route), "not counted"),
        bytes(row),
    ]
}

fn of_all(figure: impl Fn(Route) -> Option<f64>, missing: &str) -> String {
    let figures: Option<Vec<String>> =
        Route::WITH_SESSION.into_iter().map(|route| Some(short(figure(route)?))).collect();
    figures.map_or_else(|| missing.to_owned(), |figures| figures.join(" / "))
}

fn bytes(row: &Row) -> String {
    let figures: Vec<String> =
        row.bytes.iter().map(|(bytes, place)| format!("{} ({place})", thousands(*bytes))).collect();
    if figures.is_empty() { "–".to_owned() } else { figures.join(" + ") }
}
