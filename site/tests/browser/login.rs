//! A superuser, made by the command, logs in, changes the password in a second browser, is logged
//! out in the first, and logs out.

use fantoccini::Locator;

use crate::common::Project;
use crate::page::Page;
use crate::processes::{Browser, Driver, Look};

const FIRST: &str = "correct horse battery staple";
const SECOND: &str = "another horse, another staple";

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_logs_in_and_changes_the_password_elsewhere() {
    let project = Project::new();
    let demo = project.serve();
    let created = project
        .command()
        .args(["createsuperuser", "--noinput", "--username", "zoë", "--email", "zoe@example.com"])
        .env("DJANGO_SUPERUSER_PASSWORD", FIRST)
        .output()
        .unwrap();
    assert!(created.status.success(), "{created:?}");
    let driver = Driver::start();
    let (first, second) =
        (Browser::open(&driver, Look::Desktop).await, Browser::open(&driver, Look::Phone).await);
    let (here, there) = (first.page(&demo.address), second.page(&demo.address));
    // Either is closed, whatever happens to the other.
    second.run(first.run(both(here, there))).await;
}

async fn both(here: Page, there: Page) {
    here.open("/", "Your session").await;
    here.holds("You are not logged in.").await;
    here.screenshot("login-1-nobody").await;

    // The page for members sends to the login, which leads back.
    here.open("/members/", "Log in").await;
    let address = here.client.current_url().await.unwrap();
    assert_eq!((address.path(), address.query()), ("/accounts/login/", Some("next=/members/")));
    here.screenshot("login-2-form").await;
    log_in(&here, "zoë", "a guess").await;
    here.shows(".error", "Please enter a correct username and password.").await;
    here.screenshot("login-3-wrong").await;
    log_in(&here, "zoë", FIRST).await;
    here.heading("Members only").await;
    here.holds("You are zoë.").await;
    assert_eq!(here.client.current_url().await.unwrap().path(), "/members/");
    here.screenshot("login-4-members").await;
    here.open("/", "Your session").await;
    here.holds("You are logged in as zoë.").await;
    here.screenshot("login-5-somebody").await;

    // Another password, in a second browser.
    there.open("/accounts/login/", "Log in").await;
    there.fits().await;
    log_in(&there, "zoë", FIRST).await;
    there.heading("Your session").await;
    there.open("/accounts/password_change/", "Password change").await;
    there.fits().await;
    there.screenshot("login-6-password").await;
    change(&there, FIRST, "12345", "12345").await;
    there.shows(".error", "This password is too short.").await;
    there.screenshot("login-7-password-too-short").await;
    change(&there, FIRST, SECOND, SECOND).await;
    there.heading("Password changed").await;
    there.screenshot("login-8-password-changed").await;
    there.open("/members/", "Members only").await;

    // The first one is out.
    here.open("/members/", "Log in").await;
    here.open("/", "Your session").await;
    here.holds("You are not logged in.").await;
    here.open("/accounts/login/", "Log in").await;
    log_in(&here, "zoë", FIRST).await;
    here.shows(".error", "Please enter a correct username and password.").await;
    log_in(&here, "zoë", SECOND).await;
    here.heading("Your session").await;

    here.follow(Locator::XPath("//button[.='Log out']")).await;
    here.heading("Logged out").await;
    here.screenshot("login-9-logged-out").await;
    assert!(here.session_cookie().await.is_none(), "the cookie has left the browser");
    here.open("/members/", "Log in").await;
    // A logout is one of this browser alone.
    there.open("/members/", "Members only").await;
}

/// Fills in the login form, which is in front, and sends it.
async fn log_in(page: &Page, username: &str, password: &str) {
    fill(page, "username", username).await;
    fill(page, "password", password).await;
    page.follow(Locator::XPath("//button[.='Log in']")).await;
}

async fn change(page: &Page, old: &str, new: &str, again: &str) {
    fill(page, "old_password", old).await;
    fill(page, "new_password1", new).await;
    fill(page, "new_password2", again).await;
    page.follow(Locator::XPath("//button[.='Change my password']")).await;
}

async fn fill(page: &Page, name: &str, value: &str) {
    let field = page.client.find(Locator::Css(&format!("[name={name}]"))).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(value).await.unwrap();
}
