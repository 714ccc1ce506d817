//! What a command works with.

#[cfg(feature = "auth")]
use std::error::Error;
use std::path::PathBuf;

use crate::database::App;
#[cfg(feature = "auth")]
use crate::database::Database;
use crate::error::ConfigError;
use crate::settings::{Settings, missing_secret_key};
#[cfg(feature = "auth")]
use crate::users::Users;

/// The project whose program runs, as far as there is one.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// The folder of its manifest. Its sources need not be there any more.
    pub(super) base_dir: Option<PathBuf>,
    /// Its apps, in their order.
    pub(super) apps: Vec<App>,
}

/// What a command works with that needs the settings.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) settings: Settings,
    /// Where the settings were read from; nothing where that was the environment alone.
    pub(super) settings_file: Option<PathBuf>,
    /// Whether the secret key is the site's own, so that what it signed can be read.
    pub(super) has_secret_key: bool,
    pub(super) sources: &'a Sources,
}

impl Context<'_> {
    /// Nothing may be served, nor judged as what is served, under a key that was made for this moment.
    pub(super) fn require_secret_key(&self) -> Result<(), ConfigError> {
        if self.has_secret_key { Ok(()) } else { Err(missing_secret_key()) }
    }
}

/// Nobody wants an empty database made in the place of one whose name was misspelt.
pub(super) fn require_database_of_sessions(settings: &Settings) -> Result<(), String> {
    if !settings.session.engine.uses_database() || settings.database_url.exists() {
        return Ok(());
    }
    Err(no_database(settings, "sessions"))
}

fn no_database(settings: &Settings, what: &str) -> String {
    format!(
        "there is no database {} to look for {what} in: run `migrate` first, or name another with \
         --database-url or DATABASE_URL",
        settings.database_url
    )
}

/// The users in the database that the settings name.
#[cfg(feature = "auth")]
pub(super) async fn open_users(settings: &Settings) -> Result<(Database, Users), Box<dyn Error>> {
    if !settings.database_url.exists() {
        return Err(no_database(settings, "users").into());
    }
    let database = Database::connect_with(&settings.database_url, settings.database).await?;
    let users = Users::new(database.clone(), settings)?;
    Ok((database, users))
}
