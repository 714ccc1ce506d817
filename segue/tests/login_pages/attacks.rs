//! What attackers do with cookies, forms and paths.

use http::{Method, StatusCode};
use segue::users::NewUser;

use crate::site::{CHANGE, LOGIN, LOGOUT, PASSWORD, Site, form};

/// Fixation: who planted a key, or knew it, has nothing after the login.
#[tokio::test]
async fn a_key_from_before_the_login_is_worth_nothing() {
    let site = Site::new().await;
    let mut attacker = site.visitor();
    attacker.get("/keep/planted/").await;
    let mut victim = site.visitor();
    victim.cookies.clone_from(&attacker.cookies);
    victim.log_in("ann", PASSWORD).await.location();
    assert_eq!(victim.who().await, "ann");
    assert_ne!(victim.session(), attacker.session());
    assert_eq!(attacker.who().await, "nobody");
    assert_eq!(attacker.get("/kept/").await.body, "nothing");

    // A key that the attacker made up, and the attacker's own login.
    let mut victim = site.visitor();
    victim.cookies.insert("sessionid".into(), crate::common::KEY.into());
    victim.log_in("ann", PASSWORD).await.location();
    assert_ne!(victim.session().unwrap(), crate::common::KEY);
    let mut attacker = site.logged_in("bob").await;
    attacker.get("/keep/planted/").await;
    let mut victim = site.visitor();
    victim.cookies.clone_from(&attacker.cookies);
    victim.log_in("ann", PASSWORD).await.location();
    assert_eq!(victim.get("/kept/").await.body, "nothing", "nothing of the attacker's");
    assert_eq!(attacker.who().await, "nobody");

    // Two session cookies in one request, as a sibling host can bring it about: one key at most is
    // taken, and it is not the one afterwards.
    let mut victim = site.visitor();
    let mut attacker = site.visitor();
    attacker.get("/keep/planted/").await;
    let planted = format!("sessionid={}", attacker.session().unwrap());
    victim.headers = vec![("cookie", planted)];
    victim.log_in("ann", PASSWORD).await.location();
    assert_eq!(attacker.who().await, "nobody");
}

#[tokio::test]
async fn a_login_that_fails_changes_no_session() {
    let site = Site::new().await;
    let mut visitor = site.logged_in("ann").await;
    let before = visitor.session().cloned();
    visitor.log_in("bob", "a guess").await;
    visitor.log_in("bob", "").await;
    assert_eq!((visitor.session().cloned(), visitor.who().await.as_str()), (before, "ann"));
}

