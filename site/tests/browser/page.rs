//! What the person in front of the browser sees and does.

use std::time::{Duration, Instant};

use fantoccini::cookies::Cookie;
use fantoccini::error::CmdError;
use fantoccini::{Client, Locator};

use crate::processes;

/// Longer than any page takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser's window, and the site that it looks at.
pub(crate) struct Page {
    pub(crate) client: Client,
    pub(crate) site: String,
}

impl Page {
    pub(crate) async fn open(&self, path: &str, heading: &str) {
        self.client.goto(&format!("{}{path}", self.site)).await.unwrap();
        self.heading(heading).await;
    }

    /// Waits for the page whose heading begins like this.
    pub(crate) async fn heading(&self, expected: &str) {
        self.shows("h1", expected).await;
    }

    /// Waits until the text of this element begins like this.
    pub(crate) async fn shows(&self, css: &str, expected: &str) {
        self.wait_for(css, expected, |text| text.starts_with(expected)).await;
    }

    /// Waits for the page that says that a request was refused for this reason.
    pub(crate) async fn refused(&self, reason: &str) {
        self.heading("Forbidden (403)").await;
        self.wait_for("#reason", reason, |text| text == reason).await;
    }

    async fn wait_for(&self, css: &str, expected: &str, is_it: impl Fn(&str) -> bool) {
        let started = Instant::now();
        loop {
            match self.text(css).await {
                Ok(text) if is_it(&text) => return,
                // While a page gives way to the next, its elements are gone.
                found if started.elapsed() > PATIENCE => {
                    let address = self.client.current_url().await;
                    panic!("no {expected:?} in {css} at {address:?}, but {found:?}")
                }
                _ => pause().await,
            }
        }
    }

    pub(crate) async fn text(&self, css: &str) -> Result<String, CmdError> {
        self.client.find(Locator::Css(css)).await?.text().await
    }

    pub(crate) async fn holds(&self, text: &str) {
        let main = self.client.find(Locator::Css("main")).await.unwrap().text().await.unwrap();
        assert!(main.contains(text), "{text:?} is not in {main}");
    }

    pub(crate) async fn click(&self, what: Locator<'_>) {
        self.client.find(what).await.unwrap().click().await.unwrap();
    }

    /// Clicks what leads to another page, and waits until the old one has gone: both may look alike, and
    /// whoever went elsewhere meanwhile would take the request back.
    pub(crate) async fn follow(&self, what: Locator<'_>) {
        self.script("window.isLeft = true").await;
        self.click(what).await;
        let started = Instant::now();
        let has_come = "return !window.isLeft && document.readyState === 'complete'";
        // While a page gives way to the next, there is none that a script could run in.
        while self.client.execute(has_come, Vec::new()).await.ok() != Some(true.into()) {
            let address = self.client.current_url().await;
            assert!(started.elapsed() < PATIENCE, "{what:?} leads nowhere from {address:?}");
            pause().await;
        }
    }

    /// Fills in the form of the front page, by way of its label, and sends it.
    pub(crate) async fn set_name(&self, name: &str) {
        self.click(Locator::XPath("//label[.='Name']")).await;
        let field = self.client.active_element().await.unwrap();
        assert_eq!(field.attr("name").await.unwrap().as_deref(), Some("name"));
        field.send_keys(name).await.unwrap();
        self.follow(Locator::XPath("//button[.='Set Session']")).await;
        self.heading("Session is set").await;
    }

    pub(crate) async fn session_cookie(&self) -> Option<Cookie<'static>> {
        self.cookie("sessionid").await
    }

    pub(crate) async fn cookie(&self, name: &str) -> Option<Cookie<'static>> {
        let cookies = self.client.get_all_cookies().await.unwrap();
        cookies.into_iter().find(|cookie| cookie.name() == name)
    }

    /// What a script in the page returns, or what its promise comes to.
    pub(crate) async fn script(&self, script: &str) -> serde_json::Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Fails where the page is wider than the window.
    pub(crate) async fn fits(&self) {
        // A phone makes `innerWidth` as wide as the page, and shows all of it smaller.
        let fits = "const page = document.documentElement; \
                    return page.scrollWidth <= page.clientWidth";
        let address = self.client.current_url().await.unwrap();
        assert_eq!(self.script(fits).await, true, "{address} is wider than the window");
    }

    pub(crate) async fn screenshot(&self, name: &str) {
        let folder = processes::screenshots();
        std::fs::create_dir_all(&folder).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
