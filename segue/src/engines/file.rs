//! Sessions in files, one each, where Django's file engine has them.

mod clear;
mod deadline;
mod folder;
#[cfg(feature = "manage")]
mod listing;
mod local;
mod temporary;
mod trouble;

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::error::{ConfigError, StoreError, StoreErrorKind};
use crate::key::SessionKey;
use crate::scratch;
use crate::settings::Settings;
use crate::signing::MAX_UNPACKED;
use crate::store::{Cleared, Guarantees, Record, Replaced, SessionStore};

use clear::{BATCH, Clearing};
use deadline::Deadlines;
use folder::{Access, Folder, Found, SessionFile};

#[cfg(feature = "manage")]
pub(crate) use folder::others_may_read;
#[cfg(feature = "manage")]
pub(super) use listing::FilePages;

/// How long a writer waits for another one of the same session.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first and the longest pause between two looks whether the other writer is done.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(16));

/// Sessions in files, one each, in the folder `SESSION_FILE_PATH`: both Django and we may write.
///
/// Nothing to set up but a folder, and sessions survive a restart. A file is written beside the old
/// one, flushed to the disk and renamed over it, so it is whole at any time. Of our own writers,
/// in other processes as well, each has the file to itself while it compares and swaps: no change
/// is lost and no ended session comes back. Django takes no locks; see COMPATIBILITY.md for what is
/// left of its races. The names of the files are the ids of the sessions, so the folder should be
/// one that nobody else can list.
///
/// Source: `django/contrib/sessions/backends/file.py`. It is there on Unix only, and needs a file
/// system with `flock` and a tokio runtime with time.
///
/// ```
/// use segue::engines::FileStore;
/// use segue::{SessionStore as _, Settings, SignedDuration, Timestamp};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// let mut settings = Settings::new("secret");
/// settings.session.file_path = Some(folder.path().to_owned());
/// let store = FileStore::new(&settings)?;
/// let tomorrow = Timestamp::now() + SignedDuration::from_hours(24);
/// let key = store.create(b"payload", tomorrow).await?;
/// assert_eq!(store.load(&key).await?.unwrap().payload(), b"payload");
/// assert!(folder.path().join(format!("sessionid{}", key.expose())).is_file());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct FileStore {
    files: Arc<Files>,
    batch: usize,
}

/// What the store knows; its methods wait for the disk, so they run on threads made for that, but for
/// reading where that takes no longer than to get there.
struct Files {
    folder: Folder,
    /// No network is between us and the folder.
    is_local: bool,
    deadlines: Deadlines,
    clock: Clock,
}

/// How a try to change a session ended.
enum Attempt<T> {
    Done(T),
    /// Somebody else was at it: from the start again, a little later.
    Busy,
}

impl FileStore {
    /// Sessions in the folder that the settings name, or else in the system's temporary one.
    ///
    /// # Errors
    /// [`ConfigError`] when there is no such folder, we may not read and write there, others may
    /// remove what is ours, or its file system cannot lock files.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        Self::with_clock(settings, Clock::system())
    }

    /// As [`new`](Self::new), with the time read from this clock.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_clock(settings: &Settings, clock: Clock) -> Result<Self, ConfigError> {
        settings.validate()?;
        let folder = Folder::open(settings)?;
        let deadlines = Deadlines::new(settings, &clock);
        let is_local = local::is_local(folder.name());
        let files = Arc::new(Files { folder, is_local, deadlines, clock });
        Ok(Self { files, batch: BATCH })
    }

    /// Looks at so many files at once when it clears up; others may use the disk between two
    /// batches. Default: 500.
    #[must_use]
    pub fn with_batch(self, files: NonZeroU32) -> Self {
        let batch = usize::try_from(files.get()).unwrap_or(usize::MAX);
        Self { batch, ..self }
    }

    /// The folder, if other users of the machine can list it and so see the sessions' ids.
    #[cfg(feature = "manage")]
    pub(crate) fn folder_that_others_list(settings: &Settings) -> Option<std::path::PathBuf> {
        folder::listed_by_others(settings)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let files = Arc::clone(&self.files);
        tokio::task::spawn_blocking(move || work(&files)).await.unwrap_or_else(|error| {
            let message = "the work on a session file was cut off";
            Err(StoreError::new(StoreErrorKind::Unavailable, message).with_source(error))
        })
    }

    /// Tries until nobody else is at the session. Nothing waits in a thread meanwhile, and whoever
    /// loses patience has changed nothing.
    async fn patiently<T: Send + 'static>(
        &self,
        attempt: impl Fn(&Files) -> Result<Attempt<T>, StoreError> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let (attempt, started) = (Arc::new(attempt), Instant::now());
        let (mut pause, longest) = PAUSES;
        loop {
            let attempt = Arc::clone(&attempt);
            if let Attempt::Done(done) = self.blocking(move |files| attempt(files)).await? {
                return Ok(done);
            }
            if started.elapsed() >= PATIENCE {
                return Err(self.files.folder.locked_for(PATIENCE));
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(longest);
        }
    }
}

