//! The login page, in Django's words.

use http::{Method, StatusCode};
use segue::users::NewUser;

use crate::common::Log;
use crate::site::{LOGIN, PASSWORD, Site, WRONG, is_private};

#[tokio::test]
async fn the_form_is_shown_and_asks_for_no_session() {
    let site = Site::new().await;
    let mut visitor = site.visitor();
    let page = visitor.get(LOGIN).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    page.shows(&[
        "<form method=\"post\">",
        "name=\"csrfmiddlewaretoken\"",
        "name=\"username\"",
        "type=\"password\" name=\"password\"",
        "name=\"next\" value=\"\"",
    ]);
    assert!(!page.body.contains("class=\"error\""), "{page:?}");
    is_private(&page);
    assert_eq!(visitor.session(), None);
}

#[tokio::test]
async fn the_right_password_logs_in_and_leads_to_the_page_that_is_set() {
    let site = Site::new().await;
    let mut visitor = site.visitor();
    visitor.get(LOGIN).await;
    let before = site.user("ann").await;
    let answer = visitor.log_in("ann", PASSWORD).await;
    assert_eq!(answer.location(), "/accounts/profile/");
    is_private(&answer);
    assert_eq!(visitor.who().await, "ann");
    assert!(before.last_login.is_none() && site.user("ann").await.last_login.is_some());

    let site = Site::with(|settings| settings.auth.login_redirect_url = "/members/".into()).await;
    let answer = site.visitor().log_in("ann", PASSWORD).await;
    assert_eq!(answer.location(), "/members/");
}

