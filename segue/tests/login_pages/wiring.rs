//! What `Site` makes of the settings, and what happens when the users' database is in trouble.

use std::sync::{Arc, Mutex};

use http::StatusCode;
use segue::settings::SessionEngine;
use segue::users::NewUser;

use crate::common::Log;
use crate::site::{CHANGE, LOGIN, LOGOUT, PASSWORD, Site, Visitor, routes, settings_in};

#[tokio::test]
async fn without_backends_nobody_logs_in_and_no_database_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings_in(&folder);
    settings.session.engine = SessionEngine::Memory;
    settings.auth.backends.clear();
    let routes = routes(&settings);
    let site = segue::Site::new(settings, routes).await.unwrap();
    assert!(site.database().is_none() && site.users().is_none());
    assert!(!folder.path().join("db.sqlite3").exists());
    let site = site.configure_auth(|auth| {
        panic!("there is nothing to configure: {auth:?}");
    });
    let mut visitor = Visitor::new(&site.into_router());
    for path in ["/who/", "/members/", "/guarded/", LOGIN, CHANGE] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        answer.shows(&["no `AuthLayer` stands around it"]);
    }
    assert_eq!(visitor.get("/keep/x/").await.status, StatusCode::OK, "sessions are there");
}

/// What programs call is not checked for forgery, and may ask who it is all the same.
#[tokio::test]
async fn routes_that_are_exempt_have_the_login_too() {
    use axum::{Router, routing::post};
    use segue::auth::LoginRequired;
    let hook = Router::new().route(
        "/hook/",
        post(|LoginRequired(user): LoginRequired| async move { user.to_string() }),
    );
    let site = Site::build(|_| {}, |site| site.csrf_exempt(hook)).await;
    let mut visitor = site.logged_in("ann").await;
    let answer = visitor.send(http::Method::POST, "/hook/", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "ann"));
    let answer = site.visitor().send(http::Method::POST, "/hook/", "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sessions_elsewhere_and_users_in_the_database() {
    let redis = format!("{}/5", servers::shared::redis());
    for engine in ["memory", "cache"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        let text = format!(
            "SECRET_KEY = \"a secret key for the sessions that are elsewhere\"\nALLOWED_HOSTS = \
             [\"*\"]\nSESSION_ENGINE = \"{engine}\"\nCACHE_URL = \"{redis}\"\n\
             SESSION_COOKIE_SECURE = false\nPASSWORD_HASHERS = [\"md5\"]\n"
        );
        std::fs::write(&file, text).unwrap();
        let settings = segue::Settings::from_file(&file).unwrap();
        let routes = routes(&settings);
        let site = segue::Site::new(settings, routes).await.unwrap();
        site.database().unwrap().migrate().await.unwrap();
        let new = NewUser::new("ann").password(PASSWORD);
        site.users().unwrap().create(new).await.unwrap().unwrap();
        let mut visitor = Visitor::new(&site.clone().into_router());
        visitor.log_in("ann", PASSWORD).await.location();
        assert_eq!(visitor.who().await, "ann", "{engine}");
        visitor.post(LOGOUT, &[]).await;
        assert_eq!(visitor.who().await, "nobody", "{engine}");
        site.close().await;
        let answer = visitor.log_in("ann", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "it is closed");
    }
}

#[tokio::test]
async fn whoever_wants_to_know_of_logins_is_told_by_the_pages() {
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let (into, out, failed) = (Arc::clone(&said), Arc::clone(&said), Arc::clone(&said));
    let site = Site::build(
        |_| {},
        |site| {
            site.configure_auth(|auth| {
                auth.user_logged_in(move |event| {
                    into.lock().unwrap().push(format!("{} in", event.user));
                    async {}
                })
                .user_logged_out(move |event| {
                    let name = event.user.map(|user| user.username.clone());
                    out.lock().unwrap().push(format!("{name:?} out by {:?}", event.request));
                    async {}
                })
                .user_login_failed(move |event| {
                    failed.lock().unwrap().push(format!("{:?} failed", event.username));
                    async {}
                })
            })
        },
    )
    .await;
    let mut visitor = site.visitor();
    visitor.log_in("ann", "a guess").await;
    visitor.log_in("ann", PASSWORD).await.location();
    visitor.post(LOGOUT, &[]).await;
    let out = "Some(\"ann\") out by RequestInfo { method: POST, path: \"/accounts/logout/\", .. }";
    assert_eq!(*said.lock().unwrap(), ["Some(\"ann\") failed", "ann in", out]);
}

#[tokio::test]
async fn tables_that_are_missing_are_named_in_the_log_and_not_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings_in(&folder);
    settings.session.engine = SessionEngine::Memory;
    let routes = routes(&settings);
    let app = segue::Site::new(settings, routes).await.unwrap().into_router();
    let log = Log::start();
    let mut visitor = Visitor::new(&app);
    assert_eq!(visitor.get(LOGIN).await.status, StatusCode::OK);
    let answer = visitor.log_in("ann", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.body.contains("auth_user"), "{answer:?}");
    assert_eq!(visitor.session(), None);
    let log = log.take();
    assert!(log.contains("auth_user") && log.contains("`migrate`"), "{log}");
    assert_eq!(visitor.who().await, "nobody", "strangers need no users");
}

/// "Nobody" would be a logout, and "somebody" a hole.
#[tokio::test]
async fn a_database_that_goes_away_logs_nobody_out() {
    for engine in [SessionEngine::Memory, SessionEngine::Database] {
        let site = Site::with(|settings| settings.session.engine = engine).await;
        let mut visitor = site.logged_in("ann").await;
        let before = visitor.session().cloned();
        site.break_database();
        for path in ["/who/", "/members/", "/guarded/", CHANGE] {
            let answer = visitor.open(path).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{engine:?} {path}");
            assert_eq!(answer.header("set-cookie"), None, "{engine:?} {path}");
        }
        let answer = visitor.change(PASSWORD, "x", "y").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        site.mend_database();
        assert_eq!(visitor.session().cloned(), before);
        assert_eq!(visitor.who().await, "ann", "{engine:?}");
    }
}

/// Whoever wants to leave can, also while nobody can look up who they are.
#[tokio::test]
async fn a_logout_does_not_need_the_users() {
    let told: Arc<Mutex<Vec<bool>>> = Arc::default();
    let out = Arc::clone(&told);
    let site = Site::build(
        |settings| settings.session.engine = SessionEngine::Memory,
        |site| {
            site.configure_auth(|auth| {
                auth.user_logged_out(move |event| {
                    out.lock().unwrap().push(event.user.is_some());
                    async {}
                })
            })
        },
    )
    .await;
    let mut visitor = site.logged_in("ann").await;
    let mut copy = visitor.clone();
    site.break_database();
    assert_eq!(visitor.post(LOGOUT, &[]).await.status, StatusCode::OK);
    site.mend_database();
    assert_eq!(copy.who().await, "nobody");
    assert_eq!(*told.lock().unwrap(), [false]);
}
