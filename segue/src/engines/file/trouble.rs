//! What the system's errors about a session folder mean.

use std::io;
use std::path::Path;

use crate::error::{StoreError, StoreErrorKind};

/// What an error means, in words that help to mend it. They name the folder only: the name of a
/// file is the id of a session.
pub(super) fn explain(folder: &Path, error: io::Error) -> StoreError {
    use StoreErrorKind::{Refused, Unavailable};
    use io::ErrorKind;
    let name = folder.display();
    let (kind, message) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            return missing(folder).with_source(error);
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Refused, format!("the disk under the session folder {name} is full"))
        }
        ErrorKind::FileTooLarge => (
            Refused,
            format!(
                "a session file in {name} would be larger than this process may write: raise its \
                 limit (ulimit -f)"
            ),
        ),
        ErrorKind::ReadOnlyFilesystem => {
            (Refused, format!("the file system of the session folder {name} is read-only"))
        }
        ErrorKind::PermissionDenied => (
            Refused,
            format!(
                "this process lacks permission in the session folder {name}: it must read and \
                 write the folder and the files of SESSION_FILE_PATH"
            ),
        ),
        ErrorKind::Unsupported => {
            (Refused, format!("the file system of the session folder {name} cannot lock files"))
        }
        _ if is_out_of_files(&error) => (
            Unavailable,
            format!(
                "no more files can be opened, so none in the session folder {name}: raise the \
                 limit (ulimit -n)"
            ),
        ),
        _ => (Unavailable, format!("the session folder {name} failed")),
    };
    StoreError::new(kind, message).with_source(error)
}

pub(super) fn missing(folder: &Path) -> StoreError {
    let name = folder.display();
    let message = format!(
        "the session folder {name} is not there any more; it is not made anew, because the \
         sessions were in it"
    );
    StoreError::new(StoreErrorKind::Refused, message)
}

/// ENFILE and EMFILE, for which the standard library has no name. The numbers are the same on
/// every Unix.
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_has_its_kind_and_its_words() {
        // Linux's numbers.
        let cases = [
            (2, StoreErrorKind::Refused, "not there any more"),
            (20, StoreErrorKind::Refused, "not there any more"),
            (28, StoreErrorKind::Refused, "is full"),
            (122, StoreErrorKind::Refused, "is full"),
            (27, StoreErrorKind::Refused, "ulimit -f"),
            (30, StoreErrorKind::Refused, "is read-only"),
            (13, StoreErrorKind::Refused, "lacks permission"),
            (95, StoreErrorKind::Refused, "cannot lock files"),
            (24, StoreErrorKind::Unavailable, "ulimit -n"),
            (23, StoreErrorKind::Unavailable, "ulimit -n"),
            (5, StoreErrorKind::Unavailable, "failed"),
        ];
        for (number, kind, words) in cases {
            let error = explain(Path::new("/srv/sessions"), io::Error::from_raw_os_error(number));
            assert_eq!(error.kind(), kind, "{number}: {error}");
            let text = crate::describe(&error);
            assert!(text.contains(words) && text.contains("/srv/sessions"), "{number}: {text}");
            assert!(text.contains(&format!("os error {number}")), "the cause is said: {text}");
        }
    }
}
