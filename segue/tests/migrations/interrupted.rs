//! Two at once, one that is given up, and one whose process is killed in the middle.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use segue::database::{Database, MigrationErrorKind, Migrator, Progress, Target};
use segue::engines::DatabaseStore;
use segue::{App, SessionStore as _};
use sqlx::Connection as _;
use sqlx::sqlite::SqlitePoolOptions;

use crate::apps::{app, bring, migrator, ours};
use crate::common::databases::{self, Place};
use crate::{MIGRATIONS, count, recorded};

/// In a process of its own the test binary finds here which database it is to migrate.
const WORKER: &str = "SEGUE_TEST_MIGRATE";

/// Statements that show how often they were run, in a transaction where there are any and without.
fn counted() -> App {
    let table = "-- migrate:up\nCREATE TABLE runs (number integer);\n";
    let one = "-- migrate:up\nINSERT INTO runs VALUES (1);\n";
    let two = "-- migrate:up transaction:false\nINSERT INTO runs VALUES (2);\n\
               INSERT INTO runs VALUES (3);\n-- migrate:down transaction:false\n\
               DELETE FROM runs WHERE number = 3;\n";
    app("student", &[("0001_runs", table), ("0002_one", one), ("0003_two", two), ("0004_one", one)])
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_it_once() {
    for place in databases::all() {
        let migrator = Arc::new(migrator(&[counted()]));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (url, migrator) = (place.url.clone(), Arc::clone(&migrator));
                tokio::spawn(async move {
                    let database = Database::from_url(&url).await.unwrap();
                    migrator.migrate(&database, Target::All, &|_| ()).await.unwrap().len()
                })
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        assert_eq!(done, MIGRATIONS.len() + 4, "{place:?}");
        assert_eq!(recorded(&place).await.len(), MIGRATIONS.len() + 4, "{place:?}");
        assert_eq!(count(&place, "runs").await, 4, "{place:?}");
    }
}

/// Also where there is no transaction that it could wait for.
#[tokio::test(flavor = "multi_thread")]
async fn the_second_says_that_it_waits() {
    for place in databases::all() {
        bring(&place, &migrator(&[]), Target::All).await.unwrap();
        let one = slow(&place);
        let again = "-- migrate:up transaction:false\nDROP TABLE half;\nDROP TABLE whole;\n";
        let two = one.replace("-- migrate:up\n", again);
        let first = [("0001_one", one.as_str())];
        let both = [("0001_one", one.as_str()), ("0002_two", two.as_str())];
        waits(&place, &migrator(&[app("student", &first)])).await;
        waits(&place, &migrator(&[app("student", &both)])).await;
        assert_eq!(ours(&place).await.len(), 2, "{place:?}");
    }
}

/// Of two at once one migrates, and the other waits.
async fn waits(place: &Place, migrator: &Migrator) {
    let begun = tokio::sync::Notify::new();
    let has_waited = AtomicBool::new(false);
    let first = Database::from_url(&place.url).await.unwrap();
    let second = Database::from_url(&place.url).await.unwrap();
    let listen_to_one = |progress| {
        if matches!(progress, Progress::Started(_)) {
            begun.notify_one();
        }
    };
    let one = migrator.migrate(&first, Target::All, &listen_to_one);
    let listen_to_two = |progress| {
        let waits = progress == Progress::Waiting;
        assert!(!(waits && has_waited.swap(true, Ordering::Relaxed)), "it is said once");
    };
    let two = async {
        begun.notified().await;
        migrator.migrate(&second, Target::All, &listen_to_two).await
    };
    let (one, two) = tokio::join!(one, two);
    assert_eq!((one.unwrap().len(), two.unwrap().len()), (1, 0), "{place:?}");
    assert!(has_waited.into_inner(), "{place:?}");
}

/// A file with a statement in its middle that takes two seconds.
fn slow(place: &Place) -> String {
    let (create, pause) = match place.url.split(':').next() {
        Some("sqlite") => (
            "CREATE TABLE",
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000) \
             SELECT count(*) FROM n",
        ),
        Some("postgres") => ("CREATE TABLE", "SELECT pg_sleep(2)"),
        // It may have been made by one that was interrupted.
        _ => ("CREATE TABLE IF NOT EXISTS", "DO SLEEP(2)"),
    };
    format!(
        "-- migrate:up\n{create} half (id integer);\n{pause};\n{create} whole (id integer);\n\
         INSERT INTO whole VALUES (1);\n"
    )
}

/// Whoever goes away in the middle of it holds nobody else up.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_one_leaves_no_lock() {
    for place in databases::all() {
        bring(&place, &migrator(&[]), Target::All).await.unwrap();
        let slow = migrator(&[app("student", &[("0001_slow", &slow(&place))])]);
        let database = Database::from_url(&place.url).await.unwrap();
        let listen = |_| ();
        tokio::select! {
            done = slow.migrate(&database, Target::All, &listen) => panic!("too early: {done:?}"),
            () = wait_for_the_middle(&place) => {}
        }
        // On the same connections as well.
        for database in [database, Database::from_url(&place.url).await.unwrap()] {
            slow.migrate(&database, Target::All, &|_| ()).await.unwrap();
        }
        assert_eq!(count(&place, "whole").await, 1, "{place:?}");
        assert_eq!(ours(&place).await, ["student.0001_slow"], "{place:?}");
    }
}

