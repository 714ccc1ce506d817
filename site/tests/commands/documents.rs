//! The commands that the documents show are commands.

use crate::common::{Document, Project};

/// The documents with lines that begin with `cargo run --`.
const DOCUMENTS: &[&str] = &["docs/login.md"];

#[test]
fn each_command_that_is_shown_is_there() {
    let mut seen = 0;
    for document in DOCUMENTS {
        for line in Document::read(document).blocks("sh").concat().lines() {
            let command = line.split('#').next().unwrap().trim();
            let arguments = command.strip_prefix("cargo run -- ");
            let arguments = arguments.unwrap_or_else(|| panic!("{document}: what is {line:?}?"));
            // The options are read before the help is shown.
            let arguments: Vec<&str> = arguments.split(' ').chain(["--help"]).collect();
            let help = Project::new().succeed(&arguments);
            assert!(help.contains(&format!("Usage: site {}", arguments[0])), "{help}");
            seen += 1;
        }
    }
    assert!(seen >= 2, "the commands are found: {seen}");
}
