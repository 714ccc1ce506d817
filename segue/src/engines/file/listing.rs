//! The files of the folder, some at a time.

use std::fs::ReadDir;

use super::folder::{Access, Found};
use super::{FileStore, Files};
use crate::engines::listing::{LARGEST_IN_PAGE, Listed, MOST_FOUND, PAGE};
use crate::error::StoreError;
use crate::key::SessionKey;

/// The files of the folder, in the order in which it gives them.
pub(crate) struct FilePages {
    store: FileStore,
    with_payloads: bool,
    state: State,
    failed: u64,
    /// Why the first of those failed.
    failure: Option<StoreError>,
}

enum State {
    Fresh,
    Under(ReadDir),
    Done,
}

/// What was found in some entries of the folder.
struct Page {
    rest: Option<ReadDir>,
    sessions: Vec<Listed>,
    failed: u64,
    failure: Option<StoreError>,
}

impl FilePages {
    /// The next page. One file that cannot be read does not stop the others: that is an error after
    /// the last page, so that nobody takes what was found for all there is.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Listed>>, StoreError> {
        let rest = match std::mem::replace(&mut self.state, State::Done) {
            State::Fresh => self.store.blocking(|files| files.folder.list()).await?,
            State::Under(rest) => rest,
            State::Done => return self.end(),
        };
        let with_payloads = self.with_payloads;
        let page = self.store.blocking(move |files| files.page(rest, with_payloads)).await?;
        self.failed += page.failed;
        self.failure = self.failure.take().or(page.failure);
        if let Some(rest) = page.rest {
            self.state = State::Under(rest);
        }
        Ok(Some(page.sessions))
    }

    fn end(&mut self) -> Result<Option<Vec<Listed>>, StoreError> {
        let Some(failure) = self.failure.take() else { return Ok(None) };
        let files = if self.failed == 1 { "session file" } else { "session files" };
        let message = format!("{} {files} cannot be read", self.failed);
        Err(StoreError::new(failure.kind(), message).with_source(failure))
    }
}

impl Files {
    fn page(&self, mut rest: ReadDir, with_payloads: bool) -> Result<Page, StoreError> {
        let mut page = Page { rest: None, sessions: Vec::new(), failed: 0, failure: None };
        while page.sessions.len() < PAGE {
            let Some(entry) = rest.next() else { return Ok(page) };
            // A folder that cannot be listed any further is no detail.
            let entry = entry.map_err(|error| self.folder.error(error))?;
            let name = entry.file_name();
            let Some(key) = name.to_str().and_then(|name| self.folder.key_of(name)) else {
                continue;
            };
            match self.listed(key, with_payloads) {
                Ok(session) => page.sessions.extend(session),
                Err(error) => {
                    page.failed += 1;
                    page.failure.get_or_insert(error);
                }
            }
        }
        page.rest = Some(rest);
        Ok(page)
    }

    /// What a session's file holds; nothing where none stands in its place.
    fn listed(&self, key: SessionKey, with_payload: bool) -> Result<Option<Listed>, StoreError> {
        let Some(path) = self.folder.path_of(&key) else { return Ok(None) };
        let Found::File(file) = self.folder.open_file(&path, Access::Read)? else {
            return Ok(None);
        };
        // The session itself may say when it ends, and an empty file is one.
        let record = self.record(&file)?;
        let payload = record.payload();
        Ok(Some(Listed {
            key: Some(key),
            expires_at: Some(record.expires_at()),
            size: payload.len() as u64,
            payload: (with_payload && payload.len() <= LARGEST_IN_PAGE).then(|| payload.to_owned()),
        }))
    }

    fn find(&self, beginning: &str) -> Result<Vec<Listed>, StoreError> {
        let mut found = Vec::new();
        for entry in self.folder.list()? {
            let name = entry.map_err(|error| self.folder.error(error))?.file_name();
            let key = name.to_str().and_then(|name| self.folder.key_of(name));
            if let Some(key) = key.filter(|key| key.expose().starts_with(beginning)) {
                found.extend(self.listed(key, true)?);
            }
            if found.len() == MOST_FOUND {
                break;
            }
        }
        Ok(found)
    }

