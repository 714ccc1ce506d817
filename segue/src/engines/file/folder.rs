//! The folder of the sessions: whose it is, what is in it, and one file of it at a time.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::temporary::{Temporary, set_modified};
use super::trouble::{explain, missing};
use crate::error::{ConfigError, StoreError, StoreErrorKind};
use crate::key::SessionKey;
use crate::settings::Settings;
use crate::signing::MAX_UNPACKED;

const SETTING: &str = "SESSION_FILE_PATH";

/// Others may write to the folder; nobody may remove what is another's; others may list it; others may
/// go through it.
const WORLD_WRITABLE: u32 = 0o002;
const STICKY: u32 = 0o1000;
const WORLD_READABLE: u32 = 0o004;
const WORLD_PASSABLE: u32 = 0o001;

/// The folder of the sessions.
pub(super) struct Folder {
    path: PathBuf,
    /// `SESSION_COOKIE_NAME`, with which the name of a session's file begins.
    prefix: String,
    /// Whose files are trusted: ours, and those of the folder's owner.
    owners: [u32; 2],
    /// The file system that the folder is on.
    device: u64,
}

/// How a session's file is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    /// What takes the lock writes, and on NFS a lock needs a file that is open for writing.
    Write,
}

/// What stands in a session's place.
pub(super) enum Found {
    Absent,
    File(SessionFile),
    /// No file, or nobody's whom we trust.
    Strange,
}

/// An open file. It is the session's as long as it stands in its place: a swap puts another there.
pub(super) struct SessionFile {
    file: File,
    id: FileId,
    size: usize,
    pub(super) modified: Timestamp,
}

type FileId = (u64, u64);

impl SessionFile {
    fn new(file: File, metadata: &Metadata) -> Self {
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        Self { file, id: id(metadata), size, modified: modified(metadata) }
    }
}

