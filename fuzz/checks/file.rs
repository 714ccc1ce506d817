//! Session files: whatever stands in one, of whatever date.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use segue::engines::FileStore;
use segue::signing::TimestampSigner;
use segue::{
    Clock, Codec, Record, Replaced, SecretKeys, SessionData, SessionKey, SessionStore as _,
    Sessions, SignedDuration, Timestamp,
};

use super::{NOW, at, block_on, clock, data, keys, settings};

/// The salt of Django's database, file and cache sessions.
const SALT: &str = "django.contrib.sessions.SessionStore";

const COOKIE_AGE: i64 = 1_209_600;

/// Three bytes are the file's date, around the one whose session ends now, the fourth says how the
/// rest became its content. The same rest is a list of deadlines, too.
pub fn file(input: &[u8]) {
    thread_local! {
        static SITE: Site = Site::new();
    }
    let Some((&[scale, high, low, form], rest)) = input.split_first_chunk() else { return };
    let offset = i64::from(i16::from_be_bytes([high, low])) << (scale % 16);
    let modified = at(NOW - COOKIE_AGE + offset);
    let content = match form % 4 {
        0 => rest.to_vec(),
        1 => sign(rest, &keys(), form >= 128),
        2 => sign(rest, &SecretKeys::new("another"), form >= 128),
        _ => Vec::new(),
    };
    SITE.with(|site| {
        block_on(site.found(&content, modified));
        block_on(site.deadlines(rest));
    });
}

/// Any bytes with a good signature of this key.
fn sign(bytes: &[u8], keys: &SecretKeys, compress: bool) -> Vec<u8> {
    TimestampSigner::new(keys, SALT, &clock()).sign_bytes(bytes, compress).into_bytes()
}

/// A folder, and a store in it whose clock stands.
struct Site {
    folder: tempfile::TempDir,
    store: FileStore,
    sessions: Sessions,
    codec: Codec,
    key: SessionKey,
}

impl Site {
    fn new() -> Self {
        // In memory where there is such a place: each file is flushed many times.
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("segue-fuzz-").tempdir_in(parent);
        let folder = folder.expect("a temporary folder");
        let (mut settings, clock) = (settings(), clock());
        settings.session.file_path = Some(folder.path().to_owned());
        settings.session.cookie_age = COOKIE_AGE;
        let store = FileStore::with_clock(&settings, clock.clone()).expect("a good folder");
        let sessions =
            Sessions::with_clock(store.clone(), &settings, clock).expect("good settings");
        let codec = Codec::signed_json(&keys(), &Clock::fixed(at(NOW)));
        let key = SessionKey::parse("abcdefghijklmnopqrstuvwxyz012345").expect("a key");
        Self { folder, store, sessions, codec, key }
    }

    fn path(&self, key: &SessionKey) -> PathBuf {
        self.folder.path().join(format!("sessionid{}", key.expose()))
    }

    async fn load(&self, key: &SessionKey) -> Option<Record> {
        self.store.load(key).await.expect("what stands in a file is no trouble of the store's")
    }

    /// A visitor comes whose session is in this file, and stores something.
    async fn found(&self, content: &[u8], modified: Timestamp) {
        let path = self.path(&self.key);
        fs::write(&path, content).expect("a file can be written");
        let date = SystemTime::try_from(modified).expect("a date of our time");
        File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_modified(date))
            .expect("a file can be dated");

        let record = self.load(&self.key).await;
        let read =
            if content.is_empty() { Ok(SessionData::new()) } else { self.codec.decode(content) };
        let ends = read.as_ref().map_or_else(|_| usual(modified), |data| deadline(data, modified));
        if let Some(ends) = ends {
            assert_eq!(record.is_some(), ends > at(NOW), "it ends at {ends}");
        }
        if let Some(record) = &record {
            assert!(record.expires_at() > at(NOW));
            assert!(ends.is_none_or(|ends| ends == record.expires_at()), "it ends at {ends:?}");
            assert!(content.is_empty() || record.payload() == content);
            assert!(self.codec.decode(record.payload()).is_ok() == read.is_ok());
        }

