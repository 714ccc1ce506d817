//! Sessions that are kept in the process: what others change in the database is noticed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::databases::{self, Place};
use common::settings;
use segue::engines::{DatabaseStore, NearStore};
use segue::testing::check_store;
use segue::{Record, Replaced, SessionKey, SessionStore, Sessions, SignedDuration, Timestamp};
use tokio::task::JoinSet;

const AN_HOUR: Duration = Duration::from_secs(3600);
const A_SECOND: Duration = Duration::from_secs(1);

fn tomorrow() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24)
}

/// A store as in one process, the rows as another process sees them, and a way round the memory of the first.
struct Processes {
    place: Place,
    here: NearStore,
    elsewhere: DatabaseStore,
    behind: DatabaseStore,
}

impl Processes {
    async fn at(place: Place, staleness: Duration) -> Self {
        let behind = place.store().await;
        let here = NearStore::new(behind.clone(), 1000).with_staleness(staleness);
        let elsewhere = place.store().await;
        Self { place, here, elsewhere, behind }
    }

    /// A session that is in memory here, with this payload.
    async fn known(&self, payload: &str) -> SessionKey {
        let key = self.here.create(payload.as_bytes(), tomorrow()).await.unwrap();
        assert_eq!(self.load(&key).await.as_deref(), Some(payload));
        key
    }

    async fn load(&self, key: &SessionKey) -> Option<String> {
        text(self.here.load(key).await.unwrap())
    }

    /// Whether answers come from memory, for which a row is removed in a way that it cannot notice.
    async fn is_from_memory(&self) -> bool {
        let key = self.known("known").await;
        self.load(&key).await;
        self.behind.delete(&key).await.unwrap();
        self.load(&key).await.is_some()
    }

    /// Waits until the server is listened to.
    async fn listening(&self) {
        until("it hears of changes", async || self.hears().await).await;
    }

    async fn hears(&self) -> bool {
        let key = self.here.create(b"", tomorrow()).await.unwrap();
        let filled = self.here.load(&key).await.unwrap().unwrap();
        let again = self.here.load(&key).await.unwrap().unwrap();
        // One buffer, so it was not read twice.
        std::ptr::eq(filled.payload(), again.payload())
    }
}

