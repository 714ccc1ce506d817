//! The demo's own program, used by a person: here by a headless Chromium.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may panic"
)]

#[path = "../common/mod.rs"]
mod common;
mod processes;

use std::time::{Duration, Instant, SystemTime};

use fantoccini::cookies::Cookie;
use fantoccini::{Client, Locator};

use common::Project;
use processes::{Browser, Driver, Look};

/// Longer than any page takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

const TWO_WEEKS: u64 = 14 * 24 * 60 * 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_sets_reads_clears_and_ends_a_session() {
    let project = Project::new();
    let (demo, driver) = (project.serve(), Driver::start());
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = Page { client: browser.client(), site: demo.address.clone() };
    browser.run(visit(page)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_visitor_typed_is_shown_and_never_run() {
    let project = Project::new();
    let (demo, driver) = (project.serve(), Driver::start());
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = Page { client: browser.client(), site: demo.address.clone() };
    browser.run(attack(page)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_not_ours_is_refused() {
    let project = Project::new();
    let (demo, driver) = (project.serve(), Driver::start());
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = Page { client: browser.client(), site: demo.address.clone() };
    browser.run(forge(page)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_fit_a_phone_and_follow_the_dark_mode() {
    let project = Project::new();
    let (demo, driver) = (project.serve(), Driver::start());
    for look in [Look::Phone, Look::Dark] {
        let browser = Browser::open(&driver, look).await;
        let page = Page { client: browser.client(), site: demo.address.clone() };
        browser.run(look_at(page, look)).await;
    }
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
    page.click(Locator::LinkText("Get Session Value")).await;
    page.heading("Session Value is Zoë & Søren").await;
    page.screenshot("4-get").await;

    page.open("/", "Your session").await;
    page.click(Locator::XPath("//button[.='Clear Session']")).await;
    page.heading("Session is cleared").await;
    page.screenshot("5-cleared").await;
    page.click(Locator::LinkText("Get Session Value")).await;
    page.heading("No Session Value is set").await;
    page.screenshot("6-get-nothing").await;
    let same = page.session_cookie().await.expect("the session is still there");
    assert_eq!(same.value(), cookie.value());

    page.open("/", "Your session").await;
    page.holds("It is there, and holds nothing.").await;
    page.click(Locator::XPath("//button[.='End Session']")).await;
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

async fn forge(page: Page) {
    page.open("/", "Your session").await;
    page.set_name("manish").await;

    // As a page would be that knows no token.
    page.open("/", "Your session").await;
    page.script("document.querySelectorAll('[type=hidden]').forEach(field => field.remove())")
        .await;
    page.click(Locator::XPath("//button[.='End Session']")).await;
    page.heading("Forbidden (403)").await;
    page.holds("CSRF token missing.").await;
    page.screenshot("10-without-a-token").await;

    // Another site, though on the same server, with a token that is good there.
    let other =
        Page { client: page.client.clone(), site: page.site.replace("127.0.0.1", "localhost") };
    other.open("/", "Your session").await;
    other.holds("You have none yet.").await;
    let aim = format!(
        "document.querySelectorAll('form').forEach(form => form.action = '{}/flush/')",
        page.site
    );
    other.script(&aim).await;
    other.click(Locator::XPath("//button[.='End Session']")).await;
    other.heading("Forbidden (403)").await;
    other.holds("Origin checking failed").await;
    page.screenshot("11-from-another-site").await;

    page.open("/get/", "Session Value is manish").await;
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
        let fits = "return document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(page.script(fits).await, true, "{path} is wider than the window");
        page.screenshot(&format!("{label}{}", path.trim_end_matches('/').replace('/', "-"))).await;
    }
}

/// What the person in front of the browser sees and does.
struct Page {
    client: Client,
    site: String,
}

impl Page {
    async fn open(&self, path: &str, heading: &str) {
        self.client.goto(&format!("{}{path}", self.site)).await.unwrap();
        self.heading(heading).await;
    }

    /// Waits for the page whose heading begins like this.
    async fn heading(&self, expected: &str) {
        let started = Instant::now();
        loop {
            let found = match self.client.find(Locator::Css("h1")).await {
                Ok(heading) => heading.text().await,
                Err(error) => Err(error),
            };
            match found {
                Ok(text) if text.starts_with(expected) => return,
                // While a page gives way to the next, its elements are gone.
                found if started.elapsed() > PATIENCE => {
                    panic!("no heading {expected:?}, but {found:?}")
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn holds(&self, text: &str) {
        let main = self.client.find(Locator::Css("main")).await.unwrap().text().await.unwrap();
        assert!(main.contains(text), "{text:?} is not in {main}");
    }

    async fn click(&self, what: Locator<'_>) {
        self.client.find(what).await.unwrap().click().await.unwrap();
    }

    /// Fills in the form of the front page, by way of its label, and sends it.
    async fn set_name(&self, name: &str) {
        self.click(Locator::XPath("//label[.='Name']")).await;
        let field = self.client.active_element().await.unwrap();
        assert_eq!(field.attr("name").await.unwrap().as_deref(), Some("name"));
        field.send_keys(name).await.unwrap();
        self.click(Locator::XPath("//button[.='Set Session']")).await;
        self.heading("Session is set").await;
    }

    async fn session_cookie(&self) -> Option<Cookie<'static>> {
        let cookies = self.client.get_all_cookies().await.unwrap();
        cookies.into_iter().find(|cookie| cookie.name() == "sessionid")
    }

    async fn script(&self, script: &str) -> serde_json::Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    async fn screenshot(&self, name: &str) {
        let folder = processes::screenshots();
        std::fs::create_dir_all(&folder).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }
}