    fn payload(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(path) = self.folder.path_of(key) else { return Ok(None) };
        match self.folder.open_file(&path, Access::Read)? {
            Found::File(file) => Ok(Some(self.record(&file)?.payload().to_owned())),
            Found::Absent | Found::Strange => Ok(None),
        }
    }
}

impl FileStore {
    /// All sessions, some at a time.
    pub(crate) fn pages(&self, with_payloads: bool) -> FilePages {
        let (store, state) = (self.clone(), State::Fresh);
        FilePages { store, with_payloads, state, failed: 0, failure: None }
    }

    /// The sessions whose ids begin like this, some at the most.
    pub(crate) async fn find(&self, beginning: &str) -> Result<Vec<Listed>, StoreError> {
        let beginning = beginning.to_owned();
        self.blocking(move |files| match SessionKey::parse(&beginning) {
            Some(key) => Ok(files.listed(key, true)?.into_iter().collect()),
            None => files.find(&beginning),
        })
        .await
    }

    /// What a session's file holds, live or not.
    pub(crate) async fn payload(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.clone();
        self.blocking(move |files| files.payload(&key)).await
    }

    /// How many sessions have expired.
    pub(crate) async fn count_expired(&self) -> Result<u64, StoreError> {
        let (mut pages, mut expired) = (self.pages(false), 0);
        while let Some(page) = pages.next().await? {
            let ended = |deadline| !self.files.is_live(deadline);
            expired += page.iter().filter(|session| session.expires_at.is_some_and(ended)).count();
        }
        Ok(expired as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;

    use super::*;
    use crate::settings::Settings;
    use crate::store::SessionStore as _;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_file_comes_once_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("secret");
        settings.session.file_path = Some(folder.path().to_owned());
        let store = FileStore::new(&settings).unwrap();
        let later = Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let mut made = Vec::new();
        for n in 0..PAGE + 7 {
            let key = store.create(format!("payload {n}").as_bytes(), later).await.unwrap();
            made.push(key.expose().to_owned());
        }
        let large = vec![b'x'; LARGEST_IN_PAGE + 1];
        let key = store.create(&large, later).await.unwrap();
        made.push(key.expose().to_owned());
        let path = |name: &str| folder.path().join(name);
        fs::write(path("sessionidTOO-SHORT"), "x").unwrap();
        fs::write(path("notes.txt"), "x").unwrap();
        let id = "abcdefghijklmnopqrstuvwxyz012345";
        std::os::unix::fs::symlink("/etc/passwd", path(&format!("sessionid{id}"))).unwrap();

        let (mut pages, mut found) = (store.pages(true), Vec::new());
        while let Some(page) = pages.next().await.unwrap() {
            assert!(page.len() <= PAGE);
            for session in page {
                assert_eq!(session.expires_at.map(Timestamp::as_second), Some(later.as_second()));
                let is_large = session.size as usize > LARGEST_IN_PAGE;
                assert_eq!(session.payload.is_none(), is_large);
                found.push(session.key.unwrap().expose().to_owned());
            }
        }
        made.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, made);
        assert_eq!(store.payload(&key).await.unwrap().unwrap(), large);
        assert_eq!(store.find(&key.expose()[..10]).await.unwrap().len(), 1);
        assert_eq!(store.find(key.expose()).await.unwrap().len(), 1);
        assert_eq!(store.find(id).await.unwrap().len(), 0, "a link is no session");

        assert_eq!(store.count_expired().await.unwrap(), 0);
        let ended = path(&format!("sessionid{}", key.expose()));
        let file = fs::File::options().write(true).open(ended).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(store.count_expired().await.unwrap(), 1);
    }
}
