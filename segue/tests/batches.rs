//! Loads and saves that leave together: each gets its own answer, whatever becomes of the others.

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
        let keys = create(&store, 100).await;
        for round in 1..=10 {
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
    let places = [
        (databases::sqlite(), refuse("ABORT")),
        (databases::sqlite(), refuse("ROLLBACK")),
        (databases::postgres(), postgres.to_owned()),
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
                assert!(error.contains("not this one"), "{place:?}: {error}");
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
    let place = databases::postgres();
    place.store().await;
    let url = format!("{}?timeout=20", place.url);
    let store = DatabaseStore::from_url(&url).await.unwrap();
    let locked = create(&store, 1).await;
    let lock = place.hold_the_rows().await;
    let keys = create(&store, 64).await;
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

async fn with_a_queue_of(place: &Place, queue: usize) -> DatabaseStore {
    place.store().await;
    let url = DatabaseUrl::parse(&place.url, std::path::Path::new("")).unwrap();
    let mut options = DatabaseOptions::default();
    options.queue = queue;
    options.batches = 1;
    let database = Database::connect_with(&url, options).await.unwrap();
    DatabaseStore::new(database, Clock::system())
}

/// More than may wait are told at once, and lose nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_queue_has_an_end() {
    let server = servers::Postgres::start().unwrap();
    let paused = Place::at(format!("{}?timeout=20", server.url("postgres")));
    let store = with_a_queue_of(&paused, 8).await;
    let sqlite = databases::sqlite();
    let on_sqlite = with_a_queue_of(&sqlite, 8).await;
    for store in [&store, &on_sqlite] {
        let keys = create(store, 40).await;
        let before = seen(store, &keys).await;
        let is_server = !format!("{store:?}").contains("sqlite3");
        let lock = if is_server {
            server.pause().unwrap();
            None
        } else {
            Some(lock(&sqlite).await)
        };
        let mut saves = JoinSet::new();
        for (key, before) in std::iter::zip(keys.clone(), before) {
            let store = store.clone();
            saves.spawn(async move {
                (key.clone(), store.replace(&key, &before, b"new", tomorrow()).await)
            });
        }
        // Eight at most are on their way, eight wait, and all others are told.
        let mut refused = 0;
        while refused < 40 - 8 - 8 {
            let (_, saved) = saves.join_next().await.unwrap().unwrap();
            is_overload(&saved.unwrap_err());
            refused += 1;
        }
        if is_server {
            server.resume().unwrap();
        }
        drop(lock);
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

/// All who wait for a lock that somebody holds for long are told at the same time, and not one after the
/// other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lock_is_waited_for_once() {
    let place = databases::sqlite();
    let store = place.store().await;
    let keys = create(&store, 20).await;
    let before = seen(&store, &keys).await;
    let held = lock(&place).await;
    let mut saves = JoinSet::new();
    for (key, before) in std::iter::zip(keys.clone(), before.clone()) {
        let store = store.clone();
        saves.spawn(async move { store.replace(&key, &before, b"new", tomorrow()).await });
    }
    let all = tokio::time::timeout(Duration::from_secs(20), saves.join_all());
    for saved in all.await.expect("each of twenty who waits five seconds would take longer") {
        let error = saved.unwrap_err();
        assert!(error.to_string().contains("was locked for 5 s"), "{error}");
    }
    drop(held);
    assert_eq!(seen(&store, &keys).await, before, "nothing was done");
}

/// In Django's journal mode, which a file may have been given back to, a writer locks readers out: they
/// wait elsewhere, and the thread of the request goes on.
#[tokio::test]
async fn a_reader_that_has_to_wait_holds_up_nobody() {
    use sqlx::Connection as _;
    let place = databases::sqlite();
    let keys = create(&place.store().await, 1).await;
    let store = DatabaseStore::from_url(&place.url).await.unwrap();
    let mut other = sqlx::SqliteConnection::connect(&place.url).await.unwrap();
    let lock = "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let waiting = tokio::spawn({
        let (store, key) = (store.clone(), keys[0].clone());
        async move { store.load(&key).await }
    });
    // There is one thread: it comes here while the reader waits.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().unwrap().payload(), b"0:0");
}

/// A read that waits for nothing is no reason to keep the thread: there is one, and another task wants it.
#[tokio::test]
async fn who_reads_again_and_again_lets_others_have_their_turn() {
    let place = databases::sqlite();
    let store = place.store().await;
    let key = create(&store, 1).await.remove(0);
    let other = tokio::spawn(async {});
    for _ in 0..10_000 {
        store.load(&key).await.unwrap().unwrap();
        if other.is_finished() {
            return;
        }
    }
    panic!("the other task had no turn");
}

/// What waits leaves as one: a hundred saves are two transactions, the one that was under way and the one
/// of all the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_is_one_transaction() {
    let place = databases::sqlite();
    let store = place.store().await;
    let keys = create(&store, 100).await;
    let before = seen(&store, &keys).await;
    place.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let held = lock(&place).await;
    let mut saves = JoinSet::new();
    for (key, before) in std::iter::zip(keys, before) {
        let store = store.clone();
        saves.spawn(async move { store.replace(&key, &before, b"new", tomorrow()).await });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(held);
    for saved in saves.join_all().await {
        assert!(matches!(saved.unwrap(), Replaced::Saved(_)));
    }
    // Each transaction writes the pages that it changed: of a hundred, each would write several.
    let log = format!("{}-wal", place.url.trim_start_matches("sqlite://"));
    let pages = std::fs::metadata(log).unwrap().len() / 4096;
    assert!(0 < pages && pages < 60, "{pages} pages were written");
}

/// On a server as well: it counts its transactions itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_is_one_transaction_of_the_server() {
    let server = servers::Postgres::start().unwrap();
    let place = Place::at(server.url("postgres"));
    let store = place.store().await;
    let keys = create(&store, 100).await;
    let before = seen(&store, &keys).await;
    let transactions = async || -> u64 {
        let number = place.rows("SELECT pg_current_xact_id()::text").await;
        number[0][0].parse().unwrap()
    };
    let start = transactions().await;
    server.pause().unwrap();
    let mut saves = JoinSet::new();
    for (key, before) in std::iter::zip(keys, before) {
        let store = store.clone();
        saves.spawn(async move { store.replace(&key, &before, b"new", tomorrow()).await });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.resume().unwrap();
    for saved in saves.join_all().await {
        assert!(matches!(saved.unwrap(), Replaced::Saved(_)));
    }
    let used = transactions().await - start;
    assert!(used < 10, "{used} transactions");
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
