//! Removing what has expired, without ever holding the whole list.

use std::fs::ReadDir;
use std::path::Path;

use jiff::SignedDuration;

use super::Files;
use super::folder::{Access, Folder, Found, SessionFile};
use super::temporary::Temporary;
use crate::error::StoreError;

/// How many entries of the folder are looked at in one go, unless it is told otherwise.
pub(super) const BATCH: usize = 500;

/// A temporary file that is so old and that nobody holds was left by a process that was killed.
const STALE: SignedDuration = SignedDuration::from_hours(1);

/// A clean-up that is under way.
pub(super) struct Clearing {
    /// What was not looked at yet.
    rest: Option<ReadDir>,
    pub(super) removed: u64,
    failed: u64,
    /// Why the first of those failed.
    failure: Option<StoreError>,
}

impl Clearing {
    pub(super) fn begin(folder: &Folder) -> Result<Self, StoreError> {
        Ok(Self { rest: Some(folder.list()?), removed: 0, failed: 0, failure: None })
    }

    pub(super) fn is_done(&self) -> bool {
        self.rest.is_none()
    }

    /// Looks at so many entries more. One that cannot be looked at does not stop the others.
    pub(super) fn batch(mut self, files: &Files, size: usize) -> Result<Self, StoreError> {
        let Some(mut rest) = self.rest.take() else { return Ok(self) };
        for _ in 0..size {
            let Some(entry) = rest.next() else { return Ok(self) };
            // A folder that cannot be listed any further is no detail.
            let entry = entry.map_err(|error| files.folder.error(error))?;
            let (name, path) = (entry.file_name(), entry.path());
            let Some(name) = name.to_str() else { continue };
            let cleared = if files.folder.key_of(name).is_some() {
                files.clear(&path).map(|removed| self.removed += u64::from(removed))
            } else if Temporary::is_name(name) {
                files.clear_temporary(&path)
            } else {
                Ok(())
            };
            if let Err(error) = cleared {
                self.failed += 1;
                self.failure.get_or_insert(error);
            }
        }
        self.rest = Some(rest);
        Ok(self)
    }

    /// How many were removed. Where all failed, nothing was cleared and the caller has to know.
    pub(super) fn end(self) -> Result<u64, StoreError> {
        match self.failure {
            Some(error) if self.removed == 0 => Err(error),
            Some(error) => {
                let (error, failed) = (crate::describe(&error), self.failed);
                tracing::warn!(failed, error, "some session files could not be cleared");
                Ok(self.removed)
            }
            None => Ok(self.removed),
        }
    }
}

impl Files {
    fn clear(&self, path: &Path) -> Result<bool, StoreError> {
        match self.folder.open_file(path, Access::Write)? {
            Found::File(file) => self.clear_file(path, file),
            // Whatever it is, we did not put it there.
            Found::Absent | Found::Strange => Ok(false),
        }
    }

    /// Removes a session's file if the session has ended, looking again when the file is locked:
    /// somebody may have renewed it. What somebody is just at can wait for the next time.
    fn clear_file(&self, path: &Path, mut file: SessionFile) -> Result<bool, StoreError> {
        let mut payload = Vec::new();
        self.folder.read(&file, &mut payload)?;
        if self.is_live(self.deadlines.of(&payload, file.modified))
            || !self.folder.lock(path, &mut file)?
            || self.is_live(self.deadlines.of(&payload, file.modified))
        {
            return Ok(false);
        }
        self.folder.remove(path)
    }

    fn clear_temporary(&self, path: &Path) -> Result<(), StoreError> {
        let Found::File(mut file) = self.folder.open_file(path, Access::Write)? else {
            return Ok(());
        };
        if self.clock.now().duration_since(file.modified) > STALE
            && self.folder.lock(path, &mut file)?
        {
            self.folder.remove(path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::*;
    use crate::clock::Clock;
    use crate::key::SessionKey;
    use crate::settings::Settings;

    /// Between the two looks of the clean-up another process renews the session.
    #[test]
    fn what_is_renewed_at_the_last_moment_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("secret");
        settings.session.file_path = Some(folder.path().to_owned());
        let store = super::super::FileStore::with_clock(&settings, Clock::system()).unwrap();
        let files = &store.files;
        let path = files.folder.path_of(&SessionKey::generate().unwrap()).unwrap();
        let date = |date| File::options().write(true).open(&path).unwrap().set_modified(date);
        let look = || match files.folder.open_file(&path, Access::Write).unwrap() {
            Found::File(file) => file,
            Found::Absent | Found::Strange => unreachable!("it is there"),
        };
        let (old, new) = (SystemTime::UNIX_EPOCH, SystemTime::now());
        fs::write(&path, "").unwrap();

        date(old).unwrap();
        let seen = look();
        date(new).unwrap();
        assert!(!files.clear_file(&path, seen).unwrap(), "it was touched");

        date(old).unwrap();
        let seen = look();
        let other = folder.path().join("other");
        fs::write(&other, "").unwrap();
        fs::rename(&other, &path).unwrap();
        date(old).unwrap();
        assert!(!files.clear_file(&path, seen).unwrap(), "another was put in its place");
        assert!(path.exists());

        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        assert!(!files.clear_file(&path, look()).unwrap(), "somebody is at it");
        drop(held);
        assert!(files.clear_file(&path, look()).unwrap(), "and without any of that it goes");
        assert!(!path.exists());
    }
}
