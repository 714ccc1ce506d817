//! Loads and saves that leave together: each gets its own answer, whatever becomes of the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

#[path = "../common/mod.rs"]
mod common;
mod deadlocks;
mod faults;
mod ledger;
mod plans;
#[path = "../redis_line/mod.rs"]
mod redis_line;
mod sqlite;

use std::time::Duration;

use common::databases::{self, Place};
use segue::database::Database;
use segue::engines::DatabaseStore;
use segue::settings::{DatabaseOptions, DatabaseUrl};
use segue::testing::check_store;
use segue::{
    Clock, Record, Replaced, SessionKey, SessionStore as _, Sessions, Settings, SignedDuration,
    StoreError, StoreErrorKind, Timestamp,
};
use tokio::task::JoinSet;

fn tomorrow() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24)
}

async fn create(store: &DatabaseStore, number: usize) -> Vec<SessionKey> {
    let mut keys = Vec::new();
    for n in 0..number {
        keys.push(store.create(format!("{n}:0").as_bytes(), tomorrow()).await.unwrap());
    }
    keys
}

async fn seen(store: &DatabaseStore, keys: &[SessionKey]) -> Vec<Record> {
    let mut records = Vec::new();
    for key in keys {
        records.push(store.load(key).await.unwrap().unwrap());
    }
    records
}

/// The contract, while others load and save as fast as they can.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_contract_holds_under_load() {
    for place in databases::all() {
        let store = place.store().await;
        let mut load = JoinSet::new();
        for key in create(&store, 32).await {
            let store = store.clone();
            load.spawn(async move {
                for turn in 0.. {
                    let seen = store.load(&key).await.unwrap().unwrap();
                    let payload = format!("{turn}");
                    let saved = store.replace(&key, &seen, payload.as_bytes(), tomorrow()).await;
                    assert_eq!(saved.unwrap(), Replaced::Saved(key.clone()));
                }
            });
        }
        check_store(store).await;
        assert!(load.try_join_next().is_none(), "{place:?}: nobody of the others failed");
    }
}

/// Of a hundred that wait, half go away: the rest notice nothing, and of those who went nobody knows
/// whether they saved, but half a save is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_goes_away_changes_nothing_for_the_rest() {
    for place in databases::all() {
        let store = place.store().await;
        for round in 1..=10 {
            // New ones: whose save was left on its way may still change an old one.
            let keys = create(&store, 100).await;
            let before = seen(&store, &keys).await;
            let saves: Vec<_> = std::iter::zip(keys.clone(), before.clone())
                .enumerate()
                .map(|(number, (key, before))| {
                    let store = store.clone();
                    tokio::spawn(async move {
                        let payload = format!("{number}:{round}");
                        store.replace(&key, &before, payload.as_bytes(), tomorrow()).await
                    })
                })
                .collect();
            // At another moment in each round.
            tokio::time::sleep(Duration::from_micros(200 * round)).await;
            saves.iter().step_by(2).for_each(tokio::task::JoinHandle::abort);
            for (number, save) in saves.into_iter().enumerate() {
                match save.await {
                    Ok(saved) => {
                        assert_eq!(saved.unwrap(), Replaced::Saved(keys[number].clone()));
                    }
                    Err(gone) => assert!(gone.is_cancelled() && number % 2 == 0, "{gone}"),
                }
            }
            let after = seen(&store, &keys).await;
            for (number, (before, after)) in std::iter::zip(&before, &after).enumerate() {
                let payload = format!("{number}:{round}").into_bytes();
                let is_new = after.payload() == payload;
                assert!(is_new || number % 2 == 0 && after.payload() == before.payload());
            }
        }
    }
}

