//! Django's users on a site: what becomes of their sessions when they change.

use axum::Router;
use axum::response::Result;
use axum::routing::get;
use segue::auth::{Auth, UsernamePassword};
use segue::settings::{DatabaseUrl, PasswordHasher};
use segue::users::{NewUser, User, Users};

use crate::common;
use crate::common::databases::{self, Place};
use crate::{PASSWORD, QUICK};

/// A site, and the session of one of its users.
struct Visited {
    place: Place,
    site: segue::Site,
    app: Router,
    users: Users,
    ann: User,
    cookie: String,
}

async fn log_in(auth: Auth) -> Result<String> {
    let user = auth.authenticate(UsernamePassword::new("ann", PASSWORD)).await?;
    Ok(match user {
        Some(user) => auth.login(user).await?.to_string(),
        None => "no".to_owned(),
    })
}

async fn who(auth: Auth) -> Result<String> {
    let Some(user) = auth.user().await? else { return Ok("nobody".to_owned()) };
    let may = auth.has_perm("auth.delete_user").await?;
    let has_that = auth.has_perm("no.such_thing").await?;
    Ok(format!("{user} {may} {has_that} {}", auth.permissions().await?.len()))
}

impl Visited {
    async fn new() -> Self {
        let place = databases::sqlite();
        let mut settings = common::settings();
        settings.database_url = DatabaseUrl::parse(&place.url, std::path::Path::new("")).unwrap();
        settings.passwords.hashers = Some(vec![PasswordHasher::Pbkdf2Sha256 { iterations: QUICK }]);
        let routes = Router::new().route("/login", get(log_in)).route("/who", get(who));
        let site = segue::Site::new(settings, routes).await.unwrap();
        site.database().unwrap().migrate().await.unwrap();
        let users = site.users().unwrap().clone();
        let new = NewUser::new("ann").password(PASSWORD);
        let ann = users.create(new).await.unwrap().unwrap();
        let app = site.clone().into_router();
        let answer = common::get(&app, "/login", None).await;
        assert_eq!(answer.body, "ann");
        let mut cookies = answer.set_cookie.iter();
        let cookie = cookies.find(|cookie| cookie.starts_with("sessionid=")).unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { place, site, app, users, ann, cookie }
    }

    async fn who(&self) -> String {
        let answer = common::get(&self.app, "/who", Some(&self.cookie)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_written_down() {
    let visited = Visited::new().await;
    assert_eq!(visited.who().await, "ann false false 0");
    let ann = visited.users.by_id(visited.ann.id).await.unwrap().unwrap();
    assert!(ann.last_login.is_some_and(|date| date >= ann.date_joined));
    let rows = visited.place.rows("SELECT session_key FROM django_session").await;
    assert_eq!(rows, [[visited.cookie.strip_prefix("sessionid=").unwrap()]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_changed_is_somebody_else_at_the_next_request() {
    for sql in [
        "UPDATE auth_user SET is_active = 0",
        "UPDATE auth_user SET password = password || 'x'",
        "DELETE FROM auth_user",
    ] {
        let visited = Visited::new().await;
        assert_eq!(visited.who().await, "ann false false 0");
        assert_eq!(visited.place.run(sql).await, 1);
        assert_eq!(visited.who().await, "nobody", "{sql}");
        let rows = visited.place.rows("SELECT session_key FROM django_session").await;
        assert_eq!(rows.len(), 0, "the session has ended: {sql}");
    }
    let visited = Visited::new().await;
    visited.users.set_password(&visited.ann, PASSWORD).await.unwrap();
    assert_eq!(visited.who().await, "nobody", "a new hash of the same password too, as in Django");
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_hold_from_the_next_request() {
    let visited = Visited::new().await;
    visited
        .place
        .run(
            "INSERT INTO auth_user_user_permissions (user_id, permission_id) \
             SELECT u.id, p.id FROM auth_user u, auth_permission p WHERE codename = 'delete_user'",
        )
        .await;
    assert_eq!(visited.who().await, "ann true false 1");
    visited.place.run("DELETE FROM auth_user_user_permissions").await;
    assert_eq!(visited.who().await, "ann false false 0");
    visited.place.run("UPDATE auth_user SET is_superuser = 1").await;
    assert_eq!(visited.who().await, "ann true true 20");
}

/// A session of which only the id is strange: it names nobody, and is no error.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_none_is_nobody() {
    let mut visited = Visited::new().await;
    let key = segue::SessionKey::parse(visited.cookie.strip_prefix("sessionid=").unwrap());
    for id in ["\"\"", "\"ann\"", "\"1.0\"", "\"0x1\"", "\"99999999999999999999\"", "\"-1\"", "1"] {
        let ours = visited.site.sessions().open(key.clone()).load().await.unwrap();
        let other = visited.site.sessions().open(None).load().await.unwrap();
        for name in ["_auth_user_backend", "_auth_user_hash"] {
            other.insert_raw(name, &ours.get_raw(name).unwrap()).unwrap();
        }
        other.insert_raw("_auth_user_id", id).unwrap();
        other.save().await.unwrap();
        visited.cookie = format!("sessionid={}", other.key().unwrap().expose());
        assert_eq!(visited.who().await, "nobody", "{id}");
    }
}
