//! `manpage`: the manual of the program, with all of its commands on one page.

use std::io;

use clap_mangen::Man;

use super::CommandResult;
use super::output::Results;

pub(super) fn run(mut command: clap::Command, program: &str) -> CommandResult {
    // Gives each command what all of them take.
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone()).title(program).source(SOURCE);
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for command in command.get_subcommands() {
        section(command, program, &mut page)?;
    }
    let mut notes = Vec::new();
    man.render_extra_section(&mut notes)?;
    page.extend_from_slice(&renamed(&notes, ".SH NOTES")?);
    let mut out = Results::new();
    out.write(|out| io::Write::write_all(out, &page))?;
    out.flush().map(drop)
}

const SOURCE: &str = concat!("Segue ", env!("CARGO_PKG_VERSION"));

/// A command, and the commands within it. The sections of its own page are parts of one of this page.
fn section(command: &clap::Command, before: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let words = format!("{before} {}", command.get_name());
    if command.has_subcommands() {
        for command in command.get_subcommands() {
            section(command, &words, page)?;
        }
        return Ok(());
    }
    page.extend_from_slice(format!(".SH {}\n", words.to_uppercase()).as_bytes());
    // What every command takes stands at the beginning.
    let own = |arg: clap::Arg| if arg.is_global_set() { arg.hide(true) } else { arg };
    let man = Man::new(command.clone().mut_args(own));
    let mut text = Vec::new();
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    page.extend_from_slice(&part(&text)?);
    if command.get_after_help().is_some() {
        let mut examples = Vec::new();
        man.render_extra_section(&mut examples)?;
        page.extend_from_slice(&part(&renamed(&examples, ".SH EXAMPLES")?)?);
    }
    Ok(())
}

/// A section that clap has no name for, with a name and without the head that stands in it; its lines
/// stay lines.
fn renamed(section: &[u8], name: &str) -> io::Result<Vec<u8>> {
    let text = std::str::from_utf8(section).map_err(io::Error::other)?;
    let text = text.replace(".SH EXTRA", &format!("{name}\n.nf")).replace("Examples:\n", "");
    Ok(format!("{text}.fi\n").into_bytes())
}

/// The sections of a page as parts of a section.
fn part(sections: &[u8]) -> io::Result<Vec<u8>> {
    let text = std::str::from_utf8(sections).map_err(io::Error::other)?;
    let lines = text.lines().map(|line| match line.strip_prefix(".SH ") {
        Some(name) => format!(".SS {name}\n"),
        None => format!("{line}\n"),
    });
    Ok(lines.collect::<String>().into_bytes())
}
