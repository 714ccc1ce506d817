//! What docs/runserver.md shows: lines that can be typed, and a line of the log.

use super::{here, project, serve};
use crate::common::{Document, Project};

#[test]
fn each_line_that_is_shown_can_be_typed() {
    let mut typed = 0;
    for line in Document::read("docs/runserver.md").blocks("sh").concat().lines() {
        let line = line.split('#').next().unwrap().trim();
        let (_, arguments) = line.split_once(" -- ").unwrap();
        // What is between quotes is one argument.
        let arguments: Vec<&str> = match arguments.split_once(" \"") {
            Some((before, quoted)) => vec![before, quoted.trim_end_matches('"')],
            None => arguments.split(' ').collect(),
        };
        // The options are read before the help is shown.
        let help = Project::new().succeed(&[&arguments[..], &["--help"]].concat());
        assert!(help.contains("Usage: site runserver"), "{help}");
        typed += 1;
    }
    assert_eq!(typed, 6, "the lines are found");
}

/// Each number as one zero.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for letter in line.chars() {
        match letter {
            '0'..='9' if shape.ends_with('0') => {}
            '0'..='9' => shape.push('0'),
            _ => shape.push(letter),
        }
    }
    shape
}

#[test]
fn the_line_of_the_log_is_one() {
    let page = Document::read("docs/runserver.md").blocks("text").concat();
    let project = project();
    let mut command = here(&project);
    let mut demo = serve(command.env("RUST_LOG", "info"), &[]);
    assert_eq!(demo.get("/set/", None).status, 200);
    let line = demo.program.wait_for("] \"GET /set/");
    let (_, shown) = page.split_once("] \"GET /set/").unwrap();
    assert_eq!(shape(line.trim_end()), shape(shown.trim_end()));
}
