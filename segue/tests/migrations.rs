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

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_do_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                Database::from_url(&url).await.unwrap().migrate().await.unwrap().len()
            })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += task.await.unwrap();
    }
    assert_eq!(made, 1);
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT app, name FROM django_migrations")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(rows, [("sessions".to_owned(), "0001_initial".to_owned())]);
}

#[tokio::test]
async fn a_table_that_is_there_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let database = Database::from_url(&url).await.unwrap();
    database.migrate().await.unwrap();
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("DROP TABLE django_migrations").execute(&mut connection).await.unwrap();
    let done = database.migrate().await.unwrap();
    assert_eq!((done.len(), done[0].1), (1, Applied::Recorded));
    assert_eq!(done[0].0.to_string(), "sessions.0001_initial");
    assert!(database.migrate().await.unwrap().is_empty());
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