impl Files {
    fn is_live(&self, deadline: Timestamp) -> bool {
        deadline > self.clock.now()
    }

    fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        let file = scratch::buffers(|[path, _]| match self.folder.write_path(key, path) {
            Some(path) => self.open(path, Access::Read),
            None => Ok(None),
        })?;
        let Some(file) = file else { return Ok(None) };
        let record = self.record(&file)?;
        Ok(Some(record).filter(|record| self.is_live(record.expires_at())))
    }

    /// The file of a session, if there is one. What is no file of ours is an error: it is not for
    /// us to say that the session is not there.
    fn open(&self, path: &Path, access: Access) -> Result<Option<SessionFile>, StoreError> {
        match self.folder.open_file(path, access)? {
            Found::File(file) => Ok(Some(file)),
            Found::Absent => Ok(None),
            Found::Strange => Err(self.folder.strange()),
        }
    }

    fn record(&self, file: &SessionFile) -> Result<Record, StoreError> {
        let payload: Arc<[u8]> = scratch::buffers(|[payload, _]| {
            self.folder.read(file, payload)?;
            Ok(Arc::from(&**payload))
        })?;
        if payload.is_empty() {
            let empty = self.deadlines.payload_of_an_empty_file(file.modified);
            return Ok(self.deadlines.record(empty, file.modified));
        }
        Ok(self.deadlines.record(payload, file.modified))
    }

    fn create(&self, payload: &[u8], expires_at: Timestamp) -> Result<SessionKey, StoreError> {
        let modified = self.deadlines.modified(payload, expires_at, self.clock.now());
        let temporary = self.folder.write(payload, modified)?;
        loop {
            let key = SessionKey::generate()?;
            let Some(path) = self.folder.path_of(&key) else { continue };
            if self.folder.place(&temporary, &path)? {
                // Away with the other name of the same file.
                drop(temporary);
                self.folder.sync()?;
                return Ok(key);
            }
        }
    }

    /// Compares, and under the lock swaps. The comparison comes first: of a crowd only those wait
    /// for the lock who may still win.
    fn swap(
        &self,
        path: &Path,
        seen: &[u8],
        new: &[u8],
        expires_at: Timestamp,
    ) -> Result<Attempt<Swap>, StoreError> {
        let Some(mut file) = self.open(path, Access::Write)? else {
            return Ok(Attempt::Done(Swap::Gone));
        };
        let record = self.record(&file)?;
        if !self.is_live(record.expires_at()) {
            return Ok(Attempt::Done(Swap::Gone));
        }
        if record.payload() != seen {
            return Ok(Attempt::Done(Swap::Conflict));
        }
        if !self.folder.lock(path, &mut file)? {
            return Ok(Attempt::Busy);
        }
        if !self.is_live(expires_at) {
            // Django does not look at the date when it writes, so the file has to go.
            return self.end(path);
        }
        let modified = self.deadlines.modified(new, expires_at, self.clock.now());
        if new == seen {
            self.folder.touch(&file, modified)?;
        } else {
            let temporary = self.folder.write(new, modified)?;
            // That took a while, and Django knows no locks: a last look before the swap.
            if !self.folder.is_current(path, &file)? {
                return Ok(Attempt::Busy);
            }
            self.folder.rename(temporary, path)?;
            self.folder.sync()?;
        }
        Ok(Attempt::Done(Swap::Saved))
    }

    fn end(&self, path: &Path) -> Result<Attempt<Swap>, StoreError> {
        let removed = self.folder.remove(path)?;
        self.folder.sync()?;
        Ok(Attempt::Done(if removed { Swap::Saved } else { Swap::Gone }))
    }

    /// Under the lock too, or a writer that has already compared would bring the session back.
    fn delete(&self, path: &Path) -> Result<Attempt<()>, StoreError> {
        match self.folder.open_file(path, Access::Write)? {
            Found::Absent => return Ok(Attempt::Done(())),
            Found::File(mut file) => {
                if !self.folder.lock(path, &mut file)? {
                    return Ok(Attempt::Busy);
                }
                // Until it is removed: `file` holds the lock.
                self.folder.remove(path)?;
            }
            // A link for example: what it points to stays.
            Found::Strange => {
                self.folder.remove(path)?;
            }
        }
        self.folder.sync()?;
        Ok(Attempt::Done(()))
    }
}

