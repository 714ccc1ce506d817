//! What docs/commands.md says: every command, every option, every number of `check`, and shapes of JSON
//! that are those of the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::Project;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn document() -> String {
    fs::read_to_string(root().join("docs/commands.md")).unwrap()
}

/// The part of the document about a command, up to the next one.
fn part<'a>(document: &'a str, words: &str) -> Option<&'a str> {
    let depth = "#".repeat(1 + words.split(' ').count());
    let (_, rest) = document.split_once(&format!("\n{depth} {words}\n"))?;
    let end = rest.find(&format!("\n{depth} ")).unwrap_or(rest.len());
    let rest = &rest[..end];
    // Of `check` the table belongs to it, of `sessions list` not what comes behind it.
    Some(rest.split("\n## ").next().unwrap_or(rest))
}

/// A command and those within it: its words and its help.
fn helps(project: &Project, before: &str) -> Vec<(String, String)> {
    let arguments: Vec<&str> = before.split_whitespace().chain(["--help"]).collect();
    let help = project.succeed(&arguments);
    let mut all = Vec::new();
    if let Some((_, rest)) = help.split_once("\nCommands:\n") {
        for line in rest.lines().take_while(|line| line.starts_with("  ")) {
            let name = line.split_whitespace().next().unwrap();
            all.extend(helps(project, format!("{before} {name}").trim_start()));
        }
    }
    if before.is_empty() {
        // It is hidden where there is a project, and not from whoever looks it up.
        all.push(("startproject".to_owned(), project.succeed(&["startproject", "--help"])));
    }
    all.push((before.to_owned(), help));
    all
}

/// The long options in a text.
fn options(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    text.split(|c: char| !is_part(c))
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_and_every_option_is_described() {
    let (project, document) = (Project::new(), document());
    let (_, of_all) = document.split_once("\n## What every command takes\n").unwrap();
    let general = options(of_all.split("\n## ").next().unwrap());
    let mut seen = BTreeSet::new();
    for (words, help) in helps(&project, "") {
        // What stands before the examples; those are tested with the help.
        let shown = options(help.split("\nExamples:").next().unwrap());
        let described = match words.as_str() {
            "" => general.clone(),
            words => {
                let part = part(&document, words);
                let part =
                    part.unwrap_or_else(|| panic!("no part of docs/commands.md on `{words}`"));
                let mut described = options(part);
                // The filters are described once.
                if words == "sessions delete" {
                    described.extend(options(self::part(&document, "sessions list").unwrap()));
                }
                described
            }
        };
        for option in &shown {
            let is_there = described.contains(option) || general.contains(option);
            assert!(is_there, "docs/commands.md lacks {option} of `{words}`");
        }
        seen.extend(shown);
    }
    for option in options(&document) {
        assert!(seen.contains(&option), "docs/commands.md has {option}, which no command has");
    }
    let headings = document.lines().filter_map(|line| line.strip_prefix("## "));
    let commands: BTreeSet<String> =
        helps(&project, "").into_iter().map(|(words, _)| words).collect();
    for heading in headings.filter(|heading| heading.chars().all(|c| c.is_ascii_lowercase())) {
        assert!(commands.contains(heading), "there is no command {heading}");
    }
}

/// Each line that is shown is one that the program reads: it is asked for help at its end.
#[test]
fn every_line_that_is_shown_can_be_typed() {
    let (project, document) = (Project::new(), document());
    let mut typed = 0;
    for block in document.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        for line in block.lines() {
            let line = line.split('#').next().unwrap().split('>').next().unwrap();
            let (_, arguments) = line.split_once("site ").unwrap();
            let arguments: Vec<&str> = arguments.split_whitespace().chain(["--help"]).collect();
            project.succeed(&arguments);
            typed += 1;
        }
    }
    assert!(typed > 7, "the lines are found: {typed}");
}

/// The numbers of `check` in a text.
fn numbers(text: &str) -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    for start in ["security.W", "segue.W"] {
        for (at, _) in text.match_indices(start) {
            let digits: String =
                text[at + start.len()..].chars().take_while(char::is_ascii_digit).collect();
            if digits.len() == 3 {
                numbers.insert(format!("{start}{digits}"));
            }
        }
    }
    numbers
}

fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &source(&path);
        } else if !path.ends_with("tests.rs") {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn the_table_of_what_check_finds_is_whole() {
    let document = document();
    let (_, table) = document.split_once("### What is found\n").unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `s")).collect();
    let described: Vec<String> = rows.iter().flat_map(|row| numbers(row)).collect();
    let in_source = numbers(&source(&root().join("segue/src/manage/check")));
    assert!(in_source.len() > 25, "they are found: {in_source:?}");
    let first_of_row: BTreeSet<String> =
        rows.iter().map(|row| row.split('`').nth(1).unwrap().to_owned()).collect();
    assert_eq!(first_of_row, in_source);
    assert!(described.len() >= rows.len());
}

/// The names in an object and in those within it.
fn names(value: &Value) -> BTreeSet<String> {
    let Some(object) = value.as_object() else { return BTreeSet::new() };
    let mut all: BTreeSet<String> = object.keys().cloned().collect();
    for (name, value) in object.iter().filter(|(name, _)| *name != "data") {
        let within = value.as_array().and_then(|items| items.first()).unwrap_or(value);
        all.extend(names(within).into_iter().map(|inner| format!("{name}.{inner}")));
    }
    all
}

#[test]
fn the_shapes_of_json_are_those_of_the_program() {
    let project = Project::new();
    project.set(
        "SECRET_KEY = \"x\"\nALLOWED_HOSTS = [\"127.0.0.1\"]\nSESSION_COOKIE_SECURE = false\n",
    );
    let demo = project.serve();
    assert_eq!(demo.get("/set/", None).status, 200);
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_str(&project.succeed(&[arguments, &["--json"]].concat())).unwrap()
    };
    let line = json(&["sessions", "list"]);
    let key = line["key"].as_str().unwrap().to_owned();
    let document = document();
    let shown: Vec<BTreeSet<String>> = document
        .split("```json\n")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .map(|value: Value| names(&value))
        .collect();
    let printed = [
        names(&line),
        names(&json(&["sessions", "show", &key])),
        names(&json(&["sessions", "stats"])),
        names(&json(&["check", "--deploy"])),
    ];
    assert_eq!(shown, printed);
}