        let session = self.sessions.open(Some(self.key.clone())).load().await;
        let session = session.expect("what stands in a file is no trouble");
        let there = read.ok().filter(|_| record.is_some());
        let items = there.iter().flat_map(SessionData::iter);
        let items: Vec<_> = items.map(|(key, value)| (key, value.to_owned())).collect();
        assert_eq!(session.items(), items);
        let is_as_it_was = || {
            assert_eq!(fs::read(&path).expect("it is still there"), content);
            let metadata = fs::metadata(&path).expect("it is still there");
            assert_eq!(metadata.modified().ok(), Some(date));
        };
        is_as_it_was();

        session.insert("n", 1).expect("a number");
        session.save().await.expect("it can be saved");
        let key = session.key().expect("it was saved");
        assert_eq!(key == self.key, there.is_some(), "who has no session gets a new key");
        if there.is_none() {
            // Whoever can read it keeps it.
            is_as_it_was();
        }
        if session.expiry_age() > 0 {
            let saved = self.load(&key).await.expect("it lives");
            let mut expected = there.unwrap_or_default();
            expected.set("n", "1");
            let saved = self.codec.decode(saved.payload()).expect("what we wrote can be read");
            data::check(&saved);
            assert_eq!(saved.to_json(), expected.to_json());
        }
        self.clear(&[&self.key, &key]).await;
    }

    /// A clean-up removes what is not live, and nothing else.
    async fn clear(&self, keys: &[&SessionKey]) {
        let mut live = Vec::new();
        for key in keys {
            live.push(self.load(key).await.is_some());
        }
        self.sessions.clear_expired().await.expect("it can be cleared");
        for (key, live) in keys.iter().zip(live) {
            assert_eq!(self.path(key).exists(), live, "the clean-up knows what is live");
        }
        self.delete(keys).await;
    }

    async fn delete(&self, keys: &[&SessionKey]) {
        for key in keys {
            self.store.delete(key).await.expect("it can be deleted");
        }
        let left = fs::read_dir(self.folder.path()).expect("a folder").count();
        assert_eq!(left, 0, "nothing is left in the folder");
    }

    /// A session moves from deadline to deadline, each a byte.
    async fn deadlines(&self, bytes: &[u8]) {
        let empty = self.codec.encode(&SessionData::new()).expect("a short session");
        let first = at(NOW + 1);
        let key = self.store.create(&empty, first).await.expect("it can be created");
        let mut seen = self.load(&key).await.expect("it is there");
        assert_eq!(seen.expires_at(), first);
        for (count, byte) in bytes.iter().take(6).enumerate() {
            // One in eight lies in the past, or is now.
            let deadline =
                at(NOW) + SignedDuration::from_micros((i64::from(*byte) - 31) * 999_999_999);
            let swapped = if byte % 2 == 0 {
                self.store.touch(&key, &seen, deadline).await
            } else {
                let data = SessionData::parse(&format!("{{\"n\":{count}}}")).expect("an object");
                let payload = self.codec.encode(&data).expect("a short session");
                self.store.replace(&key, &seen, &payload, deadline).await
            };
            assert_eq!(swapped.expect("nobody else is at it"), Replaced::Saved(key.clone()));
            let record = self.load(&key).await;
            assert_eq!(record.is_some(), deadline > at(NOW));
            let Some(record) = record else { break };
            assert_eq!(record.expires_at(), deadline);
            seen = record;
        }
        self.delete(&[&key]).await;
    }
}

/// When a session ends that does not say so itself.
fn usual(modified: Timestamp) -> Option<Timestamp> {
    Some(modified + SignedDuration::from_secs(COOKIE_AGE))
}

/// When the session ends that a file of this date holds; nothing where the session says it in one
/// of the rarer ways.
fn deadline(data: &SessionData, modified: Timestamp) -> Option<Timestamp> {
    let Some(text) = data.get("_session_expiry") else { return usual(modified) };
    let seconds: f64 = text.parse().ok()?;
    if seconds == 0.0 {
        return usual(modified);
    }
    // Some sixty years, whole seconds.
    let is_near = seconds.abs() < 2e9;
    is_near.then(|| modified + SignedDuration::from_secs(seconds as i64))
}
