//! tower-sessions on each of its stores, with the routes that every server of the benchmark has.

use std::error::Error;
use std::net::Ipv4Addr;
use std::path::Path;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer, SessionStore};
use tower_sessions_moka_store::MokaStore;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
use tower_sessions_sqlx_store::sqlx::postgres::PgPoolOptions;
use tower_sessions_sqlx_store::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
type Answer<T> = std::result::Result<T, StatusCode>;

const SESSION: &str = include_str!("../../session.json");
const OK: &str = "ok";

/// As many connections as Segue has to a server, and on SQLite as many as its loads may wait on. (It has one
/// more for each core, by which it only glances, and one that writes.)
const SERVER_CONNECTIONS: u32 = 10;
const SQLITE_CONNECTIONS: u32 = 4;

/// Serves until it is stopped; with a count of allocations where there is one.
pub fn run(allocations: Option<fn() -> u64>) -> Result {
    let variant = std::env::args().nth(1).ok_or("which store?")?;
    let port: u16 = std::env::var("BENCH_PORT")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = std::env::var("BENCH_STORE").unwrap_or_default();
        let mut app = router(&variant, &store).await?.route("/bare", get(|| async { OK }));
        if let Some(count) = allocations {
            app = app.route("/allocations", get(move || async move { count().to_string() }));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
        Ok(axum::serve(listener, app).await?)
    })
}

async fn router(variant: &str, store: &str) -> Result<Router> {
    Ok(match variant {
        "memory" => routes(MemoryStore::default()),
        "moka" => routes(MokaStore::new(None)),
        "sqlite-normal" => routes(sqlite(store, SqliteSynchronous::Normal).await?),
        "sqlite-full" => routes(sqlite(store, SqliteSynchronous::Full).await?),
        "postgres" => {
            let options = PgPoolOptions::new().max_connections(SERVER_CONNECTIONS);
            let store = PostgresStore::new(options.connect(store).await?);
            store.migrate().await?;
            routes(store)
        }
        "redis" | "valkey" => {
            let pool = Pool::new(Config::from_url(store)?, None, None, None, 1)?;
            pool.connect();
            pool.wait_for_connect().await?;
            routes(RedisStore::new(pool))
        }
        other => return Err(format!("there is no store {other}").into()),
    })
}

async fn sqlite(folder: &str, synchronous: SqliteSynchronous) -> Result<SqliteStore> {
    let options = SqliteConnectOptions::new()
        .filename(Path::new(folder).join("sessions.sqlite3"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous);
    let pool = SqlitePoolOptions::new().max_connections(SQLITE_CONNECTIONS);
    let store = SqliteStore::new(pool.connect_with(options).await?);
    store.migrate().await?;
    Ok(store)
}

fn routes(store: impl SessionStore + Clone) -> Router {
    Router::new()
        .route("/untouched", get(|| async { OK }))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/counter", get(counter))
        .route("/new", get(new))
        .layer(SessionManagerLayer::new(store).with_secure(false))
}

fn failed<E: std::fmt::Display>(error: E) -> StatusCode {
    eprintln!("{error}");
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn read(session: Session) -> Answer<String> {
    Ok(session.get("name").await.map_err(failed)?.unwrap_or_default())
}

async fn write(session: Session) -> Answer<String> {
    let counter = session.get::<u64>("counter").await.map_err(failed)?.unwrap_or(0) + 1;
    session.insert("counter", counter).await.map_err(failed)?;
    Ok(counter.to_string())
}

async fn counter(session: Session) -> Answer<String> {
    let counter: Option<u64> = session.get("counter").await.map_err(failed)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn new(Query(query): Query<Vec<(String, usize)>>, session: Session) -> Answer<&'static str> {
    let bytes = query.iter().find(|(name, _)| name == "bytes").map(|(_, bytes)| *bytes);
    for (key, value) in values(bytes).map_err(failed)? {
        session.insert(&key, value).await.map_err(failed)?;
    }
    Ok(OK)
}

/// The standard session and, where that is not enough, a padding.
fn values(bytes: Option<usize>) -> Result<Map<String, Value>> {
    let mut values: Map<String, Value> = serde_json::from_str(SESSION)?;
    let missing = bytes.unwrap_or(0).saturating_sub(serde_json::to_string(&values)?.len());
    if missing > 0 {
        values.insert("padding".to_owned(), padding(missing.saturating_sub(13)).into());
    }
    Ok(values)
}

/// Letters that no compression makes much smaller; the same for all servers.
fn padding(length: usize) -> String {
    let mut seed: u32 = 1;
    let letter = |_| {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        char::from(b'a' + u8::try_from((seed >> 16) % 26).unwrap_or_default())
    };
    (0..length).map(letter).collect()
}
