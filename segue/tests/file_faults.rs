//! Session files in trouble: processes that are killed, that share a session, that lack room,
//! permission or file handles. Nothing is lost, and each trouble has its error.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, nobody imports it, and its workers say what they did"
)]

mod common;

use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use common::{keys, settings};
use segue::engines::FileStore;
use segue::{
    Clock, Codec, Replaced, SessionData, SessionKey, SessionStore as _, Sessions, Settings,
    SignedDuration, StoreErrorKind, Timestamp,
};

/// In a process of its own the test binary finds here what to do, and in which folder.
const WORKER: &str = "SEGUE_TEST_FILE_WORKER";

/// `nobody` and `nogroup`: root may do everything, so what root lacks permission for it does as these.
const NOBODY: u32 = 65534;

fn in_folder(folder: &Path) -> Settings {
    let mut settings = settings();
    settings.session.file_path = Some(folder.to_owned());
    settings
}

fn store(folder: &Path) -> FileStore {
    FileStore::new(&in_folder(folder)).unwrap()
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

/// A session with a number, and so much beside it that writing takes some time. It is signed, so it
/// can be told whether it is whole.
fn payload(number: usize) -> Vec<u8> {
    let mut noise = number as u64 | 1;
    // Letters that cannot be compressed much.
    let letters: String = (0..number * 7919 % 20_000)
        .map(|_| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + (noise >> 33) as u8 % 26)
        })
        .collect();
    let json = format!(r#"{{"number":{number},"letters":"{letters}"}}"#);
    let data = SessionData::parse(&json).unwrap();
    let codec = Codec::signed_json(&keys(), &Clock::system());
    codec.encode(&data).unwrap()
}

fn number(payload: &[u8]) -> usize {
    let codec = Codec::signed_json(&keys(), &Clock::system());
    let data = codec.decode(payload).expect("a session is whole");
    data.get("number").unwrap().parse().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn path(folder: &Path, key: &SessionKey) -> PathBuf {
    folder.join(format!("sessionid{}", key.expose()))
}

/// This test binary once more, with a task.
fn worker(task: &str, folder: &Path) -> Command {
    worker_by(Command::new(std::env::current_exe().unwrap()), task, folder)
}

/// The same, after a shell has set its limits.
fn limited_worker(limits: &str, task: &str, folder: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limits}; exec \"$0\" \"$@\"")]);
    shell.arg(std::env::current_exe().unwrap());
    worker_by(shell, task, folder)
}

fn worker_by(mut command: Command, task: &str, folder: &Path) -> Command {
    command
        .args(["--exact", "a_worker_in_another_process", "--nocapture", "--test-threads=1"])
        .env(WORKER, format!("{task} {}", folder.display()));
    command
}

/// What the other processes of these tests do; by itself it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_in_another_process() {
    let Ok(task) = std::env::var(WORKER) else { return };
    let (task, folder) = task.split_once(' ').unwrap();
    let folder = Path::new(folder);
    match task {
        "increment" => increment(folder).await,
        "lock" => hold_every_lock(folder),
        "write" => write_for_ever(folder).await,
        "too_large" => write_what_is_too_large(folder).await,
        "too_many" => open_too_many(folder).await,
        "permission" => lack_permission(folder).await,
        other => panic!("no such task: {other}"),
    }
}

/// The one session in the folder.
fn the_key(folder: &Path) -> SessionKey {
    let names = names(folder);
    names.iter().find_map(|name| SessionKey::parse(name.strip_prefix("sessionid")?)).unwrap()
}

const TASKS: usize = 8;
const INCREMENTS: usize = 25;

