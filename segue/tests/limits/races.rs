//! Requests of one session that meet: a stamp undoes nothing of the others.

use std::sync::Arc;

use axum::Router;
use axum::routing::get as route;
use segue::{Session, SessionKey};
use tokio::sync::Barrier;

use crate::common::{Answer, get};
use crate::{ABSOLUTE, IDLE, Site, limited, read};

/// A page with many requests at once: one of them writes, and none fails.
#[tokio::test]
async fn of_many_requests_at_once_one_writes() {
    let all_loaded = Arc::new(Barrier::new(20));
    let together = move |session: Session| {
        let all_loaded = Arc::clone(&all_loaded);
        async move {
            all_loaded.wait().await;
            read(session).await
        }
    };
    let more = Router::new().route("/together", route(together));
    let site = Site::with(&limited(Some(IDLE), Some(ABSOLUTE)), more);
    let cookie = site.plant(r#"{"_auth_user_id":"7"}"#);
    let requests = (0..20).map(|_| {
        let (app, cookie) = (site.app.clone(), cookie.clone());
        tokio::spawn(async move { get(&app, "/together", Some(&cookie)).await })
    });
    for request in requests.collect::<Vec<_>>() {
        let answer = request.await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "_auth_user_id=\"7\""));
    }
    // Each looks twice at most: when it comes, and after it was refused once.
    let calls = site.store.calls();
    assert!(calls.replace <= 20 && calls.load <= 40, "{calls:?}");
    assert_eq!(calls.total(), calls.load + calls.replace, "{calls:?}");
    assert_eq!(site.stamps(), (Some(0), Some(0)));
}

/// While a request is in its handler, something else happens to its session.
async fn meanwhile(path: &'static str, act: &'static str) -> (Site, Answer) {
    let gate = Arc::new(Barrier::new(2));
    let slow = |write: bool| {
        let gate = Arc::clone(&gate);
        route(move |session: Session| {
            let gate = Arc::clone(&gate);
            async move {
                gate.wait().await;
                gate.wait().await;
                if write {
                    session.insert("slow", true).unwrap();
                }
            }
        })
    };
    let more = Router::new().route("/slow-read", slow(false)).route("/slow-write", slow(true));
    let site = Site::with(&limited(Some(IDLE), Some(ABSOLUTE)), more);
    let cookie = get(&site.app, "/login", None).await.cookie();
    site.wait(IDLE / 2);
    let request = site.get(path, &cookie);
    let other = async {
        gate.wait().await;
        site.get(act, &cookie).await;
        gate.wait().await;
    };
    let (answer, ()) = tokio::join!(request, other);
    (site, answer)
}

#[tokio::test]
async fn a_stamp_undoes_no_logout() {
    let (site, answer) = meanwhile("/slow-read", "/logout").await;
    assert_eq!(answer.status, 200, "the visitor only read, so nothing of theirs is lost");
    assert!(answer.set_cookie.is_empty() && site.store.records().is_empty());
    let (site, answer) = meanwhile("/slow-write", "/logout").await;
    assert_eq!(answer.status, 400);
    assert!(site.store.records().is_empty());
}

#[tokio::test]
async fn a_stamp_undoes_no_change() {
    let (site, answer) = meanwhile("/slow-read", "/set/other").await;
    assert_eq!(answer.status, 200);
    assert_eq!(site.stored().get("other"), Some("true"));
    assert_eq!(site.stamps(), (Some(IDLE / 2), Some(0)));
    let (site, _) = meanwhile("/slow-write", "/set/other").await;
    assert_eq!(
        (site.stored().get("other"), site.stored().get("slow")),
        (Some("true"), Some("true"))
    );
    assert_eq!(site.stamps(), (Some(IDLE / 2), Some(0)));
    let (site, answer) = meanwhile("/slow-read", "/cycle").await;
    assert_eq!((answer.status.as_u16(), answer.set_cookie.len()), (200, 0));
    assert_eq!(site.stamps(), (Some(IDLE / 2), Some(0)), "under the new key alone");
}

/// What another request saved is there for whatever this one does next.
#[tokio::test]
async fn a_stamp_that_comes_second_takes_the_first_ones_changes_along() {
    let site = Site::new(&limited(Some(IDLE), None));
    let cookie = get(&site.app, "/set/cart", None).await.cookie();
    let key = SessionKey::parse(cookie.split_once('=').unwrap().1);
    site.wait(IDLE / 2);
    let reading = site.sessions.open(key).load().await.unwrap();
    site.get("/set/other", &cookie).await;
    reading.save().await.unwrap();
    assert!(reading.contains_key("other"));
    reading.insert("mine", true).unwrap();
    reading.save().await.unwrap();
    let kept = ["cart", "other", "mine"].map(|key| site.stored().get(key).map(str::to_owned));
    assert_eq!(kept, ["true", "true", "true"].map(|value| Some(value.to_owned())));
}
