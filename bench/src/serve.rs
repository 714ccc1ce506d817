//! The servers that are in this program itself: Segue on every engine, and the raw limits.
//!
//! Every server that is measured, ours and the others', does the same: it listens on
//! 127.0.0.1:`BENCH_PORT`, keeps its sessions where `BENCH_STORE` says, runs on one thread, and has
//! these routes:
//!
//! | route | does |
//! |---|---|
//! | `/bare` | nothing, outside of any session middleware |
//! | `/untouched` | nothing, inside of it |
//! | `/read` | answers with `name` |
//! | `/write` | adds 1 to `counter`, answers with it |
//! | `/new`, `/new?bytes=3000` | makes a session of the standard contents, filled up to so many bytes of JSON |
//! | `/counter` | answers with `counter` |
//! | `/allocations` | how often memory was taken so far, where that is counted |

mod contents;
mod limits;
mod segue;

use std::net::Ipv4Addr;

use ::segue::Sessions;
use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::Result;

/// Tells how often memory was taken so far.
pub type Allocations = fn() -> u64;

/// What every answer without a value says.
const OK: &str = "ok";

/// Serves the named server until it is stopped.
pub(crate) fn run(name: &str, allocations: Option<Allocations>) -> Result {
    let port: u16 = variable("BENCH_PORT")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = variable("BENCH_STORE").unwrap_or_default();
        let routes = match name.strip_prefix("limit-") {
            Some(kind) => limits::router(kind, &store).await?,
            None => segue::router(name, &store).await?,
        };
        let app = with_common_routes(routes, allocations);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let listener = listener.tap_io(|stream| {
            // A socket that refuses this one serves all the same.
            _ = stream.set_nodelay(true);
        });
        axum::serve(listener, app).await?;
        Ok(())
    })
}

/// The sessions of one of Segue's servers on this store, for who works on them beside it.
pub(crate) async fn elsewhere(name: &str, store: &str) -> Result<Sessions> {
    segue::elsewhere(name, store).await
}

/// Outside of the session middleware.
fn with_common_routes(routes: Router, allocations: Option<Allocations>) -> Router {
    let routes = routes.route("/bare", get(|| async { OK }));
    match allocations {
        Some(count) => {
            routes.route("/allocations", get(move || async move { count().to_string() }))
        }
        None => routes,
    }
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}