/// An attacker logs the victim in as the attacker, to see what the victim does.
#[tokio::test]
async fn no_other_site_logs_a_visitor_in() {
    let site = Site::new().await;
    let body = form(&[("username", "bob")], &[("password", PASSWORD)]);
    let mut victim = site.visitor();
    assert_eq!(victim.send(Method::POST, LOGIN, &body).await.status, StatusCode::FORBIDDEN);
    // With a token of the attacker's own.
    let mut attacker = site.visitor();
    attacker.get(LOGIN).await;
    let token = attacker.cookies["csrftoken"].clone();
    let forged = form(&[("csrfmiddlewaretoken", &token)], &[]) + "&" + &body;
    assert_eq!(victim.send(Method::POST, LOGIN, &forged).await.status, StatusCode::FORBIDDEN);
    victim.get(LOGIN).await;
    assert_eq!(victim.send(Method::POST, LOGIN, &forged).await.status, StatusCode::FORBIDDEN);
    victim.headers = vec![("origin", "http://evil.example".to_owned())];
    assert_eq!(victim.log_in("bob", PASSWORD).await.status, StatusCode::FORBIDDEN);
    victim.headers.clear();
    assert_eq!(victim.who().await, "nobody");
    // As JSON, as text, as an upload: nothing of it is a form.
    for content_type in ["text/plain", "application/json", "multipart/form-data; boundary=x"] {
        victim.headers = vec![
            ("content-type", content_type.to_owned()),
            ("x-csrftoken", victim.cookies["csrftoken"].clone()),
        ];
        let answer = victim.send(Method::POST, LOGIN, &body).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
}

/// Who knew the token before the login has none after it, be it in the cookie or in the session.
#[tokio::test]
async fn a_token_from_before_the_login_is_worth_nothing() {
    for in_session in [false, true] {
        let site = Site::with(|settings| settings.csrf.use_sessions = in_session).await;
        let mut visitor = site.visitor();
        let page = visitor.get(LOGIN).await.body;
        let field = "name=\"csrfmiddlewaretoken\" value=\"";
        let token = page.split(field).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let fields = [("username", "ann"), ("password", PASSWORD)];
        let body = form(&[("csrfmiddlewaretoken", &token)], &fields);
        visitor.send(Method::POST, LOGIN, &body).await.location();
        assert_eq!(visitor.who().await, "ann");
        let body = form(&[("csrfmiddlewaretoken", &token)], &[]);
        let answer = visitor.send(Method::POST, LOGOUT, &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "in the session: {in_session}");
        assert_eq!(visitor.who().await, "ann");
    }
}

#[tokio::test]
async fn two_users_of_one_browser_see_nothing_of_each_other() {
    let site = Site::new().await;
    let mut browser = site.logged_in("ann").await;
    browser.get("/keep/letter/").await;
    let mut kept_by_a_tab = browser.clone();
    browser.log_in("bob", PASSWORD).await.location();
    assert_eq!(browser.who().await, "bob");
    assert_eq!(browser.get("/kept/").await.body, "nothing");
    assert_eq!(kept_by_a_tab.who().await, "nobody");
    browser.post(LOGOUT, &[]).await;
    browser.log_in("ann", PASSWORD).await.location();
    assert_eq!(browser.get("/kept/").await.body, "nothing");
}

#[tokio::test]
async fn who_is_removed_or_locked_is_nobody_at_the_next_request() {
    let site = Site::new().await;
    for (name, sql) in [
        ("ann", "DELETE FROM auth_user WHERE username = 'ann'"),
        ("bob", "UPDATE auth_user SET is_active = 0 WHERE username = 'bob'"),
        ("sue", "UPDATE auth_user SET is_active = 0 WHERE username = 'sue'"),
    ] {
        if name == "sue" {
            site.create(NewUser::new("sue").password(PASSWORD).superuser()).await;
        }
        let mut visitor = site.logged_in(name).await;
        let mut other = visitor.clone();
        visitor.get("/keep/letter/").await;
        site.sql(sql).await;
        for path in ["/members/", "/guarded/", "/inner/page/", CHANGE] {
            let mut copy = other.clone();
            assert_eq!(copy.get(path).await.status, StatusCode::UNAUTHORIZED, "{name} {path}");
        }
        assert_eq!(visitor.who().await, "nobody");
        assert_eq!(other.get("/kept/").await.body, "nothing", "the session is gone");
        assert_eq!(visitor.log_in(name, PASSWORD).await.status, StatusCode::OK);
    }
    // A new user does not get the sessions of an old one, not even with the same id and name.
    let mut visitor = site.logged_in_again().await;
    site.sql("DELETE FROM auth_user WHERE username = 'ann'").await;
    let id = site.create(NewUser::new("ann").password(PASSWORD)).await.id;
    site.sql(&format!("UPDATE auth_user SET id = 77 WHERE id = {id}")).await;
    assert_eq!(visitor.who().await, "nobody");
}

impl Site {
    /// An ann with the id 77.
    async fn logged_in_again(&self) -> crate::site::Visitor {
        let id = self.create(NewUser::new("ann").password(PASSWORD)).await.id;
        self.sql(&format!("UPDATE auth_user SET id = 77 WHERE id = {id}")).await;
        self.logged_in("ann").await
    }
}

/// Methods, overrides, and ways to write a path.
#[tokio::test]
async fn guards_have_no_way_around() {
    let site = Site::new().await;
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"];
    let paths = [
        "/members/",
        "/guarded/",
        "/inner/page/",
        "/inner/page/?x",
        "//members/",
        "/guarded",
        "/guarded//",
        "/Guarded/",
        "/%67uarded/",
        "/guarded%2F",
        "/./guarded/",
        "/accounts/../guarded/",
        "/accounts/%2e%2e/guarded/",
        "/guarded/;x",
        "/guarded/..",
        "/inner//page/",
        "http://example.com/guarded/",
    ];
    for path in paths {
        for method in methods {
            let mut visitor = site.visitor();
            visitor.headers = ["x-http-method-override", "x-original-url", "x-rewrite-url"]
                .into_iter()
                .zip(["GET", "/guarded/", "/guarded/"])
                .map(|(name, value)| (name, value.to_owned()))
                .collect();
            visitor.cookies.insert("csrftoken".into(), "a".repeat(32));
            visitor.headers.push(("x-csrftoken", "a".repeat(32)));
            let answer = visitor.send(method.parse().unwrap(), path, "").await;
            // A forgotten slash is put there, and no more; the guard stands behind it.
            let sent_on = path == "/guarded" && ["GET", "HEAD"].contains(&method);
            if sent_on {
                assert_eq!(answer.headers["location"], "/guarded/", "{method} {path}: {answer:?}");
            }
            let refused = answer.status.is_client_error();
            assert!(refused || sent_on, "{method} {path}: {answer:?}");
            assert!(!answer.body.contains("for members only"), "{method} {path}");
        }
    }
    let mut ann = site.logged_in("ann").await;
    for path in ["/members/", "/guarded/", "/inner/page/"] {
        assert_eq!(ann.get(path).await.status, StatusCode::OK, "{path}");
    }
}

/// A cache that many share keeps no member's page for others, and nobody's way to the login for
/// members.
#[tokio::test]
async fn a_shared_cache_is_told_that_the_cookie_matters() {
    let site = Site::new().await;
    let mut ann = site.logged_in("ann").await;
    for path in ["/members/", "/guarded/", "/inner/page/", CHANGE, "/who/"] {
        for answer in
            [site.visitor().open(path).await, site.visitor().get(path).await, ann.get(path).await]
        {
            assert_eq!(answer.header("vary"), Some("Cookie"), "{path}: {answer:?}");
        }
    }
}

/// A permission that was asked for before the login, in the same request, is not the user's after.
#[tokio::test]
async fn permissions_are_those_of_whoever_is_logged_in_now() {
    use axum::{Router, routing::get};
    use segue::auth::{Auth, UsernamePassword};
    async fn both(auth: Auth) -> axum::response::Result<String> {
        let copy = auth.clone();
        let before = auth.has_perm("polls.add_choice").await?;
        let given = UsernamePassword::new("ann", PASSWORD);
        auth.login(auth.authenticate(given).await?.unwrap()).await?;
        let between = copy.has_perm("polls.add_choice").await?;
        copy.logout().await?;
        let after = auth.has_perm("polls.add_choice").await?;
        Ok(format!("{before} {between} {after} {:?}", auth.permissions().await?))
    }
    let site = Site::new().await;
    site.create(NewUser::new("sue").password(PASSWORD).superuser()).await;
    let app = Router::new().route("/both/", get(both)).merge(site.app.clone());
    let settings = crate::site::settings_in(&site.folder);
    let again = segue::Site::new(settings, Router::new().route("/both/", get(both)));
    let mut visitor = crate::site::Visitor::new(&again.await.unwrap().into_router());
    drop(app);
    visitor.cookies = site.logged_in("sue").await.cookies;
    assert_eq!(visitor.get("/both/").await.body, "true false false {}");
}

/// Requests of many visitors at once, on one connection pool and the same threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_taken_for_the_visitor_of_another_request() {
    let site = Site::new().await;
    let visitors = [
        ("ann", site.logged_in("ann").await),
        ("bob", site.logged_in("bob").await),
        ("nobody", site.visitor()),
    ];
    let all: Vec<_> = (0..300)
        .map(|n| {
            let (name, mut visitor) = visitors[n % 3].clone();
            tokio::spawn(async move { (name, visitor.who().await) })
        })
        .collect();
    for request in all {
        let (name, seen) = request.await.unwrap();
        assert_eq!(name, seen);
    }
}
