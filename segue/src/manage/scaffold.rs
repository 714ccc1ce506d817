//! What `startproject` and `startapp` write, and under which names.

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::database::migrations::names;

/// A file to write: where, and what is in it.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// What a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameOf {
    Project,
    App,
}

/// Rust's words, also those that it keeps for later, and what a module cannot be called.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Crates that the sources of a new project name, and those that come with the compiler.
const CRATES: &[&str] = &["alloc", "axum", "core", "proc_macro", "segue", "std", "test"];

/// Apps of Django's that have migrations, beside those that no app of a project may ever be called.
const DJANGO_APPS: &[&str] = &["admin", "flatpages", "redirects", "sites"];

/// Modules that a new project has.
const MODULES: &[&str] = &["lib", "main", "urls"];

/// Folders of Cargo's own in `target`, whose names it refuses to programs. Where the file system takes
/// large letters for small ones, these folders stand in the way of a `Build` too.
const CARGO_FOLDERS: &[&str] = &["build", "deps", "examples", "incremental"];

/// Refuses a name that will not do, with the reason.
///
/// Source: `validate_name` in `django/core/management/templates.py`, with Rust's crates and modules
/// in the place of Python's.
pub(super) fn check_name(name: &str, of: NameOf) -> Result<(), String> {
    let what = match of {
        NameOf::Project => "a project",
        NameOf::App => "an app",
    };
    let refuse = |reason: &str| Err(format!("{name:?} cannot be the name of {what}: {reason}"));
    if !names::is_identifier(name) {
        return refuse(
            "a name is an identifier: letters from A to Z, digits and _, and no digit comes first",
        );
    }
    if name.trim_matches('_').is_empty() {
        return refuse("there must be a letter or a digit in it");
    }
    if KEYWORDS.contains(&name) {
        return refuse("it is a word of Rust's own");
    }
    if CRATES.contains(&name) {
        return refuse("it is the name of a crate that is there already");
    }
    if of == NameOf::Project && CARGO_FOLDERS.iter().any(|folder| name.eq_ignore_ascii_case(folder))
    {
        return refuse("Cargo keeps a folder of this name where it puts the program");
    }
    if of == NameOf::App && name == "App" {
        return refuse("src/lib.rs names Segue's type App");
    }
    if of == NameOf::App && MODULES.contains(&name) {
        return refuse("it is the name of a module that every project has");
    }
    if of == NameOf::App && DJANGO_APPS.contains(&name) {
        return refuse("Django has an app of this name, and records its migrations under it");
    }
    match names::app_problem(name).filter(|_| of == NameOf::App) {
        Some(problem) => refuse(problem),
        None => Ok(()),
    }
}

/// Writes files that are not there yet: all of them, or none.
pub(super) fn write(drafts: &[Draft]) -> Result<(), Box<dyn Error>> {
    if let Some(draft) = drafts.iter().find(|draft| draft.path.symlink_metadata().is_ok()) {
        return Err(already_there(&draft.path).into());
    }
    let mut made = Made::default();
    for draft in drafts {
        made.file(draft).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => already_there(&draft.path),
            _ => format!("cannot write {}: {error}", draft.path.display()),
        })?;
    }
    made.keep();
    Ok(())
}

fn already_there(path: &Path) -> String {
    format!("{} is there already, and nothing was written: no file is replaced", path.display())
}

/// What was made so far. It goes again when it is not whole.
#[derive(Default)]
struct Made {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    fn file(&mut self, draft: &Draft) -> io::Result<()> {
        if let Some(folder) = draft.path.parent() {
            self.folder(folder)?;
        }
        // Whoever made it since we looked made it for themselves.
        let mut file = fs::File::create_new(&draft.path)?;
        self.files.push(draft.path.clone());
        file.write_all(draft.text.as_bytes())
    }

    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        if folder.symlink_metadata().is_ok() {
            let what = format!("{} is no folder", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
        }
        if let Some(parent) = folder.parent() {
            self.folder(parent)?;
        }
        fs::create_dir(folder)?;
        self.folders.push(folder.to_owned());
        Ok(())
    }

    fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            // Not if somebody has put something into it.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_will_not_do_are_refused_with_the_reason() {
        for (name, reason) in [
            ("", "an identifier"),
            ("1st", "no digit comes first"),
            ("my-site", "letters from A to Z, digits and _"),
            ("my site", "an identifier"),
            ("../up", "an identifier"),
            ("a/b", "an identifier"),
            ("straße", "letters from A to Z"),
            ("a\u{1b}[2J", "an identifier"),
            ("__", "a letter or a digit"),
            ("async", "a word of Rust's own"),
            ("test", "a crate that is there"),
            ("segue", "a crate that is there"),
        ] {
            for of in [NameOf::Project, NameOf::App] {
                let refusal = check_name(name, of).unwrap_err();
                assert!(refusal.contains(reason), "{name}: {refusal}");
                assert!(!refusal.contains('\u{1b}'), "nothing moves the cursor");
            }
        }
        for (name, reason) in [
            ("urls", "a module"),
            ("sessions", "an app of Django's"),
            ("admin", "Django has an app"),
            ("App", "Segue's type App"),
        ] {
            assert!(check_name(name, NameOf::App).unwrap_err().contains(reason), "{name}");
            assert_eq!(check_name(name, NameOf::Project), Ok(()));
        }
        for name in ["build", "Deps", "EXAMPLES", "incremental"] {
            let refusal = check_name(name, NameOf::Project).unwrap_err();
            assert!(refusal.contains("Cargo keeps a folder"), "{name}: {refusal}");
            assert_eq!(check_name(name, NameOf::App), Ok(()));
        }
        for name in ["student", "session_management_project", "a", "_a", "Shop2", "app"] {
            assert_eq!(check_name(name, NameOf::App), Ok(()), "{name}");
        }
    }

    #[test]
    fn all_is_written_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let draft = |name: &str| Draft { path: folder.path().join(name), text: name.to_owned() };
        write(&[draft("a/b/c"), draft("a/d")]).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("a/b/c")).unwrap(), "a/b/c");
        let refusal = write(&[draft("e/f"), draft("a/d")]).unwrap_err().to_string();
        assert!(refusal.contains("is there already"), "{refusal}");
        assert!(!folder.path().join("e").exists());
        // A file stands where a folder must be: seen only half-way.
        let refusal = write(&[draft("e/f"), draft("a/d/g")]).unwrap_err().to_string();
        assert!(refusal.contains("cannot write"), "{refusal}");
        assert!(!folder.path().join("e").exists(), "what was made is gone again");
        assert_eq!(fs::read_to_string(folder.path().join("a/d")).unwrap(), "a/d");
    }

    #[test]
    fn a_file_that_was_made_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft { path: folder.path().join("a"), text: "ours".to_owned() };
        fs::write(&draft.path, "theirs").unwrap();
        let mut made = Made::default();
        assert_eq!(made.file(&draft).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        drop(made);
        assert_eq!(fs::read_to_string(draft.path).unwrap(), "theirs");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_something_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(&target, folder.path().join("link")).unwrap();
        let draft = Draft { path: folder.path().join("link"), text: String::new() };
        assert!(write(&[draft]).is_err());
        assert!(!target.exists());
    }
}
