//! Each configured store, asked whether it is there.

use super::super::migrate::apps;
use super::Warning;
use crate::cache::Cache as _;
use crate::caches;
use crate::database::{Database, History, Migrator};
use crate::error::{ConfigError, describe};
use crate::key::SessionKey;
use crate::settings::{CacheSettings, SessionEngine, Settings};

/// What came of asking the stores.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) warnings: Vec<Warning>,
    /// What sessions cannot do without.
    pub(super) failure: Option<ConfigError>,
}

/// Asks the database and every cache, and says what each answers.
pub(super) async fn look(settings: &Settings, migrator: &Migrator) -> Findings {
    let mut findings = Findings::default();
    let engine = settings.session.engine;
    let needs_database = engine.uses_database() || settings.auth.uses_database();
    if settings.database_url.exists() {
        let what = format!("The database {}", settings.database_url);
        match ask_database(settings, migrator, &mut findings.warnings).await {
            Ok(()) => say!("{what} answers."),
            Err(error) => findings.fails(&what, error, needs_database),
        }
    } else if needs_database {
        // To look must not make one.
        let text = "there is no database yet; run `migrate`".to_owned();
        findings.warnings.push(Warning { id: "segue.W001", text });
    }
    for (alias, cache) in &settings.caches {
        let what = format!("The cache {alias:?} ({:?})", cache.location);
        let is_sessions = *alias == settings.session.cache_alias;
        match ask_cache(cache).await {
            Ok(()) => say!("{what} answers."),
            Err(error) => {
                // `cached_db` does without.
                let is_needed = engine == SessionEngine::Cache && is_sessions;
                findings.fails(&what, error, is_needed);
            }
        }
    }
    findings
}

impl Findings {
    fn fails(&mut self, what: &str, error: ConfigError, is_needed: bool) {
        say!("{what} FAILS.");
        if is_needed {
            self.failure = Some(error);
        } else {
            let text = format!("{what} fails, and sessions do without: {}", describe(&error));
            self.warnings.push(Warning { id: "segue.W005", text });
        }
    }
}

async fn ask_database(
    settings: &Settings,
    migrator: &Migrator,
    warnings: &mut Vec<Warning>,
) -> Result<(), ConfigError> {
    let database = Database::connect(&settings.database_url).await?;
    let history = History::read(&database).await;
    database.close().await;
    let refused = |source| ConfigError::Store { setting: "DATABASE_URL", source };
    let unapplied = migrator.unapplied(&history.map_err(refused)?);
    if !unapplied.is_empty() {
        let (number, apps) = (unapplied.len(), apps(unapplied));
        let text = format!("{number} migration(s) not applied for app(s): {apps}; run `migrate`");
        warnings.push(Warning { id: "segue.W001", text });
    }
    Ok(())
}

/// A cache that can be read answers that it does not have a name nobody has.
async fn ask_cache(settings: &CacheSettings) -> Result<(), ConfigError> {
    let refused = |source| ConfigError::Store { setting: "CACHES", source };
    let nobody = SessionKey::generate().map_err(refused)?;
    let name = settings.options.make_key(nobody.expose());
    caches::open(settings)?.get(&name).await.map_err(refused).map(drop)
}
