//! A report for those who read no HTML, and may sit at a terminal.

use std::fmt::Write as _;

use super::report::{Report, Section};
use crate::printable::printable;

pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = write(&mut text, report);
    text
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "{}\n{}", printable(&report.title), printable(&report.message))?;
    for section in &report.sections {
        match section {
            Section::Source { heading, lines } => {
                writeln!(out, "\n{}", printable(heading))?;
                for line in lines {
                    let mark = if line.is_marked { '>' } else { ' ' };
                    writeln!(out, "{mark} {:>5} | {}", line.number, printable(&line.text))?;
                }
            }
            Section::Text { heading, text } => writeln!(out, "\n{heading}\n{}", printable(text))?,
            Section::List { heading, items } => {
                writeln!(out, "\n{heading}")?;
                for (item, more) in items {
                    let gap = if more.is_empty() { "" } else { "  " };
                    writeln!(out, "- {}{gap}{}", printable(item), printable(more))?;
                }
            }
        }
    }
    if !report.mends.is_empty() {
        writeln!(out, "\nHow to mend it")?;
    }
    for mend in &report.mends {
        writeln!(out, "- {}", printable(mend))?;
    }
    out.push('\n');
    for (name, value) in &report.facts {
        writeln!(out, "{name}: {}", printable(value))?;
    }
    writeln!(out, "\nYou see this because DEBUG is on.")
}
