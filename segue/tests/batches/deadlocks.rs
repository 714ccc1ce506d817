//! Statements that wait for each other: what a server undoes of ours is done again, and nobody notices.

use segue::database::Database;
use segue::engines::DatabaseStore;
use segue::settings::DatabaseOptions;
use segue::{Clock, Replaced, SessionKey, SessionStore as _, Sessions, Settings};
use tokio::task::JoinSet;

use crate::common::databases::{self, Place};
use crate::ledger::{self, Other};
use crate::{create, parsed, seen, tomorrow};

/// The store in a database with a ledger. The server looks for deadlocks when a statement has waited for two
/// seconds, which is long enough for the other one to begin to wait.
async fn with_a_ledger(place: &Place) -> DatabaseStore {
    place.store().await;
    ledger::keep(place).await;
    if place.url.starts_with("postgres") {
        place.run("ALTER DATABASE postgres SET deadlock_timeout = '2s'").await;
    }
    let mut options = DatabaseOptions::default();
    options.batches = 1;
    let url = parsed(&format!("{}?timeout=30", place.url));
    DatabaseStore::new(Database::connect_with(&url, options).await.unwrap(), Clock::system())
}

/// Does something of ours that changes sessions. Meanwhile somebody who holds the ledger wants one of their rows,
/// and gets it, because ours is undone.
async fn undone<T: Send + 'static>(
    place: &Place,
    wanted: &SessionKey,
    ours: impl Future<Output = T> + Send + 'static,
) -> T {
    let before = ledger::deadlocks(place).await;
    let mut other = Other::with_the_ledger(place).await;
    let ours = tokio::spawn(ours);
    ledger::until_somebody_waits(place).await;
    other.lock(wanted).await;
    other.run("COMMIT").await;
    let done = ours.await.unwrap();
    // PostgreSQL counts when it has nothing else to do.
    for _ in 0..500 {
        if ledger::deadlocks(place).await > before {
            return done;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{place:?}: there was no deadlock, and this test shows nothing");
}

/// So many transactions were there, other than those of statements by themselves on MariaDB.
async fn transactions(place: &Place) -> u64 {
    let count = if place.url.starts_with("postgres") {
        "SELECT pg_current_xact_id()::text"
    } else {
        "SELECT CAST(variable_value AS CHAR) FROM information_schema.global_status \
         WHERE variable_name = 'COM_COMMIT'"
    };
    place.rows(count).await[0][0].parse().unwrap()
}

/// A batch, a save that is alone, and a logout.
async fn what_was_undone_is_done_again(place: &Place) {
    let store = with_a_ledger(place).await;
    let keys = create(&store, 64).await;
    let before = seen(&store, &keys).await;
    let start = transactions(place).await;
    let saves = {
        let (store, keys) = (store.clone(), keys.clone());
        async move {
            let mut saves = JoinSet::new();
            for (key, before) in std::iter::zip(keys, before) {
                let store = store.clone();
                saves.spawn(async move {
                    (key.clone(), store.replace(&key, &before, b"new", tomorrow()).await)
                });
            }
            saves.join_all().await
        }
    };
    for (key, saved) in undone(place, &keys[7], saves).await {
        assert_eq!(saved.unwrap(), Replaced::Saved(key), "{place:?}");
    }
    let used = transactions(place).await - start;
    // The other one's, the batch (twice on PostgreSQL, which counts what is undone), and the row that it left out.
    let expected = if place.url.starts_with("postgres") { 4..10 } else { 2..4 };
    assert!(
        expected.contains(&used),
        "{place:?}: all are done again together, in {used} transactions"
    );

    let before = seen(&store, &keys[..1]).await.remove(0);
    let (ours, key) = (store.clone(), keys[0].clone());
    let save = async move { ours.replace(&key, &before, b"newer", tomorrow()).await };
    let saved = undone(place, &keys[0], save).await.unwrap();
    assert_eq!(saved, Replaced::Saved(keys[0].clone()), "{place:?}");
    assert_eq!(seen(&store, &keys[..1]).await[0].payload(), b"newer");

    let (ours, key) = (store.clone(), keys[1].clone());
    undone(place, &keys[1], async move { ours.delete(&key).await }).await.unwrap();
    assert!(store.load(&keys[1]).await.unwrap().is_none(), "{place:?}");

    let changes = ledger::changes(place).await;
    assert_eq!(changes.len(), 64, "{place:?}");
    for (key, number) in changes {
        let expected = 1 + u32::from(keys[..2].iter().any(|changed| changed.expose() == key));
        assert_eq!(number, expected, "{place:?}: each was done once");
    }
}

#[tokio::test]
async fn what_postgresql_undid_is_done_again() {
    let server = servers::Postgres::start().unwrap();
    what_was_undone_is_done_again(&Place::at(server.url("postgres"))).await;
}

#[tokio::test]
async fn what_mariadb_undid_is_done_again() {
    let server = servers::MariaDb::start().unwrap();
    let place = Place::at(servers::fresh_database(&server.url("mysql")).unwrap());
    what_was_undone_is_done_again(&place).await;
}

/// Two processes save the same hundred sessions at once, in opposite orders, again and again: nobody hears of it,
/// and each change is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_save_in_opposite_orders_hold_up_nobody() {
    const ROUNDS: u32 = 20;
    for place in databases::servers() {
        let settings = Settings::new("two processes");
        let sessions = async || Sessions::new(place.store().await, &settings).unwrap();
        let processes = [sessions().await, sessions().await];
        let mut keys = Vec::new();
        for _ in 0..100 {
            let session = processes[0].open(None).load().await.unwrap();
            session.insert("count", 0).unwrap();
            session.save().await.unwrap();
            keys.push(session.key().unwrap());
        }
        let mut saving = JoinSet::new();
        for sessions in &processes {
            let (sessions, order) = (sessions.clone(), keys.clone());
            saving.spawn(async move {
                for _ in 0..ROUNDS {
                    let mut saves = JoinSet::new();
                    for key in order.clone() {
                        let sessions = sessions.clone();
                        saves.spawn(async move {
                            let session = sessions.open(Some(key)).load().await.unwrap();
                            session.update("count", |n: Option<u32>| n.unwrap() + 1).unwrap();
                            session.save().await.unwrap();
                        });
                    }
                    saves.join_all().await;
                }
            });
            keys.reverse();
        }
        saving.join_all().await;
        for key in keys {
            let session = processes[0].open(Some(key)).load().await.unwrap();
            assert_eq!(session.get::<u32>("count").unwrap(), Some(2 * ROUNDS), "{place:?}");
        }
    }
}