fn text(record: Option<Record>) -> Option<String> {
    record.map(|record| String::from_utf8(record.payload().to_vec()).unwrap())
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

async fn save(store: &impl SessionStore, key: &SessionKey, payload: &str) {
    let seen = store.load(key).await.unwrap().unwrap();
    let saved = store.replace(key, &seen, payload.as_bytes(), tomorrow()).await.unwrap();
    assert_eq!(saved, Replaced::Saved(key.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    for place in databases::all() {
        for staleness in [Duration::ZERO, AN_HOUR] {
            check_store(NearStore::new(place.store().await, 1000).with_staleness(staleness)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_nothing_old_is_ever_answered() {
    let processes = Processes::at(databases::sqlite(), Duration::ZERO).await;
    assert!(processes.is_from_memory().await, "or this test shows nothing");
    let key = processes.known("one").await;
    save(&processes.elsewhere, &key, "two").await;
    assert_eq!(processes.load(&key).await.as_deref(), Some("two"));
    save(&processes.here, &key, "three").await;
    assert_eq!(processes.load(&key).await.as_deref(), Some("three"));
    processes.elsewhere.delete(&key).await.unwrap();
    assert_eq!(processes.load(&key).await, None);
    let key = processes.known("one").await;
    processes.place.run("DELETE FROM django_session").await;
    assert_eq!(processes.load(&key).await, None, "whoever it was");
}

/// Two processes change one session as fast as they can, and a third thread reads it here: what was
/// answered once was saved by then, and what was saved is read from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_sqlite_a_save_is_read_at_once_by_all() {
    let processes = Arc::new(Processes::at(databases::sqlite(), Duration::ZERO).await);
    let key = processes.known("0").await;
    let (saved, mut tasks) = (Arc::new(AtomicU64::new(0)), JoinSet::new());
    async fn count(store: impl SessionStore, key: SessionKey, saved: Arc<AtomicU64>) {
        let mut done = 0;
        while done < 300 {
            let seen = store.load(&key).await.unwrap().unwrap();
            let next: u64 =
                std::str::from_utf8(seen.payload()).unwrap().parse::<u64>().unwrap() + 1;
            let next_payload = next.to_string();
            match store.replace(&key, &seen, next_payload.as_bytes(), tomorrow()).await.unwrap() {
                Replaced::Saved(_) => {
                    saved.fetch_max(next, Ordering::SeqCst);
                    done += 1;
                }
                _ => tokio::task::yield_now().await,
            }
        }
    }
    tasks.spawn(count(processes.here.clone(), key.clone(), saved.clone()));
    tasks.spawn(count(processes.elsewhere.clone(), key.clone(), saved.clone()));
    let reader = {
        let (processes, key, saved) = (processes.clone(), key.clone(), saved.clone());
        tokio::spawn(async move {
            let mut last = 0;
            while last < 600 {
                let least = saved.load(Ordering::SeqCst).max(last);
                let read: u64 = processes.load(&key).await.unwrap().parse().unwrap();
                assert!(read >= least, "{read} was read after {least} was saved");
                last = read;
            }
        })
    };
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    reader.await.unwrap();
    assert_eq!(processes.load(&key).await.as_deref(), Some("600"), "no save is lost");
}

/// Of a save that nobody waits for the memory is right as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_save_that_is_cancelled_leaves_nothing_old() {
    for place in databases::all() {
        let processes = Processes::at(place, AN_HOUR).await;
        for number in 0..50 {
            let key = processes.known("old").await;
            let seen = processes.here.load(&key).await.unwrap().unwrap();
            let save = processes.here.replace(&key, &seen, b"new", tomorrow());
            let _ = tokio::time::timeout(Duration::from_micros(number * 20), save).await;
            until("the row and the memory are one", async || {
                let row = text(processes.elsewhere.load(&key).await.unwrap());
                row.as_deref() == Some("new") && processes.load(&key).await == row
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_staleness_a_server_is_asked_each_time() {
    for place in databases::servers() {
        let processes = Processes::at(place, Duration::ZERO).await;
        for _ in 0..3 {
            assert!(!processes.is_from_memory().await);
            let key = processes.known("one").await;
            processes.elsewhere.delete(&key).await.unwrap();
            assert_eq!(processes.load(&key).await, None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_tells_what_others_change() {
    let processes = Processes::at(databases::postgres(), AN_HOUR).await;
    processes.listening().await;
    let key = processes.known("one").await;
    save(&processes.elsewhere, &key, "two").await;
    until("two is read", async || processes.load(&key).await.as_deref() == Some("two")).await;
    processes.elsewhere.delete(&key).await.unwrap();
    until("it is gone", async || processes.load(&key).await.is_none()).await;
    let key = processes.known("one").await;
    processes.place.run("TRUNCATE django_session").await;
    until("all are gone", async || processes.load(&key).await.is_none()).await;
    // Nobody may end a session by its date alone either, as `flush` of an old Django does.
    let key = processes.known("one").await;
    processes.place.run("UPDATE django_session SET expire_date = now()").await;
    until("it has ended", async || processes.load(&key).await.is_none()).await;
}

/// What a process has saved itself stays in its memory, though the server tells it like all others.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_tells_nobody_to_forget_what_he_saved_himself() {
    let processes = Processes::at(databases::postgres(), AN_HOUR).await;
    processes.listening().await;
    let (key, witness) = (processes.known("one").await, processes.known("one").await);
    save(&processes.here, &key, "two").await;
    // News come in their order: when this one is here, so is the other.
    processes.elsewhere.delete(&witness).await.unwrap();
    until("the news are here", async || processes.load(&witness).await.is_none()).await;
    processes.place.run("DROP TRIGGER segue_session_changed ON django_session").await;
    processes.behind.delete(&key).await.unwrap();
    assert_eq!(processes.load(&key).await.as_deref(), Some("two"));
}

/// The server falls silent: from then on nothing is believed for longer than was allowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_heard_of_is_asked() {
    let processes = Processes::at(databases::postgres(), A_SECOND).await;
    processes.listening().await;
    let key = processes.known("one").await;
    let listeners = "SELECT pid::text FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'segue_sessions'";
    let listeners = processes.place.rows(listeners).await;
    let [[listener]] = listeners.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] else {
        panic!("{listeners:?}");
    };
    signal(listener, "-STOP");
    processes.elsewhere.delete(&key).await.unwrap();
    tokio::time::sleep(A_SECOND).await;
    let found = processes.load(&key).await;
    let unheard = processes.hears().await;
    signal(listener, "-CONT");
    assert_eq!(found, None);
    assert!(!unheard, "all is read from the database");
    // And when it speaks again it is believed again.
    processes.listening().await;
}

fn signal(process: &str, signal: &str) {
    assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
}

/// A process that did not run for a while has heard nothing: it asks first, and not when it is told that
/// it should have.
#[tokio::test]
async fn a_process_that_stood_still_asks() {
    let processes = Processes::at(databases::postgres(), A_SECOND).await;
    processes.listening().await;
    let key = processes.known("one").await;
    processes.place.run("ALTER TABLE django_session DISABLE TRIGGER ALL").await;
    processes.elsewhere.delete(&key).await.unwrap();
    // Of the test's only thread, on which it would hear.
    std::thread::sleep(A_SECOND);
    assert_eq!(processes.load(&key).await, None);
}

/// While nobody listened a session may have ended: nothing from before is believed.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_before_an_interruption_is_forgotten() {
    let processes = Processes::at(databases::postgres(), AN_HOUR).await;
    processes.listening().await;
    let key = processes.known("one").await;
    // The row goes without news, and the listener is cut off.
    processes.place.run("ALTER TABLE django_session DISABLE TRIGGER ALL").await;
    processes.elsewhere.delete(&key).await.unwrap();
    assert_eq!(processes.load(&key).await.as_deref(), Some("one"), "or this test shows nothing");
    processes.place.run("ALTER TABLE django_session ENABLE TRIGGER ALL").await;
    let cut = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'segue_sessions'";
    assert_eq!(processes.place.rows(cut).await, [["true"]]);
    until("it is gone", async || processes.load(&key).await.is_none()).await;
    processes.listening().await;
    assert_eq!(processes.load(&key).await, None);
}

/// Whoever may connect may listen: what is told must not let them take over a session.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_has_no_key_in_it() {
    let processes = Processes::at(databases::postgres(), AN_HOUR).await;
    processes.listening().await;
    let key = processes.known("one").await;
    let mut listener = sqlx::postgres::PgListener::connect(&processes.place.url).await.unwrap();
    listener.listen("segue_sessions").await.unwrap();
    save(&processes.elsewhere, &key, "two").await;
    processes.elsewhere.delete(&key).await.unwrap();
    for length in [64, 32] {
        let told = listener.recv().await.unwrap();
        assert_eq!(told.payload().len(), length, "{told:?}");
        assert!(!told.payload().contains(&key.expose()[..8]), "{told:?}");
    }
}

/// The trigger is there once, whoever comes first, and clearing up tells nobody anything.
#[tokio::test(flavor = "multi_thread")]
async fn the_trigger_is_made_once() {
    let place = databases::postgres();
    let store = place.store().await;
    let stores: Vec<_> =
        (0..4).map(|_| NearStore::new(store.clone(), 1000).with_staleness(AN_HOUR)).collect();
    for store in &stores {
        let key = store.create(b"", tomorrow()).await.unwrap();
        until("it hears of changes", async || {
            let (one, two) = (store.load(&key).await, store.load(&key).await);
            std::ptr::eq(one.unwrap().unwrap().payload(), two.unwrap().unwrap().payload())
        })
        .await;
    }
    let triggers = "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1";
    assert_eq!(place.rows(triggers).await, [["segue_session_changed"], ["segue_sessions_gone"]]);
    let mut listener = sqlx::postgres::PgListener::connect(&place.url).await.unwrap();
    listener.listen("segue_sessions").await.unwrap();
    place.run("UPDATE django_session SET expire_date = now() - interval '1 day'").await;
    for _ in 0..4 {
        listener.recv().await.unwrap();
    }
    assert_eq!(store.clear_expired(&|_| {}).await.unwrap(), 4);
    place.run("NOTIFY segue_sessions, 'done'").await;
    assert_eq!(listener.recv().await.unwrap().payload(), "done");
}

/// Without the triggers nobody tells anything: within the time that was allowed nothing is believed any more.
#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_are_gone_or_switched_off_are_missed() {
    for change in [
        "DROP FUNCTION segue_session_changed CASCADE",
        "ALTER TABLE django_session DISABLE TRIGGER segue_session_changed",
        "ALTER TABLE django_session DISABLE TRIGGER segue_sessions_gone",
    ] {
        let processes = Processes::at(databases::postgres(), A_SECOND).await;
        processes.listening().await;
        let key = processes.known("one").await;
        processes.place.run(change).await;
        processes.place.run("DELETE FROM django_session").await;
        tokio::time::sleep(A_SECOND).await;
        assert_eq!(processes.load(&key).await, None, "{change}");
        if change.contains("DISABLE") {
            assert!(!processes.hears().await, "{change}");
            processes.place.run("ALTER TABLE django_session ENABLE TRIGGER ALL").await;
        }
        processes.listening().await;
    }
}

/// Neither the task nor its connection.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_listens_for_a_store_that_is_gone() {
    let processes = Processes::at(databases::postgres(), AN_HOUR).await;
    processes.listening().await;
    let Processes { place, here, .. } = processes;
    drop(here);
    let listeners = "SELECT pid::text FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'segue_sessions'";
    until("it is gone", async || place.rows(listeners).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn for_ever_is_no_time_that_breaks_a_clock() {
    let processes = Processes::at(databases::postgres(), Duration::MAX).await;
    processes.listening().await;
    let store = NearStore::new(processes.behind.clone(), 10).with_timeout(Some(Duration::MAX));
    let key = store.with_staleness(Duration::MAX).create(b"one", tomorrow()).await.unwrap();
    assert_eq!(processes.load(&key).await.as_deref(), Some("one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mysql_what_was_read_is_old_after_a_time() {
    let processes = Processes::at(databases::mariadb(), AN_HOUR).await;
    assert!(processes.is_from_memory().await);
    let processes = Processes::at(databases::mariadb(), Duration::from_millis(100)).await;
    let key = processes.here.create(b"one", tomorrow()).await.unwrap();
    assert_eq!(processes.load(&key).await.as_deref(), Some("one"));
    processes.elsewhere.delete(&key).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(processes.load(&key).await, None);
}

/// What one process has checked with its keys is not taken for checked by one with others.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_for_the_keys_that_signed_it() {
    let processes = Processes::at(databases::sqlite(), Duration::ZERO).await;
    let ours = Sessions::new(processes.here.clone(), &settings()).unwrap();
    let session = ours.open(None).load().await.unwrap();
    session.insert("name", "manish").unwrap();
    session.save().await.unwrap();
    let key = session.key();
    for _ in 0..2 {
        let again = ours.open(key.clone()).load().await.unwrap();
        assert_eq!(again.get::<String>("name").unwrap().as_deref(), Some("manish"));
    }
    let others = Sessions::new(processes.here.clone(), &segue::Settings::new("another")).unwrap();
    let theirs = others.open(key.clone()).load().await.unwrap();
    assert_eq!(theirs.get::<String>("name").unwrap(), None);
    let again = ours.open(key).load().await.unwrap();
    again.insert("n", 1).unwrap();
    again.save().await.unwrap();
    assert_eq!(again.get::<String>("name").unwrap().as_deref(), Some("manish"));
}
