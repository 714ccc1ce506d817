//! Session files are Django's, nobody else reads them, and nothing that stands there is trusted.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use common::{KEY, clock, key, settings};
use segue::engines::FileStore;
use segue::{
    Cleared, Clock, Codec, Expiry, Replaced, SessionData, SessionKey, SessionStore as _, Sessions,
    Settings, SignedDuration, StoreErrorKind, Timestamp,
};

/// A folder, and a store in it whose clock stands.
struct Site {
    folder: tempfile::TempDir,
    store: FileStore,
    clock: Clock,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock();
        let store = FileStore::with_clock(&in_folder(folder.path()), clock.clone()).unwrap();
        Self { folder, store, clock }
    }

    fn sessions(&self) -> Sessions {
        let settings = in_folder(self.folder.path());
        Sessions::with_clock(self.store.clone(), &settings, self.clock.clone()).unwrap()
    }

    fn path(&self, key: &SessionKey) -> PathBuf {
        self.folder.path().join(format!("sessionid{}", key.expose()))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn payload(&self, json: &str) -> Vec<u8> {
        let codec = Codec::signed_json(&common::keys(), &self.clock);
        codec.encode(&SessionData::parse(json).unwrap()).unwrap()
    }

    fn in_an_hour(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_hours(1)
    }

    /// A file that Django could have written when the clock's time was `modified`.
    fn plant(&self, key: &SessionKey, content: &[u8], modified: Timestamp) {
        fs::write(self.path(key), content).unwrap();
        set_modified(&self.path(key), modified);
    }
}

fn in_folder(folder: &Path) -> Settings {
    let mut settings = settings();
    settings.session.file_path = Some(folder.to_owned());
    settings
}

fn set_modified(path: &Path, modified: Timestamp) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::try_from(modified).unwrap()).unwrap();
}

fn modified(path: &Path) -> Timestamp {
    fs::metadata(path).unwrap().modified().unwrap().try_into().unwrap()
}

fn random_key() -> SessionKey {
    SessionKey::generate().unwrap()
}

/// The vector is what a real Django wrote.
#[tokio::test]
async fn name_content_and_mode_are_djangos() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let vector = &vectors["engine_file"];
    let content = vector["content"].as_str().unwrap();
    let site = Site::new();
    site.plant(&key(), content.as_bytes(), site.clock.now());
    assert_eq!(site.names()[0], vector["listing"][0].as_str().unwrap());
    let session = site.sessions().open(Some(key())).load().await.unwrap();
    assert_eq!(session.get("a").unwrap(), Some(1));

    let session = site.sessions().open(None).load().await.unwrap();
    session.insert("a", 1).unwrap();
    session.save().await.unwrap();
    let path = site.path(&session.key().unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
    let mode = fs::metadata(&path).unwrap().mode();
    assert_eq!(format!("0o{:o}", mode & 0o7777), vector["mode"].as_str().unwrap());
    assert_eq!(site.names().len(), 2, "and nothing beside it: {:?}", site.names());
}

/// So that Django finds the same end: the file's date plus `SESSION_COOKIE_AGE`, or what the session
/// says of itself.
#[tokio::test]
async fn the_date_of_the_file_tells_django_when_the_session_ends() {
    let site = Site::new();
    let (now, age) = (site.clock.now(), SignedDuration::from_secs(1_209_600));
    let date = now + SignedDuration::from_hours(3);
    for (expiry, file, end) in [
        (Expiry::Default, now, now + age),
        (Expiry::BrowserClose, now, now + age),
        (Expiry::Seconds(60), now, now + SignedDuration::from_secs(60)),
        (Expiry::At(date), now, date),
    ] {
        let session = site.sessions().open(None).load().await.unwrap();
        session.insert("a", 1).unwrap();
        session.set_expiry(expiry);
        session.save().await.unwrap();
        let key = session.key().unwrap();
        assert_eq!(modified(&site.path(&key)), file, "{expiry:?}");
        assert_eq!(site.store.load(&key).await.unwrap().unwrap().expires_at(), end, "{expiry:?}");
    }
    // A deadline that is not "now and so long" moves the date.
    let key = site.store.create(&site.payload("{}"), site.in_an_hour()).await.unwrap();
    assert_eq!(modified(&site.path(&key)) + age, site.in_an_hour());
    let seen = site.store.load(&key).await.unwrap().unwrap();
    assert_eq!(seen.expires_at(), site.in_an_hour());
    let later = now + SignedDuration::from_hours(5);
    assert_eq!(site.store.touch(&key, &seen, later).await.unwrap(), Replaced::Saved(key.clone()));
    assert_eq!(modified(&site.path(&key)) + age, later);
    // And what Django wrote so long ago has ended, to the second.
    let old = random_key();
    site.plant(&old, &site.payload("{}"), now - age);
    assert_eq!(site.store.load(&old).await.unwrap(), None);
    site.plant(&old, &site.payload("{}"), now - age + SignedDuration::from_secs(1));
    assert!(site.store.load(&old).await.unwrap().is_some());
}

