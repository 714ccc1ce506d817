//! `runserver`: the site, until it is asked to stop.

mod address;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::context::Context;
use super::migrate::apps;
use super::project::SiteParts;
use super::{CommandResult, shutdown};
use crate::site::Site;

/// How long requests may take to end after the server was asked to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// Writes the log to standard error, as much of it as `RUST_LOG` says.
pub(super) fn start_log() {
    let filter = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(console::colors_enabled_stderr())
        .with_target(false);
    // A program that has a log of its own already keeps it.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to listen: an address and a port, or one of them
    #[arg(default_value = "127.0.0.1:8000", value_name = "ADDR:PORT", value_parser = address::parse)]
    address: String,
}

pub(super) async fn run(
    context: Context<'_>,
    arguments: &Arguments,
    parts: &SiteParts,
) -> CommandResult {
    let Context { settings, settings_file, .. } = context;
    let (address, debug) = (arguments.address.as_str(), settings.debug);
    let site = parts.build(settings).await?;
    warn_of_migrations(&site).await?;
    let listener =
        TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))?;
    say!("Segue {}, settings from {}", env!("CARGO_PKG_VERSION"), name(settings_file.as_deref()));
    if debug {
        say!("DEBUG is on: for development only.");
    }
    say!("Serving on http://{} (stop with Ctrl-C)", listener.local_addr()?);

    let database = site.database().cloned();
    let served = serve(listener, site.into_router().layer(from_fn(log_request))).await;
    if let Some(database) = database {
        database.close().await;
    }
    Ok(served?)
}

/// Serves until a stop is requested, then gives the requests under way their time.
async fn serve(listener: TcpListener, routes: Router) -> io::Result<()> {
    let stop = Arc::new(Notify::new());
    let stopping = Arc::clone(&stop);
    let mut server = tokio::spawn(async move {
        axum::serve(listener, routes.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(async move { stopping.notified().await })
            .await
    });
    tokio::select! {
        ended = &mut server => return ended?,
        requested = shutdown::requested() => requested?,
    }
    say!("Stopping: finishing the requests that are under way (Ctrl-C again to stop at once)");
    stop.notify_one();
    tokio::select! {
        ended = &mut server => ended?,
        again = shutdown::requested() => again,
        () = tokio::time::sleep(DRAIN) => {
            warn_user!("Some requests did not end within {} s.", DRAIN.as_secs());
            Ok(())
        }
    }
}

async fn warn_of_migrations(site: &Site) -> CommandResult {
    let Some(database) = site.database() else { return Ok(()) };
    let unapplied = database.unapplied().await?;
    if unapplied.is_empty() {
        return Ok(());
    }
    warn_user!(
        "You have {} unapplied migration(s) for app(s): {}. The site may not work until they are \
         applied: run `migrate`.",
        unapplied.len(),
        apps(unapplied)
    );
    Ok(())
}

/// A line for each request. The query is left out: it may hold secrets.
async fn log_request(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let took = started.elapsed();
    tracing::info!("{method} {path:?} {status} in {:.1} ms", took.as_secs_f64() * 1000.0);
    response
}

fn cannot_listen(address: &str, error: &io::Error) -> Box<dyn std::error::Error> {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; `runserver 8001` takes another port"
        }
        io::ErrorKind::PermissionDenied => "no permission; ports below 1024 are the system's",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => return format!("cannot listen on {address}: {error}").into(),
    };
    format!("cannot listen on {address}: {why}").into()
}

fn name(settings_file: Option<&Path>) -> String {
    settings_file.map_or("the environment".to_owned(), |file| file.display().to_string())
}
