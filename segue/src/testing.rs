//! The contract of every engine, as a test.
//!
//! ```
//! use segue::{engines::MemoryStore, testing::check_store};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! check_store(MemoryStore::new()).await;
//! # });
//! ```

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod race;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::codec::Codec;
use crate::data::SessionData;
use crate::error::StoreErrorKind;
use crate::key::SessionKey;
use crate::secret::SecretKeys;
use crate::store::{AnyStore, Guarantees, Record, Replaced, SessionStore};

/// How far a deadline may be off, for stores that count in whole seconds.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// Checks that an engine keeps the contract of [`SessionStore`] as far as its [`Guarantees`] go, and
/// that it does not do better than they say either; it panics where that is not so.
///
/// The store may hold other sessions; live ones stay as they are, and expired ones are cleared.
/// It must be called within a tokio runtime.
///
/// # Panics
/// When the contract is broken, with the sentence that is not true.
pub async fn check_store(store: impl SessionStore) {
    let store = Checked::new(store);
    what_is_created_is_there(&store).await;
    what_is_not_there_is_not_made(&store).await;
    only_the_seen_record_is_replaced(&store).await;
    a_touch_moves_the_deadline_alone(&store).await;
    what_has_expired_is_absent(&store).await;
    what_is_deleted_stays_deleted(&store).await;
    the_expired_are_cleared(&store).await;
    if store.guarantees.lossless {
        race::no_write_is_lost(&store).await;
    }
    if store.guarantees.revocable {
        race::no_deleted_record_comes_back(&store).await;
    }
}

/// A store, and sessions in the form that it takes.
#[derive(Clone, Debug)]
struct Checked {
    store: AnyStore,
    guarantees: Guarantees,
    codec: Codec,
}

impl Checked {
    fn new(store: impl SessionStore) -> Self {
        let guarantees = store.guarantees();
        let keys = SecretKeys::new("the secret key of the contract");
        let codec = Codec::of(guarantees.payload, &keys, &Clock::system());
        Self { store: AnyStore::new(store), guarantees, codec }
    }

    /// A session that holds this text.
    fn payload(&self, text: &str) -> Vec<u8> {
        let mut data = SessionData::new();
        data.set("contract", crate::json::quote(text));
        self.codec.encode(&data).expect("a session is encoded")
    }

    /// The text in a session.
    fn text(&self, record: &Record) -> String {
        let data = self.codec.decode(record.payload()).expect("a session is decoded");
        data.get("contract").and_then(crate::json::unquote).expect("it holds a text")
    }

    /// Where nobody else writes meanwhile.
    async fn load(&self, key: &SessionKey) -> Option<Record> {
        let before = self.store.load_now(key);
        let record = self.load_in_a_race(key).await;
        for now in [before, self.store.load_now(key)].into_iter().flatten() {
            let now = now.expect("load_now answers where load does");
            assert_eq!(now, record, "load_now gives what load gives");
        }
        record
    }

    async fn load_in_a_race(&self, key: &SessionKey) -> Option<Record> {
        self.store.load(key).await.expect("load answers")
    }

    async fn create(&self, text: &str) -> SessionKey {
        self.create_until(text, in_an_hour()).await
    }

    async fn create_until(&self, text: &str, deadline: Timestamp) -> SessionKey {
        self.store.create(&self.payload(text), deadline).await.expect("create answers")
    }

    async fn replace(&self, key: &SessionKey, seen: &Record, text: &str) -> Replaced {
        let payload = self.payload(text);
        self.store.replace(key, seen, &payload, in_an_hour()).await.expect("replace answers")
    }

    async fn touch(&self, key: &SessionKey, seen: &Record, deadline: Timestamp) -> Replaced {
        self.store.touch(key, seen, deadline).await.expect("touch answers")
    }

    /// The key under which it was saved: the same one, where sessions are not in the cookie.
    fn saved(&self, outcome: Replaced, key: &SessionKey, what: &str) -> SessionKey {
        let Replaced::Saved(new) = outcome else { panic!("{what}, and not {outcome:?}") };
        if !self.guarantees.in_cookie {
            assert_eq!(new, *key, "{what}, under its own key");
        }
        new
    }
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

fn an_hour_ago() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(1)
}

async fn what_is_created_is_there(store: &Checked) {
    // What is random is as long when it is compressed.
    let random = || SessionKey::generate().expect("the system has random bytes");
    let long: String = (0..3_000).map(|_| random().expose().to_owned()).collect();
    let deadline = in_an_hour();
    for text in ["", "p", "Zo\u{eb}\0\u{1f600}", long.as_str()] {
        // So that compression does not make it short again.
        let payload = store.payload(text);
        let created = store.store.create(&payload, deadline).await;
        if store.guarantees.in_cookie && text.len() > SessionKey::LONGEST {
            let error = created.expect_err("what no cookie can hold is an error");
            assert_eq!(error.kind(), StoreErrorKind::TooLarge, "and says so: {error}");
            continue;
        }
        let key = created.expect("create answers");
        let record = store.load(&key).await.expect("a created record is there");
        assert_eq!(record.payload(), payload, "a payload comes back as it was");
        let off = record.expires_at().duration_since(deadline).abs();
        assert!(off <= TOLERANCE, "a deadline comes back, to two seconds");
        if !store.guarantees.in_cookie {
            assert_ne!(store.create(text).await, key, "two records have two keys");
        }
    }
}

