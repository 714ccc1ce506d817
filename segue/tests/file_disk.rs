//! A disk that is really full, and one that is really read-only: a small file system of the test's
//! own, in a name space that ends with its process.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{keys, settings};
use segue::engines::FileStore;
use segue::{
    Clock, Codec, Replaced, SessionData, SessionStore as _, SignedDuration, StoreErrorKind,
    Timestamp,
};

/// In a process of its own the test binary finds here which folder is the small file system.
const WORKER: &str = "SEGUE_TEST_SMALL_DISK";

/// Runs a test of this binary in a name space with a file system of 256 KiB.
fn on_a_small_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    // Who is not root becomes it within the name space.
    let script = "mount -t tmpfs -o size=256k,mode=700 segue \"$1\" && exec \"$2\" --exact \"$3\" \
                  --nocapture";
    // Its results are ours, and not counted twice.
    let ended = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(WORKER, folder.path())
        .output()
        .expect("unshare, from util-linux, makes the name space");
    let said = [ended.stdout, ended.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    let needs = "the kernel must allow name spaces of users";
    assert!(ended.status.success(), "{needs}, and the worker succeed: {}", said.concat());
    assert!(said[0].contains("1 passed"), "the worker ran: {}", said.concat());
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

/// A session that holds so many letters that cannot be compressed.
fn payload(letters: usize) -> Vec<u8> {
    let random: String = (0..letters.div_ceil(32))
        .map(|_| segue::SessionKey::generate().unwrap().expose().to_owned())
        .collect();
    let mut data = SessionData::new();
    data.set("letters", format!("\"{random}\""));
    Codec::signed_json(&keys(), &Clock::system()).encode(&data).unwrap()
}

fn store(folder: &Path) -> FileStore {
    let mut settings = settings();
    settings.session.file_path = Some(folder.to_owned());
    FileStore::new(&settings).unwrap()
}

#[test]
fn a_full_disk_is_an_error_and_every_session_stays_whole() {
    on_a_small_disk("worker_fills_the_disk");
}

/// The worker of the test above; by itself it has nothing to do.
#[tokio::test]
async fn worker_fills_the_disk() {
    let Some(folder) = std::env::var_os(WORKER) else { return };
    let store = store(Path::new(&folder));
    let mut sessions = Vec::new();
    let error = loop {
        let payload = payload(20_000);
        match store.create(&payload, in_an_hour()).await {
            Ok(key) => sessions.push((key, payload)),
            Err(error) => break error,
        }
        assert!(sessions.len() < 100, "the disk is small");
    };
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
    assert!(error.to_string().contains("is full"), "{error}");
    assert!(sessions.len() > 3, "there was room for some");
    // A change does not fit either, and leaves the old session whole.
    for (key, payload) in &sessions {
        let seen = store.load(key).await.unwrap().unwrap();
        assert_eq!(seen.payload(), payload);
        let error = store.replace(key, &seen, &self::payload(60_000), in_an_hour()).await;
        assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Refused);
        assert_eq!(store.load(key).await.unwrap().unwrap().payload(), payload);
    }
    let names = std::fs::read_dir(&folder).unwrap();
    assert_eq!(names.count(), sessions.len(), "no half of a file is left");
    // A logout needs no room, and makes some.
    let (first, _) = &sessions[0];
    store.delete(first).await.unwrap();
    assert_eq!(store.load(first).await.unwrap(), None);
    store.create(&payload(10_000), in_an_hour()).await.unwrap();
}

#[test]
fn a_read_only_disk_still_reads_and_says_what_it_is() {
    on_a_small_disk("worker_on_a_read_only_disk");
}

/// The worker of the test above; by itself it has nothing to do.
#[tokio::test]
async fn worker_on_a_read_only_disk() {
    let Some(folder) = std::env::var_os(WORKER) else { return };
    let folder = Path::new(&folder);
    let store = store(folder);
    let key = store.create(&payload(100), in_an_hour()).await.unwrap();
    let seen = store.load(&key).await.unwrap().unwrap();
    let remount = ["-o", "remount,ro"];
    let status = Command::new("mount").args(remount).arg(folder).status().unwrap();
    assert!(status.success());
    assert_eq!(store.load(&key).await.unwrap().as_ref(), Some(&seen));
    for error in [
        store.create(&payload(100), in_an_hour()).await.unwrap_err(),
        store.replace(&key, &seen, &payload(100), in_an_hour()).await.unwrap_err(),
        store.touch(&key, &seen, in_an_hour()).await.unwrap_err(),
        store.delete(&key).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
        assert!(error.to_string().contains("is read-only"), "{error}");
    }
    // Writable again, it works again, without a restart.
    let status = Command::new("mount").args(["-o", "remount,rw"]).arg(folder).status().unwrap();
    assert!(status.success());
    let saved = store.replace(&key, &seen, &payload(100), in_an_hour()).await.unwrap();
    assert_eq!(saved, Replaced::Saved(key));
}
