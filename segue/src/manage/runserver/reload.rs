//! The site is made anew where its settings have changed, and its program where its sources have.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use super::rebuild::{Builder, Built};
use super::served::Served;
use super::sources::SourceWatch;
use super::stamp::{self, Stamp};
use super::warn_of_migrations;
use crate::database::Migrator;
use crate::error::{ConfigError, describe};
use crate::manage::output::report_error;
use crate::manage::project::SiteParts;
use crate::panics;
use crate::printable::printable;
use crate::settings::Settings;

/// Files are looked at so often, as Django's `StatReloader` does it.
const EVERY: Duration = Duration::from_secs(1);

/// An editor writes a file in several steps; so long it must have been the same.
const AT_REST: Duration = Duration::from_millis(150);

/// What is needed to make the site anew.
pub(super) struct Reloader<'a> {
    pub(super) parts: &'a SiteParts,
    pub(super) migrator: Migrator,
    pub(super) read_settings: &'a dyn Fn() -> Result<Settings, ConfigError>,
    pub(super) settings_file: Option<PathBuf>,
    pub(super) sources: Option<SourceWatch>,
    /// Nothing where sources are not to be built.
    pub(super) builder: Option<&'a Builder>,
    pub(super) served: Served,
}

impl<'a> Reloader<'a> {
    /// Watches the settings, and the sources, as long as `DEBUG` is on. It ends when there is
    /// another program to start in the place of this one. The settings that are served were `seen`
    /// like this.
    pub(super) async fn run(mut self, mut seen: Stamp) -> &'a Builder {
        loop {
            sleep(EVERY).await;
            let change = self.sources.as_mut().and_then(SourceWatch::changed);
            match (change, self.builder) {
                (Some(change), Some(builder)) => {
                    if self.build(builder, &change).await {
                        return builder;
                    }
                }
                (Some(change), None) => {
                    let changed = changed(&change);
                    say!("{changed}: stop with Ctrl-C, and `cargo run` again to see it.");
                }
                (None, _) => {}
            }
            if self.stamp() == seen {
                continue;
            }
            seen = self.stamp_at_rest().await;
            match self.reload().await {
                Ok(true) => say!("{} has changed: reloaded.", self.name()),
                Ok(false) => {
                    say!(
                        "{} has changed: reloaded. DEBUG is off now, so nothing is watched any \
                         more.",
                        self.name()
                    );
                    return std::future::pending().await;
                }
                Err(error) => {
                    report_error(&describe(&*error));
                    warn_user!(
                        "{} has changed, and does not hold: the site goes on as it was.",
                        self.name()
                    );
                }
            }
        }
    }

    /// Serves a site of the present settings, and tells whether `DEBUG` is on in them.
    async fn reload(&self) -> Result<bool, Box<dyn Error>> {
        let settings = (self.read_settings)()?;
        let debug = settings.debug;
        // The project's own code must not end the server that it leaves running.
        let site = panics::catch_async(Box::pin(self.parts.build(settings))).await;
        let site = site.map_err(|panic| panic.message().to_owned())??;
        if let Err(error) = Box::pin(warn_of_migrations(&site, &self.migrator)).await {
            site.close().await;
            return Err(error);
        }
        let replaced = panics::catch(|| self.served.replace(site));
        replaced.map_err(|panic| panic.message().to_owned())?;
        Ok(debug)
    }

    /// Builds the program, and tells whether there is another one now.
    async fn build(&mut self, builder: &Builder, change: &Change) -> bool {
        say!("{}: {}", changed(change), printable(&builder.command()));
        loop {
            match builder.build().await {
                Ok(Built::Failed) => {
                    warn_user!("The build failed: the server goes on as it was.");
                    return false;
                }
                Ok(Built::Same) => {
                    let program = builder.program().display().to_string();
                    say!("The build left {} as it was.", printable(&program));
                    return false;
                }
                Err(error) => {
                    report_error(&format!("cannot run `{}`: {error}", builder.command()));
                    return false;
                }
                Ok(Built::Done) => {}
            }
            // What was written while it was building may be in it or not.
            let Some(change) = self.sources.as_mut().and_then(SourceWatch::changed) else {
                say!("Built: restarting.");
                return true;
            };
            say!("{}: once more", changed(&change));
        }
    }

    fn stamp(&self) -> Stamp {
        self.settings_file.as_deref().and_then(stamp::of)
    }

    async fn stamp_at_rest(&self) -> Stamp {
        let mut seen = self.stamp();
        loop {
            sleep(AT_REST).await;
            let now = self.stamp();
            if now == seen {
                return now;
            }
            seen = now;
        }
    }

    /// The name of the settings' file, for the terminal.
    fn name(&self) -> String {
        let name = self.settings_file.as_deref().map(|file| file.display().to_string());
        printable(&name.unwrap_or_default())
    }
}

/// A file, and how many others.
type Change = (PathBuf, usize);

/// What has changed, for the terminal.
fn changed((file, others): &Change) -> String {
    let file = printable(&file.display().to_string());
    match others {
        0 => format!("{file} has changed"),
        1 => format!("{file} and one more file have changed"),
        others => format!("{file} and {others} more files have changed"),
    }
}
