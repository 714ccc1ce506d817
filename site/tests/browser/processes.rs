//! A browser and the program that drives it; both end with the test.

use std::future::Future;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

use crate::common::Program;
use crate::page::Page;

const INSTALL: &str = "these tests need Chromium and its driver: run `cargo xtask test`, which \
                       installs them, or install the Debian packages chromium and chromium-driver";

/// What one test may take.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// Where the pictures of the pages are put.
pub(crate) fn screenshots() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("screenshots")
}

/// The program that starts browsers and hands them our commands.
pub(crate) struct Driver {
    address: String,
    _program: Program,
}

impl Driver {
    pub(crate) fn start() -> Self {
        let mut command = Command::new("chromedriver");
        let started = Program::start(command.arg("--port=0").stderr(Stdio::null()));
        let mut program = started
            .unwrap_or_else(|error| panic!("cannot start chromedriver ({error}); {INSTALL}"));
        let rest = program.wait_for("started successfully on port ");
        let port = rest.trim_end().trim_end_matches('.');
        Self { address: format!("http://127.0.0.1:{port}"), _program: program }
    }
}

/// In front of what the visitor sits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    Desktop,
    Dark,
    Phone,
}

/// A browser that nobody has used before.
pub(crate) struct Browser {
    client: Client,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn open(driver: &Driver, look: Look) -> Self {
        Self::open_with(driver, look, &[]).await
    }

    /// One with more on its command line.
    pub(crate) async fn open_with(driver: &Driver, look: Look, more: &[&str]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let user_data = format!("--user-data-dir={}", profile.path().display());
        let mut arguments = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            // In a container that is often too small for more than one browser.
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1000,800",
            &user_data,
        ];
        arguments.extend(more);
        if matches!(look, Look::Dark) {
            arguments.push("--force-dark-mode");
        }
        let mut options = json!({ "args": arguments });
        if matches!(look, Look::Phone) {
            let screen = json!({ "width": 360, "height": 740, "pixelRatio": 2.0 });
            options["mobileEmulation"] = json!({ "deviceMetrics": screen });
        }
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities([("goog:chromeOptions".to_owned(), options)].into_iter().collect());
        let client = match builder.connect(&driver.address).await {
            Ok(client) => client,
            Err(error) => panic!("cannot start Chromium ({error}); {INSTALL}"),
        };
        Self { client, _profile: profile }
    }

    /// Its window, for a visitor of this site.
    pub(crate) fn page(&self, site: &str) -> Page {
        Page { client: self.client.clone(), site: site.to_owned() }
    }

    /// Does this and closes the browser, also after a failed assertion: the driver, when it is
    /// stopped, would leave the browser running.
    pub(crate) async fn run(self, steps: impl Future<Output = ()> + Send + 'static) {
        let result = tokio::spawn(tokio::time::timeout(TIME_LIMIT, steps)).await;
        let closed = self.client.close().await;
        match result {
            Ok(in_time) => in_time.expect("the browser took too long"),
            Err(error) => resume_unwind(error.into_panic()),
        }
        closed.unwrap();
    }
}
