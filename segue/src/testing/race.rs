//! What must hold when requests of one session meet.

use super::{Checked, in_an_hour};
use crate::key::SessionKey;
use crate::store::{Replaced, SessionStore as _};

/// How many writers meet in a race, and how often each writes.
const WRITERS: usize = 8;
const WRITES: usize = 10;

pub(super) async fn no_write_is_lost(store: &Checked) {
    let key = store.create("0").await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move {
                for _ in 0..WRITES {
                    increment(&store, &key).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    let record = store.load(&key).await.expect("it is there");
    let total = (WRITERS * WRITES).to_string();
    assert_eq!(store.text(&record), total, "no write is lost in a race");
}

async fn increment(store: &Checked, key: &SessionKey) {
    loop {
        let seen = store.load_in_a_race(key).await.expect("it is there");
        let count: u64 = store.text(&seen).parse().unwrap();
        match store.replace(key, &seen, &(count + 1).to_string()).await {
            Replaced::Saved(_) => return,
            Replaced::Conflict => tokio::task::yield_now().await,
            Replaced::Gone => unreachable!("nobody deletes it"),
        }
    }
}

pub(super) async fn no_deleted_record_comes_back(store: &Checked) {
    let key = store.create("0").await;
    let writer = tokio::spawn({
        let (store, key) = (store.clone(), key.clone());
        async move {
            let mut writes = 0_u32;
            while let Some(seen) = store.load_in_a_race(&key).await {
                writes += 1;
                if store.replace(&key, &seen, &writes.to_string()).await == Replaced::Gone {
                    break;
                }
                let _ = store.touch(&key, &seen, in_an_hour()).await;
            }
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    store.store.delete(&key).await.expect("delete answers");
    writer.await.expect("the writer sees that it is gone");
    assert_eq!(store.load(&key).await, None, "a deleted record does not come back");
}
