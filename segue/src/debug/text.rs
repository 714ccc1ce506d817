//! A report for those who read no HTML.

use std::fmt::Write as _;

use super::report::{Report, Section};

pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = write(&mut text, report);
    text
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "{}\n{}", clean(&report.title), clean(&report.message))?;
    for section in &report.sections {
        match section {
            Section::Source { heading, lines } => {
                writeln!(out, "\n{}", clean(heading))?;
                for line in lines {
                    let mark = if line.is_marked { '>' } else { ' ' };
                    writeln!(out, "{mark} {:>5} | {}", line.number, clean(&line.text))?;
                }
            }
            Section::Text { heading, text } => writeln!(out, "\n{heading}\n{}", clean(text))?,
            Section::List { heading, items } => {
                writeln!(out, "\n{heading}")?;
                for (item, more) in items {
                    let gap = if more.is_empty() { "" } else { "  " };
                    writeln!(out, "- {}{gap}{}", clean(item), clean(more))?;
                }
            }
        }
    }
    if !report.mends.is_empty() {
        writeln!(out, "\nHow to mend it")?;
    }
    for mend in &report.mends {
        writeln!(out, "- {}", clean(mend))?;
    }
    out.push('\n');
    for (name, value) in &report.facts {
        writeln!(out, "{name}: {}", clean(value))?;
    }
    writeln!(out, "\nYou see this because DEBUG is on.")
}

/// Whoever reads this may sit at a terminal, which takes some characters for orders.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && !matches!(letter, '\n' | '\t') {
            clean.extend(letter.escape_default());
        } else {
            clean.push(letter);
        }
    }
    clean
}
