//! `runserver`: the site, until it is asked to stop.

mod address;
mod log;
mod rebuild;
mod reload;
mod served;
mod server;
mod sources;
mod stamp;

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::CommandResult;
use super::context::Sources;
use super::migrate::apps;
use super::project::SiteParts;
use super::shutdown::Shutdown;
use crate::database::{History, Migrator};
use crate::error::ConfigError;
use crate::printable::printable;
use crate::settings::Settings;
use crate::site::Site;

use address::Address;
use rebuild::Builder;
use reload::Reloader;
use served::Served;
use server::{Server, Stopped};
use sources::SourceWatch;

pub(super) use log::start_log;

/// How long requests may take to end after the server was asked to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// How long they may take where it starts again at once, and a developer waits for it.
const DRAIN_AND_RESTART: Duration = Duration::from_secs(3);

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to listen: an address and a port, or one of them; port 0 is any that is free
    #[arg(
        default_value_t = Address::default(),
        value_name = "ADDR:PORT",
        value_parser = address::parse
    )]
    address: Address,

    /// Listen on IPv6, at its loopback address where none is named
    #[arg(long, short = '6')]
    ipv6: bool,

    /// Do not look for changes of the settings and the sources; without DEBUG nobody does
    #[arg(long)]
    noreload: bool,

    /// Build the program again when its sources change, and restart it [default command: cargo
    /// build, with the profile of this program and without features]
    #[arg(
        long,
        value_name = "COMMAND",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with = "noreload"
    )]
    watch: Option<String>,
}

/// Serves the site. `read_settings` reads them, and again where they have changed.
pub(super) async fn run(
    settings_file: Option<PathBuf>,
    sources: &Sources,
    arguments: &Arguments,
    parts: &SiteParts,
    read_settings: &dyn Fn() -> Result<Settings, ConfigError>,
) -> CommandResult {
    // Before they are read, so that a change in between is not missed.
    let settings_stamp = settings_file.as_deref().and_then(stamp::of);
    let settings = read_settings()?;
    let address = match arguments.address.clone() {
        address if arguments.ipv6 => address.only_ipv6()?,
        address => address,
    };
    let debug = settings.debug;
    let migrator = Migrator::new(&sources.apps)?;
    let (sources, builder) = watched(debug, arguments, sources)?;
    let site = parts.build(settings).await?;
    warn_of_migrations(&site, &migrator).await?;
    let listener = address.bind(arguments.ipv6).await;
    let listener = listener.map_err(|error| cannot_listen(&address, &error))?;
    // A stop may be asked for as soon as it is said that it serves.
    let mut shutdown = Shutdown::listen()?;
    say!("Segue {}, settings from {}", env!("CARGO_PKG_VERSION"), name(settings_file.as_deref()));
    if debug {
        say!("DEBUG is on: for development only.");
    }
    say!("Serving on http://{} (stop with Ctrl-C)", listener.local_addr()?);

    let served = Served::new(site);
    let mut server = Server::start(listener, served.clone());
    let watching = async {
        if !debug || arguments.noreload {
            return std::future::pending().await;
        }
        let (served, builder) = (served.clone(), builder.as_ref());
        let reloader =
            Reloader { parts, migrator, read_settings, settings_file, sources, builder, served };
        reloader.run(settings_stamp).await
    };
    let restart = tokio::select! {
        ended = server.ended() => return Ok(ended?),
        requested = shutdown.requested() => {
            requested?;
            None
        }
        builder = watching => Some(builder),
    };
    let patience = if restart.is_some() { DRAIN_AND_RESTART } else { DRAIN };
    if restart.is_none() {
        say!("Stopping: finishing the requests that are under way (Ctrl-C again to stop at once)");
    }
    let stopped = server.stop(patience, &mut shutdown).await?;
    if stopped == Stopped::Late {
        warn_user!("Some requests did not end within {} s.", patience.as_secs());
    }
    served.close().await;
    match restart {
        // Who asks for a stop meanwhile means it.
        Some(builder) if stopped != Stopped::AtOnce => {
            let program = builder.program().display();
            Err(format!("cannot restart {program}: {}", builder.restart()).into())
        }
        _ => Ok(()),
    }
}

/// What is watched beside the settings.
fn watched(
    debug: bool,
    arguments: &Arguments,
    sources: &Sources,
) -> Result<(Option<SourceWatch>, Option<Builder>), Box<dyn Error>> {
    if !debug && arguments.watch.is_some() {
        return Err("`--watch` is for development: it needs `DEBUG = true`".into());
    }
    let Some(base_dir) = sources.base_dir.as_deref().filter(|_| debug) else {
        return Ok((None, None));
    };
    let sources = SourceWatch::of(base_dir);
    let Some(command) = &arguments.watch else { return Ok((sources, None)) };
    if sources.is_none() {
        let folder = base_dir.display();
        return Err(format!("`--watch` finds no sources in {folder} to watch").into());
    }
    Ok((sources, Some(Builder::new(command, base_dir)?)))
}

async fn warn_of_migrations(site: &Site, migrator: &Migrator) -> CommandResult {
    let Some(database) = site.database() else { return Ok(()) };
    let unapplied = migrator.unapplied(&History::read(database).await?);
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

fn cannot_listen(address: &Address, error: &io::Error) -> Box<dyn Error> {
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
    let file = settings_file.map(|file| printable(&file.display().to_string()));
    file.unwrap_or_else(|| "the environment".to_owned())
}