/// Many who change one session at once: each change is there, and each conflict is one for its own
/// reason only.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_saves_of_one_session_one_is_done() {
    for place in databases::all() {
        let store = place.store().await;
        let keys = create(&store, 2).await;
        let before = seen(&store, &keys).await;
        let mut saves = JoinSet::new();
        for number in 0..64 {
            let (store, key, before) = (store.clone(), keys[0].clone(), before[0].clone());
            saves.spawn(async move {
                let payload = format!("writer {number}");
                let saved = store.replace(&key, &before, payload.as_bytes(), tomorrow()).await;
                (payload, saved.unwrap())
            });
        }
        let other = store.replace(&keys[1], &before[1], b"new", tomorrow()).await.unwrap();
        assert_eq!(other, Replaced::Saved(keys[1].clone()), "{place:?}");
        let mut winners = Vec::new();
        for (payload, saved) in saves.join_all().await {
            match saved {
                Replaced::Saved(_) => winners.push(payload),
                other => assert_eq!(other, Replaced::Conflict, "{place:?}"),
            }
        }
        let now = store.load(&keys[0]).await.unwrap().unwrap();
        assert_eq!(winners.len(), 1, "{place:?}");
        assert_eq!(now.payload(), winners[0].as_bytes(), "{place:?}");
    }
}

/// A session that has ended is gone for those in the middle of a batch as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_logged_out_is_not_brought_back_by_a_batch() {
    for place in databases::all() {
        let store = place.store().await;
        let keys = create(&store, 32).await;
        let before = seen(&store, &keys).await;
        for key in keys.iter().step_by(2) {
            store.delete(key).await.unwrap();
        }
        let expired = Timestamp::now() - SignedDuration::from_secs(1);
        let mut saves = JoinSet::new();
        for (number, (key, before)) in std::iter::zip(keys.clone(), before).enumerate() {
            let store = store.clone();
            saves.spawn(async move {
                let saved = match number % 3 {
                    0 => store.touch(&key, &before, tomorrow()).await,
                    1 => store.replace(&key, &before, before.payload(), expired).await,
                    _ => store.replace(&key, &before, b"new", tomorrow()).await,
                };
                (number, saved.unwrap())
            });
        }
        for (number, saved) in saves.join_all().await {
            let expected = if number % 2 == 0 {
                Replaced::Gone
            } else {
                Replaced::Saved(keys[number].clone())
            };
            assert_eq!(saved, expected, "{place:?}");
        }
        for (number, key) in keys.iter().enumerate() {
            let is_there = store.load(key).await.unwrap().is_some();
            assert_eq!(is_there, number % 2 == 1 && number % 3 != 1, "{place:?} {number}");
        }
    }
}

/// One that cannot be saved, among others that can: a trigger of somebody's refuses it, and on SQLite even
/// undoes the whole transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_that_fails_does_not_fail_the_others() {
    let refuse = |doing: &str| {
        format!(
            "CREATE TRIGGER refuse BEFORE UPDATE ON django_session \
             WHEN NEW.session_data = 'refused' BEGIN SELECT RAISE({doing}, 'not this one'); END"
        )
    };
    let postgres = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                    RAISE 'not this one'; END $$; \
                    CREATE TRIGGER refuse BEFORE UPDATE ON django_session FOR EACH ROW \
                    WHEN (NEW.session_data = 'refused') EXECUTE FUNCTION refuse()";
    let mariadb = "CREATE TRIGGER refuse BEFORE UPDATE ON django_session FOR EACH ROW \
                   IF NEW.session_data = 'refused' THEN \
                   SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF";
    // This one fails where the transaction ends.
    let deferred = "CREATE TABLE parents (id INTEGER PRIMARY KEY); \
                    CREATE TABLE children (parent REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED); \
                    CREATE TRIGGER refuse AFTER UPDATE ON django_session \
                    WHEN NEW.session_data = 'refused' BEGIN INSERT INTO children VALUES (1); END";
    let places = [
        (databases::sqlite(), refuse("ABORT")),
        (databases::sqlite(), deferred.to_owned()),
        (databases::sqlite(), refuse("ROLLBACK")),
        (databases::postgres(), postgres.to_owned()),
        (databases::mariadb(), mariadb.to_owned()),
    ];
    for (place, trigger) in places {
        let store = place.store().await;
        place.run(&trigger).await;
        let keys = create(&store, 64).await;
        let before = seen(&store, &keys).await;
        let mut saves = JoinSet::new();
        for (number, (key, before)) in std::iter::zip(keys.clone(), before).enumerate() {
            let store = store.clone();
            saves.spawn(async move {
                let payload: &[u8] = if number % 16 == 7 { b"refused" } else { b"new" };
                (number, store.replace(&key, &before, payload, tomorrow()).await)
            });
        }
        for (number, saved) in saves.join_all().await {
            if number % 16 == 7 {
                let error = segue::describe(&saved.unwrap_err());
                let is_it = error.contains("not this one") || error.contains("FOREIGN KEY");
                assert!(is_it, "{place:?}: {error}");
            } else {
                assert_eq!(saved.unwrap(), Replaced::Saved(keys[number].clone()), "{place:?}");
            }
        }
        let after = seen(&store, &keys).await;
        let saved = after.iter().filter(|record| record.payload() == b"new").count();
        assert_eq!(saved, 60, "{place:?}");
    }
}