async fn increment(folder: &Path) {
    let sessions = Sessions::new(store(folder), &in_folder(folder)).unwrap();
    let key = the_key(folder);
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (sessions, key) = (sessions.clone(), key.clone());
            tokio::spawn(async move {
                for _ in 0..INCREMENTS {
                    let session = sessions.open(Some(key.clone())).load().await.unwrap();
                    session.update("n", |n: Option<usize>| n.unwrap_or(0) + 1).unwrap();
                    session.save().await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = Sessions::new(store(folder.path()), &in_folder(folder.path())).unwrap();
    let session = sessions.open(None).load().await.unwrap();
    session.insert("n", 0).unwrap();
    session.save().await.unwrap();
    let other = worker("increment", folder.path()).stdout(Stdio::null()).spawn().unwrap();
    increment(folder.path()).await;
    let other = tokio::task::spawn_blocking(move || other.wait_with_output()).await.unwrap();
    assert!(other.unwrap().status.success(), "the other process could save each time");
    let session = sessions.open(session.key()).load().await.unwrap();
    assert_eq!(session.get("n").unwrap(), Some(2 * TASKS * INCREMENTS));
    assert_eq!(names(folder.path()).len(), 1, "nothing is left beside the session");
}

/// A writer that has compared must not put a deleted session back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deletion_in_the_middle_of_writes_holds() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let mut writes = 0;
    for round in 0..60 {
        let key = store.create(&payload(0), in_an_hour()).await.unwrap();
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move {
                    let mut writes = 0;
                    while let Some(seen) = store.load(&key).await.unwrap() {
                        let new = payload(number(seen.payload()) + 1);
                        match store.replace(&key, &seen, &new, in_an_hour()).await.unwrap() {
                            Replaced::Saved(_) => writes += 1,
                            Replaced::Conflict => {}
                            Replaced::Gone => break,
                        }
                    }
                    writes
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(2_000 + 137 * round)).await;
        store.delete(&key).await.unwrap();
        assert!(!path(folder.path(), &key).exists(), "it is gone when `delete` returns");
        for writer in writers {
            writes += writer.await.unwrap();
        }
        assert!(!path(folder.path(), &key).exists(), "and stays so");
    }
    assert!(writes > 60, "there were writes to come in between: {writes}");
}

fn hold_every_lock(folder: &Path) {
    let sessions = names(folder).into_iter().filter(|name| name.starts_with("sessionid"));
    let files: Vec<File> = sessions.map(|name| File::open(folder.join(name)).unwrap()).collect();
    files.iter().for_each(|file| file.lock().unwrap());
    println!("held");
    std::thread::sleep(Duration::from_secs(60));
}

/// Another process, which does not outlive its test.
struct Worker {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// One that holds the lock of each session.
    fn holding(folder: &Path) -> Self {
        let mut worker = Self::start(worker("lock", folder));
        let mut line = String::new();
        while !line.ends_with("held\n") {
            assert!(worker.output.read_line(&mut line).unwrap() > 0, "it takes the lock: {line}");
        }
        worker
    }

    /// With a signal that nobody can handle. What it said until then is returned.
    fn kill(mut self) -> String {
        self.child.kill().unwrap();
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_dies_with_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let key = store.create(&payload(1), in_an_hour()).await.unwrap();
    let seen = store.load(&key).await.unwrap().unwrap();
    let holder = Worker::holding(folder.path());
    let waiting = tokio::spawn({
        let (store, key) = (store.clone(), key.clone());
        async move { store.replace(&key, &seen, &payload(2), in_an_hour()).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "it waits for the lock");
    assert_eq!(number(store.load(&key).await.unwrap().unwrap().payload()), 1, "readers do not");
    holder.kill();
    let replaced = tokio::time::timeout(Duration::from_secs(2), waiting).await.unwrap().unwrap();
    assert_eq!(replaced.unwrap(), Replaced::Saved(key.clone()));
    assert_eq!(number(store.load(&key).await.unwrap().unwrap().payload()), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_for_long_is_an_error_and_no_hang() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let key = store.create(&payload(1), in_an_hour()).await.unwrap();
    let seen = store.load(&key).await.unwrap().unwrap();
    let _holder = Worker::holding(folder.path());
    let started = Instant::now();
    let new = payload(2);
    let (replaced, touched, deleted) = tokio::join!(
        store.replace(&key, &seen, &new, in_an_hour()),
        store.touch(&key, &seen, in_an_hour()),
        store.delete(&key),
    );
    for error in [replaced.unwrap_err(), touched.unwrap_err(), deleted.unwrap_err()] {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(error.to_string().contains("locked by another process for 5 s"), "{error}");
        assert!(!format!("{error:?}").contains(key.expose()));
    }
    let waited = started.elapsed();
    assert!((5..9).contains(&waited.as_secs()), "the wait has an end: {waited:?}");
    assert_eq!(store.load(&key).await.unwrap(), Some(seen), "and nothing was done");
    // Whoever is only in a crowd's way is not touched by a clean-up either.
    assert_eq!(store.clear_expired(&|_| {}).await.unwrap(), 0);
}

/// Says what it has written: once it is said it must be there, whatever happens.
async fn write_for_ever(folder: &Path) {
    let store = store(folder);
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let key = store.create(&payload(0), in_an_hour()).await.unwrap();
                for n in 1.. {
                    let seen = store.load(&key).await.unwrap().unwrap();
                    let saved =
                        store.replace(&key, &seen, &payload(n), in_an_hour()).await.unwrap();
                    assert_eq!(saved, Replaced::Saved(key.clone()));
                    println!("wrote {} {n}", key.expose());
                    let other = store.create(&payload(n), in_an_hour()).await.unwrap();
                    store.delete(&other).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Nobody else may read them, not for a moment, and not where the umask would let them.
fn assert_private(folder: &Path) -> usize {
    // What goes away meanwhile cannot be looked at.
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata());
    let modes: Vec<u32> = entries.filter_map(|metadata| Some(metadata.ok()?.mode())).collect();
    for mode in &modes {
        assert_eq!(mode & 0o7777, 0o600, "{mode:o}");
    }
    modes.len()
}

#[tokio::test]
async fn kill_9_leaves_whole_sessions_that_nobody_else_could_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut looks, mut round) = (0, 0, 0);
    // A busy machine needs more rounds for as much.
    while round < 10 || acknowledged <= 100 || looks <= 100 {
        assert!(round < 100, "{acknowledged} writes, {looks} looks");
        let writer = Worker::start(limited_worker("umask 0", "write", folder.path()));
        // The first writes take their time; after that, at any moment.
        let started = Instant::now();
        while names(folder.path()).len() < 4 * (round + 1)
            || started.elapsed() < Duration::from_millis(150 + 13 * (round as u64 % 10))
        {
            assert!(started.elapsed() < Duration::from_secs(30), "it writes");
            looks += assert_private(folder.path());
        }
        let output = writer.kill();

        let store = store(folder.path());
        let mut last = std::collections::HashMap::new();
        // The last line may be torn.
        for line in output.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let mut words = line.split_whitespace().skip_while(|word| *word != "wrote").skip(1);
            let (Some(key), Some(n)) = (words.next(), words.next()) else { continue };
            last.insert(SessionKey::parse(key).unwrap(), n.parse::<usize>().unwrap());
            acknowledged += 1;
        }
        for (key, n) in last {
            let found = number(store.load(&key).await.unwrap().unwrap().payload());
            assert!(found == n || found == n + 1, "{n} was acknowledged, and {found} found");
        }
        for name in names(folder.path()) {
            let Some(key) = name.strip_prefix("sessionid") else { continue };
            let key = SessionKey::parse(key).unwrap();
            // It is decoded, so it is whole; and nobody holds it any more.
            let seen = store.load(&key).await.unwrap().unwrap();
            let new = payload(number(seen.payload()) + 1);
            let saved = store.replace(&key, &seen, &new, in_an_hour()).await.unwrap();
            assert_eq!(saved, Replaced::Saved(key));
        }
        round += 1;
    }
    // What was on its way goes with a clean-up, an hour later.
    for name in names(folder.path()).iter().filter(|name| name.ends_with(".tmp")) {
        let file = File::options().write(true).open(folder.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(4000)).unwrap();
    }
    assert_eq!(store(folder.path()).clear_expired(&|_| {}).await.unwrap(), 0);
    assert!(names(folder.path()).iter().all(|name| name.starts_with("sessionid")));
}

fn succeed(mut command: Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// What a write that ends in the middle leaves: the session as it was, and nothing beside it. A
/// limit on the size of files needs no rights and ends a write as a full disk does.
async fn write_what_is_too_large(folder: &Path) {
    let store = store(folder);
    let key = store.create(&payload(1), in_an_hour()).await.unwrap();
    let seen = store.load(&key).await.unwrap().unwrap();
    let large = vec![b'a'; 100_000];
    for error in [
        store.replace(&key, &seen, &large, in_an_hour()).await.unwrap_err(),
        store.create(&large, in_an_hour()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
        assert!(error.to_string().contains("ulimit -f"), "{error}");
    }
    assert_eq!(store.load(&key).await.unwrap(), Some(seen), "it is as it was");
    assert_eq!(names(folder).len(), 1, "and nothing beside it");
}

#[test]
fn a_write_that_fails_in_the_middle_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Blocks of 512 bytes. Without the trap the signal ends the process.
    succeed(limited_worker("trap '' XFSZ; ulimit -f 100", "too_large", folder.path()));
    assert_eq!(names(folder.path()).len(), 1);
}

async fn open_too_many(folder: &Path) {
    let store = store(folder);
    let key = store.create(&payload(1), in_an_hour()).await.unwrap();
    let seen = store.load(&key).await.unwrap().unwrap();
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    for error in [
        store.load(&key).await.unwrap_err(),
        store.create(&payload(2), in_an_hour()).await.unwrap_err(),
        store.replace(&key, &seen, &payload(2), in_an_hour()).await.unwrap_err(),
        store.delete(&key).await.unwrap_err(),
        store.clear_expired(&|_| {}).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(error.to_string().contains("ulimit -n"), "{error}");
    }
    drop(files);
    assert_eq!(store.load(&key).await.unwrap(), Some(seen), "it is as it was");
    assert_eq!(names(folder).len(), 1);
}

#[test]
fn a_process_without_file_handles_says_so() {
    let folder = tempfile::tempdir().unwrap();
    succeed(limited_worker("ulimit -n 64", "too_many", folder.path()));
}

async fn lack_permission(folder: &Path) {
    let mode = |mode| fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
    mode(0o700);
    let store = store(folder);
    let (key, dead) = (
        store.create(&payload(1), in_an_hour()).await.unwrap(),
        store.create(&payload(1), Timestamp::now()).await.unwrap(),
    );
    let seen = store.load(&key).await.unwrap().unwrap();
    mode(0o500);
    for error in [
        store.create(&payload(2), in_an_hour()).await.unwrap_err(),
        store.replace(&key, &seen, &payload(2), in_an_hour()).await.unwrap_err(),
        store.delete(&key).await.unwrap_err(),
        store.clear_expired(&|_| {}).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
        assert!(error.to_string().contains("lacks permission"), "{error}");
        assert!(!format!("{error:?}").contains(key.expose()));
    }
    assert_eq!(store.load(&key).await.unwrap(), Some(seen), "what can be read is read");
    let error = segue::describe(&FileStore::new(&in_folder(folder)).unwrap_err());
    assert!(error.contains("SESSION_FILE_PATH") && error.contains("lacks permission"), "{error}");
    mode(0o700);
    assert_eq!(store.clear_expired(&|_| {}).await.unwrap(), 1);
    assert!(!path(folder, &dead).exists());
}

/// Root lacks no permission, so as root it is tried as nobody.
#[test]
fn a_folder_without_permission_is_refused_and_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (sessions, program) = (folder.path().join("sessions"), folder.path().join("program"));
    fs::create_dir(&sessions).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    if fs::metadata(&sessions).unwrap().uid() != 0 {
        return succeed(worker("permission", &sessions));
    }
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    chown(&sessions, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(&program);
    command.uid(NOBODY).gid(NOBODY).current_dir(folder.path());
    succeed(worker_by(command, "permission", &sessions));
}
