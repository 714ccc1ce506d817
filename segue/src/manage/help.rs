//! What `--help` says of each command beside its options: how it is used.

use std::fmt::Write as _;

use clap::builder::{StyledStr, Styles};

/// What is typed after the program's name, and what comes of it.
type Example = (&'static str, &'static str);

/// Of each command, by the words that name it. What is typed begins with those.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "startproject",
        &[("mysite", "into a new folder mysite"), ("mysite .", "into the folder where you are")],
    ),
    (
        "startapp",
        &[
            ("student", "and shows the lines that register it"),
            ("student --register", "and writes them into src/lib.rs"),
        ],
    ),
    (
        "makemigrations",
        &[
            ("student --empty --name add_marks", "begin a file for SQL of your own"),
            ("", "put files that you wrote by hand on the list"),
            ("--check", "in a pipeline: fails where a file is not on the list"),
        ],
    ),
    (
        "showmigrations",
        &[
            ("", "which are applied, app by app"),
            ("--plan", "in the order in which they are applied"),
        ],
    ),
    (
        "sqlmigrate",
        &[
            ("student 0001", "what it would run on the database of the settings"),
            ("student 0001 --backwards", "what would undo it"),
        ],
    ),
    (
        "runserver",
        &[
            ("", "on http://127.0.0.1:8000"),
            ("8001", "on another port"),
            ("0.0.0.0:8000", "for other machines as well"),
        ],
    ),
    (
        "migrate",
        &[
            ("", "make what is missing; to run it again does nothing"),
            ("student 0001", "go to this migration, forwards or back"),
            ("student zero", "undo all of an app"),
        ],
    ),
    (
        "createsuperuser",
        &[
            ("", "asks for name, address and password"),
            (
                "--noinput --username ada --email ada@example.com",
                "in a script, with DJANGO_SUPERUSER_PASSWORD",
            ),
        ],
    ),
    ("changepassword", &[("ada", "asks for the new password, twice")]),
    (
        "clearsessions",
        &[
            ("", "daily, by cron or a timer"),
            ("--dry-run", "how many it would remove"),
            ("--batch 5000", "larger steps, where nobody else writes"),
        ],
    ),
    (
        "sessions",
        &[
            ("list", "all of them, with keys shortened"),
            ("show abcdefgh", "what one holds, by the beginning of its key"),
            ("delete --user ada", "log a user out everywhere"),
        ],
    ),
    (
        "sessions list",
        &[
            ("--user ada", "those of one user"),
            ("--active --min-size 100000", "large ones that have not ended"),
            ("--json --full", "all of them for another program, with whole keys"),
        ],
    ),
    (
        "sessions show",
        &[
            ("abcdefgh", "by the beginning of its key, as `sessions list` shows it"),
            ("-", "by a key on standard input, which nobody else sees"),
        ],
    ),
    (
        "sessions delete",
        &[
            ("--user ada", "log a user out everywhere"),
            ("--older-than 90d --dry-run", "how many were not saved for so long"),
            ("abcdefgh --yes", "one session, without being asked"),
        ],
    ),
    ("sessions stats", &[("", "for people"), ("--json", "for another program")]),
    (
        "check",
        &[
            ("", "the settings, and whether each store answers"),
            ("--deploy", "what is not safe in production as well"),
            ("--deploy --fail-level WARNING", "in a pipeline, which stops at the first"),
        ],
    ),
    (
        "completions",
        &[
            ("bash > ~/.local/share/bash-completion/completions/PROGRAM", ""),
            ("zsh > ~/.zfunc/_PROGRAM", "where .zshrc has fpath+=~/.zfunc before compinit"),
            ("fish > ~/.config/fish/completions/PROGRAM.fish", ""),
        ],
    ),
    ("manpage", &[("> ~/.local/share/man/man1/PROGRAM.1", "for `man PROGRAM`")]),
];

/// The commands with their examples, for a program of this name.
pub(super) fn with_examples(command: clap::Command, program: &str) -> clap::Command {
    command.mut_subcommands(|command| of(command, "", program))
}

fn of(command: clap::Command, before: &str, program: &str) -> clap::Command {
    let words = [before, command.get_name()].join(" ").trim_start().to_owned();
    let command = match EXAMPLES.iter().find(|(name, _)| *name == words) {
        Some((_, examples)) => command.after_help(section(&words, examples, program)),
        None => command,
    };
    command.mut_subcommands(|command| of(command, &words, program))
}

/// The examples as a section of the help, with a head like clap's own.
fn section(words: &str, examples: &[Example], program: &str) -> StyledStr {
    let lines: Vec<(String, String)> = examples
        .iter()
        .map(|(typed, what)| {
            let typed = format!("{program} {words} {typed}");
            (typed.trim_end().replace("PROGRAM", program), what.replace("PROGRAM", program))
        })
        .collect();
    let width = lines.iter().map(|(typed, _)| typed.chars().count()).max().unwrap_or_default();
    let styles = Styles::default();
    let header = styles.get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (typed, what) in lines {
        let line = format!("{typed:width$}  {what}");
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {}", line.trim_end());
    }
    StyledStr::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands of a program and theirs, by the words that name them.
    fn names(command: &clap::Command, before: &str) -> Vec<String> {
        let mut all = Vec::new();
        for command in command.get_subcommands() {
            let words = [before, command.get_name()].join(" ").trim_start().to_owned();
            all.extend(names(command, &words));
            all.push(words);
        }
        all
    }

    #[test]
    fn every_command_has_examples_and_no_other_does() {
        let command = crate::manage::command_line::command(true, &[], "site");
        let names = names(&command, "");
        for name in &names {
            assert!(EXAMPLES.iter().any(|(words, _)| words == name), "{name} has no examples");
        }
        for (words, examples) in EXAMPLES {
            let is_there = names.iter().any(|name| name == words) || cfg!(not(feature = "auth"));
            assert!(is_there && (1..=3).contains(&examples.len()), "{words}");
        }
    }

    /// What is shown can be typed: the program itself reads it.
    #[test]
    fn every_example_is_a_command_line() {
        for (words, examples) in EXAMPLES {
            for (typed, _) in *examples {
                let command = crate::manage::command_line::command(true, &[], "site");
                let typed = typed.split(" > ").next().unwrap_or_default();
                let typed = typed.strip_prefix("> ").map_or(typed, |_| "");
                let line = format!("site {words} {typed}");
                let read = command.try_get_matches_from(line.split_whitespace());
                assert!(read.is_ok() || cfg!(not(feature = "auth")), "{line}: {read:?}");
            }
        }
    }
}
