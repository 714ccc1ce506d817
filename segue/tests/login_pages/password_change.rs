//! The change of a password.

use http::StatusCode;
use segue::settings::PasswordHasher;

use crate::common::Log;
use crate::site::{CHANGE, DONE, NEW, PASSWORD, Site, is_private};

const OLD_IS_WRONG: &str = "Your old password was entered incorrectly. Please enter it again.";

#[tokio::test]
async fn strangers_are_sent_to_the_login() {
    let site = Site::new().await;
    for path in [CHANGE, DONE] {
        let answer = site.visitor().open(path).await;
        assert_eq!(answer.location(), format!("/accounts/login/?next={path}"));
        assert_eq!(site.visitor().get(path).await.status, StatusCode::UNAUTHORIZED);
    }
    let answer = site.visitor().change(PASSWORD, NEW, NEW).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn this_session_stays_and_the_others_end() {
    let site = Site::new().await;
    let (mut here, mut there) = (site.logged_in("ann").await, site.logged_in("ann").await);
    here.get("/keep/apples/").await;
    let mut thief = here.clone();
    let page = here.get(CHANGE).await;
    page.shows(&["name=\"old_password\"", "name=\"new_password1\"", "name=\"new_password2\""]);
    page.shows(&["Your password must contain at least 8 characters.", "csrfmiddlewaretoken"]);
    is_private(&page);
    let answer = here.change(PASSWORD, NEW, NEW).await;
    assert_eq!(answer.location(), DONE);
    is_private(&answer);
    let done = here.get(DONE).await;
    done.shows(&["Your password was changed."]);
    is_private(&done);

    assert_eq!(here.who().await, "ann");
    assert_eq!(here.get("/kept/").await.body, "apples");
    assert_ne!(here.session(), thief.session());
    for gone in [&mut there, &mut thief] {
        assert_eq!(gone.who().await, "nobody");
        assert_eq!(gone.session(), None);
    }
    assert_eq!(site.visitor().log_in("ann", PASSWORD).await.status, StatusCode::OK);
    site.visitor().log_in("ann", NEW).await.location();
    assert_eq!(site.logged_in("bob").await.who().await, "bob", "nobody else's");
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_nothing_changes() {
    let site = Site::new().await;
    let mut visitor = site.logged_in("ann").await;
    let before = site.user("ann").await.password;
    let required = "This field is required.";
    let nulls = "Null characters are not allowed.";
    for (old, new, again, problems) in [
        ("", "", "", &[required, required, required][..]),
        (PASSWORD, "", NEW, &[required]),
        (PASSWORD, NEW, "", &[required]),
        ("", NEW, NEW, &[required]),
        ("a guess", NEW, NEW, &[OLD_IS_WRONG]),
        ("a guess", NEW, "another", &[OLD_IS_WRONG, "The two password fields didn’t match."]),
        (PASSWORD, NEW, "another horse", &["The two password fields didn’t match."]),
        (PASSWORD, "a\0bcdefghij", "a\0bcdefghij", &[nulls, nulls]),
        ("a\0", NEW, NEW, &[nulls]),
        (
            PASSWORD,
            "xq7",
            "xq7",
            &["This password is too short. It must contain at least 8 characters."],
        ),
        (PASSWORD, "baseball", "baseball", &["This password is too common."]),
        (PASSWORD, "8274619350", "8274619350", &["This password is entirely numeric."]),
        (
            PASSWORD,
            "ann@example.com",
            "ann@example.com",
            &["The password is too similar to the email address."],
        ),
    ] {
        let page = visitor.change(old, new, again).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        assert_eq!(page.body.matches("class=\"error\"").count(), problems.len(), "{page:?}");
        page.shows(problems);
        is_private(&page);
        for secret in [NEW, "another horse", "a guess", "8274619350"] {
            assert!(!page.body.contains(secret), "{page:?}");
        }
    }
    assert_eq!(site.user("ann").await.password, before);
    assert_eq!(visitor.who().await, "ann");
}

#[tokio::test]
async fn a_password_longer_than_bcrypt_sees_is_refused_at_its_field() {
    let bcrypt = |settings: &mut segue::Settings| {
        settings.passwords.hashers = Some(vec![PasswordHasher::Bcrypt { rounds: 4 }]);
    };
    let site = Site::with(bcrypt).await;
    let mut visitor = site.logged_in("ann").await;
    let before = site.user("ann").await.password;
    let long = "xy z".repeat(25);
    let page = visitor.change(PASSWORD, &long, &long).await;
    assert_eq!(page.status, StatusCode::OK);
    page.shows(&["This password is too long."]);
    assert_eq!(site.user("ann").await.password, before);
    visitor.change(PASSWORD, NEW, NEW).await.location();
    assert!(site.user("ann").await.password.starts_with("bcrypt$"));
}

#[tokio::test]
async fn nothing_of_it_stands_in_the_log() {
    let site = Site::new().await;
    let mut visitor = site.logged_in("ann").await;
    let log = Log::start();
    visitor.change("hunter2 is old", NEW, NEW).await;
    visitor.change(PASSWORD, "hunter2 is new", "hunter2 is another").await;
    visitor.change(PASSWORD, NEW, NEW).await.location();
    let log = log.take();
    let hash = site.user("ann").await.password;
    for secret in ["hunter2", PASSWORD, NEW, hash.as_str(), visitor.session().unwrap()] {
        assert!(!log.contains(secret), "{log}");
    }
}

/// A form of another site, with the cookies of the visitor.
#[tokio::test]
async fn a_forged_form_changes_nothing() {
    let site = Site::new().await;
    let mut visitor = site.logged_in("ann").await;
    let form = crate::site::form(
        &[("old_password", PASSWORD), ("new_password1", NEW)],
        &[("new_password2", NEW)],
    );
    let answer = visitor.send(http::Method::POST, CHANGE, &form).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    site.visitor().log_in("ann", PASSWORD).await.location();
}

/// Wherever a project puts the pages.
#[tokio::test]
async fn the_page_that_says_so_stands_below_the_form() {
    use axum::{Router, routing::get};
    use segue::auth::views;
    let site = Site::new().await;
    let settings = crate::site::settings_in(&site.folder);
    let change = get(views::password_change_form).post(views::password_change);
    let routes =
        Router::new().route("/me/password", change).with_state(segue::Templates::new(&settings));
    let app = segue::Site::new(settings, routes).await.unwrap().into_router();
    let mut visitor = crate::site::Visitor::new(&app);
    visitor.cookies = site.logged_in("ann").await.cookies;
    let fields = [("old_password", PASSWORD), ("new_password1", NEW), ("new_password2", NEW)];
    let answer = visitor.post("/me/password?a=b", &fields).await;
    assert_eq!(answer.location(), "/me/password/done/");
}
