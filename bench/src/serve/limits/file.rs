//! A file for each session: written beside the old one, flushed to the disk and renamed over it; read as a
//! whole. It is read on the thread that serves, and written on another: flushes of several files meet on the disk.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Raw;
use crate::Result;

pub(super) struct Files {
    folder: PathBuf,
    /// No two writers have the same file.
    written: AtomicU64,
}

impl Files {
    pub(super) fn open(folder: &str) -> Self {
        Self { folder: folder.into(), written: AtomicU64::new(0) }
    }
}

impl Raw for Files {
    async fn create(&self, key: &str, contents: &str) -> Result {
        self.save(key, contents).await
    }

    async fn load(&self, key: &str) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join(key))?)
    }

    async fn save(&self, key: &str, contents: &str) -> Result {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let (beside, path) = (self.folder.join(format!("new-{number}")), self.folder.join(key));
        let contents = contents.to_owned();
        tokio::task::spawn_blocking(move || {
            let mut file = File::create_new(&beside)?;
            file.write_all(contents.as_bytes())?;
            file.sync_all()?;
            Ok(fs::rename(&beside, path)?)
        })
        .await?
    }
}
