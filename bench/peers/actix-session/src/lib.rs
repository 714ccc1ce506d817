//! actix-session on each of its stores, with the routes that every server of the benchmark has.

use std::error::Error;
use std::net::Ipv4Addr;

use actix_session::config::CookieContentSecurity;
use actix_session::storage::{CookieSessionStore, RedisSessionStore, SessionStore};
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::web::{self, Query, ServiceConfig};
use actix_web::{App, HttpServer};
use serde_json::{Map, Value};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;
type Answer<T> = actix_web::Result<T>;

const SESSION: &str = include_str!("../../session.json");
const OK: &str = "ok";

/// Serves until it is stopped; with a count of allocations where there is one.
pub fn run(allocations: Option<fn() -> u64>) -> Result {
    let variant = std::env::args().nth(1).ok_or("which store?")?;
    actix_web::rt::System::new().block_on(async {
        let cookie = CookieSessionStore::default;
        match variant.as_str() {
            "signed-cookies" => serve(cookie, CookieContentSecurity::Signed, allocations).await,
            "private-cookies" => serve(cookie, CookieContentSecurity::Private, allocations).await,
            "redis" => {
                let store = RedisSessionStore::new(std::env::var("BENCH_STORE")?).await;
                let store = store.map_err(|error| error.to_string())?;
                let store = move || store.clone();
                serve(store, CookieContentSecurity::Private, allocations).await
            }
            other => Err(format!("there is no store {other}").into()),
        }
    })
}

async fn serve<S: SessionStore + 'static>(
    store: impl Fn() -> S + Clone + Send + 'static,
    security: CookieContentSecurity,
    allocations: Option<fn() -> u64>,
) -> Result {
    let port: u16 = std::env::var("BENCH_PORT")?.parse()?;
    let security_of = move || match security {
        CookieContentSecurity::Signed => CookieContentSecurity::Signed,
        CookieContentSecurity::Private => CookieContentSecurity::Private,
    };
    let server = HttpServer::new(move || {
        let sessions = SessionMiddleware::builder(store(), Key::from(&[7; 64]))
            .cookie_secure(false)
            .cookie_content_security(security_of())
            .build();
        let bare = App::new().route("/bare", web::get().to(|| async { OK }));
        let bare = match allocations {
            Some(count) => bare
                .route("/allocations", web::get().to(move || async move { count().to_string() })),
            None => bare,
        };
        bare.service(web::scope("").wrap(sessions).configure(routes))
    });
    Ok(server.workers(1).bind((Ipv4Addr::LOCALHOST, port))?.run().await?)
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/untouched", web::get().to(|| async { OK }))
        .route("/read", web::get().to(read))
        .route("/write", web::get().to(write))
        .route("/counter", web::get().to(counter))
        .route("/new", web::get().to(new));
}

async fn read(session: Session) -> Answer<String> {
    Ok(session.get("name")?.unwrap_or_default())
}

async fn write(session: Session) -> Answer<String> {
    let counter = session.get::<u64>("counter")?.unwrap_or(0) + 1;
    session.insert("counter", counter)?;
    Ok(counter.to_string())
}

async fn counter(session: Session) -> Answer<String> {
    Ok(session.get::<u64>("counter")?.unwrap_or_default().to_string())
}

async fn new(query: Query<Vec<(String, usize)>>, session: Session) -> Answer<&'static str> {
    let bytes = query.iter().find(|(name, _)| name == "bytes").map(|(_, bytes)| *bytes);
    for (key, value) in values(bytes)? {
        session.insert(key, value)?;
    }
    Ok(OK)
}

/// The standard session and, where that is not enough, a padding.
fn values(bytes: Option<usize>) -> serde_json::Result<Map<String, Value>> {
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
