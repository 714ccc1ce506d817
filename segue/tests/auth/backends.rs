//! Several backends, and those of somebody else.

#[path = "../../examples/own_users.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod own_users;

use crate::club::{CLUB, Club, Member, OK, Site};
use crate::common::settings;

#[tokio::test]
async fn backends_are_asked_in_turn_and_the_session_remembers_which() {
    let guests = Club::new("guests.Backend", &["gil", "ann"]);
    guests.change("ann", |ann| ann.password = "the guest's".to_owned());
    let site = Site::with(&settings(), |auth| auth.backend(guests.clone()), |routes| routes);
    let gil = site.logged_in("gil").await;
    assert_eq!(site.get("/kept/_auth_user_backend", Some(&gil)).await.body, "\"guests.Backend\"");
    assert_eq!(site.who(&gil).await, "gil");

    // Both have an ann, and she is who the backend says.
    let member = site.logged_in("ann").await;
    let guest = site.get("/login/ann?password=the%20guest%27s", None).await.cookie();
    for (cookie, backend) in [(&member, CLUB), (&guest, "guests.Backend")] {
        let kept = site.get("/kept/_auth_user_backend", Some(cookie)).await.body;
        assert_eq!(kept, format!("{backend:?}"));
        assert_eq!(site.who(cookie).await, "ann");
    }
    guests.remove("ann");
    assert_eq!(site.who(&guest).await, "nobody");
    assert_eq!(site.who(&member).await, "ann");
}

/// Two backends may have the same ids for different people.
#[tokio::test]
async fn the_same_id_of_another_backend_is_somebody_else() {
    let guests = Club::new("guests.Backend", &["ann"]);
    let site = Site::with(&settings(), |auth| auth.backend(guests), |routes| routes);
    let member = site.logged_in("ann").await;
    site.get("/keep/letter/private", Some(&member)).await;
    let guest = site.get("/trust/ann?backend=guests.Backend", Some(&member)).await.cookie();
    assert_eq!(site.get("/kept/letter", Some(&guest)).await.body, "nothing");
}

/// It is a Django's on the same sessions: not ours to log out.
#[tokio::test]
async fn a_session_of_an_unknown_backend_is_left_alone() {
    let site = Site::new();
    let cookie = site.logged_in("ann").await;
    site.get("/keep/_auth_user_backend/allauth.Backend", Some(&cookie)).await;
    let answer = site.get("/who", Some(&cookie)).await;
    assert_eq!(answer.body, "nobody");
    assert!(answer.set_cookie.is_empty(), "{answer:?}");
    assert!(site.has(&cookie));
}

#[tokio::test]
async fn nobody_is_logged_in_by_a_backend_that_is_not_there() {
    let site = Site::new();
    let answer = site.get("/trust/ann?backend=other.Backend", None).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("\"other.Backend\""), "{}", answer.body);
    assert!(site.store.records().is_empty());
}

/// What no session of ours holds: Django writes texts.
#[tokio::test]
async fn keys_that_make_no_sense_are_nobodys() {
    let site = Site::new();
    for key in ["_auth_user_id", "_auth_user_hash"] {
        let cookie = site.logged_in("ann").await;
        assert_eq!(site.get(&format!("/keep/{key}/x"), Some(&cookie)).await.status, OK);
        assert_eq!(site.who(&cookie).await, "nobody", "{key}");
        assert!(!site.has(&cookie), "{key}");
    }
}

#[tokio::test]
async fn a_backend_that_denies_is_the_last_that_is_asked() {
    let guests = Club::new("guests.Backend", &["ann"]);
    guests.change("banned", |banned: &mut Member| banned.password = "banned's secret".to_owned());
    let after = Site::with(&settings(), |auth| auth.backend(guests.clone()), |routes| routes);
    assert_eq!(after.get("/login/banned", None).await.body, "no");
    assert_eq!(after.get("/login/ann", None).await.body, "welcome, ann");
}

/// The example, which says how many lines it takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_type_of_ones_own_takes_thirty_lines() {
    let app = own_users::site(&settings()).await.unwrap();
    let ask = async |method: &str, path: &str, cookie: Option<&str>| {
        crate::common::send(&app, method.parse().unwrap(), path, cookie).await
    };
    assert_eq!(ask("GET", "/", None).await.body, "Who are you?\n");
    assert_eq!(ask("POST", "/login/ann/a-guess", None).await.body, "No.\n");
    let answer = ask("POST", "/login/ann/correct-horse", None).await;
    assert_eq!(answer.body, "Welcome, ann\n");
    let cookie = answer.set_cookie.iter().find(|cookie| cookie.starts_with("sessionid=")).unwrap();
    let cookie = cookie.split(';').next();
    assert_eq!(ask("GET", "/", cookie).await.body, "Hello, ann\n");
    assert_eq!(ask("GET", "/members", cookie).await.body, "You are number 1\n");
    assert_eq!(ask("GET", "/members", None).await.status, 401);

    let source = include_str!("../../examples/own_users.rs");
    let lines = source.split("// Thirty lines make them users.\n").nth(1).unwrap();
    let lines = lines.split("// So much for the thirty lines.").next().unwrap();
    let count = lines.lines().filter(|line| !line.trim().is_empty()).count();
    assert!((20..=30).contains(&count), "{count} lines");
}
