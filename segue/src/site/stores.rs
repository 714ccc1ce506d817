//! From the settings to open stores.

use std::num::NonZeroU32;

use crate::caches;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use crate::database::Database;
use crate::engines;
#[cfg(feature = "manage")]
use crate::engines::Listable;
use crate::error::ConfigError;
use crate::key::SessionKey;
#[cfg(all(
    feature = "memory-cache",
    any(feature = "sqlite", feature = "postgres", feature = "mysql")
))]
use crate::settings::CacheUrl;
use crate::settings::{CacheSettings, SessionEngine, Settings};
use crate::store::{AnyStore, SessionStore};
#[cfg(feature = "auth")]
use crate::users::Users;

/// What the settings name, opened.
pub(crate) struct Stores {
    pub(crate) sessions: AnyStore,
    /// The sessions again, where they are rows.
    #[cfg(all(
        feature = "memory-cache",
        any(feature = "sqlite", feature = "postgres", feature = "mysql")
    ))]
    rows: Option<engines::DatabaseStore>,
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(super) database: Option<Database>,
    #[cfg(feature = "auth")]
    pub(super) users: Option<Users>,
    /// The sessions again, where the engine can tell which ones it has.
    #[cfg(feature = "manage")]
    pub(crate) listable: Option<Listable>,
}

/// How many sessions a batch of the clean-up has, where that is not the engine's own number.
type Batch = Option<NonZeroU32>;

impl Stores {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, ConfigError> {
        Self::open_with_batch(settings, None).await
    }

    /// As [`open`](Self::open), with batches of another size for the clean-up, where it has any.
    pub(crate) async fn open_with_batch(
        settings: &Settings,
        batch: Batch,
    ) -> Result<Self, ConfigError> {
        match settings.session.engine {
            SessionEngine::Memory => Ok(Self::without_database(engines::MemoryStore::new())),
            SessionEngine::SignedCookies => {
                Ok(Self::without_database(engines::SignedCookieStore::new(settings)?))
            }
            SessionEngine::EncryptedCookies => encrypted_cookies(settings),
            SessionEngine::File => file(settings, batch),
            SessionEngine::Database => database(settings, batch).await,
            SessionEngine::Cache => {
                let store = engines::CacheStore::open(settings.session_cache()?)?;
                // Without it there are no sessions: whoever starts the site should hear of it.
                ask(&store).await?;
                Ok(Self::without_database(store))
            }
            SessionEngine::CachedDatabase => {
                let stores = database(settings, batch).await?;
                cached_database(settings, settings.session_cache()?, stores)
            }
        }
    }

    /// With Django's users, unless the settings want nobody: in the database of the sessions, or
    /// opened for them.
    #[cfg(feature = "auth")]
    pub(super) async fn with_users(self, settings: &Settings) -> Result<Self, ConfigError> {
        if !settings.auth.uses_database() {
            return Ok(self);
        }
        let database = match self.database {
            Some(database) => database,
            None => Database::connect_with(&settings.database_url, settings.database).await?,
        };
        let users = Some(Users::new(database.clone(), settings)?);
        Ok(Self { users, database: Some(database), ..self })
    }

    /// Closes the connections.
    #[cfg(feature = "manage")]
    pub(crate) async fn close(&self) {
        if let Some(database) = &self.database {
            database.close().await;
        }
    }

    fn without_database(store: impl SessionStore) -> Self {
        Self {
            sessions: AnyStore::new(store),
            #[cfg(all(
                feature = "memory-cache",
                any(feature = "sqlite", feature = "postgres", feature = "mysql")
            ))]
            rows: None,
            #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
            database: None,
            #[cfg(feature = "auth")]
            users: None,
            #[cfg(feature = "manage")]
            listable: None,
        }
    }
}

