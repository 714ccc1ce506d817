//! The limits: a bare handler that does the raw operations of the store and nothing else. `/read` is
//! one load; `/write` one load and one save. One operation each, not batched: no session layer can be faster
//! on the same driver, unless it goes to the store less often, and one that lets several saves share a flush
//! to the disk does.

mod file;
mod postgres;
mod redis;
mod sqlite;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::OK;
use super::contents::Numbered;
use crate::Result;

/// A store's raw operations.
trait Raw: Send + Sync + 'static {
    fn create(&self, key: &str, contents: &str) -> impl Future<Output = Result> + Send;
    fn load(&self, key: &str) -> impl Future<Output = Result<String>> + Send;
    fn save(&self, key: &str, contents: &str) -> impl Future<Output = Result> + Send;
}

pub(super) async fn router(kind: &str, store: &str) -> Result<Router> {
    Ok(match kind {
        "none" => routes(Nothing)?,
        "file" => routes(file::Files::open(store))?,
        "redis" | "valkey" => routes(redis::Redis::open(store).await?)?,
        "tokio-postgres" => routes(postgres::TokioPostgres::open(store).await?)?,
        "sqlx-postgres" => routes(postgres::Sqlx::open(store).await?)?,
        "rusqlite" => routes(sqlite::Rusqlite::open(store, "NORMAL")?)?,
        "rusqlite-full" => routes(sqlite::Rusqlite::open(store, "FULL")?)?,
        other => return Err(format!("there is no server limit-{other} in this program").into()),
    })
}

struct Server<R> {
    raw: R,
    contents: Numbered,
    /// Each save must store something else: SQLite writes no page that stays the same.
    saves: AtomicU64,
}

fn routes<R: Raw>(raw: R) -> Result<Router> {
    let server = Arc::new(Server { raw, contents: Numbered::new()?, saves: AtomicU64::new(0) });
    Ok(Router::new()
        .route("/untouched", get(|| async { OK }))
        .route("/read", get(read::<R>))
        .route("/write", get(write::<R>))
        .route("/new", get(new::<R>))
        .with_state(server))
}

/// What went wrong is for whoever runs the benchmark.
struct Failure(Box<dyn std::error::Error + Send + Sync>);

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}

type Answer<T> = std::result::Result<T, Failure>;

async fn read<R: Raw>(State(server): State<Arc<Server<R>>>, headers: HeaderMap) -> Answer<String> {
    Ok(server.raw.load(key(&headers)?).await?)
}

async fn write<R: Raw>(State(server): State<Arc<Server<R>>>, headers: HeaderMap) -> Answer<String> {
    let key = key(&headers)?;
    let loaded = server.raw.load(key).await?;
    let saved = server.next().1;
    server.raw.save(key, &saved).await?;
    Ok(loaded)
}

async fn new<R: Raw>(State(server): State<Arc<Server<R>>>) -> Answer<Response> {
    let (number, contents) = server.next();
    // As long as a session's key.
    let key = format!("{number:032}");
    server.raw.create(&key, &contents).await?;
    Ok(([(header::SET_COOKIE, format!("id={key}"))], OK).into_response())
}

impl<R> Server<R> {
    fn next(&self) -> (u64, String) {
        let number = self.saves.fetch_add(1, Ordering::Relaxed);
        (number, self.contents.text(number))
    }
}

fn key(headers: &HeaderMap) -> Result<&str> {
    let cookie = headers.get(header::COOKIE).ok_or("there is no cookie")?.to_str()?;
    Ok(cookie.strip_prefix("id=").ok_or("there is no cookie `id`")?)
}

/// What axum and the network cost without any store.
struct Nothing;

impl Raw for Nothing {
    async fn create(&self, _: &str, _: &str) -> Result {
        Ok(())
    }

    async fn load(&self, _: &str) -> Result<String> {
        Ok(OK.to_owned())
    }

    async fn save(&self, _: &str, _: &str) -> Result {
        Ok(())
    }
}
