//! The demo's pages, as a visitor goes through them.

use std::time::SystemTime;

use fantoccini::Locator;

use crate::common::Project;
use crate::page::Page;
use crate::processes::{Browser, Driver, Look};

/// The hidden field of a form, which holds the token.
pub(crate) const TOKEN_FIELD: &str = "[name=csrfmiddlewaretoken]";

const TWO_WEEKS: u64 = 14 * 24 * 60 * 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_sets_reads_clears_and_ends_a_session() {
    let project = Project::new();
    let (demo, driver) = (project.serve(), Driver::start());
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = browser.page(&demo.address);
    browser.run(visit(page)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_visitor_typed_is_shown_and_never_run() {
    let project = Project::new();
    let (demo, driver) = (project.serve(), Driver::start());
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = browser.page(&demo.address);
    browser.run(attack(page)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_fit_a_phone_and_follow_the_dark_mode() {
    let project = Project::new();
    let (demo, driver) = (project.serve(), Driver::start());
    for look in [Look::Phone, Look::Dark] {
        let browser = Browser::open(&driver, look).await;
        let page = browser.page(&demo.address);
        browser.run(look_at(page, look)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_token_is_gone_or_another_is_refused_and_changes_nothing() {
    let project = Project::new();
    let (demo, driver) = (project.serve(), Driver::start());
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = browser.page(&demo.address);
    browser.run(tamper(page)).await;
}

async fn visit(page: Page) {
    page.open("/", "Your session").await;
    page.holds("You have none yet.").await;
    assert!(page.session_cookie().await.is_none(), "looking around begins no session");
    page.screenshot("1-front-page").await;

    page.set_name("Zoë & Søren").await;
    page.screenshot("2-set").await;
    let cookie = page.session_cookie().await.expect("the browser took the cookie");
    assert_eq!(cookie.http_only(), Some(true));
    assert_eq!(cookie.same_site().map(|site| site.to_string()).as_deref(), Some("Lax"));
    assert_eq!(cookie.path(), Some("/"));
    assert_eq!(cookie.value().len(), 32);
    let expires = cookie.expires_datetime().expect("the cookie has an end").unix_timestamp();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let age = u64::try_from(expires).unwrap().saturating_sub(now);
    assert!((TWO_WEEKS - 60..=TWO_WEEKS + 60).contains(&age), "it lives for {age} s");
    let seen = page.script("return document.cookie").await;
    let seen = seen.as_str().unwrap();
    assert!(seen.starts_with("csrftoken="), "{seen}");
    assert!(!seen.contains("sessionid"), "scripts do not see the session");

    page.open("/", "Your session").await;
    page.holds("Zoë & Søren").await;
    page.screenshot("3-front-page-with-a-name").await;
    page.follow(Locator::LinkText("Get Session Value")).await;
    page.heading("Session Value is Zoë & Søren").await;
    page.screenshot("4-get").await;

    page.open("/", "Your session").await;
    page.follow(Locator::XPath("//button[.='Clear Session']")).await;
    page.heading("Session is cleared").await;
    page.screenshot("5-cleared").await;
    page.follow(Locator::LinkText("Get Session Value")).await;
    page.heading("No Session Value is set").await;
    page.screenshot("6-get-nothing").await;
    let same = page.session_cookie().await.expect("the session is still there");
    assert_eq!(same.value(), cookie.value());

    page.open("/", "Your session").await;
    page.holds("It is there, and holds nothing.").await;
    page.follow(Locator::XPath("//button[.='End Session']")).await;
    page.heading("Session has ended").await;
    page.screenshot("7-ended").await;
    assert!(page.session_cookie().await.is_none(), "the cookie has left the browser");

    page.open("/nowhere/", "Page not found").await;
    page.screenshot("8-not-found").await;
}

async fn attack(page: Page) {
    let name = "<script>document.title='owned'</script>";
    page.open("/", "Your session").await;
    page.set_name(name).await;
    page.open("/get/", &format!("Session Value is {name}")).await;
    assert_eq!(page.script("return document.title").await, "Session Value");
    page.screenshot("9-script-as-text").await;
    page.open("/", "Your session").await;
    page.holds(name).await;
    assert_eq!(page.script("return document.title").await, "Session Management Demo");
    assert_eq!(page.script("return document.scripts.length").await, 0);
}

async fn tamper(page: Page) {
    page.open("/", "Your session").await;
    page.set_name("Zoë").await;
    let cookie = page.session_cookie().await.unwrap();
    let remove = format!("document.querySelectorAll('{TOKEN_FIELD}').forEach(t => t.remove())");
    let change = format!(
        "document.querySelectorAll('{TOKEN_FIELD}').forEach(t => t.value = 'a'.repeat(64))"
    );
    for (script, reason) in
        [(remove, "CSRF token missing."), (change, "CSRF token from POST incorrect.")]
    {
        for button in ["Set Session", "Clear Session", "End Session"] {
            page.open("/", "Your session").await;
            page.script(&script).await;
            page.script("document.querySelector('#name').value = 'evil'").await;
            page.follow(Locator::XPath(&format!("//button[.='{button}']"))).await;
            page.refused(reason).await;
        }
        page.screenshot(&format!("10-refused-{}", script.contains("remove"))).await;
    }
    page.open("/get/", "Session Value is Zoë").await;
    assert_eq!(page.session_cookie().await.unwrap().value(), cookie.value());
    // The page says to load the form again, which helps.
    page.open("/", "Your session").await;
    page.set_name("Søren").await;
    page.open("/get/", "Session Value is Søren").await;
}

async fn look_at(page: Page, look: Look) {
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
    assert_eq!(page.script(dark).await, matches!(look, Look::Dark), "{look:?}");
    let label = format!("{look:?}").to_lowercase();
    page.open("/", "Your session").await;
    page.set_name(&"alongnamewithoutaspace".repeat(6)).await;
    page.screenshot(&format!("{label}-set")).await;
    for (path, heading) in [("/", "Your session"), ("/get/", "Session Value is alongname")] {
        page.open(path, heading).await;
        page.fits().await;
        page.screenshot(&format!("{label}{}", path.trim_end_matches('/').replace('/', "-"))).await;
    }
    page.open("/", "Your session").await;
    page.script(&format!("document.querySelector('{TOKEN_FIELD}').remove()")).await;
    page.follow(Locator::XPath("//button[.='Clear Session']")).await;
    page.refused("CSRF token missing.").await;
    page.fits().await;
    page.screenshot(&format!("{label}-refused")).await;
}
