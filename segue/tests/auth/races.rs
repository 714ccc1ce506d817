//! Requests of one session that meet at a login, a logout or another password.

use crate::club::{OK, Site};

/// Two tabs of one visitor, or two visitors who were given one key: each has a whole session.
#[tokio::test]
async fn two_logins_at_once_leave_two_whole_sessions() {
    for names in [["ann", "ann"], ["ann", "bob"]] {
        for _ in 0..20 {
            let site = Site::new();
            let before = site.get("/keep/cart/apples", None).await.cookie();
            let path = |name: &str| format!("/login/{name}");
            let paths = names.map(path);
            let (one, two) = tokio::join!(
                site.get(&paths[0], Some(&before)),
                site.get(&paths[1], Some(&before))
            );
            assert_eq!((one.status, two.status), (OK, OK), "{one:?} {two:?}");
            assert_ne!(one.cookie(), two.cookie());
            for (answer, name) in [(&one, names[0]), (&two, names[1])] {
                assert_eq!(site.who(&answer.cookie()).await, name);
            }
            assert!(!site.has(&before));
        }
    }
}

#[tokio::test]
async fn a_login_while_the_same_session_is_logged_out_stands() {
    for _ in 0..20 {
        let site = Site::new();
        let before = site.logged_in("ann").await;
        site.get("/keep/letter/private", Some(&before)).await;
        let (login, logout) =
            tokio::join!(site.get("/login/ann", Some(&before)), site.get("/logout", Some(&before)));
        assert_eq!((login.status, logout.status), (OK, OK), "{login:?} {logout:?}");
        assert!(!site.has(&before), "the logout is not undone");
        let after = login.set_cookie.iter().find(|cookie| !cookie.contains("Max-Age=0"));
        let after = after.unwrap().split(';').next().unwrap().to_owned();
        assert_eq!(site.who(&after).await, "ann");
    }
}

/// A page that is open beside it, and asks all the time, must not log out the one who changes it.
#[tokio::test]
async fn another_password_stands_while_others_use_the_session() {
    for _ in 0..20 {
        let site = Site::new();
        let before = site.logged_in("ann").await;
        let (changed, _, _) = tokio::join!(
            site.get("/password/new", Some(&before)),
            site.get("/who", Some(&before)),
            site.get("/keep/cart/apples", Some(&before)),
        );
        assert_eq!(changed.status, OK, "{changed:?}");
        assert_eq!(site.who(&changed.cookie()).await, "ann");
        assert!(!site.has(&before));
    }
}

/// While keys are being replaced many requests of one session come at once: none is refused.
#[tokio::test]
async fn the_hash_is_renewed_by_many_requests_at_once() {
    use segue::{SecretKey, SecretKeys};

    use crate::common::settings;
    let mut old = settings();
    old.secret_keys = SecretKeys::new("old-key");
    let before = Site::with(&old, |auth| auth, |routes| routes);
    let cookie = before.logged_in("ann").await;
    let mut new = settings();
    new.secret_keys.fallbacks.push(SecretKey::new("old-key"));
    let site = Site::with(&new, |auth| auth, |routes| routes);
    site.store.records().clone_from(&before.store.records());
    let ask = || site.get("/who", Some(&cookie));
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    for answer in [a, b, c, d] {
        assert_eq!((answer.status, answer.body.as_str()), (OK, "ann"));
    }
    assert!(site.has(&cookie));
}
