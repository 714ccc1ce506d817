//! What it costs to know who it is: nothing where nobody asks, and one question each otherwise.

use std::sync::atomic::Ordering::SeqCst;

use axum::Router;
use axum::response::Result;
use axum::routing::get;
use segue::auth::{Auth, LoginRequired, login_required, permission_required};

use crate::club::{Member, OK, Site};
use crate::common::{Calls, settings};

/// Everybody asks: two guards, two arguments, and the handler.
async fn curious(
    first: Auth<Member>,
    LoginRequired(user): LoginRequired<Member>,
    second: Auth<Member>,
) -> Result<String> {
    assert_eq!(first.user().await?, second.user().await?);
    assert!(first.has_perm("club.enter").await? && second.has_perms(&["club.enter"]).await?);
    assert!(second.has_module_perms("club").await?);
    Ok(user.name.clone())
}

fn site() -> Site {
    Site::with(
        &settings(),
        |auth| auth,
        |routes| {
            let guarded = Router::new()
                .route("/curious", get(curious))
                .route_layer(permission_required("club.enter"))
                .route_layer(login_required());
            routes.merge(guarded)
        },
    )
}

#[tokio::test]
async fn a_members_page_costs_one_load_and_one_query() {
    let site = site();
    let cookie = site.logged_in("ann").await;
    site.store.calls();
    assert_eq!(site.get("/members", Some(&cookie)).await.body, "for ann only");
    assert_eq!(site.store.calls(), Calls { load: 1, ..Calls::default() });
    assert_eq!(site.club.asked.swap(0, SeqCst), 1);
    assert_eq!(site.club.asked_permissions.load(SeqCst), 0);
}

#[tokio::test]
async fn however_many_ask_it_is_asked_once() {
    let site = site();
    site.club.change("ann", |ann| ann.permissions.push("club.enter"));
    let cookie = site.logged_in("ann").await;
    site.store.calls();
    assert_eq!(site.get("/curious", Some(&cookie)).await.body, "ann");
    assert_eq!(site.store.calls(), Calls { load: 1, ..Calls::default() });
    assert_eq!(site.club.asked.load(SeqCst), 1);
    assert_eq!(site.club.asked_permissions.load(SeqCst), 1);
}

#[tokio::test]
async fn a_public_page_costs_nothing() {
    let site = site();
    let cookie = site.logged_in("ann").await;
    site.store.calls();
    let answer = site.get("/public", Some(&cookie)).await;
    assert_eq!((answer.status, answer.vary), (OK, None));
    assert_eq!(site.store.calls(), Calls::default());
    assert_eq!(site.club.asked.load(SeqCst), 0);
}

/// Nobody who is not logged in is looked for.
#[tokio::test]
async fn a_stranger_costs_no_query() {
    let site = site();
    let stranger = site.get("/keep/cart/apples", None).await.cookie();
    site.store.calls();
    assert_eq!(site.who(&stranger).await, "nobody");
    assert_eq!(site.get("/members", Some(&stranger)).await.status, 401);
    assert_eq!(site.store.calls(), Calls { load: 2, ..Calls::default() });
    assert_eq!(site.get("/who", None).await.body, "nobody");
    assert_eq!(site.store.calls(), Calls::default());
    assert_eq!(site.club.asked.load(SeqCst), 0);
}

#[tokio::test]
async fn a_superuser_is_not_asked_for_permissions() {
    let site = site();
    site.club.change("ann", |ann| ann.superuser = true);
    let cookie = site.logged_in("ann").await;
    assert_eq!(site.get("/curious", Some(&cookie)).await.body, "ann");
    assert_eq!(site.club.asked_permissions.load(SeqCst), 0);
}
