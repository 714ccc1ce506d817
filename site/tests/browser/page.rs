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
        let started = Instant::now();
        loop {
            let found = self.text(css).await;
            match found {
                Ok(text) if text.starts_with(expected) => return,
                // While a page gives way to the next, its elements are gone.
                found if started.elapsed() > PATIENCE => {
                    panic!("no {expected:?} in {css}, but {found:?}")
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Waits for the page that says that a request was refused for this reason.
    pub(crate) async fn refused(&self, reason: &str) {
        self.heading("Forbidden (403)").await;
        assert_eq!(self.text("#reason").await.unwrap(), reason);
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

    /// Fills in the form of the front page, by way of its label, and sends it.
    pub(crate) async fn set_name(&self, name: &str) {
        self.click(Locator::XPath("//label[.='Name']")).await;
        let field = self.client.active_element().await.unwrap();
        assert_eq!(field.attr("name").await.unwrap().as_deref(), Some("name"));
        field.send_keys(name).await.unwrap();
        self.click(Locator::XPath("//button[.='Set Session']")).await;
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
