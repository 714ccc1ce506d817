//! A file on its way to become a session's, under a name that Django takes no notice of.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use crate::key::SessionKey;

/// Read and written by its owner alone, from its first moment on.
const MODE: u32 = 0o600;

const PREFIX: &str = ".segue-";

/// With a character that no id has: whatever `SESSION_COOKIE_NAME` may be, the rest of the name is
/// none, so neither Django nor we take it for a session.
const SUFFIX: &str = ".tmp";

/// A file on its way to become a session's. What has not become one is removed with it.
pub(super) struct Temporary {
    path: PathBuf,
    file: File,
    /// It has become one, and there is nothing to remove.
    is_renamed: bool,
}

impl Temporary {
    /// Makes an empty one, locked: that tells the clean-up that somebody is still at it.
    ///
    /// `random` is 32 letters that nobody else drew.
    pub(super) fn create(folder: &Path, random: &SessionKey) -> io::Result<Self> {
        let path = folder.join(format!("{PREFIX}{}{SUFFIX}", random.expose()));
        // `create_new` follows no link that somebody put there.
        let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path)?;
        let temporary = Self { path, file, is_renamed: false };
        temporary.file.try_lock()?;
        Ok(temporary)
    }

    /// Whether a file's name is one of these.
    pub(super) fn is_name(name: &str) -> bool {
        name.strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(SUFFIX))
            .is_some_and(|random| SessionKey::parse(random).is_some())
    }

    /// Writes all of it, and returns when it is on the disk.
    pub(super) fn fill(&mut self, payload: &[u8], modified: Timestamp) -> io::Result<()> {
        self.file.write_all(payload)?;
        set_modified(&self.file, modified)?;
        self.file.sync_all()
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it a second name; false when there is something of that name. Where the file system
    /// has no second names, the first is changed.
    pub(super) fn place(&self, path: &Path) -> io::Result<bool> {
        self.place_by(path, |from, to| fs::hard_link(from, to))
    }

    fn place_by(
        &self,
        path: &Path,
        link: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<bool> {
        match link(&self.path, path) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            // Which error says "no second names here" depends on the file system.
            Err(_) => {}
        }
        // As Django does: an empty file holds the name, and nobody knows it yet.
        match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        }
        if let Err(error) = fs::rename(&self.path, path) {
            fs::remove_file(path)?;
            return Err(error);
        }
        Ok(true)
    }

    /// Puts it in the place of another, at one stroke.
    pub(super) fn rename(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.is_renamed = true;
        Ok(())
    }
}

/// Gives a file the date that the session's end is counted from.
pub(super) fn set_modified(file: &File, modified: Timestamp) -> io::Result<()> {
    file.set_modified(SystemTime::try_from(modified).map_err(io::Error::other)?)
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.is_renamed {
            return;
        }
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            // It was renamed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, "a temporary file was left; `clearsessions` removes it");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary(folder: &Path) -> Temporary {
        let mut temporary = Temporary::create(folder, &SessionKey::generate().unwrap()).unwrap();
        temporary.fill(b"new", Timestamp::UNIX_EPOCH).unwrap();
        temporary
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn nothing_is_overwritten_with_and_without_second_names() {
        let folder = tempfile::tempdir().unwrap();
        let none = |_: &Path, _: &Path| Err(io::ErrorKind::Unsupported.into());
        for second_names in [true, false] {
            let path = folder.path().join("a");
            let place = |temporary: &Temporary| match second_names {
                true => temporary.place(&path),
                false => temporary.place_by(&path, none),
            };
            fs::write(&path, "old").unwrap();
            assert!(!place(&temporary(folder.path())).unwrap());
            assert_eq!(fs::read(&path).unwrap(), b"old");
            fs::remove_file(&path).unwrap();
            assert!(place(&temporary(folder.path())).unwrap());
            assert_eq!(fs::read(&path).unwrap(), b"new");
            assert_eq!(names(folder.path()), ["a"], "nothing else is left");
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn its_name_is_no_sessions_under_any_name_of_the_cookie() {
        let folder = tempfile::tempdir().unwrap();
        let _temporary = temporary(folder.path());
        let name = names(folder.path()).remove(0);
        assert!(Temporary::is_name(&name));
        for length in 0..name.len() {
            assert_eq!(SessionKey::parse(&name[length..]), None, "{}", &name[length..]);
        }
        for other in [".segue-.tmp", "segue-", &name[1..], &format!("{name}x")] {
            assert!(!Temporary::is_name(other), "{other}");
        }
    }
}
