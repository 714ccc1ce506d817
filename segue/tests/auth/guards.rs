//! Who may come in, and what the others get.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get};
use segue::auth::{
    Permission, PermissionRequired, login_required, permission_required, user_passes_test,
};

use crate::club::{Member, OK, Site, page};
use crate::common::{Answer, settings};

struct AddChoice;

impl Permission for AddChoice {
    const NAME: &'static str = "polls.add_choice";
}

async fn add(user: PermissionRequired<AddChoice, Member>) -> String {
    format!("{} adds", user.name)
}

fn site() -> Site {
    Site::with(&settings(), |auth| auth, routes)
}

fn routes(routes: Router) -> Router {
    let hello = || get(|| async { "hello" });
    let inner = Router::new().route("/deep/", hello()).route_layer(login_required());
    let whole = Router::new()
        .route("/whole/a", hello())
        .route("/whole/b", any(|| async { "hello" }))
        .route_layer(login_required());
    let polls =
        Router::new().route("/polls", hello()).route_layer(permission_required("polls.add_choice"));
    let tested = Router::new()
        .route("/tested", hello())
        .route_layer(user_passes_test(|member: &Member| member.name.starts_with('b')));
    routes.route("/add", get(add)).nest("/nested", inner).merge(whole).merge(polls).merge(tested)
}

#[tokio::test]
async fn browsers_are_sent_to_the_login_and_find_back() {
    let site = site();
    for (path, next) in [
        ("/members", "/members"),
        ("/members?a=b&c=%2F", "/members%3Fa%3Db%26c%3D%252F"),
        ("/whole/a", "/whole/a"),
        ("/nested/deep/?x=1", "/nested/deep/%3Fx%3D1"),
        ("/polls", "/polls"),
        ("/tested", "/tested"),
        ("/add", "/add"),
    ] {
        let response = site.send(page(path, None)).await;
        assert_eq!(response.status(), StatusCode::FOUND, "{path}");
        let location = response.headers()["location"].to_str().unwrap();
        assert_eq!(location, format!("/accounts/login/?next={next}"));
    }
}

#[tokio::test]
async fn programs_get_a_401_that_says_so() {
    let site = site();
    for path in ["/members", "/whole/a", "/nested/deep/", "/polls", "/tested", "/add"] {
        let request = http::Request::get(path).header("host", "example.com");
        let request = request.header("accept", "application/json");
        let response = site.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(response.headers().contains_key("www-authenticate"), "{path}");
        assert!(!response.headers().contains_key("location"), "{path}");
    }
}

#[tokio::test]
async fn who_may_comes_in_and_who_may_not_gets_a_403() {
    let site = site();
    site.club.change("bob", |bob| bob.permissions.push("polls.add_choice"));
    let (ann, bob) = (site.logged_in("ann").await, site.logged_in("bob").await);
    for (path, of_ann, of_bob) in [
        ("/members", 200, 200),
        ("/whole/a", 200, 200),
        ("/whole/b", 200, 200),
        ("/nested/deep/", 200, 200),
        ("/polls", 403, 200),
        ("/add", 403, 200),
        ("/tested", 403, 200),
    ] {
        for (cookie, status) in [(&ann, of_ann), (&bob, of_bob)] {
            let response = site.send(page(path, Some(cookie))).await;
            assert_eq!(response.status(), status, "{path}");
        }
    }
    assert_eq!(site.get("/add", Some(&bob)).await.body, "bob adds");
}

#[tokio::test]
async fn superusers_may_everything_and_who_is_not_active_nothing() {
    let site = site();
    let cookie = site.logged_in("ann").await;
    site.club.change("ann", |ann| ann.superuser = true);
    assert_eq!(site.get("/polls", Some(&cookie)).await.status, OK);
    assert_eq!(site.get("/tested", Some(&cookie)).await.status, 403, "a test is a test");
    site.club.change("ann", |ann| ann.active = false);
    assert_eq!(site.get("/polls", Some(&cookie)).await.status, 401);
}

/// Another path than those that are guarded is what it was.
#[tokio::test]
async fn a_guard_leaves_the_others_alone() {
    let site = site();
    assert_eq!(site.get("/public", None).await.status, OK);
    assert_eq!(site.get("/whole/c", None).await.status, 404);
}

/// With the login elsewhere it must know from which site the visitor comes.
#[tokio::test]
async fn the_login_may_be_on_another_site() {
    let mut settings = settings();
    for (login, expected) in [
        ("https://sso.example/", "https://sso.example/?next=http%3A//example.com/members"),
        ("http://example.com/in/", "http://example.com/in/?next=/members"),
        ("https://example.com/in/", "https://example.com/in/?next=http%3A//example.com/members"),
        ("/in/?from=rust", "/in/?from=rust&next=/members"),
    ] {
        settings.auth.login_url = login.to_owned();
        let site = Site::with(&settings, |auth| auth, routes);
        let response = site.send(page("/members", None)).await;
        assert_eq!(response.headers()["location"], expected);
    }
}

/// A path that browsers take for another host stays a path of this one, in `next` as well.
#[tokio::test]
async fn a_path_that_looks_like_a_host_leads_nowhere_else() {
    let site = Site::with(
        &settings(),
        |auth| auth,
        |routes| {
            routes.fallback_service(
                Router::new().fallback(|| async { "hello" }).layer(login_required()),
            )
        },
    );
    for path in ["//evil.example/", "/%0d%0aset-cookie:a=b"] {
        let response = site.send(page(path, None)).await;
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        assert!(location.starts_with("/accounts/login/?next=/"), "{location}");
        assert!(response.headers().get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn the_answer_says_that_it_depends_on_the_cookie() {
    let site = site();
    let cookie = site.logged_in("ann").await;
    for cookie in [None, Some(cookie.as_str())] {
        let answer = Answer::of(site.send(page("/members", cookie)).await).await;
        assert_eq!(answer.vary.as_deref(), Some("Cookie"), "{cookie:?}");
    }
}
