//! Segue on every engine: its layer around a bare router, as with the peers; and once a whole site.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use segue::caches::{MemcachedCache, MemoryCache, RedisCache};
use segue::database::Database;
use segue::engines::{
    CacheStore, CachedDatabaseStore, DatabaseStore, EncryptedCookieStore, FileStore, MemoryStore,
    NearStore, SignedCookieStore,
};
use segue::settings::{
    CacheFormat, CacheOptions, DatabaseOptions, DatabaseUrl, SessionEngine, Synchronous,
};
use segue::{Cache, Session, SessionError, SessionLayer, SessionStore, Sessions, Settings, Site};

use super::{OK, contents};
use crate::Result;

/// So many sessions fit into a cache in memory; as many as the growth tables make.
const ENTRIES: u64 = 4_000_000;

/// So many values Redis may lend to a process.
const COPIES: u64 = 10_000;

fn settings() -> Settings {
    let mut settings = Settings::new("a secret key for the benchmark, of fifty letters and more");
    settings.allowed_hosts.push("127.0.0.1".to_owned());
    // What is measured is the way of a request, not a clean-up that comes by.
    settings.session.cleanup_interval = None;
    settings
}

/// The sessions of this server as another process has them, which keeps no copies.
pub(super) async fn elsewhere(name: &str, store: &str) -> Result<Sessions> {
    let settings = settings();
    Ok(match name {
        "segue-cache-redis-near" => {
            let cache = CacheStore::new(RedisCache::from_url(store)?, CacheOptions::default());
            Sessions::new(cache, &settings)?
        }
        "segue-cached-db-redis" => {
            Sessions::new(cached_database(store, &settings).await?, &settings)?
        }
        "segue-cached-db-memory" | "segue-cached-db-memory-postgres-stale-1s" => {
            Sessions::new(database(store).await?, &settings)?
        }
        other => return Err(format!("{other} answers nothing from memory").into()),
    })
}

/// The routes with the sessions of this server.
pub(super) async fn router(name: &str, store: &str) -> Result<Router> {
    let mut settings = settings();
    match name {
        "segue-memory" => layered(MemoryStore::new(), &settings),
        "segue-signed-cookies" => layered(SignedCookieStore::new(&settings)?, &settings),
        "segue-encrypted-cookies" => layered(EncryptedCookieStore::new(&settings)?, &settings),
        "segue-file" => {
            settings.session.file_path = Some(store.into());
            layered(FileStore::new(&settings)?, &settings)
        }
        "segue-db-sqlite" | "segue-db-postgres" | "segue-db-mariadb" => {
            layered(database(store).await?, &settings)
        }
        "segue-db-sqlite-normal" => {
            let mut options = DatabaseOptions::default();
            options.synchronous = Synchronous::Normal;
            layered(database_with(store, options).await?, &settings)
        }
        "segue-cache-memory" => {
            let mut options = CacheOptions::default();
            // As the settings have it for `memory://`.
            options.format = CacheFormat::Json;
            layered(CacheStore::new(MemoryCache::new(ENTRIES), options), &settings)
        }
        "segue-cache-redis" | "segue-cache-valkey" => {
            cache(RedisCache::from_url(store)?, &settings)
        }
        "segue-cache-redis-near" => {
            cache(RedisCache::from_url(&format!("{store}?near={COPIES}"))?, &settings)
        }
        "segue-cache-memcached" => cache(MemcachedCache::from_url(store)?, &settings),
        // SQLite is asked each time, and needs no staleness.
        "segue-cached-db-memory" => {
            layered(NearStore::new(database(store).await?, ENTRIES), &settings)
        }
        "segue-cached-db-memory-postgres-stale-1s" => {
            let near = NearStore::new(database(store).await?, ENTRIES);
            layered(near.with_staleness(Duration::from_secs(1)), &settings)
        }
        "segue-cached-db-redis" => layered(cached_database(store, &settings).await?, &settings),
        "segue-site" => site(settings, Path::new(store)).await,
        other => Err(format!("there is no server {other} in this program").into()),
    }
}

fn cache(cache: impl Cache, settings: &Settings) -> Result<Router> {
    layered(CacheStore::new(cache, CacheOptions::default()), settings)
}

/// Of both stores' names.
async fn cached_database(stores: &str, settings: &Settings) -> Result<CachedDatabaseStore> {
    let (rows, entries) = stores.split_once(' ').ok_or("two stores are needed")?;
    let (database, redis) = (database(rows).await?, RedisCache::from_url(entries)?);
    Ok(CachedDatabaseStore::new(database, redis, settings)?)
}

/// A database by its URL, or in a folder. The tables are made where they are not there.
async fn database(place: &str) -> Result<DatabaseStore> {
    database_with(place, DatabaseOptions::default()).await
}

async fn database_with(place: &str, options: DatabaseOptions) -> Result<DatabaseStore> {
    let url = if place.contains("://") {
        place.to_owned()
    } else {
        format!("sqlite://{place}/db.sqlite3")
    };
    let url = DatabaseUrl::parse(&url, Path::new(""))?;
    let store = DatabaseStore::from_pool(Database::connect_with(&url, options).await?);
    store.database().migrate().await?;
    Ok(store)
}

fn layered(store: impl SessionStore, settings: &Settings) -> Result<Router> {
    Ok(routes().layer(SessionLayer::new(store, settings)?))
}

/// Hosts, protection from forged requests, login and all, with sessions in memory: what each request
/// costs that no peer has.
async fn site(mut settings: Settings, folder: &Path) -> Result<Router> {
    settings.session.engine = SessionEngine::Memory;
    settings.database_url = DatabaseUrl::default_in(folder);
    let site = Site::new(settings, routes()).await?;
    site.database().ok_or("a site has a database")?.migrate().await?;
    Ok(site.into_router())
}

fn routes() -> Router {
    Router::new()
        .route("/untouched", get(|| async { OK }))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/counter", get(counter))
        .route("/new", get(new))
}

async fn read(session: Session) -> std::result::Result<String, SessionError> {
    Ok(session.get("name")?.unwrap_or_default())
}

async fn write(session: Session) -> std::result::Result<String, SessionError> {
    let counter = session.update("counter", |counter: Option<u64>| counter.unwrap_or(0) + 1)?;
    Ok(counter.to_string())
}

async fn counter(session: Session) -> std::result::Result<String, SessionError> {
    Ok(session.get::<u64>("counter")?.unwrap_or_default().to_string())
}

async fn new(
    Query(query): Query<Vec<(String, usize)>>,
    session: Session,
) -> std::result::Result<&'static str, axum::response::Response> {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    let bytes = query.iter().find(|(name, _)| name == "bytes").map(|(_, bytes)| *bytes);
    let values = contents::values(bytes)
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response())?;
    for (key, value) in values {
        session.insert(&key, value).map_err(IntoResponse::into_response)?;
    }
    Ok(OK)
}
