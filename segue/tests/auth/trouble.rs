//! When the session, the users, or the layers are not there.

use std::sync::atomic::Ordering::SeqCst;

use axum::Router;
use axum::response::Result;
use axum::routing::get;
use segue::auth::{Auth, AuthLayer, LoginRequired, login_required};
use segue::users::{User, Users};

use crate::club::{CLUB, Club, Member, OK, Site};
use crate::common::{TestStore, clock, layer, settings};

/// "Nobody" would be a logout, and "somebody" a hole.
#[tokio::test]
async fn users_that_cannot_be_asked_are_an_error_and_no_logout() {
    let site = Site::new();
    let cookie = site.logged_in("ann").await;
    site.club.down.store(true, SeqCst);
    for path in ["/who", "/members", "/login/bob"] {
        let answer = site.get(path, Some(&cookie)).await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.set_cookie.is_empty(), "{answer:?}");
        assert!(!answer.body.contains("club"), "nothing of the inside: {}", answer.body);
    }
    assert!(site.has(&cookie));
    site.club.down.store(false, SeqCst);
    assert_eq!(site.who(&cookie).await, "ann");
}

#[tokio::test]
async fn a_session_store_that_is_down_is_an_error_and_no_logout() {
    let site = Site::new();
    let cookie = site.logged_in("ann").await;
    site.store.set_down(true);
    for path in ["/who", "/members", "/login/bob", "/logout"] {
        let answer = site.get(path, Some(&cookie)).await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.set_cookie.is_empty(), "{answer:?}");
    }
    assert_eq!(site.get("/public", Some(&cookie)).await.status, OK);
    site.store.set_down(false);
    assert_eq!(site.who(&cookie).await, "ann");
}

#[tokio::test]
async fn layers_that_are_missing_are_named() {
    async fn who(auth: Auth<Member>) -> Result<String> {
        Ok(format!("{}", auth.is_authenticated().await?))
    }
    async fn django(_: LoginRequired<User>) {}
    async fn users(_: Users) {}
    let routes = || {
        Router::new()
            .route("/who", get(who))
            .route("/django", get(django))
            .route("/users", get(users))
            .route("/guarded", get(|| async {}).route_layer(login_required()))
    };
    let settings = settings();
    let ask = async |app: &Router, path: &str| crate::common::get(app, path, None).await;

    let bare = routes();
    for path in ["/who", "/django", "/users", "/guarded"] {
        let answer = ask(&bare, path).await;
        assert_eq!(answer.status, 500);
        assert!(answer.body.contains("no `AuthLayer` stands around it"), "{}", answer.body);
    }
    let auth = || AuthLayer::new(&settings, Club::new(CLUB, &[])).unwrap();
    let without_sessions = routes().layer(auth());
    for path in ["/who", "/guarded"] {
        let answer = ask(&without_sessions, path).await;
        assert_eq!(answer.status, 500);
        assert!(answer.body.contains("no `SessionLayer` stands around"), "{}", answer.body);
    }
    let whole = routes().layer(auth()).layer(layer(&TestStore::new(clock()), &settings));
    assert_eq!(ask(&whole, "/who").await.body, "false");
    let other = ask(&whole, "/django").await;
    assert_eq!(other.status, 500);
    assert!(other.body.contains("segue::users::user::User"), "{}", other.body);
    assert!(other.body.contains("Member"), "{}", other.body);
    assert!(ask(&whole, "/users").await.body.contains("AuthLayer::with_users"));
}

#[tokio::test]
async fn nothing_shows_a_password() {
    let club = Club::new(CLUB, &["ann"]);
    let layer = AuthLayer::new(&settings(), club).unwrap();
    let given = segue::auth::UsernamePassword::new("ann", "hunter2");
    let shown = format!("{layer:?} {given:?} {:?}", segue::auth::Credentials::new(given.clone()));
    assert!(shown.contains("club.Backend") && shown.contains("ann"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
