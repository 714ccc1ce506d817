//! A database in a temporary folder, and both sides on it.

use std::path::PathBuf;

use segue::database::Database;
use segue::engines::DatabaseStore;
use segue::{Clock, SecretKey, Session, SessionKey, Sessions, Settings};

use crate::side::Django;

pub const SECRET: &str = "the secret key of both sides, long enough to be one";

/// A folder with a database that Segue migrated. The folder is removed with it.
pub struct Place {
    folder: tempfile::TempDir,
    pub database: Database,
}

impl Place {
    pub async fn new() -> Self {
        let place = Self::empty().await;
        place.database.migrate().await.unwrap();
        place
    }

    /// Nobody has migrated it yet.
    pub async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
        Self { folder, database: Database::from_url(&url).await.unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("db.sqlite3")
    }

    pub fn django(&self) -> Django {
        Django::start(&self.path(), SECRET)
    }

    pub fn sessions(&self) -> Sessions {
        self.sessions_with(&settings(), Clock::system())
    }

    pub fn sessions_with(&self, settings: &Settings, clock: Clock) -> Sessions {
        let store = DatabaseStore::new(self.database.clone(), clock.clone());
        Sessions::with_clock(store, settings, clock).unwrap()
    }
}

/// Django's defaults to the letter: with a cookie that is not `Secure`.
pub fn settings() -> Settings {
    settings_with_keys(SECRET, &[])
}

pub fn settings_with_keys(secret_key: &str, fallbacks: &[&str]) -> Settings {
    let mut settings = Settings::new(secret_key);
    settings.session.cookie_secure = false;
    settings.secret_keys.fallbacks = fallbacks.iter().map(|key| SecretKey::new(*key)).collect();
    settings
}

/// The session with this key, as a new request would find it.
pub async fn open(sessions: &Sessions, key: &SessionKey) -> Session {
    sessions.open(Some(key.clone())).load().await.unwrap()
}

/// A new session.
pub async fn start(sessions: &Sessions) -> Session {
    sessions.open(None).load().await.unwrap()
}
