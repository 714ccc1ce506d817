//! A round on every engine: in, as another, with another password, and out.

use http::StatusCode;
use segue::settings::PasswordHasher;
use segue::users::NewUser;
use segue::{SecretKeys, Settings};

use crate::common::matrix;
use crate::site::{LOGOUT, NEW, PASSWORD, Visitor, routes};

/// The site, with the users ann and bob.
async fn open(mut settings: Settings) -> axum::Router {
    settings.passwords.hashers = Some(vec![PasswordHasher::Pbkdf2Sha256 { iterations: 10 }]);
    settings.csrf.cookie_secure = false;
    let routes = routes(&settings);
    let site = segue::Site::new(settings, routes).await.unwrap();
    site.database().unwrap().migrate().await.unwrap();
    for name in ["ann", "bob"] {
        let new = NewUser::new(name).password(PASSWORD);
        site.users().unwrap().create(new).await.unwrap().unwrap();
    }
    site.into_router()
}

async fn log_in(visitor: &mut Visitor, name: &str, password: &str, engine: &str) {
    let answer = visitor.log_in(name, password).await;
    assert_eq!(answer.status, StatusCode::FOUND, "{engine}: {answer:?}");
    assert_eq!(visitor.who().await, name, "{engine}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_cookies_are_dead_after_each_of_them() {
    for engine in matrix::engines() {
        let app = open(Settings::from_file(engine.file()).unwrap()).await;
        let engine = engine.name;
        let mut visitor = Visitor::new(&app);
        visitor.get("/keep/cart/").await;
        let mut old = vec![visitor.clone()];
        log_in(&mut visitor, "ann", PASSWORD, engine).await;
        assert_eq!(visitor.get("/kept/").await.body, "cart", "{engine}");
        old.push(visitor.clone());
        log_in(&mut visitor, "ann", PASSWORD, engine).await;
        old.push(visitor.clone());
        log_in(&mut visitor, "bob", PASSWORD, engine).await;
        assert_eq!(visitor.get("/kept/").await.body, "nothing", "{engine}");
        let mut elsewhere = Visitor::new(&app);
        log_in(&mut elsewhere, "bob", PASSWORD, engine).await;
        visitor.get("/keep/letter/").await;
        old.extend([visitor.clone(), elsewhere]);
        visitor.change(PASSWORD, NEW, NEW).await.location();
        assert_eq!(visitor.who().await, "bob", "{engine}");
        assert_eq!(visitor.get("/kept/").await.body, "letter", "{engine}");
        old.push(visitor.clone());
        assert_eq!(visitor.post(LOGOUT, &[]).await.status, StatusCode::OK, "{engine}");
        old.push(visitor);
        for visitor in &mut old {
            assert_eq!(visitor.who().await, "nobody", "{engine}");
            assert_eq!(visitor.get("/kept/").await.body, "nothing", "{engine}");
        }
        let keys: std::collections::BTreeSet<_> =
            old.iter().filter_map(|visitor| visitor.session().cloned()).collect();
        assert!(keys.is_empty(), "{engine}: all cookies were taken back");
    }
}

/// What is in the cookie alone cannot be ended on the server: a copy of it is as good as it was,
/// until it expires or the password changes. That much holds, and this test says so.
#[tokio::test]
async fn in_cookies_a_copy_outlives_the_logout_and_not_the_password() {
    use segue::settings::SessionEngine::{EncryptedCookies, SignedCookies};
    for engine in [SignedCookies, EncryptedCookies] {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = crate::site::settings_in(&folder);
        settings.secret_keys = SecretKeys::new("the key of a site whose sessions are in cookies");
        settings.session.engine = engine;
        let app = open(settings).await;
        let engine = format!("{engine:?}");
        let mut visitor = Visitor::new(&app);
        visitor.get("/keep/cart/").await;
        let mut planted = visitor.clone();
        log_in(&mut visitor, "ann", PASSWORD, &engine).await;
        assert_eq!(planted.who().await, "nobody", "no copy of a stranger's becomes a login");
        assert_eq!(visitor.get("/kept/").await.body, "cart", "{engine}");
        log_in(&mut visitor, "bob", PASSWORD, &engine).await;
        assert_eq!(visitor.get("/kept/").await.body, "nothing", "{engine}");

        let mut copy = visitor.clone();
        visitor.post(LOGOUT, &[]).await;
        assert_eq!(visitor.session(), None, "{engine}");
        assert_eq!(copy.who().await, "bob", "{engine}: the server cannot know");
        log_in(&mut visitor, "bob", PASSWORD, &engine).await;
        visitor.change(PASSWORD, NEW, NEW).await.location();
        assert_eq!(visitor.who().await, "bob", "{engine}");
        assert_eq!(copy.who().await, "nobody", "{engine}: but this ends it");
    }
}
