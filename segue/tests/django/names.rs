//! Everything that Django's `SessionBase` can do has its counterpart, under its Django name as well.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::place::Place;

/// What has no counterpart, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("TEST_COOKIE_NAME", "a constant behind set_test_cookie; nobody sets it per session"),
    ("TEST_COOKIE_VALUE", "as TEST_COOKIE_NAME"),
    ("serializer", "SESSION_SERIALIZER has one value, JSON: PickleSerializer left in Django 5.0"),
    ("__init__", "`Sessions::open` takes the key"),
    ("__doc__", "not of the sessions"),
];

/// The names by which our sources can be found: methods, and aliases for the search.
fn ours() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<PathBuf> =
        fs::read_dir(source.join("session")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.extend(["codec.rs", "store.rs"].map(|name| source.join(name)));
    files.iter().flat_map(|file| names_in(&fs::read_to_string(file).unwrap())).collect()
}

fn names_in(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    // The methods of a trait are as public as it is; other functions say `pub`.
    let mut in_public_trait = false;
    for line in source.lines() {
        match line {
            line if line.starts_with("pub trait ") => in_public_trait = true,
            "}" => in_public_trait = false,
            _ => {}
        }
        let line = line.trim();
        if let Some(alias) = line.strip_prefix("#[doc(alias") {
            // `= "a"`, or `("a", "b")`: every second part is a name.
            names.extend(alias.split('"').skip(1).step_by(2).map(str::to_owned));
        }
        let method = ["pub fn ", "pub async fn "].iter().find_map(|start| line.strip_prefix(start));
        let method = method.or_else(|| line.strip_prefix("fn ").filter(|_| in_public_trait));
        if let Some(method) = method {
            let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
            names.extend(method.split(|letter| !is_part(letter)).next().map(str::to_owned));
        }
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_of_session_base_has_a_counterpart() {
    let place = Place::empty().await;
    let names = place.django().call(&json!({"op": "names"}));
    let names: BTreeSet<&str> =
        names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for known in ["get", "__setitem__", "accessed", "session_key", "cycle_key", "clear_expired"] {
        assert!(names.contains(known), "Django was asked wrongly: {names:?}");
    }
    assert!(!names.contains("aget") && !names.contains("aset"), "asynchronous twins: {names:?}");

    let ours = ours();
    let missing: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| !ours.contains(*name))
        .filter(|name| EXCEPTIONS.iter().all(|(exception, _)| exception != name))
        .collect();
    assert!(missing.is_empty(), "no method and no #[doc(alias)] for {missing:?}");
    for (exception, _) in EXCEPTIONS {
        assert!(!ours.contains(*exception), "{exception} is no exception any more");
    }
}

#[test]
fn a_name_that_is_only_mentioned_is_no_counterpart() {
    let source = "\
/// Django's `mentioned`.
#[doc(alias(\"one\", \"two\"))]
#[doc(alias = \"three\")]
pub fn four<T>(&self) {}
    pub async fn five() {}
    fn private() {}
pub trait Store {
    fn six(
}
    fn hidden() {}
    pub(crate) fn seven() {}
";
    assert_eq!(names_in(source), ["one", "two", "three", "four", "five", "six"]);
}
