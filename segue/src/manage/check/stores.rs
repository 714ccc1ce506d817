//! Each configured store, asked whether it is there.

use super::super::migrate::apps;
use super::finding::{Asked, Finding};
use crate::cache::Cache as _;
use crate::caches;
use crate::database::{Database, History, Migrator};
use crate::error::{ConfigError, describe};
use crate::key::SessionKey;
use crate::settings::{CacheSettings, SessionEngine, Settings};

/// What came of asking the stores.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) asked: Vec<Asked>,
    pub(super) findings: Vec<Finding>,
    /// What sessions cannot do without.
    pub(super) failure: Option<ConfigError>,
}

/// Asks the database and every cache.
pub(super) async fn look(settings: &Settings, migrator: &Migrator) -> Looked {
    let mut looked = Looked::default();
    let engine = settings.session.engine;
    let needs_database = engine.uses_database() || settings.auth.uses_database();
    if settings.database_url.exists() {
        let name = format!("The database {}", settings.database_url);
        let answer = ask_database(settings, migrator, &mut looked.findings).await;
        looked.note(&name, "DATABASE_URL", answer, needs_database);
    } else if needs_database {
        // To look must not make one.
        looked.findings.push(unmigrated("there is no database yet; run `migrate`"));
    }
    for (alias, cache) in &settings.caches {
        let name = format!("The cache {alias:?} ({:?})", cache.location);
        // `cached_db` does without.
        let is_needed = engine == SessionEngine::Cache && *alias == settings.session.cache_alias;
        looked.note(&name, "CACHES", ask_cache(cache).await, is_needed);
    }
    looked
}

impl Looked {
    fn note(
        &mut self,
        name: &str,
        setting: &str,
        answer: Result<(), ConfigError>,
        is_needed: bool,
    ) {
        self.asked.push(Asked { name: name.to_owned(), answers: answer.is_ok() });
        let Err(error) = answer else { return };
        if is_needed {
            self.failure.get_or_insert(error);
            return;
        }
        let message = format!("{name} fails, and sessions do without: {}", describe(&error));
        let risk = "what it is for is slower, or not there: each visit goes to the database, failed \
                    logins are counted by each process for itself";
        let mend = format!("start it, or correct {setting}");
        self.findings.push(Finding::warning("segue.W005", setting, message, risk, mend));
    }
}

async fn ask_database(
    settings: &Settings,
    migrator: &Migrator,
    findings: &mut Vec<Finding>,
) -> Result<(), ConfigError> {
    let database = Database::connect_with(&settings.database_url, settings.database).await?;
    let history = History::read(&database).await;
    database.close().await;
    let refused = |source| ConfigError::Store { setting: "DATABASE_URL", source };
    let unapplied = migrator.unapplied(&history.map_err(refused)?);
    if !unapplied.is_empty() {
        let (number, apps) = (unapplied.len(), apps(unapplied));
        let message =
            format!("{number} migration(s) not applied for app(s): {apps}; run `migrate`");
        findings.push(unmigrated(&message));
    }
    Ok(())
}

fn unmigrated(message: &str) -> Finding {
    let risk = "what needs a table that is missing answers with an error";
    Finding::warning("segue.W001", "DATABASE_URL", message, risk, "run `migrate`")
}

/// A cache that can be read answers that it does not have a name nobody has.
async fn ask_cache(settings: &CacheSettings) -> Result<(), ConfigError> {
    let refused = |source| ConfigError::Store { setting: "CACHES", source };
    let nobody = SessionKey::generate().map_err(refused)?;
    let name = settings.options.make_key(nobody.expose());
    caches::open(settings)?.get(&name).await.map_err(refused).map(drop)
}
