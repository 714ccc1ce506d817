//! The files that the program was built of.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::stamp::{self, Stamp};

/// Folders within folders are looked at so far.
const DEEPEST: u32 = 32;

/// The sources of a project as they were when they were last looked at.
#[derive(Debug)]
pub(super) struct SourceWatch {
    base_dir: PathBuf,
    seen: BTreeMap<PathBuf, Stamp>,
}

impl SourceWatch {
    /// The sources in this folder, if there are any: a program may run far from them.
    pub(super) fn of(base_dir: &Path) -> Option<Self> {
        let is_there = base_dir.join("src").is_dir() && base_dir.join("Cargo.toml").is_file();
        is_there.then(|| Self { base_dir: base_dir.to_owned(), seen: look(base_dir) })
    }

    /// What has changed since this was last asked: a file by its path from the folder, and how many
    /// others.
    pub(super) fn changed(&mut self) -> Option<(PathBuf, usize)> {
        let now = look(&self.base_dir);
        let is_new = |(path, stamp): &(&PathBuf, &Stamp)| self.seen.get(*path) != Some(stamp);
        let newer = now.iter().filter(is_new).map(|(path, _)| path);
        let gone = self.seen.keys().filter(|path| !now.contains_key(*path));
        let mut changed = newer.chain(gone);
        let first = changed.next()?;
        let first = first.strip_prefix(&self.base_dir).unwrap_or(first).to_owned();
        let others = changed.count();
        self.seen = now;
        Some((first, others))
    }
}

fn look(base_dir: &Path) -> BTreeMap<PathBuf, Stamp> {
    let mut found = BTreeMap::new();
    let manifest = base_dir.join("Cargo.toml");
    found.insert(manifest.clone(), stamp::of(&manifest));
    add(&base_dir.join("src"), &mut found, DEEPEST);
    found
}

/// A folder that cannot be read holds nothing to say.
fn add(folder: &Path, found: &mut BTreeMap<PathBuf, Stamp>, deeper: u32) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // Editors keep files of their own beside those that they edit.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if deeper > 0 && path.is_dir() {
            add(&path, found, deeper - 1);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "sql") {
            let stamp = stamp::of(&path);
            found.insert(path, stamp);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("src/shop/migrations")).unwrap();
        for name in ["Cargo.toml", "src/main.rs", "src/shop/views.rs", "src/shop/notes.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    fn set_time(path: &Path, time: SystemTime) {
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn a_change_is_told_once() {
        let folder = project();
        let path = |name: &str| folder.path().join(name);
        let mut sources = SourceWatch::of(folder.path()).unwrap();
        assert_eq!(sources.changed(), None);
        for name in ["src/main.rs", "src/shop/views.rs", "Cargo.toml"] {
            fs::write(path(name), "changed").unwrap();
            assert_eq!(sources.changed(), Some((name.into(), 0)));
            assert_eq!(sources.changed(), None);
        }
        fs::write(path("src/shop/migrations/0001_marks.sql"), "").unwrap();
        assert_eq!(sources.changed(), Some(("src/shop/migrations/0001_marks.sql".into(), 0)));
        // An older file, as a checkout of another branch may bring it, has changed as well.
        set_time(&path("src/main.rs"), SystemTime::now() - Duration::from_secs(1_000_000));
        fs::remove_file(path("src/shop/views.rs")).unwrap();
        assert_eq!(sources.changed(), Some(("src/main.rs".into(), 1)));
        for name in ["src/shop/notes.txt", "src/.main.rs", "src/.main.rs.swp", "settings.toml"] {
            fs::write(path(name), "changed").unwrap();
            assert_eq!(sources.changed(), None, "{name}");
        }
    }

    #[test]
    fn where_there_are_no_sources_nothing_is_watched() {
        let folder = project();
        assert!(SourceWatch::of(&folder.path().join("nowhere")).is_none());
        fs::remove_file(folder.path().join("Cargo.toml")).unwrap();
        assert!(SourceWatch::of(folder.path()).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_leads_to_itself_ends() {
        let folder = project();
        std::os::unix::fs::symlink(".", folder.path().join("src/again")).unwrap();
        assert_eq!(SourceWatch::of(folder.path()).unwrap().changed(), None);
    }
}
