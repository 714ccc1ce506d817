//! What a request costs the database, as PostgreSQL itself counts it.

use axum::Router;
use axum::response::Result;
use axum::routing::get;
use http::{Method, Request, StatusCode};
use segue::auth::{Auth, LoginRequired, UsernamePassword, login_required, permission_required};
use segue::settings::{DatabaseUrl, PasswordHasher};
use segue::users::NewUser;
use servers::Postgres;

use crate::common::{self, HOST};
use crate::{PASSWORD, QUICK};

/// A server that counts the calls of each statement, and nobody else's.
struct Counted {
    server: Postgres,
}

impl Counted {
    fn start() -> Self {
        let server = Postgres::start().unwrap();
        let query = |sql: &str| server.query("postgres", sql).unwrap();
        query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
        server.kill().unwrap();
        server.restart().unwrap();
        server.create_database("site").unwrap();
        let counted = Self { server };
        counted.query("CREATE EXTENSION pg_stat_statements");
        counted
    }

    fn query(&self, sql: &str) -> String {
        self.server.query("site", sql).unwrap()
    }

    /// How often each table was asked for since the last time, by any statement at all.
    fn calls(&self) -> [u64; 3] {
        let calls = self.query(
            "SELECT coalesce(sum(calls) FILTER (WHERE query LIKE '%django_session%'), 0), \
             coalesce(sum(calls) FILTER (WHERE query LIKE '%FROM auth_user%'), 0), \
             coalesce(sum(calls), 0) FROM pg_stat_statements \
             WHERE query NOT LIKE '%pg_stat_statements%'",
        );
        self.query("SELECT pg_stat_statements_reset()");
        let mut numbers = calls.trim().split('|').map(|number| number.parse().unwrap());
        std::array::from_fn(|_| numbers.next().unwrap())
    }
}

async fn log_in(auth: Auth) -> Result<String> {
    let user = auth.authenticate(UsernamePassword::new("ann", PASSWORD)).await?.unwrap();
    Ok(auth.login(user).await?.to_string())
}

/// Everybody asks: guards, arguments, and the handler.
async fn curious(first: Auth, LoginRequired(user): LoginRequired, second: Auth) -> Result<String> {
    assert_eq!(first.user().await?, second.user().await?);
    assert!(!first.has_perm("auth.delete_user").await?);
    assert!(second.has_module_perms("auth").await?);
    Ok(user.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_members_page_costs_a_session_and_a_user_and_a_public_one_nothing() {
    let counted = Counted::start();
    let url = counted.server.url("site");
    let mut settings = common::settings();
    settings.database_url = DatabaseUrl::parse(&url, std::path::Path::new("")).unwrap();
    settings.passwords.hashers = Some(vec![PasswordHasher::Pbkdf2Sha256 { iterations: QUICK }]);
    let guarded = Router::new()
        .route("/curious", get(curious))
        .route_layer(permission_required("auth.view_group"))
        .route_layer(login_required());
    let routes = Router::new()
        .route("/public", get(|| async { "for all" }))
        .route("/members", get(async |LoginRequired(user): LoginRequired| user.to_string()))
        .route("/login", get(log_in))
        .route("/logout", get(async |auth: Auth| auth.logout().await))
        .merge(guarded);
    let site = segue::Site::new(settings, routes).await.unwrap();
    site.database().unwrap().migrate().await.unwrap();
    let users = site.users().unwrap().clone();
    let ann = users.create(NewUser::new("ann").password(PASSWORD)).await.unwrap().unwrap();
    counted.query(&format!(
        "INSERT INTO auth_user_user_permissions (user_id, permission_id) \
         SELECT {}, id FROM auth_permission WHERE codename = 'view_group'",
        ann.id
    ));
    let app = site.into_router();
    let answer = common::get(&app, "/login", None).await;
    let cookie = answer.set_cookie.iter().find(|cookie| cookie.starts_with("sessionid="));
    let cookie = cookie.unwrap().split(';').next().unwrap().to_owned();
    // Statements are prepared, and connections greet, when they are new.
    common::get(&app, "/curious", Some(&cookie)).await;
    counted.calls();

    let costs = async |path: &str, cookie: Option<&str>, status: StatusCode| {
        let request = Request::builder().method(Method::GET).uri(path).header("host", HOST);
        let request = match cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(app.clone(), request).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        counted.calls()
    };
    let ok = StatusCode::OK;
    assert_eq!(costs("/public", Some(&cookie), ok).await, [0, 0, 0]);
    assert_eq!(costs("/members", Some(&cookie), ok).await, [1, 1, 2]);
    assert_eq!(costs("/curious", Some(&cookie), ok).await, [1, 1, 3], "and its permissions");
    let refused = StatusCode::UNAUTHORIZED;
    assert_eq!(costs("/members", None, refused).await, [0, 0, 0]);
    let unknown = format!("sessionid={}", common::KEY);
    assert_eq!(costs("/members", Some(&unknown), refused).await, [1, 0, 1]);

    // Without the user the session is ended as well: a load, a query, a deletion.
    counted.query("DELETE FROM auth_user_user_permissions");
    counted.query("DELETE FROM auth_user");
    counted.calls();
    let [sessions, users, all] = costs("/members", Some(&cookie), refused).await;
    assert_eq!((users, all), (1, sessions + 1));
    assert_eq!(costs("/members", Some(&cookie), refused).await, [1, 0, 1]);
}
