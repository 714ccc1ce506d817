//! The time limits of a session, counted from the login.

use std::time::Duration;

use axum::Router;
use segue::auth::AuthLayer;
use segue::database::Database;
use segue::engines::MemoryStore;
use segue::users::{NewUser, Users};
use segue::{Clock, CsrfLayer, SessionLayer, Sessions, SignedDuration};

use crate::common::clock;
use crate::site::{NEW, PASSWORD, Visitor, routes, settings_in};

const HOUR: i64 = 3600;

/// A site whose clock a test moves, and whose logins last for an hour.
async fn site(clock: &Clock) -> (Router, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings_in(&folder);
    settings.session.absolute_timeout = Some(Duration::from_secs(3600));
    let database = Database::connect(&settings.database_url).await.unwrap();
    database.migrate().await.unwrap();
    let users = Users::new(database, &settings).unwrap();
    for name in ["ann", "bob"] {
        users.create(NewUser::new(name).password(PASSWORD)).await.unwrap();
    }
    let store = MemoryStore::with_clock(clock.clone());
    let sessions = Sessions::with_clock(store, &settings, clock.clone()).unwrap();
    let app = routes(&settings)
        .layer(AuthLayer::with_users(&settings, users).unwrap())
        .layer(CsrfLayer::new(&settings).unwrap())
        .layer(SessionLayer::from_sessions(sessions, &settings).unwrap());
    (app, folder)
}

fn wait(clock: &Clock, seconds: i64) {
    clock.advance(SignedDuration::from_secs(seconds));
}

/// Whatever the visitor does meanwhile, changing the password among it.
#[tokio::test]
async fn a_login_lasts_no_longer_for_what_is_done_in_it() {
    let clock = clock();
    let (app, _folder) = site(&clock).await;
    let mut visitor = Visitor::new(&app);
    visitor.get("/keep/before/").await;
    wait(&clock, HOUR - 1);
    visitor.log_in("ann", PASSWORD).await.location();
    wait(&clock, HOUR - 2);
    assert_eq!(visitor.get("/kept/").await.body, "before");
    visitor.get("/keep/during/").await;
    visitor.change(PASSWORD, NEW, NEW).await.location();
    assert_eq!(visitor.who().await, "ann");
    wait(&clock, 2);
    assert_eq!(visitor.who().await, "nobody");
    assert_eq!(visitor.get("/kept/").await.body, "nothing");
}

#[tokio::test]
async fn to_log_in_again_begins_anew_for_the_same_user_and_another() {
    let clock = clock();
    let (app, _folder) = site(&clock).await;
    for (first, second) in [("ann", "ann"), ("ann", "bob")] {
        let mut visitor = Visitor::new(&app);
        visitor.log_in(first, PASSWORD).await.location();
        wait(&clock, HOUR - 1);
        visitor.log_in(second, PASSWORD).await.location();
        wait(&clock, HOUR - 1);
        assert_eq!(visitor.who().await, second);
        wait(&clock, 1);
        assert_eq!(visitor.who().await, "nobody");
    }
}

/// A key that was stolen before the password was changed, or before the limit, is worth nothing
/// after it.
#[tokio::test]
async fn a_stolen_key_ends_with_the_limit() {
    let clock = clock();
    let (app, _folder) = site(&clock).await;
    let mut visitor = Visitor::new(&app);
    visitor.log_in("ann", PASSWORD).await.location();
    let mut thief = visitor.clone();
    for _ in 0..4 {
        wait(&clock, HOUR / 4 - 1);
        assert_eq!(thief.who().await, "ann");
        thief.get("/keep/x/").await;
    }
    wait(&clock, 4);
    assert_eq!(thief.who().await, "nobody");
}