/// Django opens a file that exists and renames another over it, without a look at any date.
#[tokio::test]
async fn an_ended_session_has_no_file_that_django_could_revive() {
    let site = Site::new();
    for touch in [false, true] {
        let json = r#"{"_session_expiry":60}"#;
        let key = site.store.create(&site.payload(json), site.in_an_hour()).await.unwrap();
        let seen = site.store.load(&key).await.unwrap().unwrap();
        let now = site.clock.now();
        let ended = match touch {
            false => site.store.replace(&key, &seen, seen.payload(), now).await.unwrap(),
            true => site.store.touch(&key, &seen, now).await.unwrap(),
        };
        assert_eq!(ended, Replaced::Saved(key.clone()));
        assert!(!site.path(&key).exists());
    }
}

/// Django makes one while it creates a session, and leaves it when the disk is full.
#[tokio::test]
async fn an_empty_file_is_an_empty_session_that_can_be_saved() {
    let site = Site::new();
    site.plant(&key(), b"", site.clock.now());
    let session = site.sessions().open(Some(key())).load().await.unwrap();
    assert!(session.keys().is_empty());
    session.insert("a", 1).unwrap();
    session.save().await.unwrap();
    assert_eq!(session.key(), Some(key()), "under the key that the visitor has");
    let again = site.sessions().open(Some(key())).load().await.unwrap();
    assert_eq!(again.get("a").unwrap(), Some(1));
}