/// Blanks around the name, and full-width letters: Django's form takes them for what they mean.
#[tokio::test]
async fn a_name_is_taken_as_django_takes_it_and_a_password_to_the_letter() {
    let site = Site::new().await;
    for name in ["ann", "  ann\t", "ａｎｎ"] {
        assert_eq!(site.visitor().log_in(name, PASSWORD).await.status, StatusCode::FOUND, "{name}");
    }
    for (name, password) in [
        ("ANN", PASSWORD),
        ("ann", "Correct horse battery staple"),
        ("ann", " correct horse battery staple"),
        ("ann", "correct horse battery staple "),
        ("ann' OR '1'='1", PASSWORD),
        ("ann%", PASSWORD),
    ] {
        let answer = site.visitor().log_in(name, password).await;
        assert_eq!(answer.status, StatusCode::OK, "{name} {password}");
        answer.shows(&[WRONG]);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_field_is_said_in_djangos_words() {
    let site = Site::new().await;
    let long = "é".repeat(151);
    let too_long = "Ensure this value has at most 150 characters (it has 151).";
    let required = "This field is required.";
    for (name, password, problems) in [
        ("", "", &[required, required][..]),
        ("ann", "", &[required]),
        ("", "x", &[required]),
        ("   ", "x", &[required]),
        (&long, "x", &[too_long]),
        ("a\0b", "x", &["Null characters are not allowed."]),
        ("ann", "a\0b", &["Null characters are not allowed."]),
    ] {
        let mut visitor = site.visitor();
        let page = visitor.log_in(name, password).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.body.matches("class=\"error\"").count(), problems.len(), "{page:?}");
        page.shows(problems);
        assert!(!page.body.contains(WRONG));
        is_private(&page);
        assert_eq!(visitor.session(), None);
    }
    // A form of nothing, and one with fields that nobody knows.
    for fields in [&[][..], &[("user", "ann"), ("pass", PASSWORD)]] {
        let page = site.visitor().post(LOGIN, fields).await;
        assert_eq!(page.body.matches(required).count(), 2, "{page:?}");
    }
    assert_eq!(site.visitor().log_in(&"é".repeat(150), "x").await.body.matches(WRONG).count(), 1);
    // Two of a kind: which one would a proxy have looked at?
    let fields = [("username", "bob"), ("username", "ann"), ("password", PASSWORD)];
    let mut visitor = site.visitor();
    assert_eq!(visitor.post(LOGIN, &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(visitor.session(), None);
}

#[tokio::test]
async fn the_name_comes_back_escaped_and_the_password_never() {
    let site = Site::new().await;
    let log = Log::start();
    for name in ["\"><script>alert('1')</script>", "ann"] {
        let page = site.visitor().log_in(name, "hunter2 is secret").await;
        page.shows(&[WRONG]);
        assert!(!page.body.contains("<script"), "{page:?}");
        assert!(!page.body.contains("hunter2") && !format!("{page:?}").contains("hunter2"));
    }
    let page = site.visitor().log_in("\"><script>", "x").await;
    page.shows(&["value=\"&quot;&gt;&lt;script&gt;\""]);
    site.visitor().log_in("", "hunter2 is secret").await;
    site.visitor().log_in("ann", PASSWORD).await.location();
    let log = log.take();
    let user = site.user("ann").await;
    let shown = format!("{:?} {user:?} {:?}", site.site, site.site.users());
    for secret in ["hunter2", PASSWORD, user.password.as_str()] {
        assert!(!log.contains(secret), "{log}");
        assert!(!shown.contains(secret), "{shown}");
    }
    for form in [
        format!("{:?}", segue::auth::views::LoginForm::default()),
        format!("{:?}", segue::auth::views::PasswordChangeForm::default()),
    ] {
        assert!(!form.contains("password:"), "{form}");
    }
}

/// The status, the headers, the cookies and the page tell nobody who has an account.
#[tokio::test]
async fn who_is_known_and_who_is_not_get_the_same_answer() {
    let site = Site::new().await;
    site.create(NewUser::new("ina").password(PASSWORD).inactive()).await;
    site.create(NewUser::new("sue").password(PASSWORD).superuser().inactive()).await;
    site.create(NewUser::new("non")).await;
    let wrong = "not the password";
    let mut seen = Vec::new();
    for (name, password) in [
        ("zoe", wrong),
        ("ann", wrong),
        ("ina", wrong),
        ("ina", PASSWORD),
        ("sue", PASSWORD),
        ("non", wrong),
        ("non", "!"),
    ] {
        let mut visitor = site.visitor();
        visitor.get(LOGIN).await;
        let page = visitor.log_in(name, password).await;
        assert_eq!(visitor.session(), None);
        assert_eq!(visitor.who().await, "nobody");
        seen.push(page.seen().replace(&format!("value=\"{name}\""), "value=\"\""));
    }
    for other in &seen[1..] {
        assert_eq!(&seen[0], other);
    }
    assert!(seen[0].contains(WRONG), "{}", seen[0]);
}

#[tokio::test]
async fn no_other_method_logs_in() {
    let site = Site::new().await;
    let query = format!("{LOGIN}?username=ann&password=correct+horse+battery+staple");
    for method in [Method::GET, Method::HEAD] {
        let mut visitor = site.visitor();
        let page = visitor.send(method, &query, "").await;
        assert_eq!((page.status, visitor.session()), (StatusCode::OK, None));
        assert!(!page.body.contains("ann"), "{page:?}");
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let mut visitor = site.visitor();
        let answer = visitor.send(method.parse().unwrap(), &query, "").await;
        assert!(answer.status.is_client_error(), "{method}: {answer:?}");
        assert_eq!(visitor.who().await, "nobody");
    }
    // The query of a POST has no password either.
    let page = site.visitor().post(&query, &[]).await;
    page.shows(&["This field is required."]);
}

/// A user whose hash is of another kind, and whose password is longer than the preferred one takes.
#[tokio::test]
async fn a_password_too_long_for_the_preferred_hasher_still_logs_in() {
    use segue::settings::PasswordHasher::{Bcrypt, Pbkdf2Sha256};
    let site = Site::with(|settings| {
        let hashers = vec![Bcrypt { rounds: 4 }, Pbkdf2Sha256 { iterations: 10 }];
        settings.passwords.hashers = Some(hashers);
    })
    .await;
    let long = "a long password ".repeat(6);
    let mut other = segue::Settings::new("another");
    other.passwords.hashers = Some(vec![Pbkdf2Sha256 { iterations: 10 }]);
    let hash = segue::passwords::Passwords::new(&other).unwrap().make(&long).await.unwrap();
    site.sql(&format!("UPDATE auth_user SET password = '{hash}' WHERE username = 'ann'")).await;
    let mut visitor = site.visitor();
    visitor.log_in("ann", &long).await.location();
    assert_eq!(visitor.who().await, "ann");
    assert_eq!(site.user("ann").await.password, hash, "it stays as it is");
    // Whose password is short enough has it hashed anew.
    let short = "a short password";
    let hash = segue::passwords::Passwords::new(&other).unwrap().make(short).await.unwrap();
    site.sql(&format!("UPDATE auth_user SET password = '{hash}' WHERE username = 'bob'")).await;
    site.visitor().log_in("bob", short).await.location();
    assert!(site.user("bob").await.password.starts_with("bcrypt$"));
}
