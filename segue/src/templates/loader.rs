//! Templates from a folder.

use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use minijinja::{Error, ErrorKind, TemplateSource};

use super::tags::rewrite_tags;

/// Reads templates from this folder: what `minijinja::path_loader` does, and our tag. What is not
/// there may be in the program.
pub(super) fn folder(
    folder: PathBuf,
    embedded: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
) -> impl Fn(&str) -> Result<Option<TemplateSource>, Error> + Send + Sync + 'static {
    move |name| {
        let path = path_in(&folder, name).ok_or_else(|| {
            Error::new(ErrorKind::TemplateNotFound, format!("{name:?} is no path in the folder"))
        })?;
        // Before it is read, so that a change in between is not missed.
        let stamp = stamp(&path);
        let source = match (fs::read_to_string(&path), embedded(name)) {
            (Ok(source), _) => source,
            (Err(error), Some(source)) if error.kind() == io::ErrorKind::NotFound => source.into(),
            (Err(error), _) => return Err(unreadable(&path, error)),
        };
        let source = TemplateSource::new(rewrite_tags(&source));
        Ok(Some(source.with_uptodate_check(move || stamp.is_some() && self::stamp(&path) == stamp)))
    }
}

/// The file of this template. A name may come from a visitor, so it leads nowhere else, and to no
/// hidden file.
fn path_in(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for part in name.split('/') {
        let mut components = Path::new(part).components();
        match (components.next(), components.next()) {
            (Some(Component::Normal(_)), None) if !part.starts_with('.') => path.push(part),
            _ => return None,
        }
    }
    Some(path)
}

/// Changes with the file.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("{} does not exist", path.display());
            Error::new(ErrorKind::TemplateNotFound, message)
        }
        _ => {
            let message = format!("{} cannot be read", path.display());
            Error::new(ErrorKind::InvalidOperation, message).with_source(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_a_file_in_the_folder_and_nowhere_else() {
        let folder = Path::new("templates");
        assert_eq!(path_in(folder, "a.html"), Some(folder.join("a.html")));
        assert_eq!(path_in(folder, "student/a.b.html"), Some(folder.join("student/a.b.html")));
        for name in ["", "/", "/etc/passwd", "..", "../a", "a/../b", "a/./b", ".a", "a/.b", "a//b"]
        {
            assert_eq!(path_in(folder, name), None, "{name}");
        }
    }
}
