//! What is peculiar to databases that are servers: collations, replicas, limits, TLS, trouble.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::time::{Duration, Instant};

use common::databases;
use segue::database::Database;
use segue::engines::DatabaseStore;
use segue::{
    ConfigError, Record, Replaced, SessionKey, SessionStore as _, SignedDuration, StoreError,
    StoreErrorKind, Timestamp, describe,
};
use servers::{MariaDb, Postgres};
use sqlx::Executor as _;

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

fn store_error(error: ConfigError) -> StoreError {
    match error {
        ConfigError::Store { setting: "DATABASE_URL", source, .. } => source,
        other => panic!("not about the store: {other}"),
    }
}

/// MariaDB's usual collation takes `a` for `A` and ignores spaces at the end.
#[tokio::test(flavor = "multi_thread")]
async fn keys_and_payloads_are_compared_by_their_bytes() {
    for place in databases::all() {
        let store = place.store().await;
        let key = store.create(b"Payload:abc", in_an_hour()).await.unwrap();
        let seen = store.load(&key).await.unwrap().unwrap();
        for other in ["payload:abc", "Payload:abc ", "Payload:\u{e1}bc"] {
            let other = Record::new(other.as_bytes(), seen.expires_at());
            let replaced = store.replace(&key, &other, b"new", in_an_hour()).await.unwrap();
            assert_eq!(replaced, Replaced::Conflict, "{place:?}");
            let touched = store.touch(&key, &other, in_an_hour()).await.unwrap();
            assert_eq!(touched, Replaced::Conflict, "{place:?}");
            let past = Timestamp::now() - SignedDuration::from_secs(1);
            let ended = store.replace(&key, &other, other.payload(), past).await.unwrap();
            assert_eq!(ended, Replaced::Conflict, "{place:?}");
        }
        assert_eq!(store.load(&key).await.unwrap().unwrap().payload(), b"Payload:abc");

        // A key that somebody else has made, and a visitor who writes it in small letters.
        let upper = key.expose().to_uppercase();
        let set = format!("UPDATE django_session SET session_key = '{upper}'");
        assert_eq!(place.run(&set).await, 1);
        assert_eq!(store.load(&key).await.unwrap(), None, "{place:?}");
        let replaced = store.replace(&key, &seen, b"new", in_an_hour()).await.unwrap();
        assert_eq!(replaced, Replaced::Gone, "{place:?}");
        let touched = store.touch(&key, &seen, in_an_hour()).await.unwrap();
        assert_eq!(touched, Replaced::Gone, "{place:?}");
        store.delete(&key).await.unwrap();
        let rows = place.rows("SELECT session_data FROM django_session").await;
        assert_eq!(rows, [["Payload:abc"]], "{place:?}");
    }
}

