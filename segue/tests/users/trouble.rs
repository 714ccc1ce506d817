//! A database that is down or not prepared: an error, never "nobody".

use segue::database::Database;
use segue::users::{NewUser, User};
use segue::{AuthError, AuthErrorKind, describe};

use crate::{PASSWORD, QUICK, Site, databases, users};

/// What each method answers.
async fn errors(users: &segue::users::Users, user: &User) -> Vec<AuthError> {
    let new = NewUser::new("zoe").password(PASSWORD);
    vec![
        users.by_id(user.id).await.unwrap_err(),
        users.by_username("ann").await.unwrap_err(),
        users.by_username("nobody").await.unwrap_err(),
        users.create(new).await.unwrap_err(),
        users.set_password(user, PASSWORD).await.unwrap_err(),
        users.authenticate("ann", PASSWORD).await.unwrap_err(),
        users.authenticate("nobody", PASSWORD).await.unwrap_err(),
        users.update_last_login(user).await.unwrap_err(),
        users.permissions(user).await.unwrap_err(),
        users.groups(user).await.unwrap_err(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_the_tables_says_what_to_do() {
    for (place, bare) in databases::all().into_iter().zip(databases::all()) {
        let site = Site::on(place).await;
        let ann = site.users.create(NewUser::new("ann")).await.unwrap().unwrap();
        let bare = Database::from_url(&bare.url).await.unwrap();
        for error in errors(&users(&bare, Some(QUICK)), &ann).await {
            assert_eq!(error.kind(), AuthErrorKind::UsersFailed);
            let text = describe(&error);
            assert!(text.contains("lacks a table of Django's: run `migrate` first"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_is_unavailable() {
    let server = servers::Postgres::start().unwrap();
    server.create_database("site").unwrap();
    let place = databases::Place::at(server.url("site"));
    let site = Site::on(place).await;
    let new = NewUser::new("ann").password(PASSWORD);
    let ann = site.users.create(new).await.unwrap().unwrap();
    server.kill().unwrap();
    for error in errors(&site.users, &ann).await {
        assert_eq!((error.kind(), error.kind().status()), (AuthErrorKind::UsersFailed, 503));
        let text = describe(&error);
        assert!(text.contains("no connection to the database"), "{text}");
    }
}

/// A user who may not log in has no permissions, and no database is asked for them.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_what_the_barred_may_do() {
    let site = Site::on(databases::sqlite()).await;
    let gone = site.users.create(NewUser::new("gone").inactive()).await.unwrap().unwrap();
    site.database.close().await;
    assert!(site.users.permissions(&gone).await.unwrap().is_empty());
}
