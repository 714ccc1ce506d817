//! SQLite in trouble: a clear error each time, and nothing lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::settings;
use segue::database::Database;
use segue::engines::{DatabaseStore, MemoryStore};
use segue::{
    Clock, ConfigError, SessionErrorKind, SessionStore as _, Sessions, SignedDuration, StoreError,
    StoreErrorKind, Timestamp, describe,
};
use sqlx::{Connection as _, SqliteConnection};

struct Site {
    folder: tempfile::TempDir,
    url: String,
    store: DatabaseStore,
}

async fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let store = DatabaseStore::from_url(&url).await.unwrap();
    store.database().migrate().await.unwrap();
    Site { folder, url, store }
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

fn store_error(error: ConfigError) -> StoreError {
    match error {
        ConfigError::Store { source, .. } => source,
        other => panic!("not about the store: {other}"),
    }
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().display());
    let error = Database::from_url(&url).await.unwrap_err();
    assert!(error.to_string().contains("DATABASE_URL"), "{error}");
    let error = store_error(error);
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("is it a file"), "{error}");
}

/// An open connection would go on writing to the file that is not there any more.
#[tokio::test]
async fn a_file_that_is_replaced_by_a_folder_is_noticed() {
    let Site { folder, store, .. } = site().await;
    let path = folder.path().join("db.sqlite3");
    let key = store.create(b"one", in_an_hour()).await.unwrap();
    fs::rename(&path, folder.path().join("moved")).unwrap();
    fs::create_dir(&path).unwrap();
    for error in [
        store.load(&key).await.unwrap_err(),
        store.create(b"two", in_an_hour()).await.unwrap_err(),
        store.delete(&key).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
        assert!(error.to_string().contains("is it a file"), "{error}");
    }
    // Put back, it works again, without a restart.
    fs::remove_dir(&path).unwrap();
    fs::rename(folder.path().join("moved"), &path).unwrap();
    assert_eq!(store.load(&key).await.unwrap().unwrap().payload(), b"one");
}

#[tokio::test]
async fn a_file_that_is_removed_is_not_made_anew_in_silence() {
    let Site { folder, store, .. } = site().await;
    let path = folder.path().join("db.sqlite3");
    fs::remove_file(&path).unwrap();
    let error = store.create(b"lost", in_an_hour()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    fs::write(&path, "this is a letter to my aunt, and it is long enough\n".repeat(100)).unwrap();
    let error = Database::from_url(&format!("sqlite://{}", path.display())).await.unwrap_err();
    let error = store_error(error);
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.to_string().contains("not an SQLite database"), "{error}");
}

#[tokio::test]
async fn a_missing_table_says_migrate() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let store = DatabaseStore::from_url(&url).await.unwrap();
    let error = store.create(b"one", in_an_hour()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("run `migrate`"), "{error}");
}

/// A connection that may not write, as on a file system that is mounted read-only. (Permissions do
/// not stop root, as whom tests often run; the demo's tests start a server without permission.)
#[tokio::test]
async fn a_read_only_database_still_reads() {
    let Site { folder, store, .. } = site().await;
    let key = store.create(b"one", in_an_hour()).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.path().join("db.sqlite3"))
        .read_only(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let read_only = DatabaseStore::from_pool(pool);
    assert_eq!(read_only.load(&key).await.unwrap().unwrap().payload(), b"one");
    let error = read_only.create(b"two", in_an_hour()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("read-only"), "{error}");
}

/// As when the processes of a site start together for the first time.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_can_be_opened_by_many_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
        let openings: Vec<_> = (0..8)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move { Database::from_url(&url).await.map(|_| ()) })
            })
            .collect();
        for opening in openings {
            opening.await.unwrap().unwrap();
        }
    }
}

