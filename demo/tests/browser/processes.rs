//! The programs that the tests start, and that end with them.

use std::fs;
use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

const INSTALL: &str = "these tests need Chromium and its driver: run `cargo xtask test`, which \
                       installs them, or install the Debian packages chromium and chromium-driver";

/// What one test may take.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// Where the pictures of the pages are put.
pub(crate) fn screenshots() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("screenshots")
}

/// A program that is stopped when this is dropped, also after a failed assertion.
struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(command: &mut Command) -> std::io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().unwrap());
        Ok(Self { child, output })
    }

    /// Reads what it prints up to the line with this text, and gives what follows the text.
    fn wait_for(&mut self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the program ended without {text:?}; it printed:\n{seen}");
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
            seen += &line;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The demo, as `cargo run` starts it, on a fresh copy of its folder.
pub(crate) struct Demo {
    pub(crate) address: String,
    _program: Program,
    _folder: TempDir,
}

impl Demo {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let settings = folder.path().join("settings.toml");
        fs::copy(source.join("settings.toml"), &settings).unwrap();
        copy_folder(&source.join("templates"), &folder.path().join("templates"));

        let migrated = Self::command(&settings).arg("migrate").output().unwrap();
        assert!(migrated.status.success(), "{migrated:?}");
        // Port 0: the system gives one that is free.
        let mut program =
            Program::start(Self::command(&settings).args(["runserver", "127.0.0.1:0"])).unwrap();
        let rest = program.wait_for("Serving on http://");
        let address = format!("http://{}", rest.split_whitespace().next().unwrap());
        Self { address, _program: program, _folder: folder }
    }

    fn command(settings: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_session_management_project"));
        // The settings of whoever runs the tests are not the demo's.
        command.env_clear().env("RUST_LOG", "error").arg("--settings").arg(settings);
        command
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, copy).unwrap();
        }
    }
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
        let profile = tempfile::tempdir().unwrap();
        let user_data = format!("--user-data-dir={}", profile.path().display());
        let mut arguments = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1000,800",
            &user_data,
        ];
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

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
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
