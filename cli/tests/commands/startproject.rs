//! `startproject`.

use std::fs;
use std::process::Command;

use crate::Folder;

const FILES: [&str; 6] =
    [".gitignore", "Cargo.toml", "settings.toml", "src/lib.rs", "src/main.rs", "src/urls.rs"];

#[test]
fn a_project_is_a_new_folder() {
    let folder = Folder::new();
    let said = folder.succeed("", &["startproject", "mysite"]);
    assert_eq!(
        said,
        "Created the project mysite in mysite\n\nWhat comes next:\n    cd mysite\n    cargo run                          \
         # http://127.0.0.1:8000\n    cargo run -- startapp NAME\n"
    );
    assert_eq!(folder.names(), FILES.map(|name| format!("mysite/{name}")));
    let manifest = folder.read("mysite/Cargo.toml");
    assert!(manifest.contains("name = \"mysite\"\n"), "{manifest}");
    let version = env!("CARGO_PKG_VERSION");
    let line =
        format!("segue = {{ version = \"{version}\", features = [\"manage\", \"templates\"] }}\n");
    assert!(manifest.contains(&line), "{manifest}");
    for name in FILES {
        assert!(!folder.read(&format!("mysite/{name}")).contains("{{"), "{name} is filled in");
    }
}

#[test]
fn a_project_in_a_folder_that_is_named() {
    let folder = Folder::new();
    let said = folder.succeed("", &["startproject", "mysite", "."]);
    assert!(!said.contains("cd "), "{said}");
    assert_eq!(folder.names(), FILES);
    folder.succeed("", &["startproject", "other", "deep/within"]);
    assert!(folder.path("deep/within/src/main.rs").exists());
}

#[test]
fn no_file_is_ever_replaced() {
    let folder = Folder::new();
    folder.write("mysite/notes.txt", "mine");
    let complaint = folder.fail("", &["startproject", "mysite"]);
    assert!(complaint.contains("mysite is there already"), "{complaint}");
    assert!(complaint.contains("`startproject mysite mysite` puts"), "the mend: {complaint}");
    for name in FILES {
        folder.write(&format!("{name}/{name}"), "mine");
        let complaint = folder.fail("", &["startproject", "mysite", name]);
        assert!(complaint.contains("is there already, and nothing was written"), "{complaint}");
        assert_eq!(folder.read(&format!("{name}/{name}")), "mine");
        let made = fs::read_dir(folder.path(name)).unwrap().count();
        assert_eq!(made, 1, "{name}: nothing is half written");
    }
    // What is not in the way stays.
    folder.succeed("", &["startproject", "mysite", "mysite"]);
    assert_eq!(folder.read("mysite/notes.txt"), "mine");
}

/// The names that Django refuses because of Python's modules are refused because of Rust's crates.
#[test]
fn names_are_refused_with_the_reason() {
    let folder = Folder::new();
    for (name, reason) in [
        ("", "a name is an identifier"),
        ("my-site", "a name is an identifier"),
        ("7days", "no digit comes first"),
        ("../mysite", "a name is an identifier"),
        ("fn", "a word of Rust's own"),
        ("test", "a crate that is there already"),
        ("axum", "a crate that is there already"),
        ("build", "Cargo keeps a folder of this name"),
        ("Examples", "Cargo keeps a folder of this name"),
    ] {
        let complaint = folder.fail("", &["startproject", name]);
        assert!(complaint.contains(reason), "{name}: {complaint}");
    }
    let output = folder.run("", &["startproject"]);
    assert_eq!(output.status.code(), Some(2), "the command line is wrong: {output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("<NAME>"));
    assert!(folder.names().is_empty());
}

#[test]
fn segue_may_come_from_a_folder() {
    let folder = Folder::new();
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/../segue");
    folder.succeed("", &["startproject", "mysite", "--segue-path", here]);
    let manifest = folder.read("mysite/Cargo.toml");
    assert!(manifest.contains("segue = { path = '/"), "{manifest}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--format-version=1"]);
    let output = cargo.current_dir(folder.path("mysite")).output().unwrap();
    assert!(output.status.success(), "Cargo can read it: {output:?}");
    let complaint = folder.fail("", &["startproject", "other", "--segue-path", "mysite"]);
    assert!(complaint.contains("the crate segue is not in"), "{complaint}");
    assert!(!folder.path("other").exists());
}

#[test]
fn a_workspace_around_it_is_warned_of() {
    let folder = Folder::new();
    folder.write("Cargo.toml", "[workspace]\nmembers = []\n");
    let output = folder.run("", &["startproject", "mysite"]);
    assert!(output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("is a workspace: add the project to its members"), "{complaint}");
}