/// Another process holds a write transaction for longer than we wait: readers do not notice,
/// writers get an error in time, and afterwards all is well.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_held_for_ten_seconds_is_an_error_and_no_hang() {
    let Site { folder: _folder, url, store } = site().await;
    let sessions = Sessions::new(store.clone(), &settings()).unwrap();
    let session = sessions.open(None).load().await.unwrap();
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();

    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let lock = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        sqlx::query("COMMIT").execute(&mut other).await.unwrap();
        other.close().await.unwrap();
    });
    let started = Instant::now();
    session.insert("n", 2).unwrap();
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::StoreFailed);
    assert!(describe(&error).contains("was locked for 5 s"), "{}", describe(&error));
    assert!(started.elapsed() < Duration::from_secs(9), "the wait has an end");
    let reader = sessions.open(session.key()).load().await.unwrap();
    assert_eq!(reader.get("n").unwrap(), Some(1), "readers do not wait");
    lock.await.unwrap();
    session.save().await.unwrap();
    let reader = sessions.open(session.key()).load().await.unwrap();
    assert_eq!(reader.get("n").unwrap(), Some(2), "the change was kept for a second try");
}

#[tokio::test]
async fn a_row_that_nobody_of_us_wrote_is_an_error_or_empty_and_no_panic() {
    let Site { folder: _folder, url, store } = site().await;
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    let key = segue::SessionKey::generate().unwrap();
    for (data, date) in [("x'ff00'", "'9999-99-99 soon'"), ("'text'", "'9999-99-99 soon'")] {
        sqlx::query("DELETE FROM django_session").execute(&mut other).await.unwrap();
        let sql = format!("INSERT INTO django_session VALUES ('{}', {data}, {date})", key.expose());
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut other).await.unwrap();
        assert_eq!(store.load(&key).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    }
    let sql = format!(
        "UPDATE django_session SET session_data = x'ff00', expire_date = '9999-01-01 00:00:00'          WHERE session_key = '{}'",
        key.expose()
    );
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut other).await.unwrap();
    let sessions = Sessions::new(store, &settings()).unwrap();
    assert!(sessions.open(Some(key)).load().await.unwrap().is_empty());
}

/// The task is polled with the server and ends with it; an error is no reason to end earlier.
#[tokio::test]
async fn the_clean_up_survives_errors() {
    let store = common::TestStore::new(Clock::system());
    let sessions = Sessions::new(store.clone(), &settings()).unwrap();
    let dead = Timestamp::now() - SignedDuration::from_hours(1);
    store.plant(common::key(), b"dead", dead);
    store.set_down(true);
    let task = tokio::spawn(sessions.clear_expired_every(Duration::from_millis(10)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(store.records().len(), 1);
    assert!(!task.is_finished(), "it goes on after an error");
    store.set_down(false);
    for _ in 0..500 {
        if store.records().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(store.records().is_empty(), "and clears when the store is back");
    task.abort();
}

#[tokio::test]
async fn the_memory_engine_counts_what_it_clears() {
    let clock = common::clock();
    let store = MemoryStore::with_clock(clock.clone());
    let sessions = Sessions::with_clock(store.clone(), &settings(), clock.clone()).unwrap();
    let session = sessions.open(None).load().await.unwrap();
    session.insert("n", 1).unwrap();
    session.set_expiry(60);
    session.save().await.unwrap();
    clock.advance(SignedDuration::from_secs(61));
    assert_eq!((sessions.clear_expired().await.unwrap(), store.len()), (1, 0));
}

/// A site of one's own cleans up as `runserver` does, and stops when it is gone.
#[tokio::test]
async fn a_site_cleans_up_while_it_is_served() {
    let store = common::TestStore::new(Clock::system());
    let mut settings = settings();
    settings.session.cleanup_interval = Some(Duration::from_millis(10));
    let site = segue::Site::with_store(&settings, store.clone(), axum::Router::new()).unwrap();
    let router = site.into_router();
    let dead = Timestamp::now() - SignedDuration::from_hours(1);
    store.plant(common::key(), b"dead", dead);
    for _ in 0..500 {
        if store.records().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(store.records().is_empty(), "it cleans up");
    drop(router);
    tokio::time::sleep(Duration::from_millis(50)).await;
    store.plant(common::key(), b"dead", dead);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(store.records().len(), 1, "and stops with the site");
    settings.session.cleanup_interval = Some(Duration::ZERO);
    assert!(settings.validate().unwrap_err().to_string().contains("SESSION_CLEANUP_INTERVAL"));
}
