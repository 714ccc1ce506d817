//! The settings that are shown are settings.

use segue::Settings;

use crate::blocks::{Block, in_language, root};

fn read(block: &Block, lines: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    // Where it is said to be in the environment.
    let key = if lines.contains("SECRET_KEY = ") { "" } else { "SECRET_KEY = 'secret'\n" };
    std::fs::write(&file, format!("{key}{lines}")).unwrap();
    let read = Settings::from_file(&file);
    assert!(read.is_ok(), "{}: {}\n{lines}", block.place(), read.unwrap_err());
}

#[test]
fn the_settings_that_are_shown_are_settings() {
    let mut seen = 0;
    for block in in_language("toml").into_iter().filter(|block| block.title() != "Cargo.toml") {
        read(&block, &block.text);
        seen += 1;
    }
    assert!(seen >= 6, "the blocks are found: {seen}");
}

/// And the variables are, so far as one file can say it: a list has commas there.
#[test]
fn the_variables_that_are_shown_are_settings() {
    let mut seen = 0;
    for block in in_language("dotenv") {
        let lines = block.text.lines().filter(|line| !line.starts_with('#'));
        let mut settings = String::new();
        for line in lines {
            let (name, value) = line.split_once('=').unwrap();
            // systemd and a shell take the quotes off.
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            // An empty variable counts as not set.
            let list: Vec<&str> = value.split(',').filter(|part| !part.is_empty()).collect();
            settings += &match name {
                "SECRET_KEY_FALLBACKS" => format!("{name} = {list:?}\n"),
                _ => format!("{name} = {value:?}\n"),
            };
        }
        assert!(settings.contains("SECRET_KEY = "), "{}", block.place());
        read(&block, &settings);
        seen += 1;
    }
    assert!(seen >= 6, "the blocks are found: {seen}");
}

/// Our own manifest does what the documents advise.
#[test]
fn what_is_advised_for_a_manifest_is_in_ours() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let blocks = in_language("toml")
        .into_iter()
        .filter(|block| block.title() == "Cargo.toml" && !block.is_followed);
    let parts: Vec<String> = blocks
        .flat_map(|block| {
            block
                .text
                .split_once('\n')
                .unwrap()
                .1
                .split("\n\n")
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(!parts.is_empty(), "the blocks are found");
    for part in parts {
        assert!(manifest.contains(part.trim()), "not in Cargo.toml:\n{part}");
    }
}
