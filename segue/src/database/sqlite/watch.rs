//! Whether the file is still the one that a connection was opened to.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Notices when the file is replaced while the server runs. An open connection would go on reading
/// and writing the old file, which nobody will ever see again.
#[derive(Debug)]
pub(super) struct FileWatch {
    path: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    file: Option<FileId>,
    since: Instant,
}

type FileId = (u64, u64);

impl FileWatch {
    pub(super) fn new(path: &Path) -> Self {
        let seen = Seen { file: file_id(path), since: Instant::now() };
        Self { path: path.to_owned(), seen: Mutex::new(seen) }
    }

    /// Whether a connection that was opened then is one to the file that is there now.
    pub(super) fn is_current(&self, opened: Instant) -> bool {
        let file = file_id(&self.path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if file != seen.file {
            *seen = Seen { file, since: Instant::now() };
        }
        opened >= seen.since
    }
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Where an open file cannot be replaced there is nothing to notice.
#[cfg(not(unix))]
fn file_id(_: &Path) -> Option<FileId> {
    None
}
