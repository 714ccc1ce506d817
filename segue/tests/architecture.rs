//! The arrows of DESIGN.md: a file imports from lower levels only, and none is long.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The levels of DESIGN.md, section 2, from the bottom up. A module may use its own folder and
/// whatever stands on a line above.
const LEVELS: &[&[&str]] = &[
    &["error", "hex", "random", "digest", "scratch"],
    &["key", "clock", "secret", "json", "url", "html", "characters", "printable", "lane", "lru"],
    &["pickle"],
    &["data", "signing", "settings"],
    &["store"],
    &["cache"],
    &["codec", "database", "caches", "expiry", "passwords"],
    &["engines", "users"],
    &["session"],
    &["cookie", "body", "meta"],
    &["host", "layer", "panics", "routes"],
    &["extract"],
    &["csrf"],
    &["templates"],
    &["auth"],
    &["debug"],
    &["site"],
    &["manage", "testing"],
];

/// Arrows that the levels allow and the design does not.
const FORBIDDEN: &[(&str, &str)] = &[
    ("session", "engines"),
    ("session", "database"),
    ("cookie", "engines"),
    ("layer", "engines"),
    ("extract", "engines"),
    ("csrf", "engines"),
    ("templates", "engines"),
    ("auth", "engines"),
    ("debug", "engines"),
];

/// These know nothing of HTTP, so that they serve a job or a test as well.
const WITHOUT_HTTP: &[&str] = &[
    "error",
    "hex",
    "random",
    "characters",
    "printable",
    "key",
    "cache",
    "caches",
    "pickle",
    "clock",
    "secret",
    "json",
    "lane",
    "lru",
    "digest",
    "scratch",
    "store",
    "data",
    "signing",
    "settings",
    "codec",
    "database",
    "expiry",
    "engines",
    "session",
    "passwords",
    "users",
];

const MOST_LINES: usize = 500;

#[derive(Debug, Default)]
struct Tree {
    /// Path within the source folder, and text.
    files: BTreeMap<PathBuf, String>,
}

impl Tree {
    fn read(folder: &Path) -> Self {
        let mut tree = Self::default();
        tree.add(folder, folder);
        tree
    }

    fn add(&mut self, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                self.add(root, &path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_owned();
                self.files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn broken_arrows(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (path, text) in &self.files {
            let from = module_of(path);
            if from == "lib" {
                continue;
            }
            let Some(level) = level_of(&from) else {
                broken.push(format!("{}: {from} has no level", path.display()));
                continue;
            };
            for line in code(text) {
                for to in imports(line) {
                    let allowed = to == from || level_of(&to).is_some_and(|other| other < level);
                    let forbidden = FORBIDDEN.contains(&(from.as_str(), to.as_str()));
                    if !allowed || forbidden {
                        broken.push(format!("{}: {from} uses {to}", path.display()));
                    }
                }
                if WITHOUT_HTTP.contains(&from.as_str()) && line.contains("http::") {
                    broken.push(format!("{}: {from} uses http", path.display()));
                }
                if from == "data"
                    && ["std::fs", "std::io", "tokio", "async "].iter().any(|io| line.contains(io))
                {
                    broken.push(format!("{}: data does I/O", path.display()));
                }
            }
        }
        broken
    }

    fn long_files(&self) -> Vec<String> {
        let long = self.files.iter().filter(|(_, text)| text.lines().count() > MOST_LINES);
        long.map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
            .collect()
    }
}

fn module_of(path: &Path) -> String {
    let first = path.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn level_of(module: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&module))
}

/// The lines that are compiled into the library: no comments, no tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .filter(|line| !line.trim_start().starts_with("//"))
}

/// The modules of this crate that a line names. What stands in the root is re-exported from where
/// it is defined; its name begins with a capital or is `describe`.
fn imports(line: &str) -> Vec<String> {
    line.match_indices("crate::")
        .map(|(at, found)| &line[at + found.len()..])
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
        .filter(|name| name.starts_with(|c: char| c.is_lowercase()) && *name != "describe")
        .map(str::to_owned)
        .collect()
}

fn source() -> Tree {
    Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn a_file_imports_from_lower_levels_only() {
    let tree = source();
    assert!(tree.files.len() > 30, "the sources are found");
    assert_eq!(tree.broken_arrows(), Vec::<String>::new());
}

#[test]
fn every_module_has_a_level() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules = lib.lines().filter_map(|line| {
        line.trim_start_matches("pub ").strip_prefix("mod ").map(|name| name.trim_end_matches(';'))
    });
    for module in modules {
        assert!(level_of(module).is_some(), "{module} has a level");
    }
}

#[test]
fn no_file_is_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in ["segue", "cli", "demo", "site", "servers", "bench", "xtask", "fuzz"] {
        let tree = Tree::read(&root.join(folder));
        assert!(!tree.files.is_empty());
        assert_eq!(tree.long_files(), Vec::<String>::new());
    }
}

/// Time cannot be tested on a busy machine; that nobody took the quick way can.
#[test]
fn secrets_are_compared_in_constant_time() {
    let tree = source();
    for (file, comparison) in [
        ("users/reset_tokens.rs", ".ct_eq("),
        ("key.rs", ".ct_eq("),
        ("secret.rs", ".ct_eq("),
        ("csrf/secret.rs", ".ct_eq("),
        ("passwords/hashers.rs", ".ct_eq("),
        ("signing/signer.rs", ".verify_slice("),
    ] {
        let text = &tree.files[Path::new(file)];
        let compares = code(text).filter(|line| line.contains(comparison)).count();
        assert_eq!(compares, 1, "{file} compares its secrets in one place");
    }
}

/// The check itself can fail.
#[test]
fn a_deliberate_break_is_found() {
    let mut tree = source();
    tree.files.insert("engines/bad.rs".into(), "use crate::session::Session;\n".into());
    tree.files.insert("session/bad.rs".into(), "use crate::engines::MemoryStore;\n".into());
    tree.files.insert("data.rs".into(), "use std::fs;\n".into());
    tree.files.insert("store/bad.rs".into(), "fn f(_: http::Method) {}\n".into());
    tree.files.insert("stray.rs".into(), String::new());
    tree.files.insert("key/long.rs".into(), "\n".repeat(MOST_LINES + 1));
    let expected = [
        "data.rs: data does I/O",
        "engines/bad.rs: engines uses session",
        "session/bad.rs: session uses engines",
        "store/bad.rs: store uses http",
        "stray.rs: stray has no level",
    ];
    assert_eq!(tree.broken_arrows(), expected);
    assert_eq!(tree.long_files(), ["key/long.rs: 501 lines"]);
}
