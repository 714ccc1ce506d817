//! A site with a login, on a database of its own.

use axum::Router;
use axum::routing::get;
use segue::auth::views;
use segue::settings::DatabaseUrl;
use segue::users::NewUser;
use segue::{Settings, Site, Templates};
use tempfile::TempDir;

use crate::Result;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The host that requests are for.
pub(crate) const HOST: &str = "localhost";

/// So many users with the same password, `user0` and so on; the folder holds the database.
pub(crate) async fn site(
    users: usize,
    change: impl FnOnce(&mut Settings),
) -> Result<(Router, TempDir)> {
    let folder = tempfile::tempdir()?;
    let mut settings = Settings::new("a secret key for the benchmark, of fifty letters and more");
    settings.allowed_hosts.push(HOST.to_owned());
    settings.database_url = DatabaseUrl::default_in(folder.path());
    // Every attempt is to be measured.
    settings.throttle.limit = 0;
    change(&mut settings);
    let routes = Router::new()
        .route("/plain", get(|| async { "Hello" }))
        .nest("/accounts", views::urls())
        .with_state(Templates::new(&settings));
    let site = Box::pin(Site::new(settings, routes)).await?;
    let (Some(database), Some(accounts)) = (site.database(), site.users()) else {
        return Err("the site has users in a database".into());
    };
    Box::pin(database.migrate()).await?;
    for user in 0..users {
        let new = NewUser::new(format!("user{user}")).password(PASSWORD);
        accounts.create(new).await?.ok_or("the database is new")?;
    }
    Ok((site.into_router(), folder))
}

/// The login form of somebody, with the token of a form.
pub(crate) fn login(
    username: &str,
    password: &str,
) -> Result<axum::http::Request<axum::body::Body>> {
    let token = "abcdefghijklmnopqrstuvwxyzABCDEF";
    let password = password.replace(' ', "+");
    let form = format!("csrfmiddlewaretoken={token}&username={username}&password={password}");
    Ok(axum::http::Request::post("/accounts/login/")
        .header("host", HOST)
        .header("cookie", format!("csrftoken={token}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(form))?)
}
