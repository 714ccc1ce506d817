//! axum_session on each of its stores, with the routes that every server of the benchmark has.

use std::error::Error;
use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::path::Path;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use axum_session::{
    DatabasePool, Session, SessionConfig, SessionLayer, SessionNullPool, SessionStore,
};
use axum_session_redispool::SessionRedisPool;
use axum_session_sqlx::{SessionPgPool, SessionSqlitePool};
use redis_pool::RedisPool;
use serde_json::{Map, Value};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use time::Duration;
use tokio::net::TcpListener;

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

/// By default it keeps each session in its own memory for an hour; `-direct` forgets it at once, so that the
/// store decides, as with the others.
async fn router(variant: &str, store: &str) -> Result<Router> {
    let mut config = SessionConfig::default().with_secure(false);
    let kind = match variant.strip_suffix("-direct") {
        Some(kind) => {
            config = config.with_memory_lifetime(Duration::ZERO);
            kind
        }
        None => variant,
    };
    match kind {
        "memory" => routes::<SessionNullPool>(None, config).await,
        "sqlite" => {
            let options = SqliteConnectOptions::new()
                .filename(Path::new(store).join("sessions.sqlite3"))
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full);
            let pool = SqlitePoolOptions::new().max_connections(SQLITE_CONNECTIONS);
            routes(Some(SessionSqlitePool::from(pool.connect_with(options).await?)), config).await
        }
        "postgres" => {
            let pool = PgPoolOptions::new().max_connections(SERVER_CONNECTIONS);
            routes(Some(SessionPgPool::from(pool.connect(store).await?)), config).await
        }
        "redis" => {
            let pool = RedisPool::from(redis::Client::open(store)?);
            routes(Some(SessionRedisPool::from(pool)), config).await
        }
        other => Err(format!("there is no store {other}").into()),
    }
}

async fn routes<P>(pool: Option<P>, config: SessionConfig) -> Result<Router>
where
    P: DatabasePool + Clone + Debug + Sync + Send + 'static,
{
    let store = SessionStore::<P>::new(pool, config).await?;
    Ok(Router::new()
        .route("/untouched", get(|| async { OK }))
        .route("/read", get(read::<P>))
        .route("/write", get(write::<P>))
        .route("/counter", get(counter::<P>))
        .route("/new", get(new::<P>))
        .layer(SessionLayer::new(store)))
}

fn failed<E: std::fmt::Display>(error: E) -> StatusCode {
    eprintln!("{error}");
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn read<P>(session: Session<P>) -> String
where
    P: DatabasePool + Clone + Debug + Sync + Send + 'static,
{
    session.get("name").unwrap_or_default()
}

async fn write<P>(session: Session<P>) -> String
where
    P: DatabasePool + Clone + Debug + Sync + Send + 'static,
{
    let counter = session.get::<u64>("counter").unwrap_or(0) + 1;
    session.set("counter", counter);
    counter.to_string()
}

async fn counter<P>(session: Session<P>) -> String
where
    P: DatabasePool + Clone + Debug + Sync + Send + 'static,
{
    session.get::<u64>("counter").unwrap_or_default().to_string()
}

async fn new<P>(
    Query(query): Query<Vec<(String, usize)>>,
    session: Session<P>,
) -> Answer<&'static str>
where
    P: DatabasePool + Clone + Debug + Sync + Send + 'static,
{
    let bytes = query.iter().find(|(name, _)| name == "bytes").map(|(_, bytes)| *bytes);
    for (key, value) in values(bytes).map_err(failed)? {
        session.set(&key, value);
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
