//! A secret key for the developer's machine, kept between two starts.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::ConfigError;
use crate::secret::SecretKey;

const NAME: &str = "secret_key.txt";

/// The key in the file beside the database; it is made when there is none.
pub(super) fn read_or_make(folder: &Path) -> Result<SecretKey, ConfigError> {
    let path = folder.join(NAME);
    let key = match fs::read_to_string(&path) {
        Ok(key) => key,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(&path).map_err(|error| match error.kind() {
                // Its folder is what is missing.
                io::ErrorKind::NotFound => ConfigError::conflict(
                    "DATABASE_URL",
                    format_args!("a file in {}", folder.display()),
                    "a file in a folder that is there",
                ),
                _ => ConfigError::file(&path, error),
            })?;
            tracing::warn!(
                "SECRET_KEY is not set: made one for DEBUG and kept it in {}",
                path.display()
            );
            fs::read_to_string(&path).map_err(|error| ConfigError::file(&path, error))?
        }
        Err(error) => return Err(ConfigError::file(path, error)),
    };
    match key.trim() {
        "" => Err(ConfigError::file(path, "it is empty; remove it and a new key is made")),
        key => Ok(SecretKey::new(key)),
    }
}

/// Whether there is a file beside the database.
#[cfg(feature = "manage")]
pub(super) fn is_there(folder: &Path) -> bool {
    folder.join(NAME).exists()
}

/// Whether the file beside the database has this key.
#[cfg(feature = "manage")]
pub(super) fn is_in(folder: &Path, key: &SecretKey) -> bool {
    fs::read_to_string(folder.join(NAME)).is_ok_and(|text| SecretKey::new(text.trim()) == *key)
}

/// A new key.
pub(super) fn random() -> io::Result<String> {
    let mut random = [0; 48];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}

/// Writes a new key, unless another process was faster: then its key stays.
fn make(path: &Path) -> io::Result<()> {
    let key = random()?;
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = write(&draft, &key);
    // A link appears whole or not at all, and never replaces a file.
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_the_owners() {
        let folder = tempfile::tempdir().unwrap();
        let key = read_or_make(folder.path()).unwrap();
        assert!(!key.is_weak());
        assert!(read_or_make(folder.path()).unwrap() == key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(folder.path().join(NAME), "\n").unwrap();
        assert!(read_or_make(folder.path()).is_err());
    }
}
