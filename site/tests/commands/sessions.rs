//! `sessions`: what is listed, shown, counted and deleted, on every engine that can tell.

mod busy;
mod engines;
mod hostile;
mod many;
mod questions;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use segue::database::Database;
use segue::engines::DatabaseStore;
use segue::settings::SessionEngine;
use segue::{
    Clock, Codec, SecretKeys, SessionData, SessionKey, SessionStore, Settings, SignedDuration,
    Site, Timestamp,
};
use serde_json::Value;

use crate::common::Project;

const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2";

/// A project with sessions somewhere, and the same settings for the library.
struct Place {
    project: Project,
    runtime: tokio::runtime::Runtime,
}

impl Place {
    /// With these lines in the settings, migrated.
    fn new(settings: &str) -> Self {
        let project = Project::new();
        project.set(&format!(
            "SECRET_KEY = \"{SECRET}\"\nALLOWED_HOSTS = [\"127.0.0.1\"]\nPASSWORD_HASHERS = [\"md5\"]\n\
             SESSION_COOKIE_SECURE = false\nCSRF_COOKIE_SECURE = false\n{settings}\n"
        ));
        project.succeed(&["migrate"]);
        Self { project, runtime: tokio::runtime::Runtime::new().unwrap() }
    }

    /// In `django_session`, on SQLite.
    fn sqlite() -> Self {
        Self::new("")
    }

    fn settings(&self) -> Settings {
        Settings::from_file(self.project.path("settings.toml")).unwrap()
    }

    /// Does something with the sessions by the library.
    fn with_store<T>(&self, work: impl AsyncFnOnce(&segue::AnyStore) -> T) -> T {
        self.runtime.block_on(async {
            let site = Site::new(self.settings(), axum::Router::new()).await.unwrap();
            let done = work(site.sessions().store()).await;
            site.close().await;
            done
        })
    }

    /// Stores a session that holds this, as the site's own key signs it.
    fn plant(&self, json: &str, ends_in: SignedDuration) -> SessionKey {
        self.plant_signed(json, ends_in, SECRET)
    }

    fn plant_signed(&self, json: &str, ends_in: SignedDuration, secret: &str) -> SessionKey {
        let data = SessionData::parse(json).unwrap();
        let end = Timestamp::now() + ends_in;
        let keys = SecretKeys::new(secret);
        let settings = self.settings();
        if uses_database(&settings) {
            // Behind the back of a cache that stands before it, as a Django may.
            let row = Codec::signed_json(&keys, &Clock::system()).encode(&data).unwrap();
            return self.runtime.block_on(async {
                let database = Database::connect(&settings.database_url).await.unwrap();
                let store = DatabaseStore::new(database.clone(), Clock::system());
                let key = store.create(&row, end).await.unwrap();
                database.close().await;
                key
            });
        }
        self.with_store(async |store| {
            let codec = Codec::of(store.guarantees().payload, &keys, &Clock::system());
            store.create(&codec.encode(&data).unwrap(), end).await.unwrap()
        })
    }

    /// Makes a user, who can log in with this password.
    fn user(&self, name: &str, password: &str) {
        let mut command = self.project.command();
        command.args(["createsuperuser", "--noinput", "--username", name, "--email", ""]);
        command.env("DJANGO_SUPERUSER_PASSWORD", password);
        assert!(command.output().unwrap().status.success());
    }

    fn is_live(&self, key: &SessionKey) -> bool {
        self.with_store(async |store| store.load(key).await.unwrap().is_some())
    }

    /// The lines of `sessions list --json` with these arguments.
    fn listed(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.project.succeed(&[&["sessions", "list", "--json"], arguments].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn database(&self) -> PathBuf {
        self.project.path("db.sqlite3")
    }
}

/// Runs a command with this on its standard input: whether it succeeded, and what it wrote.
fn with_input(command: &mut Command, input: &str) -> (bool, String) {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// The session's keys that a text shows whole.
fn whole_keys(text: &str) -> Vec<&str> {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    text.split(|letter: char| !is_letter(letter))
        .filter(|word| SessionKey::parse(word).is_some())
        .collect()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// An engine that has the sessions in its database.
fn uses_database(settings: &Settings) -> bool {
    matches!(settings.session.engine, SessionEngine::Database | SessionEngine::CachedDatabase)
}
