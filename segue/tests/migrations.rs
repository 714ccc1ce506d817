//! `migrate` makes Django's tables once, whoever asks and however often.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

use segue::StoreErrorKind;
use segue::database::{Applied, Database};
use sqlx::{Connection as _, SqliteConnection};

mod common;

use common::databases;

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_do_it_once() {
    for place in databases::all() {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let url = place.url.clone();
                tokio::spawn(async move {
                    Database::from_url(&url).await.unwrap().migrate().await.unwrap().len()
                })
            })
            .collect();
        let mut made = 0;
        for task in tasks {
            made += task.await.unwrap();
        }
        assert_eq!(made, 1, "{place:?}");
        let rows = place.rows("SELECT app, name FROM django_migrations").await;
        assert_eq!(rows, [["sessions", "0001_initial"]], "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_there_is_recorded() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        database.migrate().await.unwrap();
        place.run("DROP TABLE django_migrations").await;
        let done = database.migrate().await.unwrap();
        assert_eq!((done.len(), done[0].1), (1, Applied::Recorded), "{place:?}");
        assert_eq!(done[0].0.to_string(), "sessions.0001_initial");
        assert!(database.migrate().await.unwrap().is_empty());
    }
}

/// On MySQL each statement counts by itself: whoever is interrupted leaves a table without index.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_one_is_completed() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        database.migrate().await.unwrap();
        place.run("DELETE FROM django_migrations").await;
        place.drop_index("django_session_expire_date_a5c62663").await;
        assert_eq!(database.migrate().await.unwrap().len(), 1);
        assert!(place.has_index("django_session_expire_date_a5c62663").await, "{place:?}");
    }
}

/// Whoever goes away in the middle of it holds nobody else up.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_one_leaves_no_lock() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        for micros in [100, 500, 1_000, 2_000, 5_000, 10_000, 20_000] {
            let limit = std::time::Duration::from_micros(micros);
            let _ = tokio::time::timeout(limit, database.migrate()).await;
        }
        let other = Database::from_url(&place.url).await.unwrap();
        let limit = std::time::Duration::from_secs(20);
        tokio::time::timeout(limit, other.migrate()).await.expect("no lock is left").unwrap();
        assert!(other.unapplied().await.unwrap().is_empty(), "{place:?}");
    }
}

/// The same on the servers as on SQLite below.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_table_on_a_server_is_left_alone() {
    for place in databases::servers() {
        let database = Database::from_url(&place.url).await.unwrap();
        for columns in [
            "session_key varchar(40) PRIMARY KEY, session_data text, expire_date text, owner text",
            "session_key varchar(40), session_data text, expire_date text",
            "id integer",
        ] {
            // Nobody but this test says what the columns are.
            place.run(&format!("CREATE TABLE django_session ({columns})")).await;
            let error = database.migrate().await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Refused, "{place:?} {columns}");
            assert!(error.to_string().contains("is not Django's"), "{error}");
            place.run("DROP TABLE django_session").await;
        }
        assert_eq!(database.unapplied().await.unwrap().len(), 1, "and nothing is recorded");
    }
}

#[tokio::test]
async fn a_table_of_that_name_which_is_not_djangos_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let database = Database::from_url(&url).await.unwrap();
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    let more = "CREATE TABLE django_session (session_key text PRIMARY KEY, session_data text, \
                expire_date text, owner text NOT NULL)";
    sqlx::query(more).execute(&mut other).await.unwrap();
    assert!(database.migrate().await.is_err(), "a column of one's own");
    sqlx::query("DROP TABLE django_session").execute(&mut other).await.unwrap();
    let no_key =
        "CREATE TABLE django_session (session_key text, session_data text, expire_date text)";
    sqlx::query(no_key).execute(&mut other).await.unwrap();
    assert!(database.migrate().await.is_err(), "no key");
    sqlx::query("DROP TABLE django_session").execute(&mut other).await.unwrap();
    sqlx::query("CREATE TABLE django_session (id integer)").execute(&mut other).await.unwrap();
    let error = database.migrate().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("session_key, session_data, expire_date"), "{error}");
    assert_eq!(database.unapplied().await.unwrap().len(), 1, "and nothing is recorded");
}