/// The same instant whatever time zone and date style a connection has: a pool of one's own may
/// have set them.
#[tokio::test(flavor = "multi_thread")]
async fn dates_are_utc_whatever_the_connection_thinks() {
    let place = databases::postgres();
    place.store().await;
    let odd = sqlx::postgres::PgPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move {
            let set = "SET timezone = 'Asia/Kolkata'; SET datestyle = 'SQL, DMY'";
            connection.execute(sqlx::raw_sql(set)).await.map(drop)
        })
    });
    let store = DatabaseStore::from_pool(odd.connect(&place.url).await.unwrap());
    let deadline = Timestamp::from_microsecond(1_993_553_445_678_901).unwrap();
    let key = store.create(b"one", deadline).await.unwrap();
    assert_eq!(store.load(&key).await.unwrap().unwrap().expires_at(), deadline);
    let seen = store.load(&key).await.unwrap().unwrap();
    let touched = store.touch(&key, &seen, deadline).await.unwrap();
    assert_eq!(touched, Replaced::Saved(key));
    let utc = "SELECT to_char(expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') \
               FROM django_session";
    assert_eq!(place.rows(utc).await, [["2033-03-04 12:50:45.678901"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_refused_at_the_start() {
    let server = MariaDb::start().unwrap();
    server.create_database("site").unwrap();
    let store = DatabaseStore::from_url(&server.url("site")).await.unwrap();
    store.database().migrate().await.unwrap();
    server.query("site", "SET GLOBAL read_only = ON").unwrap();
    let url = format!("{}?timeout=1", server.url("site"));
    let error = store_error(Database::from_url(&url).await.unwrap_err());
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
    assert!(error.to_string().contains("replica or read-only"), "{error}");

    let server = Postgres::start().unwrap();
    let folder = server.query("postgres", "SHOW data_directory").unwrap();
    let mark = format!("COPY (SELECT 1) TO PROGRAM 'touch {}/standby.signal'", folder.trim());
    server.query("postgres", &mark).unwrap();
    server.kill().unwrap();
    server.restart().unwrap();
    let url = format!("{}?timeout=1", server.url("postgres"));
    let error = store_error(Database::from_url(&url).await.unwrap_err());
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
    assert!(error.to_string().contains("replica or read-only"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_is_told_so_without_the_password() {
    for base in [servers::shared::postgres(), servers::shared::mariadb()] {
        let (head, tail) = base.split_once('@').unwrap();
        let user = head.rsplit_once(':').unwrap().0;
        let wrong = format!("{user}:wrong-password@{tail}?timeout=2");
        let error = Database::from_url(&wrong).await.unwrap_err();
        assert!(error.to_string().contains("DATABASE_URL"), "{error}");
        assert!(!describe(&error).contains("wrong-password"), "{}", describe(&error));
        let error = store_error(error);
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
        assert!(error.to_string().contains("does not let this user in"), "{error}");

        let server = base.rsplit_once('/').unwrap().0;
        let missing = format!("{server}/no_such_database?timeout=2");
        let error = store_error(Database::from_url(&missing).await.unwrap_err());
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
        assert!(error.to_string().contains("create it, then run `migrate`"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_says_migrate() {
    for place in databases::servers() {
        let store = DatabaseStore::from_url(&place.url).await.unwrap();
        let error = store.create(b"one", in_an_hour()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert!(error.to_string().contains("run `migrate`"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_an_error_in_time() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for scheme in ["postgres", "mysql"] {
        let url = format!("{scheme}://u:a-secret@127.0.0.1:{port}/site?timeout=0.5");
        let started = Instant::now();
        let error = store_error(Database::from_url(&url).await.unwrap_err());
        assert!(started.elapsed() < Duration::from_secs(3), "{scheme}");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let text = describe(&error);
        assert!(text.contains(&format!("{scheme}://127.0.0.1:{port}/site")), "{text}");
        assert!(!text.contains("a-secret"), "{text}");
    }
}

/// The certificate is checked where the URL says so, and an unsafe connection is none.
#[tokio::test(flavor = "multi_thread")]
async fn tls_is_checked_as_the_url_says() {
    let (postgres, mariadb) = (Postgres::start().unwrap(), MariaDb::start().unwrap());
    mariadb.create_database("site").unwrap();
    let postgres_url = postgres.url("postgres");
    let mariadb_url = mariadb.url("site");
    let (postgres_ca, mariadb_ca) =
        (postgres.certificate().display(), mariadb.certificate().display());
    for good in [
        format!("{postgres_url}?sslmode=require"),
        format!("{postgres_url}?sslmode=verify-full&sslrootcert={postgres_ca}"),
        format!("{mariadb_url}?ssl-mode=REQUIRED"),
        format!("{mariadb_url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={mariadb_ca}"),
    ] {
        let store = DatabaseStore::from_url(&good).await.unwrap_or_else(|error| {
            panic!("{}", describe(&error));
        });
        store.database().migrate().await.unwrap();
        let key = SessionKey::generate().unwrap();
        assert_eq!(store.load(&key).await.unwrap(), None);
    }
    let is_encrypted = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let url = format!("{postgres_url}?sslmode=verify-full&sslrootcert={postgres_ca}");
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let encrypted: String = sqlx::query_scalar(is_encrypted).fetch_one(&pool).await.unwrap();
    assert_eq!(encrypted, "true", "the test looks at an encrypted connection");
    for bad in [
        format!("{postgres_url}?sslmode=verify-full&sslrootcert={mariadb_ca}&timeout=2"),
        format!("{mariadb_url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={postgres_ca}&timeout=2"),
    ] {
        let error = store_error(Database::from_url(&bad).await.unwrap_err());
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{}", describe(&error));
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

/// The first request after a restart does not pay for it: reading is done again.
#[tokio::test(flavor = "multi_thread")]
async fn reading_survives_a_restart_of_the_server() {
    let postgres = Postgres::start().unwrap();
    let mariadb = MariaDb::start().unwrap();
    mariadb.create_database("site").unwrap();
    let restart_postgres = || postgres.kill().and_then(|()| postgres.restart()).unwrap();
    let restart_mariadb = || mariadb.kill().and_then(|()| mariadb.restart()).unwrap();
    for (url, restart) in [
        (postgres.url("postgres"), &restart_postgres as &dyn Fn()),
        (mariadb.url("site"), &restart_mariadb),
    ] {
        let store = DatabaseStore::from_url(&format!("{url}?max_connections=1")).await.unwrap();
        store.database().migrate().await.unwrap();
        let key = store.create(b"one", in_an_hour()).await.unwrap();
        restart();
        let record = store.load(&key).await.unwrap().expect("what was acknowledged is there");
        assert_eq!(record.payload(), b"one");
    }
}

/// Whoever stops waiting while the server says nothing leaves no connection behind that is waited
/// for by others.
#[tokio::test(flavor = "multi_thread")]
async fn abandoned_requests_give_their_connections_back() {
    let postgres = Postgres::start().unwrap();
    let mariadb = MariaDb::start().unwrap();
    mariadb.create_database("site").unwrap();
    for (url, pause, resume) in [
        (
            postgres.url("postgres"),
            &(|| postgres.pause().unwrap()) as &dyn Fn(),
            &(|| postgres.resume().unwrap()) as &dyn Fn(),
        ),
        (mariadb.url("site"), &|| mariadb.pause().unwrap(), &|| mariadb.resume().unwrap()),
    ] {
        let url = format!("{url}?max_connections=4&timeout=1");
        let store = DatabaseStore::from_url(&url).await.unwrap();
        store.database().migrate().await.unwrap();
        let key = store.create(b"one", in_an_hour()).await.unwrap();
        pause();
        let abandoned: Vec<_> = (0..40)
            .map(|_| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move { store.load(&key).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        abandoned.iter().for_each(tokio::task::JoinHandle::abort);
        let started = Instant::now();
        let error = store.load(&key).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(error.to_string().contains("did not answer within 1 s"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        resume();
        // Those that are closed meanwhile may take a moment to make room.
        for _ in 0..50 {
            if store.load(&key).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(store.load(&key).await.unwrap().is_some());
        let many: Vec<_> = (0..40)
            .map(|_| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move { store.load(&key).await.unwrap().unwrap() })
            })
            .collect();
        for one in many {
            one.await.unwrap();
        }
    }
}

/// What stands between us and a server, and one day forgets the connections that it has: nobody
/// closes them, and nothing comes through any more.
struct Wire {
    port: u16,
    forgets: std::sync::Arc<tokio::sync::Notify>,
}

impl Wire {
    async fn to(server: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let forgets = std::sync::Arc::new(tokio::sync::Notify::new());
        let wire = Self { port, forgets: forgets.clone() };
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let forgets = forgets.clone();
                tokio::spawn(async move {
                    let mut far =
                        tokio::net::TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    let copying = tokio::io::copy_bidirectional(&mut near, &mut far);
                    tokio::select! {
                        // What comes in the same moment is not passed on any more.
                        biased;
                        () = forgets.notified() => std::future::pending().await,
                        _ = copying => {}
                    }
                });
            }
        });
        wire
    }
}

/// Connections on which no answer ever comes do not fill the pool for good.
#[tokio::test(flavor = "multi_thread")]
async fn forgotten_connections_are_given_up() {
    for place in databases::servers() {
        place.store().await;
        let (head, tail) = place.url.split_once("@127.0.0.1:").unwrap();
        let (server, database) = tail.split_once('/').unwrap();
        let wire = Wire::to(server.parse().unwrap()).await;
        let tls =
            if head.starts_with("postgres") { "sslmode=disable" } else { "ssl-mode=DISABLED" };
        let options = format!("timeout=1&max_connections=2&{tls}");
        let url = format!("{head}@127.0.0.1:{}/{database}?{options}", wire.port);
        let store = DatabaseStore::from_url(&url).await.unwrap();
        let key = store.create(b"one", in_an_hour()).await.unwrap();
        let (one, other) = tokio::join!(store.load(&key), store.load(&key));
        assert!(one.unwrap().is_some() && other.unwrap().is_some());
        wire.forgets.notify_waiters();
        let started = Instant::now();
        let mut failures = 0;
        while store.load(&key).await.is_err() {
            failures += 1;
            assert!(started.elapsed() < Duration::from_secs(20), "{place:?}: never again");
        }
        assert!(failures > 0, "the connections were forgotten");
    }
}

/// A server that says nothing while a statement is under way.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_is_an_error_in_time() {
    let server = Postgres::start().unwrap();
    let url = format!("{}?timeout=1", server.url("postgres"));
    let store = DatabaseStore::from_url(&url).await.unwrap();
    store.database().migrate().await.unwrap();
    let key = store.create(b"one", in_an_hour()).await.unwrap();
    server.pause().unwrap();
    let started = Instant::now();
    let waiting = tokio::time::timeout(Duration::from_secs(5), store.load(&key)).await;
    let error = waiting.expect("it does not hang").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    server.resume().unwrap();
}

/// Two statements that wait for each other: the server undoes one, and we do it again.
#[tokio::test(flavor = "multi_thread")]
async fn clearing_and_writing_at_once_do_not_fail() {
    for place in databases::servers() {
        let store = place.store().await;
        for _ in 0..20 {
            store.create(b"dead", Timestamp::now() - SignedDuration::from_hours(1)).await.unwrap();
        }
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in 0..30 {
                        let soon = Timestamp::now() + SignedDuration::from_millis(n);
                        let key = store.create(b"one", soon).await.unwrap();
                        let seen = Record::new(*b"one", soon);
                        let _ = store.replace(&key, &seen, b"two", in_an_hour()).await.unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            store.clear_expired(&|_| {}).await.unwrap();
        }
        for writer in writers {
            writer.await.unwrap();
        }
    }
}

/// Another transaction holds the row: the wait ends with the limit, not with that transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_holds_is_an_error_in_time() {
    for place in databases::servers() {
        place.store().await;
        let url = format!("{}?timeout=1", place.url);
        let store = DatabaseStore::from_url(&url).await.unwrap();
        let key = store.create(b"one", in_an_hour()).await.unwrap();
        let seen = store.load(&key).await.unwrap().unwrap();
        let holder = place.hold_the_rows().await;
        let started = Instant::now();
        let error = store.replace(&key, &seen, b"two", in_an_hour()).await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        // Nobody has to wait to read it.
        assert_eq!(store.load(&key).await.unwrap().unwrap().payload(), b"one");
        drop(holder);
        // What was given up is not done later on: the server's own limit has ended it too.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(store.load(&key).await.unwrap().unwrap().payload(), b"one", "{place:?}");
        let saved = store.replace(&key, &seen, b"two", in_an_hour()).await.unwrap();
        assert_eq!(saved, Replaced::Saved(key));
    }
}

/// With none of them nobody would ever get an answer.
#[tokio::test]
async fn options_that_are_none_are_refused() {
    let url = "postgres://127.0.0.1/nobody";
    let url = segue::settings::DatabaseUrl::parse(url, std::path::Path::new("")).unwrap();
    for (setting, batches, queue) in [("BATCHES", 0, 1), ("BATCHES", 101, 1), ("QUEUE", 1, 0)] {
        let mut options = segue::settings::DatabaseOptions::default();
        (options.batches, options.queue) = (batches, queue);
        let error = Database::connect_with(&url, options).await.map(drop).unwrap_err();
        assert!(error.to_string().starts_with(&format!("DATABASE_{setting}: found ")), "{error}");
    }
}

/// Whoever still asks is told, and opens nothing anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_closed_stays_closed() {
    for place in databases::all() {
        let store = place.store().await;
        let key = store.create(b"one", in_an_hour()).await.unwrap();
        let seen = store.load(&key).await.unwrap().unwrap();
        store.database().close().await;
        assert!(store.load(&key).await.is_err(), "{place:?}");
        assert!(store.replace(&key, &seen, b"two", in_an_hour()).await.is_err(), "{place:?}");
        assert!(store.create(b"three", in_an_hour()).await.is_err(), "{place:?}");
        assert_eq!(place.store().await.load(&key).await.unwrap(), Some(seen), "{place:?}");
    }
}

/// A server that is restarted, or told to, says goodbye on connections that nobody uses at the moment: whoever
/// uses one next notices nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_closed_behind_our_back_is_replaced() {
    for place in databases::servers() {
        let store = place.store().await;
        let key = store.create(b"one", in_an_hour()).await.unwrap();
        for round in 0..10 {
            let loads = (0..3).map(|_| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move { store.load(&key).await.unwrap().unwrap() })
            });
            for load in loads.collect::<Vec<_>>() {
                load.await.unwrap();
            }
            close_all(&place).await;
            let seen = store.load(&key).await.expect("it reads on another connection").unwrap();
            let payload = format!("{round}");
            let saved = store.replace(&key, &seen, payload.as_bytes(), in_an_hour()).await;
            assert_eq!(saved.unwrap(), Replaced::Saved(key.clone()), "{place:?}");
        }
    }
}

async fn close_all(place: &databases::Place) {
    let others = if place.url.starts_with("postgres") {
        "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()"
    } else {
        "SELECT CAST(id AS CHAR) FROM information_schema.processlist \
         WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    };
    for row in place.rows(others).await {
        if place.url.starts_with("mysql") {
            place.run(&format!("KILL CONNECTION {}", row[0])).await;
        }
    }
    // Until it is done.
    tokio::time::sleep(Duration::from_millis(50)).await;
}
