//! What one side does to a session while a request of it is under way on the other.

use serde_json::json;

use crate::servers::{Servers, key_in};

#[tokio::test(flavor = "multi_thread")]
async fn djangos_logout_interrupts_a_request_in_rust() {
    for path in ["/logout", "/flush"] {
        let mut servers = Servers::start().await;
        let cookie = servers.django("/set/name/manish", None).await.cookie().unwrap();
        let held = servers.rust_meanwhile("/hold", &cookie);
        servers.gate.entered.notified().await;
        assert_eq!(servers.django(path, Some(&cookie)).await.status, 200);
        servers.gate.released.notify_one();

        let answer = held.await.unwrap();
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains("ended before the request completed"), "{answer:?}");
        assert_eq!(servers.django.row(&key_in(&cookie)), None, "no row came back");
        for answer in [
            servers.rust("/read", Some(&cookie)).await,
            servers.django("/read", Some(&cookie)).await,
        ] {
            assert_eq!(answer.body, "{}", "the old cookie is dead");
        }
    }
}

/// Django's admin, or `manage.py shell`: the row is removed without a request.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_django_deletes_interrupts_a_request_in_rust() {
    let mut servers = Servers::start().await;
    let cookie = servers.rust("/set/name/manish", None).await.cookie().unwrap();
    let held = servers.rust_meanwhile("/hold", &cookie);
    servers.gate.entered.notified().await;
    servers.django.flush(&key_in(&cookie));
    servers.gate.released.notify_one();
    assert_eq!(held.await.unwrap().status, 400);
    assert_eq!(servers.django.row(&key_in(&cookie)), None, "no row came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_in_rust_interrupts_a_request_in_django() {
    let mut servers = Servers::start().await;
    let cookie = servers.rust("/set/name/manish", None).await.cookie().unwrap();
    let held = servers.django_meanwhile("/hold", &cookie);
    assert_eq!(servers.django.call(&json!({"op": "await_entered"})), true);
    assert_eq!(servers.rust("/flush", Some(&cookie)).await.status, 200);
    servers.django.call(&json!({"op": "release"}));
    assert_eq!(held.await.unwrap().status, 400, "Django's SessionInterrupted");
    assert_eq!(servers.django.row(&key_in(&cookie)), None, "no row came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_django_writes_meanwhile_is_not_lost() {
    let mut servers = Servers::start().await;
    let cookie = servers.django("/add", None).await.cookie().unwrap();
    servers.django("/set/city/Delhi", Some(&cookie)).await;
    let held = servers.rust_meanwhile("/hold", &cookie);
    servers.gate.entered.notified().await;
    for _ in 0..4 {
        servers.django("/add", Some(&cookie)).await;
    }
    servers.django("/set/city/Mumbai", Some(&cookie)).await;
    servers.django("/set/name/manish", Some(&cookie)).await;
    servers.gate.released.notify_one();

    let answer = held.await.unwrap();
    assert_eq!(answer.status, 200);
    // The handler saw what there was when it began.
    assert_eq!(answer.body, r#"{"n":2,"city":"Delhi","held":"rust"}"#);
    let all = r#"{"n":6,"city":"Mumbai","name":"manish","held":"rust"}"#;
    assert_eq!(servers.django.read(&key_in(&cookie)), all);
    assert_eq!(servers.rust("/read", Some(&cookie)).await.body, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_django_only_changed_keeps_its_key() {
    let servers = Servers::start().await;
    let cookie = servers.rust("/add", None).await.cookie().unwrap();
    let held = servers.rust_meanwhile("/hold", &cookie);
    servers.gate.entered.notified().await;
    servers.django("/add", Some(&cookie)).await;
    servers.gate.released.notify_one();
    assert_eq!(held.await.unwrap().cookie(), Some(cookie));
    // The database is in use to the end.
    servers.place.database.close().await;
}
