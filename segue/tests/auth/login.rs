//! What a login, a logout and another password do to the session.

use axum::http::StatusCode;
use segue::{SecretKey, SecretKeys};

use crate::club::{OK, Site};
use crate::common::{KEY, key, settings};

#[tokio::test]
async fn a_login_is_there_in_the_next_request() {
    let site = Site::new();
    assert_eq!(site.get("/who", None).await.body, "nobody");
    assert_eq!(site.get("/login/ann?password=wrong", None).await.body, "no");
    assert_eq!(site.get("/login/nobody", None).await.body, "no");
    let cookie = site.logged_in("ann").await;
    assert_eq!(site.who(&cookie).await, "ann");
}

#[tokio::test]
async fn the_session_has_djangos_three_keys_and_no_more() {
    let site = Site::new();
    let cookie = site.logged_in("ann").await;
    // The hash is the HMAC of "ann's secret", by Python.
    let hash = "\"dd30a3e37db709ac2f1dfdc210658cf3f555636da50e25d1f4b37b678773a702\"";
    for (key, value) in [
        ("_auth_user_id", "\"id of ann\""),
        ("_auth_user_backend", "\"club.Backend\""),
        ("_auth_user_hash", hash),
    ] {
        let kept = site.get(&format!("/kept/{key}"), Some(&cookie)).await.body;
        assert_eq!(kept, value);
    }
    let record = site.store.records().values().next().unwrap().clone();
    let text = String::from_utf8(record.payload().to_vec()).unwrap();
    assert!(!text.contains("secret"), "{text}");
}

/// Fixation: who planted a key, or knew it, has nothing after the login.
#[tokio::test]
async fn the_key_before_the_login_is_dead_after_it() {
    let site = Site::new();
    let before = site.get("/keep/cart/apples", None).await.cookie();
    let answer = site.get("/login/ann", Some(&before)).await;
    let after = answer.cookie();
    assert_ne!(before, after);
    assert!(!site.has(&before) && site.has(&after));
    assert_eq!(site.who(&before).await, "nobody");
    assert_eq!(site.get("/kept/cart", Some(&before)).await.body, "nothing");
    assert_eq!(site.get("/kept/cart", Some(&after)).await.body, "\"apples\"", "it is theirs");

    // A key that the attacker made up is not taken either.
    let cookie = format!("sessionid={KEY}");
    let answer = site.get("/login/ann", Some(&cookie)).await;
    assert_ne!(answer.cookie(), cookie);
    assert!(!site.store.records().contains_key(&key()));
}

/// Where Django keeps the key: whoever had it before goes on having it.
#[tokio::test]
async fn to_log_in_again_gives_a_new_key_and_keeps_the_data() {
    let site = Site::new();
    let first = site.logged_in("ann").await;
    site.get("/keep/cart/apples", Some(&first)).await;
    let second = site.get("/login/ann", Some(&first)).await.cookie();
    assert_ne!(first, second);
    assert!(!site.has(&first));
    assert_eq!(site.who(&first).await, "nobody");
    assert_eq!(site.who(&second).await, "ann");
    assert_eq!(site.get("/kept/cart", Some(&second)).await.body, "\"apples\"");
}

#[tokio::test]
async fn a_second_users_login_never_sees_the_first_ones_data() {
    let site = Site::new();
    let ann = site.logged_in("ann").await;
    site.get("/keep/letter/private", Some(&ann)).await;
    let bob = site.get("/login/bob", Some(&ann)).await.cookie();
    assert_ne!(ann, bob);
    assert_eq!(site.who(&bob).await, "bob");
    assert_eq!(site.get("/kept/letter", Some(&bob)).await.body, "nothing");
    assert!(!site.has(&ann));
}

/// Who has no password is told from others by the id alone.
#[tokio::test]
async fn nor_does_it_where_sessions_are_bound_to_no_password() {
    let site = Site::new();
    for name in ["ann", "bob"] {
        site.club.change(name, |member| member.password = String::new());
    }
    let ann = site.get("/trust/ann", None).await.cookie();
    site.get("/keep/letter/private", Some(&ann)).await;
    let again = site.get("/trust/ann", Some(&ann)).await.cookie();
    assert_eq!(site.get("/kept/letter", Some(&again)).await.body, "\"private\"");
    let bob = site.get("/trust/bob", Some(&again)).await.cookie();
    assert_eq!(site.get("/kept/letter", Some(&bob)).await.body, "nothing");
}

/// The same user after another password is as good as another user: it may be somebody else now.
#[tokio::test]
async fn a_session_of_an_old_password_is_not_taken_along() {
    let site = Site::new();
    let old = site.logged_in("ann").await;
    site.get("/keep/letter/private", Some(&old)).await;
    site.club.change("ann", |ann| ann.password = "new".to_owned());
    let new = site.get("/login/ann?password=new", Some(&old)).await.cookie();
    assert_eq!(site.get("/kept/letter", Some(&new)).await.body, "nothing");
    assert!(!site.has(&old));
}

