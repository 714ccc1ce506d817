//! What the documents show is true: the settings are settings, the table of engines is theirs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{databases, matrix};
use segue::database::{Database, Migrator, Target};
use segue::engines::{EncryptedCookieStore, SignedCookieStore};
use segue::{App, Guarantees, SessionStore as _, Settings, SqlMigration};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The documents for users, by their paths.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = vec![root().join("README.md")];
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    paths.extend(docs.map(|entry| entry.unwrap().path()));
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The blocks of a document in this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    text.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_settings_that_are_shown_are_settings() {
    let mut seen = 0;
    for (path, text) in documents() {
        for block in blocks(&text, "toml").into_iter().filter(|b| !b.starts_with("# Cargo.toml")) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("settings.toml");
            std::fs::write(&file, block).unwrap();
            let read = Settings::from_file(&file);
            assert!(read.is_ok(), "{}: {}\n{block}", path.display(), read.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen >= 6, "the blocks are found: {seen}");
}

/// The browser's tests run the example, so what is shown works.
#[test]
fn the_scripts_that_are_shown_are_those_of_the_example() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let example = Path::new("segue/examples/csrf");
    let script = read(example.join("page.js").to_str().unwrap());
    let page = read(example.join("templates/index.html").to_str().unwrap());
    let text = read("docs/csrf.md");
    let scripts = blocks(&text, "js");
    assert_eq!(scripts.len(), 3, "the blocks are found");
    for block in scripts {
        assert!(script.contains(block), "not in page.js:\n{block}");
    }
    let htmx: Vec<_> = blocks(&text, "html").into_iter().filter(|b| b.contains("hx-")).collect();
    assert_eq!(htmx.len(), 1, "the block is found");
    for part in htmx.into_iter().chain(["hx-status:403=\"select:#reason\""]) {
        assert!(page.contains(part) && text.contains(part), "not in index.html:\n{part}");
    }
}

/// Each is a whole file, and is applied and undone on every database.
#[tokio::test(flavor = "multi_thread")]
async fn the_migrations_that_are_shown_work() {
    let text = std::fs::read_to_string(root().join("docs/migrations.md")).unwrap();
    let text: &'static str = Box::leak(text.into_boxed_str());
    let name = |file: &'static str| {
        let line = file.lines().next().unwrap();
        let path = line.strip_prefix("-- src/student/migrations/").expect("its name stands first");
        path.strip_suffix(".sql").unwrap()
    };
    let files = blocks(text, "sql").into_iter().map(|file| SqlMigration::new(name(file), file));
    let files: &'static [SqlMigration] = Box::leak(files.collect());
    assert_eq!(files.len(), 4, "the blocks are found");
    let migrator = Migrator::new(&[App::new("student", files)]).unwrap();
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        let done = migrator.migrate(&database, Target::All, &|_| ()).await.unwrap();
        assert_eq!(done[done.len() - 4].0.to_string(), "Applying student.0001_add_marks");
        let done = migrator.migrate(&database, Target::Zero("student"), &|_| ()).await.unwrap();
        assert_eq!(done.len(), 4, "{place:?}");
        migrator.migrate(&database, Target::App("student"), &|_| ()).await.unwrap();
    }
    // The list that is shown is that of the first of them, and its app is one that is compiled.
    let [list, app] = blocks(text, "rs")[..] else { panic!("the blocks are found") };
    assert!(list.contains("segue::migrations! {\n    \"0001_add_marks\",\n};\n"), "{list}");
    let school = std::fs::read_to_string(root().join("site/school/src/student.rs")).unwrap();
    for text in [app, &school] {
        assert!(text.contains("App::new(\"student\", migrations::MIGRATIONS);"), "{text}");
    }
}

#[test]
fn links_lead_somewhere() {
    for (path, text) in documents() {
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            let is_ours = !link.is_empty() && !link.starts_with("http");
            let there = path.parent().unwrap().join(link).exists();
            assert!(!is_ours || there, "{}: {link}", path.display());
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