async fn what_is_not_there_is_not_made(store: &Checked) {
    let key = SessionKey::generate().expect("the system has random bytes");
    let seen = Record::new(store.payload("p"), in_an_hour());
    assert_eq!(store.load(&key).await, None, "an unknown key has no record");
    assert_eq!(store.replace(&key, &seen, "q").await, Replaced::Gone, "replace makes nothing");
    assert_eq!(store.touch(&key, &seen, in_an_hour()).await, Replaced::Gone, "touch makes nothing");
    store.store.delete(&key).await.expect("to delete what is not there is success");
    assert_eq!(store.load(&key).await, None, "an unknown key still has no record");
}

async fn only_the_seen_record_is_replaced(store: &Checked) {
    let key = store.create("one").await;
    let first = store.load(&key).await.expect("it is there");
    let saved = store.replace(&key, &first, "two").await;
    let key = store.saved(saved, &key, "the seen record is replaced");
    let stale = store.replace(&key, &first, "three").await;
    let second = store.load(&key).await.expect("it is there");
    if store.guarantees.lossless {
        assert_eq!(stale, Replaced::Conflict, "an older record is not replaced");
        assert_eq!(store.text(&second), "two", "a refused write has written nothing");
    } else {
        store.saved(stale, &key, "without a comparison the last write wins");
    }
    // As after a save, when the store's own version is not known.
    let seen = Record::new(second.payload(), second.expires_at());
    let saved = store.replace(&key, &seen, "four").await;
    let key = store.saved(saved, &key, "the payload is enough to compare");
    let last = store.load(&key).await.expect("it is there");
    assert_eq!(store.text(&last), "four", "what was saved is there");
}

async fn a_touch_moves_the_deadline_alone(store: &Checked) {
    let key = store.create("p").await;
    let later = in_an_hour() + SignedDuration::from_hours(5);
    let seen = store.load(&key).await.expect("it is there");
    let touched = store.touch(&key, &seen, later).await;
    let key = store.saved(touched, &key, "a live record is touched");
    let record = store.load(&key).await.expect("it is there");
    assert_eq!(record.payload(), seen.payload(), "a touch keeps the payload");
    let off = record.expires_at().duration_since(later).abs();
    assert!(off <= TOLERANCE, "a touch moves the deadline");
    let saved = store.replace(&key, &record, "q").await;
    let key = store.saved(saved, &key, "a touched record is replaced");
    if store.guarantees.lossless {
        let touched = store.touch(&key, &record, later).await;
        assert_eq!(touched, Replaced::Conflict, "who changed it may have set another deadline");
    }
}

async fn what_has_expired_is_absent(store: &Checked) {
    let dead = store.create_until("p", an_hour_ago()).await;
    let touched = store.create("p").await;
    let seen = store.load(&touched).await.expect("it is there");
    let done = store.touch(&touched, &seen, an_hour_ago()).await;
    let touched = store.saved(done, &touched, "a touch may end a record");
    let replaced = store.create("p").await;
    let seen = store.load(&replaced).await.expect("it is there");
    let ended = store.store.replace(&replaced, &seen, seen.payload(), an_hour_ago()).await;
    let ended = ended.expect("replace answers");
    let replaced = store.saved(ended, &replaced, "a deadline in the past is a valid one");
    for key in [dead, touched, replaced] {
        assert_eq!(store.load(&key).await, None, "what has expired is absent");
        assert_eq!(store.replace(&key, &seen, "q").await, Replaced::Gone, "and not replaced");
        let touched = store.touch(&key, &seen, in_an_hour()).await;
        assert_eq!(touched, Replaced::Gone, "nor touched");
        assert_eq!(store.load(&key).await, None, "it does not come back");
    }
}

async fn what_is_deleted_stays_deleted(store: &Checked) {
    let key = store.create("p").await;
    let seen = store.load(&key).await.expect("it is there");
    store.store.delete(&key).await.expect("delete answers");
    if !store.guarantees.revocable {
        let record = store.load(&key).await;
        assert_eq!(record, Some(seen), "what cannot be revoked is still there");
        return;
    }
    assert_eq!(store.load(&key).await, None, "what is deleted is absent");
    assert_eq!(store.replace(&key, &seen, "q").await, Replaced::Gone, "and not replaced");
    assert_eq!(store.touch(&key, &seen, in_an_hour()).await, Replaced::Gone, "nor touched");
    assert_eq!(store.load(&key).await, None, "it does not come back");
}

async fn the_expired_are_cleared(store: &Checked) {
    let live = store.create("p").await;
    for _ in 0..3 {
        store.create_until("p", an_hour_ago()).await;
    }
    let last = std::sync::Mutex::new(0);
    let report = |cleared: crate::Cleared| *last.lock().unwrap() = cleared.removed;
    let removed = store.store.clear_expired(&report).await.expect("clear_expired answers");
    if store.guarantees.cleans_itself {
        assert_eq!(removed, 0, "what goes by itself is not cleared");
    } else {
        assert!(removed >= 3, "the expired are cleared, and counted");
    }
    assert_eq!(*last.lock().unwrap(), removed, "the last report has them all");
    let again = store.store.clear_expired(&|_| {}).await.expect("clear_expired answers");
    assert_eq!(again, 0, "none is left");
    assert!(store.load(&live).await.is_some(), "a live record is not cleared");
}