#[tokio::test]
async fn a_logout_ends_the_session() {
    let site = Site::new();
    let cookie = site.logged_in("ann").await;
    site.get("/keep/cart/apples", Some(&cookie)).await;
    let answer = site.get("/logout", Some(&cookie)).await;
    assert_eq!((answer.status, answer.body.as_str()), (OK, "goodbye"));
    assert!(answer.set_cookie[0].contains("Max-Age=0"), "{answer:?}");
    assert!(!site.has(&cookie));
    assert_eq!(site.who(&cookie).await, "nobody");
    // Nobody can be logged out as well.
    assert_eq!(site.get("/logout", None).await.status, OK);
}

#[tokio::test]
async fn whoever_is_gone_or_may_not_is_nobody_at_once() {
    type Change = fn(&Site);
    let changes: [(&str, Change); 4] = [
        ("removed", |site| site.club.remove("ann")),
        ("not active", |site| site.club.change("ann", |ann| ann.active = false)),
        ("another password", |site| site.club.change("ann", |ann| ann.password.push('!'))),
        ("a password where none was needed", |site| {
            site.club.change("ann", |ann| ann.password = "x".to_owned());
        }),
    ];
    for (what, change) in changes {
        let site = Site::new();
        if what.contains("none") {
            site.club.change("ann", |ann| ann.password = String::new());
        }
        let cookie = site.get("/trust/ann", None).await.cookie();
        site.get("/keep/cart/apples", Some(&cookie)).await;
        assert_eq!(site.who(&cookie).await, "ann", "{what}");
        change(&site);
        let answer = site.get("/who", Some(&cookie)).await;
        assert_eq!(answer.body, "nobody", "{what}");
        assert!(answer.set_cookie[0].contains("Max-Age=0"), "{what}: {answer:?}");
        assert!(!site.has(&cookie), "{what}: the session has ended");
    }
}

/// What a request does after that is the beginning of another session.
#[tokio::test]
async fn a_session_that_ends_like_this_does_not_take_the_request_with_it() {
    let site = Site::new();
    let cookie = site.logged_in("ann").await;
    site.club.remove("ann");
    let answer = site.get("/login/bob", Some(&cookie)).await;
    assert_eq!(site.who(&answer.cookie()).await, "bob");
}

#[tokio::test]
async fn another_password_ends_all_other_sessions() {
    let site = Site::new();
    let (here, there) = (site.logged_in("ann").await, site.logged_in("ann").await);
    site.get("/keep/cart/apples", Some(&here)).await;
    let answer = site.get("/password/new", Some(&here)).await;
    assert_eq!(answer.body, "changed");
    let now = answer.cookie();
    assert_ne!(now, here, "a new key");
    assert_eq!(site.who(&now).await, "ann");
    assert_eq!(site.get("/kept/cart", Some(&now)).await.body, "\"apples\"");
    assert_eq!(site.who(&there).await, "nobody");
    assert_eq!(site.who(&here).await, "nobody");
}

#[tokio::test]
async fn a_login_gives_another_csrf_secret() {
    let site = Site::new();
    let answer = site.get("/token", None).await;
    let csrf = answer.cookie();
    let answer = site.get("/login/ann", Some(&csrf)).await;
    let renewed = answer.set_cookie.iter().find(|cookie| cookie.starts_with("csrftoken=")).unwrap();
    assert!(!renewed.starts_with(&format!("{csrf};")), "{renewed}");

    // With the secret in the session as well.
    let mut settings = settings();
    settings.csrf.use_sessions = true;
    let site = Site::with(&settings, |auth| auth, |routes| routes);
    let before = site.get("/token", None).await.cookie();
    let secret = site.get("/kept/_csrftoken", Some(&before)).await.body;
    let after = site.get("/login/ann", Some(&before)).await.cookie();
    let renewed = site.get("/kept/_csrftoken", Some(&after)).await.body;
    assert_eq!((secret.len(), renewed.len()), (34, 34));
    assert_ne!(secret, renewed);
}

/// While `SECRET_KEY` is being replaced nobody is logged out, and each session gets the new hash.
#[tokio::test]
async fn a_fallback_key_keeps_sessions_and_their_hash_is_renewed() {
    let mut old = settings();
    old.secret_keys = SecretKeys::new("old-key");
    let site = Site::with(&old, |auth| auth, |routes| routes);
    let cookie = site.logged_in("ann").await;
    let hash = site.get("/kept/_auth_user_hash", Some(&cookie)).await.body;

    let mut new = settings();
    new.secret_keys.fallbacks.push(SecretKey::new("old-key"));
    let renewed = Site::with(&new, |auth| auth, |routes| routes);
    renewed.store.records().clone_from(&site.store.records());
    assert_eq!(renewed.who(&cookie).await, "ann");
    let now = renewed.get("/kept/_auth_user_hash", Some(&cookie)).await.body;
    assert_ne!(hash, now);

    // Without the fallback the new hash holds, and the old one would not.
    new.secret_keys.fallbacks.clear();
    let last = Site::with(&new, |auth| auth, |routes| routes);
    last.store.records().clone_from(&renewed.store.records());
    assert_eq!(last.who(&cookie).await, "ann");
}

#[tokio::test]
async fn who_is_not_active_is_not_logged_in() {
    let site = Site::new();
    site.club.change("ann", |ann| ann.active = false);
    assert_eq!(site.get("/login/ann", None).await.body, "no");
    // Not by code that forgot to look, either.
    let answer = site.get("/trust/ann", None).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.set_cookie.is_empty(), "{answer:?}");
}