/// Starts a process that migrates, and kills it in the middle of it.
async fn kill_in_the_middle(test: &str, place: &Place, text: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(WORKER, format!("{}\n{text}", place.url))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ends = async {
        while child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = wait_for_the_middle(place) => {}
        () = ends => panic!("the worker ended before it was killed"),
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// In the worker: migrates until it is killed.
async fn work() {
    let order = std::env::var(WORKER).unwrap();
    let (url, text) = order.split_once('\n').unwrap();
    let database = Database::from_url(url).await.unwrap();
    let migrator = Migrator::new(&[app("student", &[("0001_slow", text)])]).unwrap();
    migrator.migrate(&database, Target::All, &|_| ()).await.unwrap();
}

/// Waits until the statement in the middle runs.
async fn wait_for_the_middle(place: &Place) {
    loop {
        let is_there = if place.url.starts_with("sqlite") {
            // Nobody else can write.
            let mut connection = sqlx::SqliteConnection::connect(&place.url).await.unwrap();
            sqlx::raw_sql("PRAGMA busy_timeout = 0").execute(&mut connection).await.unwrap();
            sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut connection).await.is_err()
        } else if place.url.starts_with("postgres") {
            let sql = "SELECT 'x' FROM pg_stat_activity \
                       WHERE wait_event = 'PgSleep' AND datname = current_database()";
            !place.rows(sql).await.is_empty()
        } else {
            let sql = "SELECT 'x' FROM information_schema.processlist \
                       WHERE state = 'User sleep' AND db = DATABASE()";
            !place.rows(sql).await.is_empty()
        };
        if is_there {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A server notices late that nobody is there any more, and goes on until the statement has ended.
/// Until then the next one waits.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_is_done_again() {
    if std::env::var_os(WORKER).is_some() {
        return work().await;
    }
    for place in databases::all() {
        bring(&place, &migrator(&[]), Target::All).await.unwrap();
        let text = slow(&place);
        let test = "interrupted::one_that_is_killed_is_done_again";
        kill_in_the_middle(test, &place, &text).await;
        assert_eq!(ours(&place).await, [""; 0], "{place:?}");
        let migrator = migrator(&[app("student", &[("0001_slow", &text)])]);
        let done = bring(&place, &migrator, Target::All).await.unwrap();
        assert_eq!(done, ["Applying student.0001_slow"], "{place:?}");
        assert_eq!(count(&place, "whole").await, 1, "{place:?}");
        assert_eq!(ours(&place).await, ["student.0001_slow"], "{place:?}");
    }
}

/// Where there are no transactions, the next one says what has happened.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_on_mysql_is_reported() {
    if std::env::var_os(WORKER).is_some() {
        return work().await;
    }
    let place = databases::mariadb();
    bring(&place, &migrator(&[]), Target::All).await.unwrap();
    let text = slow(&place).replace(" IF NOT EXISTS", "");
    let test = "interrupted::one_that_is_killed_on_mysql_is_reported";
    kill_in_the_middle(test, &place, &text).await;
    let migrator = migrator(&[app("student", &[("0001_slow", &text)])]);
    let error = bring(&place, &migrator, Target::All).await.unwrap_err();
    assert_eq!(error.kind(), MigrationErrorKind::Failed);
    let said = segue::describe(&error);
    let expected = "statement 1 of the part `up` in student/migrations/0001_slow.sql, at line 2, failed. If a run of \
                    it was interrupted before, what that did has happened";
    assert!(said.contains(expected) && said.contains("already exists"), "{said}");
    // What it advises.
    place.run("DROP TABLE half").await;
    bring(&place, &migrator, Target::All).await.unwrap();
    assert_eq!(ours(&place).await, ["student.0001_slow"]);
}

/// What was migrated in memory is there afterwards: it would end with its connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_memory_stays() {
    let pool =
        SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let store = DatabaseStore::from_pool(pool.clone());
    let migrator = migrator(&[counted()]);
    migrator.migrate(store.database(), Target::All, &|_| ()).await.unwrap();
    let undo = Target::new(Some("student"), Some("0002"));
    let done = migrator.migrate(store.database(), undo, &|_| ()).await.unwrap_err();
    assert_eq!(done.kind(), MigrationErrorKind::Irreversible, "0004 says nothing of it");
    let rows = sqlx::raw_sql("SELECT number FROM runs").fetch_all(&pool).await.unwrap();
    assert_eq!(rows.len(), 4);
    let deadline = segue::Clock::system().now() + segue::SignedDuration::from_hours(1);
    store.create(b"Payload:abc", deadline).await.unwrap();
}

/// Of two that go in opposite directions none would ever end.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_takes_back_is_not_done_again() {
    for place in databases::all() {
        bring(&place, &migrator(&[]), Target::All).await.unwrap();
        let database = Database::from_url(&place.url).await.unwrap();
        let of_them = "DELETE FROM django_migrations WHERE name = '0001_runs'";
        let listen = |progress| {
            if matches!(progress, Progress::Done(..)) {
                let runtime = tokio::runtime::Handle::current();
                tokio::task::block_in_place(|| runtime.block_on(place.run(of_them)));
            }
        };
        let first = app("student", &[("0001_runs", "-- migrate:up\n-- migrate:down\n")]);
        let error = migrator(&[first]).migrate(&database, Target::All, &listen).await.unwrap_err();
        assert_eq!(error.kind(), MigrationErrorKind::Refused);
        let said =
            "student.0001_runs was undone by somebody else meanwhile: run one `migrate` at a time";
        assert_eq!(error.to_string(), said);
    }
}