#[tokio::test]
async fn what_stands_in_a_sessions_place_is_neither_followed_nor_waited_for() {
    let site = Site::new();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    fs::write(&target, site.payload(r#"{"a":1}"#)).unwrap();
    set_modified(&target, site.clock.now());
    let make: [&dyn Fn(&Path); 3] = [
        &|path| symlink(&target, path).unwrap(),
        &|path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        &|path| fs::create_dir(path).unwrap(),
    ];
    for (n, make) in make.into_iter().enumerate() {
        let key = random_key();
        make(&site.path(&key));
        let seen = segue::Record::new(site.payload(r#"{"a":1}"#), site.in_an_hour());
        let tried = async {
            let store = &site.store;
            let new = site.payload(r#"{"a":2}"#);
            let errors = [
                store.load(&key).await.unwrap_err(),
                store.replace(&key, &seen, &new, site.in_an_hour()).await.unwrap_err(),
                store.touch(&key, &seen, site.in_an_hour()).await.unwrap_err(),
            ];
            assert_eq!(store.clear_expired(&|_| {}).await.unwrap(), 0, "it is none of ours");
            errors
        };
        let errors = tokio::time::timeout(Duration::from_secs(2), tried).await;
        for error in errors.expect("a pipe is not opened") {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
            let text = format!("{error:?} {}", segue::describe(&error));
            assert!(!text.contains(key.expose()), "the id does not show: {text}");
        }
        assert!(fs::symlink_metadata(site.path(&key)).is_ok(), "it was left alone");
        let deleted = site.store.delete(&key).await;
        if n == 2 {
            assert_eq!(deleted.unwrap_err().kind(), StoreErrorKind::Corrupt);
        } else {
            deleted.unwrap();
            assert!(fs::symlink_metadata(site.path(&key)).is_err(), "a logout holds");
        }
        let content = fs::read(&target).unwrap();
        assert_eq!(content, site.payload(r#"{"a":1}"#), "nothing was written through the link");
    }
}

#[tokio::test]
async fn a_file_of_endless_size_is_not_read_to_its_end() {
    let site = Site::new();
    site.plant(&key(), b"", site.clock.now());
    let file = File::options().write(true).open(site.path(&key())).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = site.store.load(&key()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.to_string().contains("64 MiB"), "{error}");
    let later = site.in_an_hour();
    let error = site.store.create(&vec![b'a'; (64 << 20) + 1], later).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TooLarge);
    let error = site.store.create("\u{e9}".as_bytes(), later).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported, "Django opens it as ASCII");
    assert_eq!(site.names().len(), 1);
}

#[tokio::test]
async fn a_sealed_key_reaches_no_file() {
    let site = Site::new();
    let folder = site.folder.path().join("sessionid..");
    fs::create_dir(&folder).unwrap();
    fs::write(site.folder.path().join("victim"), site.payload("{}")).unwrap();
    let key = SessionKey::sealed("../victim").unwrap();
    assert_eq!(site.store.load(&key).await.unwrap(), None);
    let seen = segue::Record::new(site.payload("{}"), site.in_an_hour());
    let replaced = site.store.replace(&key, &seen, b"", site.in_an_hour()).await.unwrap();
    assert_eq!(replaced, Replaced::Gone);
    site.store.delete(&key).await.unwrap();
    assert_eq!(site.names(), ["sessionid..", "victim"]);
}

#[tokio::test]
async fn a_folder_that_will_not_do_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions");
    let refused = |words: &str| {
        let error = FileStore::new(&in_folder(&path)).unwrap_err();
        let text = segue::describe(&error);
        assert!(text.contains("SESSION_FILE_PATH") && text.contains(words), "{text}");
        text
    };
    refused("mkdir");
    assert!(!path.exists(), "it is not made");
    fs::write(&path, "a file").unwrap();
    refused("a folder that is there");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
    refused("sticky bit");
    for mode in [0o1777, 0o700] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let debug = format!("{:?}", FileStore::new(&in_folder(&path)).unwrap());
        assert!(debug.contains("sessions") && !debug.contains(common::SECRET), "{debug}");
    }
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "the trial leaves nothing");
    let mut wrong = in_folder(&path);
    wrong.session.cookie_name = "../id".to_owned();
    assert!(FileStore::new(&wrong).unwrap_err().to_string().contains("SESSION_COOKIE_NAME"));
}

#[tokio::test]
async fn a_folder_that_is_removed_is_not_made_anew_in_silence() {
    let site = Site::new();
    let payload = site.payload("{}");
    let key = site.store.create(&payload, site.in_an_hour()).await.unwrap();
    let seen = site.store.load(&key).await.unwrap().unwrap();
    let (path, moved) = (site.folder.path(), site.folder.path().with_extension("moved"));
    fs::rename(path, &moved).unwrap();
    for in_its_place in [false, true] {
        if in_its_place {
            fs::write(path, "a file").unwrap();
        }
        for error in [
            site.store.load(&key).await.unwrap_err(),
            site.store.create(&payload, site.in_an_hour()).await.unwrap_err(),
            site.store.touch(&key, &seen, site.in_an_hour()).await.unwrap_err(),
            site.store.delete(&key).await.unwrap_err(),
            site.store.clear_expired(&|_| {}).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
            assert!(error.to_string().contains("not there any more"), "{error}");
            assert!(!format!("{error:?}").contains(key.expose()));
        }
        assert!(!path.is_dir());
    }
    // Put back, it works again, without a restart.
    fs::remove_file(path).unwrap();
    fs::rename(&moved, path).unwrap();
    assert_eq!(site.store.load(&key).await.unwrap().unwrap(), seen);
}

#[tokio::test]
async fn a_clean_up_takes_what_has_expired_and_nothing_else() {
    let site = Site::new();
    let long_ago = site.clock.now() - SignedDuration::from_hours(24 * 365);
    let foreign = [
        "session".to_owned(),
        "sessionid".to_owned(),
        "sessionidtooshort".to_owned(),
        format!("sessionid{KEY}_out_x1y2"),
        format!("sessionid{}", KEY.to_uppercase()),
        format!("other{KEY}"),
        format!(".segue-{KEY}"),
        ".segue-short.tmp".to_owned(),
    ];
    for name in &foreign {
        fs::write(site.folder.path().join(name), "").unwrap();
        set_modified(&site.folder.path().join(name), long_ago);
    }
    // Left by processes that were killed; the one that is locked is being written.
    let temporary = |letter: &str| format!(".segue-{}.tmp", letter.repeat(32));
    for (letter, modified) in [
        ("a", site.clock.now() - SignedDuration::from_mins(61)),
        ("b", site.clock.now() - SignedDuration::from_mins(59)),
        ("c", long_ago),
    ] {
        fs::write(site.folder.path().join(temporary(letter)), "").unwrap();
        set_modified(&site.folder.path().join(temporary(letter)), modified);
    }
    let held = File::open(site.folder.path().join(temporary("c"))).unwrap();
    held.lock().unwrap();
    let live = site.store.create(&site.payload("{}"), site.in_an_hour()).await.unwrap();
    site.plant(&random_key(), b"", long_ago);
    site.plant(&random_key(), b"nothing that can be read", long_ago);
    site.plant(&random_key(), &site.payload("{}"), long_ago);
    site.plant(&random_key(), &site.payload(r#"{"_session_expiry":-1}"#), site.clock.now());

    assert_eq!(site.store.clear_expired(&|_| {}).await.unwrap(), 4);
    let mut left: Vec<String> = foreign.to_vec();
    left.extend([temporary("b"), temporary("c"), format!("sessionid{}", live.expose())]);
    left.sort();
    assert_eq!(site.names(), left);
}

/// The clock of tokio stands and goes on in pauses only.
#[tokio::test(start_paused = true)]
async fn a_clean_up_goes_by_batches_and_reports_them() {
    const DEAD: u64 = 1_700;
    let site = Site::new();
    let past = site.clock.now() - SignedDuration::from_hours(24 * 365);
    let live = site.store.create(&site.payload("{}"), site.in_an_hour()).await.unwrap();
    for _ in 0..DEAD {
        site.plant(&random_key(), b"", past);
    }
    let reports = Mutex::new(Vec::new());
    let report = |cleared: Cleared| reports.lock().unwrap().push(cleared.removed);
    let started = tokio::time::Instant::now();
    let removed = site.store.clear_expired(&report).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(3), "others get their turn in between");
    assert_eq!(removed, DEAD);
    let reports = reports.lock().unwrap().clone();
    assert_eq!(reports.len(), 4, "1701 files are four batches: {reports:?}");
    assert!(reports.windows(2).all(|two| two[0] < two[1] && two[1] - two[0] <= 500));
    assert_eq!(reports.last(), Some(&DEAD));
    assert!(site.store.load(&live).await.unwrap().is_some());
}

/// The setting, and the site that it makes.
#[tokio::test]
async fn the_engine_is_chosen_by_djangos_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    for name in ["file", "django.contrib.sessions.backends.file"] {
        let text = format!(
            "SECRET_KEY = 'x'\nALLOWED_HOSTS = ['*']\nSESSION_ENGINE = '{name}'\n\
             SESSION_FILE_PATH = 'sessions'\n"
        );
        fs::write(&file, text).unwrap();
        let settings = Settings::from_file(&file).unwrap();
        let start = || segue::Site::new(settings.clone(), axum::Router::new());
        let error = start().await.unwrap_err().to_string();
        assert!(error.contains("SESSION_FILE_PATH") && error.contains("/sessions"), "{error}");
        fs::create_dir(folder.path().join("sessions")).unwrap();
        let site = start().await.unwrap();
        let session = site.sessions().open(None).load().await.unwrap();
        session.insert("a", 1).unwrap();
        session.save().await.unwrap();
        assert_eq!(fs::read_dir(folder.path().join("sessions")).unwrap().count(), 1);
        fs::remove_dir_all(folder.path().join("sessions")).unwrap();
    }
}

/// A request that is dropped has done its work or has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_that_is_cut_off_was_done_or_was_not() {
    let site = Site::new();
    let payload = |n: u64| site.payload(&format!(r#"{{"n":{n}}}"#));
    let key = site.store.create(&payload(0), site.in_an_hour()).await.unwrap();
    let mut n = 0;
    for round in 0..100 {
        let (seen, new) = (site.store.load(&key).await.unwrap().unwrap(), payload(n + 1));
        let save = site.store.replace(&key, &seen, &new, site.in_an_hour());
        let _ = tokio::time::timeout(Duration::from_micros(50 * round), save).await;
        // A clean end: whatever is still under way has the lock, and a touch waits for it.
        let seen = site.store.load(&key).await.unwrap().unwrap();
        let _ = site.store.touch(&key, &seen, site.in_an_hour()).await.unwrap();
        let found = site.store.load(&key).await.unwrap().unwrap();
        let found = [n, n + 1].into_iter().find(|n| payload(*n) == found.payload());
        n = found.expect("it is the old session or the new one");
    }
    assert!(n > 0, "some were done");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(site.names().len(), 1, "nothing is left over");
}
