//! The lock of those who make tables.

use std::fs::{File, TryLockError};
use std::path::Path;

/// The folder of a database that is a file, for [`try_lock`]; nothing where there is none, or where
/// folders cannot be opened. Not the file itself: whoever closes that loses SQLite's own locks.
pub(super) fn folder(database: &Path) -> Option<File> {
    // Whatever links lead to it.
    let file = database.canonicalize().ok().filter(|file| file.is_file())?;
    File::open(file.parent()?).ok()
}

/// Whether nobody else has locked the folder. The lock ends with the open folder, so with the process
/// as well. Where folders cannot be locked there is nothing to wait for.
pub(in crate::database) fn try_lock(folder: Option<&File>) -> bool {
    folder.is_none_or(|folder| !matches!(folder.try_lock(), Err(TryLockError::WouldBlock)))
}