/// A transaction of somebody's holds one row: its own save waits for it, the others are done meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_that_is_locked_holds_up_nobody_else() {
    for place in databases::servers() {
        a_row_is_locked(place).await;
    }
}

async fn a_row_is_locked(place: Place) {
    place.store().await;
    let url = format!("{}?timeout=20", place.url);
    let (url, mut options) = (parsed(&url), DatabaseOptions::default());
    // All wait behind the one that has to wait.
    options.batches = 1;
    let database = Database::connect_with(&url, options).await.unwrap();
    let store = DatabaseStore::new(database, Clock::system());
    let (locked, keys) = (create(&store, 1).await, create(&store, 64).await);
    let lock = place.hold_the_row(&locked[0]).await;
    let all: Vec<_> = locked.iter().chain(&keys).cloned().collect();
    let before = seen(&store, &all).await;
    let mut saves = JoinSet::new();
    for (number, (key, before)) in std::iter::zip(all, before).enumerate() {
        let store = store.clone();
        saves
            .spawn(async move { (number, store.replace(&key, &before, b"new", tomorrow()).await) });
    }
    for turn in 0..64 {
        let next = tokio::time::timeout(Duration::from_secs(10), saves.join_next());
        let (number, saved) = next.await.expect("nobody waits for it").unwrap().unwrap();
        assert_ne!(number, 0, "{place:?}: it cannot be saved yet, and is number {turn}");
        assert_eq!(saved.unwrap(), Replaced::Saved(keys[number - 1].clone()), "{place:?}");
    }
    drop(lock);
    let (number, saved) = saves.join_next().await.unwrap().unwrap();
    assert_eq!((number, saved.unwrap()), (0, Replaced::Saved(locked[0].clone())));
}

fn parsed(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(url, std::path::Path::new("")).unwrap()
}

async fn with_a_queue_of(place: &Place, queue: usize) -> DatabaseStore {
    place.store().await;
    let url = parsed(&place.url);
    let mut options = DatabaseOptions::default();
    options.queue = queue;
    options.batches = 1;
    let database = Database::connect_with(&url, options).await.unwrap();
    DatabaseStore::new(database, Clock::system())
}

/// More than may wait are told at once, and lose nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_queue_has_an_end() {
    let (postgres, mariadb) =
        (servers::Postgres::start().unwrap(), servers::MariaDb::start().unwrap());
    let sqlite = databases::sqlite();
    let waiting = |url: String| Place::at(format!("{url}?timeout=20"));
    let mariadb_url = servers::fresh_database(&mariadb.url("mysql")).unwrap();
    let places =
        [waiting(postgres.url("postgres")), waiting(mariadb_url), Place::at(sqlite.url.clone())];
    for place in &places {
        let store = &with_a_queue_of(place, 8).await;
        let keys = create(store, 40).await;
        let before = seen(store, &keys).await;
        let lock = match place.url.split(':').next().unwrap() {
            "postgres" => postgres.pause().map(|()| None).unwrap(),
            "mysql" => mariadb.pause().map(|()| None).unwrap(),
            _ => Some(lock(&sqlite).await),
        };
        let mut saves = JoinSet::new();
        for (key, before) in std::iter::zip(keys.clone(), before) {
            let store = store.clone();
            saves.spawn(async move {
                (key.clone(), store.replace(&key, &before, b"new", tomorrow()).await)
            });
        }
        // Eight at most are on their way, on MariaDB one more that is alone and eight behind it, eight wait, and all
        // others are told.
        let mut refused = 0;
        while refused < 40 - 1 - 8 - 8 - 8 {
            let (_, saved) = saves.join_next().await.unwrap().unwrap();
            is_overload(&saved.unwrap_err());
            refused += 1;
        }
        match place.url.split(':').next().unwrap() {
            "postgres" => postgres.resume().unwrap(),
            "mysql" => mariadb.resume().unwrap(),
            _ => drop(lock),
        }
        let mut saved = 0;
        for (key, done) in saves.join_all().await {
            match done {
                Ok(done) => {
                    assert_eq!(done, Replaced::Saved(key));
                    saved += 1;
                }
                Err(error) => is_overload(&error),
            }
        }
        assert!(saved >= 8, "{store:?}: those who waited are saved, {saved} of them");
    }
}