enum Swap {
    Saved,
    Conflict,
    Gone,
}

/// Text that Django can read as such: it opens the file as ASCII, and anything else would be a
/// server error there.
fn check(payload: &[u8]) -> Result<(), StoreError> {
    if payload.len() > MAX_UNPACKED {
        let message = "a session file holds 64 MiB at the most";
        return Err(StoreError::new(StoreErrorKind::TooLarge, message));
    }
    if !payload.is_ascii() {
        let message = "this engine stores ASCII payloads only";
        return Err(StoreError::new(StoreErrorKind::Unsupported, message));
    }
    Ok(())
}

impl SessionStore for FileStore {
    fn guarantees(&self) -> Guarantees {
        Guarantees::full()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        if self.files.is_local {
            // What never has to wait must let others have their turn now and then.
            tokio::task::coop::consume_budget().await;
            return self.files.load(key);
        }
        let key = key.clone();
        self.blocking(move |files| files.load(&key)).await
    }

    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        self.files.is_local.then(|| self.files.load(key))
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        check(payload)?;
        let payload: Arc<[u8]> = payload.into();
        self.blocking(move |files| files.create(&payload, expires_at)).await
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        check(payload)?;
        let Some(path) = self.files.folder.path_of(key) else { return Ok(Replaced::Gone) };
        let (seen, payload): (_, Arc<[u8]>) = (seen.clone(), payload.into());
        let swap = move |files: &Files| files.swap(&path, seen.payload(), &payload, expires_at);
        Ok(match self.patiently(swap).await? {
            Swap::Saved => Replaced::Saved(key.clone()),
            Swap::Conflict => Replaced::Conflict,
            Swap::Gone => Replaced::Gone,
        })
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.replace(key, seen, seen.payload(), expires_at).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let Some(path) = self.files.folder.path_of(key) else { return Ok(()) };
        self.patiently(move |files| files.delete(&path)).await
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        let mut clearing = self.blocking(|files| Clearing::begin(&files.folder)).await?;
        let (mut reported, batch) = (0, self.batch);
        loop {
            let started = Instant::now();
            clearing = self.blocking(move |files| clearing.batch(files, batch)).await?;
            if clearing.removed > reported {
                reported = clearing.removed;
                tracing::debug!(removed = reported, "a batch of expired sessions is gone");
                on_batch(Cleared::new(reported, None));
            }
            if clearing.is_done() {
                return clearing.end();
            }
            // As long as the batch took: others have the disk half of the time.
            tokio::time::sleep(started.elapsed().max(PAUSES.0)).await;
        }
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("folder", &self.files.folder.name())
            .finish_non_exhaustive()
    }
}
