//! Whether a file has changed.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Changes with the file; nothing where there is none.
pub(super) type Stamp = Option<(SystemTime, u64)>;

pub(super) fn of(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