/// Where these settings keep sessions, in words and without passwords.
pub(super) fn described(settings: &Settings) -> String {
    let database = || format!("the database {}", settings.database_url);
    let cache = || match settings.session_cache() {
        Ok(cache) => format!("the cache {:?} ({:?})", settings.session.cache_alias, cache.location),
        Err(error) => error.to_string(),
    };
    let place = match settings.session.engine {
        SessionEngine::Database => database(),
        SessionEngine::CachedDatabase => format!("{} with {} before it", database(), cache()),
        SessionEngine::Cache => cache(),
        SessionEngine::File => "files, in SESSION_FILE_PATH or the temporary folder".to_owned(),
        SessionEngine::Memory => "the memory of this process".to_owned(),
        SessionEngine::SignedCookies | SessionEngine::EncryptedCookies => {
            "the visitor's cookie".to_owned()
        }
    };
    format!("SESSION_ENGINE = {:?}: {place}", settings.session.engine.name())
}

/// A cache that can be read answers that it does not have a key nobody has.
async fn ask(store: &engines::CacheStore) -> Result<(), ConfigError> {
    let refused = |source| ConfigError::Store { setting: "CACHES", source };
    let key = SessionKey::generate().map_err(refused)?;
    store.load(&key).await.map_err(refused).map(drop)
}

#[cfg(feature = "encrypted-cookies")]
fn encrypted_cookies(settings: &Settings) -> Result<Stores, ConfigError> {
    engines::EncryptedCookieStore::new(settings).map(Stores::without_database)
}

#[cfg(not(feature = "encrypted-cookies"))]
fn encrypted_cookies(_: &Settings) -> Result<Stores, ConfigError> {
    Err(not_built("\"encrypted_cookies\"", "`encrypted-cookies`"))
}

#[cfg(unix)]
fn file(settings: &Settings, batch: Batch) -> Result<Stores, ConfigError> {
    let store = engines::FileStore::new(settings)?;
    let store = match batch {
        Some(batch) => store.with_batch(batch),
        None => store,
    };
    Ok(Stores {
        #[cfg(feature = "manage")]
        listable: Some(Listable::File(store.clone())),
        ..Stores::without_database(store)
    })
}

#[cfg(not(unix))]
fn file(_: &Settings, _: Batch) -> Result<Stores, ConfigError> {
    let allowed = "another; session files need Unix's locks and permissions";
    Err(ConfigError::conflict("SESSION_ENGINE", "\"file\"", allowed))
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
async fn database(settings: &Settings, batch: Batch) -> Result<Stores, ConfigError> {
    let database = Database::connect_with(&settings.database_url, settings.database).await?;
    let store = engines::DatabaseStore::new(database.clone(), crate::Clock::system());
    let store = match batch {
        Some(batch) => store.with_batch(batch),
        None => store,
    };
    Ok(Stores {
        database: Some(database),
        #[cfg(all(
            feature = "memory-cache",
            any(feature = "sqlite", feature = "postgres", feature = "mysql")
        ))]
        rows: Some(store.clone()),
        #[cfg(feature = "manage")]
        listable: Some(Listable::Database(store.clone())),
        ..Stores::without_database(store)
    })
}

/// The database, with this cache in front of it.
fn cached_database(
    settings: &Settings,
    cache: &CacheSettings,
    mut stores: Stores,
) -> Result<Stores, ConfigError> {
    #[cfg(all(
        feature = "memory-cache",
        any(feature = "sqlite", feature = "postgres", feature = "mysql")
    ))]
    if let (CacheUrl::Memory(url), Some(rows)) = (&cache.location, &stores.rows) {
        let store = engines::NearStore::new(rows.clone(), url.max_entries)
            .with_timeout(cache.timeout)
            .with_staleness(settings.session.cache_staleness);
        stores.sessions = AnyStore::new(store);
        return Ok(stores);
    }
    // It may be down: the database answers then.
    let store = engines::CachedDatabaseStore::new(stores.sessions, caches::open(cache)?, settings)?;
    stores.sessions = AnyStore::new(store);
    Ok(stores)
}

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
async fn database(_: &Settings, _: Batch) -> Result<Stores, ConfigError> {
    Err(not_built("\"db\"", "`sqlite`, `postgres` or `mysql`"))
}

#[cfg(not(all(
    feature = "encrypted-cookies",
    any(feature = "sqlite", feature = "postgres", feature = "mysql")
)))]
fn not_built(engine: &str, features: &str) -> ConfigError {
    let allowed =
        format!("another; this program was built without the feature {features} of segue");
    ConfigError::conflict("SESSION_ENGINE", engine, allowed)
}
