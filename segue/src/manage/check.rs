//! `check`: mistakes found before a visitor finds them.

mod deploy;
mod stores;

use super::CommandResult;
use super::context::Context;
use crate::database::Migrator;
use crate::settings::{SessionEngine, Settings};
use crate::site::Stores;

/// Something that works and should not stay like this, under Django's number for it.
#[derive(Debug, PartialEq, Eq)]
struct Warning {
    id: &'static str,
    text: String,
}

/// What those engines cannot do that keep sessions in the cookie.
const LIMITS: &str = "a logout cannot end copies of it, and of two requests at once the last one \
                      wins";

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look for what is not safe in production as well
    #[arg(long)]
    deploy: bool,
}

pub(super) async fn run(context: &Context<'_>, arguments: &Arguments) -> CommandResult {
    let settings = &context.settings;
    let migrator = Migrator::new(&context.sources.apps)?;
    let mut warnings =
        if arguments.deploy { deploy::deploy_warnings(settings) } else { Vec::new() };
    let findings = stores::look(settings, &migrator).await;
    warnings.extend(findings.warnings);
    if let Some(failure) = findings.failure {
        report(&warnings);
        return Err(failure.into());
    }
    let engine = settings.session.engine;
    let place = describe_place(settings);
    // Opening them would make an SQLite file.
    if !engine.uses_database() || settings.database_url.exists() {
        Stores::open(settings).await?.close().await;
    }
    say!("Sessions are {place}.");
    report(&warnings);
    Ok(())
}

/// Where sessions are.
fn describe_place(settings: &Settings) -> String {
    let alias = &settings.session.cache_alias;
    match settings.session.engine {
        SessionEngine::Database => "stored in the database".to_owned(),
        SessionEngine::CachedDatabase => {
            format!("stored in the database, with the cache {alias:?} in front of it")
        }
        SessionEngine::Cache => format!("stored in the cache {alias:?}"),
        SessionEngine::File => "stored in files, which can be read and written".to_owned(),
        SessionEngine::Memory => {
            "stored in the memory of this process, which ends with it".to_owned()
        }
        SessionEngine::SignedCookies => format!("kept in the visitor's cookie, signed: {LIMITS}"),
        SessionEngine::EncryptedCookies => {
            format!("kept in the visitor's cookie, encrypted: {LIMITS}")
        }
    }
}

fn report(warnings: &[Warning]) {
    for Warning { id, text } in warnings {
        say!("warning: ({id}) {text}");
    }
    match warnings.len() {
        0 => say!("No issues found."),
        1 => say!("1 issue found."),
        n => say!("{n} issues found."),
    }
}
