//! The limits on every engine and server.

use std::io::Write as _;

use segue::{
    Replaced, Session, SessionKey, SessionStore as _, Sessions, SignedDuration, Timestamp,
};

use crate::IDLE;
use crate::common::matrix;

const LAST_USED: &str = "_segue_last_used";

/// A request that only reads: the session as it found it.
async fn request(sessions: &Sessions, key: &SessionKey) -> Session {
    let session = sessions.open(Some(key.clone())).load().await.unwrap();
    session.save().await.unwrap();
    session
}

/// Makes the last use so many seconds older, behind everybody's back. Gives the deadline.
async fn grow_old(sessions: &Sessions, key: &SessionKey, by: i64) -> Timestamp {
    let record = sessions.store().load(key).await.unwrap().unwrap();
    let mut data = sessions.codec().decode(record.payload()).unwrap();
    let stamp: i64 = data.get(LAST_USED).unwrap().parse().unwrap();
    data.set(LAST_USED, (stamp - by * 1000).to_string());
    let payload = sessions.codec().encode(&data).unwrap();
    let until = record.expires_at() - SignedDuration::from_secs(5000);
    let replaced = sessions.store().replace(key, &record, &payload, until).await.unwrap();
    assert!(matches!(replaced, Replaced::Saved(_)));
    sessions.store().load(key).await.unwrap().unwrap().expires_at()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_every_engine_a_use_moves_no_deadline_and_an_end_is_one() {
    for engine in matrix::engines() {
        let name = engine.name;
        // Its tables.
        engine.open().await.close().await;
        let file = engine.file();
        let mut settings = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
        writeln!(settings, "SESSION_IDLE_TIMEOUT = {IDLE}").unwrap();
        let site = matrix::open(&file).await;
        let sessions = site.sessions();
        let session = sessions.open(None).load().await.unwrap();
        session.insert("cart", true).unwrap();
        session.save().await.unwrap();
        let key = session.key().unwrap();

        let before: i64 = session.get(LAST_USED).unwrap().unwrap();
        let deadline = grow_old(sessions, &key, IDLE / 2).await;
        let session = request(sessions, &key).await;
        let after: i64 = session.get(LAST_USED).unwrap().unwrap();
        assert!(after >= before, "{name}: {before} {after}");
        let record = sessions.store().load(&key).await.unwrap().unwrap();
        let moved = record.expires_at().duration_since(deadline).abs();
        assert!(moved < SignedDuration::from_secs(5), "{name}: the deadline moved by {moved}");
        assert!(request(sessions, &key).await.contains_key("cart"), "{name}");

        grow_old(sessions, &key, IDLE).await;
        assert!(request(sessions, &key).await.is_empty(), "{name}");
        assert!(sessions.store().load(&key).await.unwrap().is_none(), "{name}: the record is gone");
        site.close().await;
    }
}