fn is_overload(error: &StoreError) {
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    let text = error.to_string();
    assert!(text.starts_with("8 statements wait for the database "), "{text}");
    assert!(text.contains("DATABASE_QUEUE"), "{text}");
}

async fn lock(place: &Place) -> sqlx::SqliteConnection {
    use sqlx::Connection as _;
    let mut connection = sqlx::SqliteConnection::connect(&place.url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

/// On a server as well: it counts its transactions itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_is_one_transaction_of_postgresql() {
    let server = servers::Postgres::start().unwrap();
    let place = Place::at(server.url("postgres"));
    let used = transactions_of_a_hundred(
        &place,
        "SELECT pg_current_xact_id()::text",
        || server.pause().unwrap(),
        || server.resume().unwrap(),
    )
    .await;
    assert!(used < 10, "{used} transactions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_is_one_transaction_of_mariadb() {
    let server = servers::MariaDb::start().unwrap();
    let place = Place::at(servers::fresh_database(&server.url("mysql")).unwrap());
    let commits = "SELECT CAST(variable_value AS CHAR) FROM information_schema.global_status \
                   WHERE variable_name = 'COM_COMMIT'";
    let used = transactions_of_a_hundred(
        &place,
        commits,
        || server.pause().unwrap(),
        || server.resume().unwrap(),
    )
    .await;
    // Those of batches: a statement by itself is committed without a word.
    assert!(0 < used && used < 10, "{used} commits");
}

/// Of a hundred saves that come while the server does not answer.
async fn transactions_of_a_hundred(
    place: &Place,
    count: &str,
    pause: impl Fn(),
    resume: impl Fn(),
) -> u64 {
    let store = place.store().await;
    let keys = create(&store, 100).await;
    let before = seen(&store, &keys).await;
    let transactions = async || -> u64 { place.rows(count).await[0][0].parse().unwrap() };
    let start = transactions().await;
    pause();
    let mut saves = JoinSet::new();
    for (key, before) in std::iter::zip(keys, before) {
        let store = store.clone();
        saves.spawn(async move { store.replace(&key, &before, b"new", tomorrow()).await });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    resume();
    for saved in saves.join_all().await {
        assert!(matches!(saved.unwrap(), Replaced::Saved(_)));
    }
    transactions().await - start
}

/// Through all layers: a hundred visitors at once, of whom each counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_visitors_each_keep_their_count() {
    for place in databases::all() {
        let sessions = Sessions::new(place.store().await, &Settings::new("under load")).unwrap();
        let mut visitors = JoinSet::new();
        for _ in 0..100 {
            let sessions = sessions.clone();
            visitors.spawn(async move {
                let session = sessions.open(None).load().await.unwrap();
                session.insert("count", 0).unwrap();
                session.save().await.unwrap();
                for turn in 1..=10 {
                    let session = sessions.open(session.key()).load().await.unwrap();
                    let count =
                        session.update("count", |count: Option<u32>| count.unwrap() + 1).unwrap();
                    assert_eq!(count, turn);
                    session.save().await.unwrap();
                }
            });
        }
        visitors.join_all().await;
    }
}