impl Folder {
    /// Looks whether sessions can live in the folder of the settings.
    pub(super) fn open(settings: &Settings) -> Result<Self, ConfigError> {
        let path = path(settings);
        let is_folder = "a folder that is there; Segue makes none (`mkdir -m 700`)";
        let refuse = |allowed| Err(ConfigError::conflict(SETTING, path.display(), allowed));
        // So that no later change of the current folder matters.
        let Ok(absolute) = std::path::absolute(&path) else { return refuse(is_folder) };
        let metadata = match fs::metadata(&absolute) {
            Ok(metadata) if metadata.is_dir() => metadata,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(in_trouble(&absolute, error));
            }
            _ => return refuse(is_folder),
        };
        if metadata.mode() & (WORLD_WRITABLE | STICKY) == WORLD_WRITABLE {
            return refuse(
                "a folder in which other users cannot remove or rename our files (`chmod 700`, or \
                 the sticky bit, which temporary folders have)",
            );
        }
        let own = try_out(&absolute).map_err(|error| in_trouble(&absolute, error))?;
        if let Some(folder) = listed_by_others(settings) {
            tracing::warn!(
                folder = %folder.display(),
                "other users of this machine can list the session folder, and the names of its \
                 files are session ids; name one of your own in SESSION_FILE_PATH (`chmod 700`)"
            );
        }
        Ok(Self {
            path: absolute,
            prefix: settings.session.cookie_name.clone(),
            owners: [own, metadata.uid()],
            device: metadata.dev(),
        })
    }

    pub(super) fn name(&self) -> &Path {
        &self.path
    }

    /// Where the session of this key is. A sealed key belongs to the cookie engines, and its text
    /// comes from the visitor: it names no file.
    pub(super) fn path_of(&self, key: &SessionKey) -> Option<PathBuf> {
        let mut path = Vec::new();
        self.write_path(key, &mut path).map(Path::to_owned)
    }

    /// As [`path_of`](Self::path_of), written into an empty buffer.
    pub(super) fn write_path<'a>(
        &self,
        key: &SessionKey,
        buffer: &'a mut Vec<u8>,
    ) -> Option<&'a Path> {
        let folder = self.path.as_os_str().as_bytes();
        for part in [folder, b"/", self.prefix.as_bytes(), key.id()?.as_bytes()] {
            buffer.extend_from_slice(part);
        }
        Some(Path::new(OsStr::from_bytes(buffer)))
    }

    /// Which session a file of this name holds; nothing where it is none.
    pub(super) fn key_of(&self, name: &str) -> Option<SessionKey> {
        name.strip_prefix(&self.prefix).and_then(SessionKey::parse)
    }

    /// Opens the file of a session.
    ///
    /// It is looked at before it is opened, because to open a pipe may take for ever, and a link
    /// may lead anywhere. Between the two looks nobody can put another thing there but those who
    /// may remove files of ours from this folder.
    pub(super) fn open_file(&self, path: &Path, access: Access) -> Result<Found, StoreError> {
        let found = match fs::symlink_metadata(path) {
            Ok(metadata) if !self.is_ours(&metadata) => return Ok(Found::Strange),
            Ok(_) => OpenOptions::new().read(true).write(access == Access::Write).open(path),
            Err(error) => Err(error),
        };
        let file = match found {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // "Not there" is an answer only where the folder is.
                self.check()?;
                return Ok(Found::Absent);
            }
            Err(error) => return Err(self.error(error)),
        };
        let metadata = file.metadata().map_err(|error| self.error(error))?;
        if !self.is_ours(&metadata) {
            return Ok(Found::Strange);
        }
        Ok(Found::File(SessionFile::new(file, &metadata)))
    }

    fn is_ours(&self, metadata: &Metadata) -> bool {
        metadata.is_file() && self.owners.contains(&metadata.uid())
    }

    /// The content of a file, as long as it can be a session's, into an empty buffer.
    pub(super) fn read(&self, file: &SessionFile, payload: &mut Vec<u8>) -> Result<(), StoreError> {
        let too_long = MAX_UNPACKED as u64 + 1;
        // One byte more, at whose absence the end is known.
        payload.reserve(file.size.min(MAX_UNPACKED) + 1);
        let read = (&file.file).take(too_long).read_to_end(payload);
        if read.map_err(|error| self.error(error))? > MAX_UNPACKED {
            let message = format!("a session file in {} has over 64 MiB", self.path.display());
            return Err(StoreError::new(StoreErrorKind::Corrupt, message));
        }
        Ok(())
    }

    /// Takes the lock, and the date anew; false when another has it, or the file is not the
    /// session's any more.
    ///
    /// The lock is that of the file itself: it dies with its holder, leaves nothing behind, and
    /// nobody else may open the file to take it. A lock on a file that was swapped for another
    /// meanwhile is worth nothing, so that is looked at when it is held.
    pub(super) fn lock(&self, path: &Path, file: &mut SessionFile) -> Result<bool, StoreError> {
        match file.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(self.error(error)),
        }
        if !self.is_current(path, file)? {
            return Ok(false);
        }
        file.modified = modified(&file.file.metadata().map_err(|error| self.error(error))?);
        Ok(true)
    }

    /// Whether the file stands in its place still.
    pub(super) fn is_current(&self, path: &Path, file: &SessionFile) -> Result<bool, StoreError> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(id(&metadata) == file.id),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.error(error)),
        }
    }

    /// Writes a new file, not yet in a session's place.
    pub(super) fn write(
        &self,
        payload: &[u8],
        modified: Timestamp,
    ) -> Result<Temporary, StoreError> {
        self.check()?;
        let random = SessionKey::generate()?;
        let written = Temporary::create(&self.path, &random)
            .and_then(|mut file| file.fill(payload, modified).map(|()| file));
        written.map_err(|error| self.error(error))
    }

    /// Puts a new file in a place that is free; false when it is not.
    pub(super) fn place(&self, file: &Temporary, path: &Path) -> Result<bool, StoreError> {
        file.place(path).map_err(|error| self.error(error))
    }

    /// Puts a new file in the place of another.
    pub(super) fn rename(&self, file: Temporary, path: &Path) -> Result<(), StoreError> {
        file.rename(path).map_err(|error| self.error(error))
    }

    /// Gives a file another date.
    pub(super) fn touch(&self, file: &SessionFile, modified: Timestamp) -> Result<(), StoreError> {
        let dated = set_modified(&file.file, modified);
        dated.and_then(|()| file.file.sync_all()).map_err(|error| self.error(error))
    }

    /// Removes a file; false when there was none.
    pub(super) fn remove(&self, path: &Path) -> Result<bool, StoreError> {
        match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => Err(self.strange()),
            Err(error) => Err(self.error(error)),
        }
    }

    /// Returns when the names in the folder are on the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        use io::ErrorKind::{InvalidInput, Unsupported};
        match File::open(&self.path).and_then(|folder| folder.sync_all()) {
            Ok(()) => Ok(()),
            // Some file systems over a network have nothing to flush here, and say so.
            Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
            Err(error) => Err(self.error(error)),
        }
    }

    /// Everything in the folder, read little by little.
    pub(super) fn list(&self) -> Result<fs::ReadDir, StoreError> {
        self.check()?;
        fs::read_dir(&self.path).map_err(|error| self.error(error))
    }

    /// Where a volume was unmounted there is an empty folder, and all sessions seem to have ended.
    fn check(&self) -> Result<(), StoreError> {
        let metadata = fs::metadata(&self.path).map_err(|error| self.error(error))?;
        if !metadata.is_dir() {
            return Err(missing(&self.path));
        }
        if metadata.dev() != self.device {
            let message = format!(
                "the session folder {} is on another file system than at the start: mount it \
                 again, or restart if that is meant",
                self.path.display()
            );
            return Err(StoreError::new(StoreErrorKind::Refused, message));
        }
        Ok(())
    }

    pub(super) fn strange(&self) -> StoreError {
        let message = format!(
            "in the session folder {} something stands in a session's place that is no file of \
             this program's user: a link, a pipe, a folder, or a file of somebody else",
            self.path.display()
        );
        StoreError::new(StoreErrorKind::Corrupt, message)
    }

    pub(super) fn locked_for(&self, patience: Duration) -> StoreError {
        let message = format!(
            "a session file in {} was locked by another process for {} s",
            self.path.display(),
            patience.as_secs()
        );
        StoreError::new(StoreErrorKind::Unavailable, message)
    }

    pub(super) fn error(&self, error: io::Error) -> StoreError {
        explain(&self.path, error)
    }
}

