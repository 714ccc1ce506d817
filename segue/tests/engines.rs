//! Every engine keeps the contract.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::time::Duration;

use segue::engines::{
    DatabaseStore, EncryptedCookieStore, FileStore, MemoryStore, SignedCookieStore,
};
use segue::testing::check_store;
use segue::{Clock, SessionStore as _, SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

/// As the settings name them.
#[tokio::test(flavor = "multi_thread")]
async fn every_engine_on_every_server() {
    for engine in common::matrix::engines() {
        println!("{}", engine.name);
        let site = engine.open().await;
        check_store(site.sessions().store().clone()).await;
        site.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    check_store(MemoryStore::new()).await;
}

#[path = "../examples/own_engine.rs"]
#[allow(dead_code, reason = "its program is not needed here")]
mod own_engine;

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_ones_own() {
    check_store(own_engine::OwnEngine::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_from_a_url() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let store = DatabaseStore::from_url(&url).await.unwrap();
    store.database().migrate().await.unwrap();
    check_store(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_from_a_pool() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("db.sqlite3"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(5));
    let pool = SqlitePoolOptions::new().max_connections(3).connect_with(options).await.unwrap();
    let store = DatabaseStore::from_pool(pool);
    store.database().migrate().await.unwrap();
    check_store(store).await;
}

/// A database of its own on a shared server, with Django's tables.
async fn on_server(base: &str) -> DatabaseStore {
    let store = DatabaseStore::from_url(&servers::fresh_database(base).unwrap()).await.unwrap();
    store.database().migrate().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    check_store(on_server(servers::shared::postgres()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_from_a_pool() {
    let url = servers::fresh_database(servers::shared::postgres()).unwrap();
    let store = DatabaseStore::from_pool(sqlx::PgPool::connect(&url).await.unwrap());
    store.database().migrate().await.unwrap();
    check_store(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb() {
    check_store(on_server(servers::shared::mariadb()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_from_a_pool() {
    let url = servers::fresh_database(servers::shared::mariadb()).unwrap();
    let store = DatabaseStore::from_pool(sqlx::MySqlPool::connect(&url).await.unwrap());
    store.database().migrate().await.unwrap();
    check_store(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_cookies() {
    let mut settings = common::settings();
    check_store(SignedCookieStore::new(&settings).unwrap()).await;
    // An age below the check's deadlines.
    settings.session.cookie_age = 600;
    check_store(SignedCookieStore::new(&settings).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_cookies() {
    check_store(EncryptedCookieStore::new(&common::settings()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = common::settings();
    settings.session.file_path = Some(folder.path().to_owned());
    check_store(FileStore::new(&settings).unwrap()).await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with("sessionid"), "nothing but sessions is left, but {name}");
    }
}

/// The store that the other tests turn knobs on is an honest one until they do.
#[tokio::test(flavor = "multi_thread")]
async fn the_tests_own_store() {
    check_store(common::TestStore::new(Clock::system())).await;
}

/// A check that passes everything would be worth nothing.
async fn fails_the_check(spoil: impl FnOnce(&common::TestStore)) {
    let store = common::TestStore::new(Clock::system());
    spoil(&store);
    let checked = tokio::spawn(check_store(store)).await;
    assert!(checked.unwrap_err().is_panic());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_compare_fails_the_check() {
    fails_the_check(|store| store.set_compares(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_forgets_fails_the_check() {
    fails_the_check(|store| store.set_forgets(true)).await;
}

/// A writer on another connection, as another process has it, gets its turn between the batches:
/// SQLite does not queue, so without a pause it would come in by chance, once in a batch or so.
#[tokio::test(flavor = "multi_thread")]
async fn clearing_lets_writers_in_between_the_batches() {
    const BATCHES: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let url = format!("sqlite://{}", path.display());
    let at_once = std::num::NonZeroU32::new(500).unwrap();
    let store = DatabaseStore::from_url(&url).await.unwrap().with_batch(at_once);
    store.database().migrate().await.unwrap();
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
                INSERT INTO django_session SELECT printf('%032d', i), hex(randomblob(200)), \
                '2001-01-01 00:00:00' FROM n";
    let expired = BATCHES * 500 - 100;
    sqlx::query(rows).bind(i64::try_from(expired).unwrap()).execute(&pool).await.unwrap();
    pool.close().await;

    let other = DatabaseStore::from_url(&url).await.unwrap();
    let in_an_hour = Timestamp::now() + SignedDuration::from_hours(1);
    let key = other.create(b"0", in_an_hour).await.unwrap();
    let seen = other.load(&key).await.unwrap().unwrap();
    let reports = std::sync::Mutex::new(Vec::new());
    let cleared = std::sync::atomic::AtomicBool::new(false);
    let clearing = async {
        let removed = store.clear_expired(&|cleared| reports.lock().unwrap().push(cleared)).await;
        cleared.store(true, std::sync::atomic::Ordering::SeqCst);
        removed.unwrap()
    };
    let writing = async {
        let mut writes = 0;
        while !cleared.load(std::sync::atomic::Ordering::SeqCst) {
            let deadline = in_an_hour + SignedDuration::from_secs(writes);
            let touched = other.touch(&key, &seen, deadline).await.expect("never an error");
            assert_eq!(touched, segue::Replaced::Saved(key.clone()));
            writes += 1;
        }
        writes
    };
    let (removed, writes) = tokio::join!(clearing, writing);
    assert_eq!(removed, expired as u64);
    let reports = reports.into_inner().unwrap();
    assert_eq!(reports.len(), BATCHES, "each batch is reported");
    assert_eq!(reports.last().unwrap().removed, expired as u64);
    assert!(reports.iter().all(|report| report.expected == Some(expired as u64)));
    assert!(writes > 3 * BATCHES as i64, "{writes} writes during {BATCHES} batches");
}

/// A clean-up that is dropped half-way, as when its program is stopped, leaves whole batches removed and
/// nothing locked; the next one removes the rest, and nothing that lives.
#[tokio::test(flavor = "multi_thread")]
async fn clearing_may_be_dropped_at_any_moment() {
    const EXPIRED: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let url = format!("sqlite://{}", path.display());
    let store = DatabaseStore::from_url(&url).await.unwrap();
    store.database().migrate().await.unwrap();
    let in_an_hour = Timestamp::now() + SignedDuration::from_hours(1);
    let key = store.create(b"0", in_an_hour).await.unwrap();
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
                INSERT INTO django_session SELECT printf('%032d', i), hex(randomblob(200)), \
                '2001-01-01 00:00:00' FROM n";
    sqlx::query(rows).bind(i64::try_from(EXPIRED).unwrap()).execute(&pool).await.unwrap();

    let mut left = EXPIRED;
    for _ in 0..3 {
        let begun = tokio::sync::Notify::new();
        let report = |_: segue::Cleared| begun.notify_one();
        tokio::select! {
            removed = store.clear_expired(&report) => panic!("it was to be dropped: {removed:?}"),
            () = begun.notified() => {}
        }
        let seen = store.load(&key).await.unwrap().unwrap();
        let touched = store.touch(&key, &seen, in_an_hour).await.expect("nothing is locked");
        assert_eq!(touched, segue::Replaced::Saved(key.clone()));
        let sql = "SELECT COUNT(*) FROM django_session";
        let there: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        let now = u64::try_from(there).unwrap() - 1;
        assert!(0 < now && now < left, "{left}, then {now}");
        left = now;
    }
    let removed = store.clear_expired(&|_| {}).await.unwrap();
    // What was under way when the last one was dropped is done all the same.
    assert!(0 < removed && removed <= left, "{removed} of {left}");
    assert!(store.load(&key).await.unwrap().is_some());
    pool.close().await;
    store.database().close().await;
    let log = folder.path().join("db.sqlite3-wal");
    assert!(!log.exists(), "the last one to close moves the log to the file");
}

/// Django's `UPDATE` does not look at the date, so a session that was ended must be gone for it.
#[tokio::test]
async fn an_ended_row_cannot_be_revived_by_django() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let store = DatabaseStore::from_url(&url).await.unwrap();
    store.database().migrate().await.unwrap();
    let now = Timestamp::now();
    let key = store.create(b"one", now + SignedDuration::from_hours(1)).await.unwrap();
    let seen = store.load(&key).await.unwrap().unwrap();
    let ended = store.replace(&key, &seen, seen.payload(), now).await.unwrap();
    assert_eq!(ended, segue::Replaced::Saved(key.clone()));
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let django = "UPDATE django_session SET session_data = 'x', expire_date = '2999-01-01 00:00:00' \
                  WHERE session_key = ?";
    let done = sqlx::query(django).bind(key.expose()).execute(&pool).await.unwrap();
    assert_eq!(done.rows_affected(), 0);
}
