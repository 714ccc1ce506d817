//! Where the migrations of an app are among the sources of a project.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::migrations_list;
use crate::database::migrations::file::MigrationFile;
use crate::database::migrations::names;
use crate::error::ConfigError;

/// The folder `src/APP/migrations` and the list beside it, `src/APP/migrations.rs`.
#[derive(Debug)]
pub(super) struct AppSources {
    app: String,
    folder: PathBuf,
    list: PathBuf,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

impl AppSources {
    /// Those of an app, which must be there.
    pub(super) fn find(base_dir: &Path, app: &str) -> Result<Self> {
        let src = base_dir.join("src");
        if !src.is_dir() {
            return Err(format!(
                "there are no sources in {}: migrations are written where the project is developed, and \
                 compiled into its program",
                base_dir.display()
            )
            .into());
        }
        let module = src.join(app);
        if !module.is_dir() && !module.with_extension("rs").is_file() {
            return Err(format!(
                "there is no app {app} in {}: neither {app}.rs nor a folder {app}",
                src.display()
            )
            .into());
        }
        let folder = module.join("migrations");
        Ok(Self { app: app.to_owned(), list: folder.with_extension("rs"), folder })
    }

    /// The file of a migration.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.sql"))
    }

    /// The migrations whose files are in the folder, in the order of their numbers.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let mut found: HashMap<u32, String> = HashMap::new();
        for file in self.files().map_err(|error| ConfigError::file(&self.folder, error))? {
            let Some(name) = file.file_stem().and_then(|name| name.to_str()) else { continue };
            let number = names::number(name)
                .map_err(|problem| format!("{}: {problem}", shown(&file).display()))?;
            if let Some(other) = found.insert(number, name.to_owned()) {
                let (one, two) = if *other < *name { (&*other, name) } else { (name, &*other) };
                return Err(names::same_number(&self.app, one, two).into());
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }

    /// The files in the folder that are migrations; those of editors are hidden.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            // An app that has none yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let is_migration = |path: &PathBuf| {
            let is_hidden =
                path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            path.extension().is_some_and(|extension| extension == "sql") && !is_hidden
        };
        let paths = paths.filter(|path| path.as_ref().map_or(true, is_migration));
        paths.collect()
    }

    /// Makes sure that a file is as it must be.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        let file = self.file(name);
        let text = fs::read_to_string(&file).map_err(|error| ConfigError::file(&file, error))?;
        MigrationFile::parse(&text)
            .map(drop)
            .map_err(|mistake| format!("{}, {mistake}", shown(&file).display()).into())
    }

    /// The migrations in the list; nothing, where there is no list yet.
    pub(super) fn listed(&self) -> Result<Option<Vec<String>>> {
        let text = match fs::read_to_string(&self.list) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ConfigError::file(&self.list, error).into()),
        };
        match migrations_list::read(&text) {
            Some(names) => Ok(Some(names)),
            None => Err(format!(
                "{} holds no list `segue::migrations![]`, which is kept there: move away what it holds",
                shown(&self.list).display()
            )
            .into()),
        }
    }

    /// Writes the file of a new migration. One that is there is left as it is, and an error.
    pub(super) fn write_new(&self, name: &str, text: &str) -> Result<()> {
        let file = self.file(name);
        let write = || {
            fs::create_dir_all(&self.folder)?;
            fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&file)?
                .write_all(text.as_bytes())
        };
        Ok(write().map_err(|error| ConfigError::file(&file, error))?)
    }

    /// Writes the list anew.
    pub(super) fn write_list(&self, names: &[String]) -> Result<()> {
        let written = fs::write(&self.list, migrations_list::render(names));
        Ok(written.map_err(|error| ConfigError::file(&self.list, error))?)
    }

    pub(super) fn list(&self) -> &Path {
        &self.list
    }
}

/// A path from the current folder, where it is below that. Django's `get_relative_path`.
pub(super) fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("src/student")).unwrap();
        let sources = AppSources::find(folder.path(), "student").unwrap();
        sources.write_new("0001_a", "first").unwrap();
        assert!(sources.write_new("0001_a", "second").is_err());
        assert_eq!(fs::read_to_string(sources.file("0001_a")).unwrap(), "first");
    }
}
