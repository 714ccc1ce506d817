//! The page: the machine, what it could not start, and every section.

use std::fs;

use super::table::escape;
use crate::harness::{Harness, machine, programs};
use crate::{Result, progress};

/// What stands above the figures.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) cores: usize,
    pub(crate) command: String,
    pub(crate) effort: String,
}

const READING: &str = "\
Each server runs on one thread. **Added CPU** is the server's time for a request less that of its bare
handler in the same repetition: the steadiest figure. Figures are medians, the spread is how far the
repetitions of a server are apart on its worst route. `limit-*` are bare handlers that load, or load and
save, with a raw driver, one operation for each request and not batched: what many saves share (a flush to
the disk, a round trip) they pay one by one, and who shares it can be faster. How it is measured, and what
the routes are: [README.md](README.md).
";

/// The whole page.
pub(crate) fn page(
    head: &Head,
    harness: &Harness,
    failures: &[(String, String)],
    sections: &[String],
) -> String {
    let mut lines = machine::described(head.cores, harness.is_pinned);
    lines.push(head.effort.clone());
    lines.extend(harness.stores.versions());
    lines.extend(harness.programs.versions());
    let mut text = format!(
        "# Segue beside others\n\nWritten by `{}` on {}.\n\n{READING}\n",
        head.command,
        machine::date()
    );
    for line in lines {
        text += &format!("- {line}\n");
    }
    text += "\n";
    if !failures.is_empty() {
        text += "## What could not be measured\n\n";
        for (name, reason) in failures {
            text += &format!("- {name}: {}\n", without_folders(&escape(reason)));
        }
        text += "\n";
    }
    text + &sections.concat().trim_end().replace("\n\n\n", "\n\n") + "\n"
}

/// Where this is on the machine is nobody's business.
fn without_folders(text: &str) -> String {
    text.replace(&programs::root().display().to_string(), "…")
}

/// Writes a file beside this package's source.
pub(crate) fn write(name: &str, text: &str) -> Result {
    let path = programs::root().join("bench").join(name);
    fs::write(&path, text)?;
    progress(&format!("{} is written.", path.display()));
    Ok(())
}
