//! What the documents show is true, and each block in them is covered by a test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod blocks;
mod coming_from;
#[path = "../common/mod.rs"]
mod common;
mod links;
mod migrations;
mod nginx;
mod settings;
mod sql;
mod systemd;
mod templates;

use std::path::Path;

use blocks::{in_language, root};
use common::matrix;
use segue::engines::{EncryptedCookieStore, SignedCookieStore};
use segue::{Guarantees, SessionStore as _};

/// The blocks of a document in this language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let blocks = in_language(language).into_iter().filter(|block| block.document == document);
    blocks.map(|block| block.text).collect()
}

/// The browser's tests run the example, so what is shown works.
#[test]
fn the_scripts_that_are_shown_are_those_of_the_example() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let example = Path::new("segue/examples/csrf");
    let script = read(example.join("page.js").to_str().unwrap());
    let page = read(example.join("templates/index.html").to_str().unwrap());
    let text = read("docs/csrf.md");
    let scripts = blocks("docs/csrf.md", "js");
    assert_eq!(scripts.len(), 3, "the blocks are found");
    for block in scripts {
        assert!(script.contains(&block), "not in page.js:\n{block}");
    }
    let mut htmx = blocks("docs/csrf.md", "html");
    htmx.retain(|block| block.contains("hx-"));
    assert_eq!(htmx.len(), 1, "the block is found");
    for part in [htmx[0].as_str(), "hx-status:403=\"select:#reason\""] {
        assert!(page.contains(part) && text.contains(part), "not in index.html:\n{part}");
    }
}

/// The browser's tests run the program.
#[test]
fn the_shop_that_is_shown_is_the_program() {
    let program = std::fs::read_to_string(root().join("site/src/bin/shop.rs")).unwrap();
    let blocks = blocks("docs/sharing.md", "rust,no_run");
    assert_eq!(blocks.len(), 1, "the block is found");
    assert!(program.ends_with(&blocks[0]), "not in shop.rs:\n{}", blocks[0]);
}

/// What a visitor of the repository is told to type.
#[test]
fn the_commands_of_the_readme_are_there() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let typed =
        in_language("sh").into_iter().filter(|it| it.document == "README.md" && !it.is_followed);
    for line in typed.map(|block| block.text).collect::<String>().lines() {
        match line.split('#').next().unwrap().trim() {
            "cargo run" => {
                let manifest = read("Cargo.toml");
                let member = manifest.split("default-members = [\"").nth(1).unwrap();
                let member = member.split('"').next().unwrap();
                assert!(root().join(member).join("src/main.rs").is_file(), "{member} is a program");
            }
            "cargo xtask test" => {
                assert!(read(".cargo/config.toml").contains("xtask = "));
                assert!(read(".ci/run").contains("cargo xtask test"), "it is what CI runs");
            }
            other => panic!("nothing tests the command {other:?}"),
        }
    }
}

/// What the README's table says of an engine: revocable, lossless, cleans itself.
fn in_the_table(engine: &str) -> [bool; 3] {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let row = readme.lines().find(|line| line.starts_with(&format!("| `{engine}`"))).unwrap();
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    [3, 4, 6].map(|cell| match cells[cell] {
        "yes" => true,
        "no" => false,
        other => panic!("{engine}: {other}"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_engines_is_theirs() {
    let mut engines: Vec<(String, Guarantees)> = Vec::new();
    for engine in matrix::engines() {
        let site = engine.open().await;
        let name = engine.name.split(' ').next().unwrap().to_owned();
        engines.push((name, site.sessions().store().guarantees()));
        site.close().await;
    }
    let settings = common::settings();
    let signed = SignedCookieStore::new(&settings).unwrap().guarantees();
    let encrypted = EncryptedCookieStore::new(&settings).unwrap().guarantees();
    engines.extend([("signed_cookies".into(), signed), ("encrypted_cookies".into(), encrypted)]);
    for (name, found) in engines {
        let found = [found.revocable, found.lossless, found.cleans_itself];
        assert_eq!(found, in_the_table(&name), "{name}");
    }
}
