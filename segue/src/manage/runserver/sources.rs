//! The files that the program was built of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::stamp::{self, Stamp};

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
    add(&base_dir.join("src"), &mut found, &mut BTreeSet::new());
    found
}

/// A folder that cannot be read holds nothing to say, and one that several links lead to holds it once:
/// two links to a folder that they stand in would be ever more folders.
fn add(folder: &Path, found: &mut BTreeMap<PathBuf, Stamp>, entered: &mut BTreeSet<PathBuf>) {
    let Ok(real) = folder.canonicalize() else { return };
    if !entered.insert(real) {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().collect();
    // By which of its names a folder is found is the same each time.
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // Editors keep files of their own beside those that they edit.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            add(&path, found, entered);
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
    fn a_folder_that_leads_to_itself_is_looked_at_once() {
        use std::os::unix::fs::symlink;
        let folder = project();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), folder.path().join("src/linked")).unwrap();
        let mut sources = SourceWatch::of(folder.path()).unwrap();
        for name in ["a", "b", "shop/up"] {
            let target = if name == "shop/up" { ".." } else { "." };
            symlink(target, folder.path().join("src").join(name)).unwrap();
        }
        let found = look(folder.path());
        assert_eq!(found.len(), 3, "{found:?}");
        fs::write(outside.path().join("mod.rs"), "").unwrap();
        assert_eq!(sources.changed(), Some(("src/linked/mod.rs".into(), 0)), "a link is followed");
    }
}
