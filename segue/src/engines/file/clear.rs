//! Removing what has expired, without ever holding the whole list.

use std::fs::ReadDir;
use std::path::Path;

use jiff::SignedDuration;

use super::Files;
use super::folder::{Access, Folder, Found};
use super::temporary::Temporary;
use crate::error::StoreError;

/// How many entries of the folder are looked at in one go.
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
            let cleared = if files.folder.is_session(name) {
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
    /// Removes a session's file if the session has ended, looking again when the file is locked:
    /// somebody may have renewed it. What somebody is just at can wait for the next time.
    fn clear(&self, path: &Path) -> Result<bool, StoreError> {
        let Found::File(mut file) = self.folder.open_file(path, Access::Write)? else {
            return Ok(false);
        };
        let payload = self.folder.read(&file)?;
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