/// The folder, if other users of the machine can list it.
pub(super) fn listed_by_others(settings: &Settings) -> Option<PathBuf> {
    let path = path(settings);
    others_may_read(&path).then_some(path)
}

/// Whether other users of the machine can read a file or list a folder: its own mode, and that of each
/// folder on the way to it.
pub(crate) fn others_may_read(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let has = |path: &Path, bit| path.metadata().is_ok_and(|found| found.mode() & bit != 0);
    has(&path, WORLD_READABLE) && path.ancestors().skip(1).all(|folder| has(folder, WORLD_PASSABLE))
}

fn path(settings: &Settings) -> PathBuf {
    settings
        .session
        .file_path
        .clone()
        .unwrap_or_else(|| temporary_folder(|name| std::env::var_os(name)))
}

/// The folder that Python takes for temporary files.
///
/// Source: `_candidate_tempdir_list` in `tempfile.py`.
fn temporary_folder(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> PathBuf {
    let named = ["TMPDIR", "TEMP", "TMP"].into_iter().filter_map(variable).map(PathBuf::from);
    let usual = ["/tmp", "/var/tmp", "/usr/tmp"].into_iter().map(PathBuf::from);
    named.chain(usual).find(|path| path.is_dir()).unwrap_or_else(std::env::temp_dir)
}

/// Writes, locks and removes a file, and tells to whom our files belong there.
fn try_out(folder: &Path) -> io::Result<u32> {
    let random = SessionKey::generate().map_err(io::Error::other)?;
    let mut file = Temporary::create(folder, &random)?;
    file.fill(b"may this process write here?", Timestamp::now())?;
    fs::read_dir(folder)?;
    Ok(file.file().metadata()?.uid())
}

fn in_trouble(folder: &Path, error: io::Error) -> ConfigError {
    ConfigError::Store { setting: SETTING, source: explain(folder, error) }
}

fn id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

fn modified(metadata: &Metadata) -> Timestamp {
    let (seconds, nanos) = (metadata.mtime(), i32::try_from(metadata.mtime_nsec()).unwrap_or(0));
    let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::new(seconds, nanos).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temporary_folder_is_pythons() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().as_os_str().to_owned();
        let of = |set: &[&str]| {
            temporary_folder(|name| set.contains(&name).then(|| there.clone())) == folder.path()
        };
        assert!(of(&["TMPDIR"]) && of(&["TEMP"]) && of(&["TMP"]));
        assert!(!of(&[]));
        let gone = temporary_folder(|_| Some("/no/such/folder".into()));
        assert_eq!(gone, Path::new("/tmp"), "what is not there is passed over");
        assert_eq!(temporary_folder(|_| Some("".into())), Path::new("/tmp"));
    }

    #[test]
    fn a_sealed_key_names_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("secret");
        settings.session.file_path = Some(folder.path().to_owned());
        let folder = Folder::open(&settings).unwrap();
        for text in ["../../../etc/passwd", "eyJhIjoxfQ:1r31eq:AJu16St", "..", "/etc/passwd"] {
            assert_eq!(folder.path_of(&SessionKey::sealed(text).unwrap()), None, "{text}");
        }
        let key = SessionKey::generate().unwrap();
        let path = folder.path_of(&key).unwrap();
        assert_eq!(folder.key_of(path.file_name().unwrap().to_str().unwrap()), Some(key));
        assert_eq!(path.parent(), Some(folder.name()));
    }

    /// Another user of the machine may put an empty file in a temporary folder, under an id that
    /// they then give to a visitor.
    #[test]
    fn a_file_of_somebody_else_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("secret");
        settings.session.file_path = Some(folder.path().to_owned());
        let mut folder = Folder::open(&settings).unwrap();
        let path = folder.path_of(&SessionKey::generate().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        let is_file = |folder: &Folder| {
            matches!(folder.open_file(&path, Access::Read).unwrap(), Found::File(_))
        };
        assert!(is_file(&folder));
        let other = folder.owners[0] + 1;
        folder.owners = [other, other];
        assert!(!is_file(&folder));
    }

    /// What is under an unmounted volume is an empty folder.
    #[test]
    fn another_file_system_in_the_folders_place_is_not_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("secret");
        settings.session.file_path = Some(folder.path().to_owned());
        let mut folder = Folder::open(&settings).unwrap();
        let path = folder.path_of(&SessionKey::generate().unwrap()).unwrap();
        assert!(matches!(folder.open_file(&path, Access::Read), Ok(Found::Absent)));
        folder.device += 1;
        let error = folder.open_file(&path, Access::Read).err().unwrap();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert!(error.to_string().contains("mount it"), "{error}");
        assert!(folder.write(b"", Timestamp::now()).is_err(), "nothing is written there either");
    }
}
