//! Two tabs of one browser, and a login in one of them: what becomes of the form in the other. The
//! same steps on a real Django have the same outcomes.

use std::path::Path;

use axum::Router;
use axum::response::Html;
use axum::routing::{MethodRouter, get};
use fantoccini::Locator;
use fantoccini::wd::WindowHandle;
use segue::engines::MemoryStore;
use segue::{CsrfToken, Session, SessionError, Settings, Site};
use serde_json::json;
use tokio::net::TcpListener;

use crate::page::Page;
use crate::processes::{Browser, Driver, Look};
use crate::side::Django;

const STALE: &str = "Forbidden (403): CSRF token from POST incorrect.";

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_one_tab_is_to_the_other_what_it_is_with_django() {
    compare(false, "Comment was taken").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_one_tab_is_to_the_other_what_it_is_with_django_and_sessions() {
    // A logout ends the session, and the secret with it.
    compare(true, "Forbidden (403): CSRF cookie not set.").await;
}

async fn compare(use_sessions: bool, after_a_logout: &str) {
    let driver = Driver::start();
    let folder = tempfile::tempdir().unwrap();
    let (django, port) = django(&folder.path().join("db.sqlite3"), use_sessions);
    let theirs = walk(&driver, &format!("http://127.0.0.1:{port}/csrf")).await;
    drop(django);
    let ours = walk(&driver, &serve(use_sessions).await).await;
    assert_eq!(ours, theirs);
    let expected = [
        // A form, and a login in another tab.
        "Login was taken",
        STALE,
        "Comment was taken",
        // Two tabs with the login form.
        "Login was taken",
        STALE,
        "Login was taken",
        // A form, and a logout in another tab.
        "Logout was taken",
        after_a_logout,
        "Comment was taken",
    ];
    assert_eq!(ours, expected);
}

/// Takes the steps in a browser of its own, and tells what came of each form that was sent.
async fn walk(driver: &Driver, site: &str) -> Vec<String> {
    let browser = Browser::open(driver, Look::Desktop).await;
    let page = browser.page(site);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    browser.run(async move { sender.send(steps(page).await).unwrap() }).await;
    receiver.await.unwrap()
}

async fn steps(page: Page) -> Vec<String> {
    let first = page.client.window().await.unwrap();
    let second = page.client.new_window(true).await.unwrap().handle;
    let tabs = Tabs { page, first, second };
    let mut outcomes = Vec::new();

    tabs.first().await.open("/comment", "Comment").await;
    tabs.second().await.open("/login", "Login").await;
    outcomes.push(tabs.send().await);
    tabs.first().await;
    outcomes.push(tabs.send().await);
    tabs.reload_form("Comment").await;
    outcomes.push(tabs.send().await);

    tabs.first().await.open("/login", "Login").await;
    tabs.second().await.open("/login", "Login").await;
    tabs.first().await;
    outcomes.push(tabs.send().await);
    tabs.second().await;
    outcomes.push(tabs.send().await);
    tabs.reload_form("Login").await;
    outcomes.push(tabs.send().await);

    tabs.first().await.open("/comment", "Comment").await;
    tabs.second().await.open("/logout", "Logout").await;
    outcomes.push(tabs.send().await);
    tabs.first().await;
    outcomes.push(tabs.send().await);
    tabs.first().await.open("/comment", "Comment").await;
    outcomes.push(tabs.send().await);
    outcomes
}

struct Tabs {
    page: Page,
    first: WindowHandle,
    second: WindowHandle,
}

impl Tabs {
    async fn first(&self) -> &Page {
        self.page.client.switch_to_window(self.first.clone()).await.unwrap();
        &self.page
    }

    async fn second(&self) -> &Page {
        self.page.client.switch_to_window(self.second.clone()).await.unwrap();
        &self.page
    }

    /// Sends the form in the tab that is in front, and tells the heading and the reason that follow.
    async fn send(&self) -> String {
        self.page.follow(Locator::Css("button")).await;
        let heading = self.page.text("h1").await.unwrap();
        if !heading.starts_with("Forbidden") {
            return heading;
        }
        // Ours, or Django's.
        let reason = self.page.text("#reason, #info pre").await.unwrap();
        format!("{heading}: {}", reason.trim())
    }

    /// As the page of a refusal says: goes back, and loads the page with the form again.
    async fn reload_form(&self, heading: &str) {
        self.page.client.back().await.unwrap();
        self.page.heading(heading).await;
        self.page.client.refresh().await.unwrap();
        self.page.heading(heading).await;
    }
}

/// A real Django with its own login.
fn django(database: &Path, use_sessions: bool) -> (Django, u16) {
    let mut django = Django::configured(json!({
        "database": database,
        "secret_key": "the secret key of the tests with two tabs",
        "apps": ["contenttypes", "auth", "sessions"],
        "csrf": true,
        "extra": {"CSRF_USE_SESSIONS": use_sessions, "DEBUG": true},
    }));
    django.manage(&["migrate"]);
    let port = django.serve();
    (django, port)
}

/// The same pages of ours. A login is what Django's `login` does to session and secret.
async fn serve(use_sessions: bool) -> String {
    let mut settings = Settings::new("the secret key of the tests with two tabs");
    settings.allowed_hosts.push("127.0.0.1".to_owned());
    settings.debug = true;
    settings.session.cookie_secure = false;
    settings.csrf.cookie_secure = false;
    settings.csrf.use_sessions = use_sessions;
    let routes = Router::new()
        .route("/comment", form("Comment").post(async || taken("Comment")))
        .route("/login", form("Login").post(log_in))
        .route("/logout", form("Logout").post(log_out));
    let site = Site::with_store(&settings, MemoryStore::new(), routes).unwrap().into_router();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, site).await.unwrap() });
    address
}

fn form(title: &'static str) -> MethodRouter {
    get(async move |token: CsrfToken| {
        let field = token.input();
        let button = "<button>Send</button>";
        Html(format!("<h1>{title}</h1><form method=\"post\">{field}{button}</form>"))
    })
}

fn taken(title: &str) -> Html<String> {
    Html(format!("<h1>{title} was taken</h1>"))
}

async fn log_in(session: Session, token: CsrfToken) -> Result<Html<String>, SessionError> {
    session.cycle_key();
    session.insert("_auth_user_id", "1")?;
    token.rotate();
    Ok(taken("Login"))
}

async fn log_out(session: Session) -> Html<String> {
    session.flush();
    taken("Logout")
}
