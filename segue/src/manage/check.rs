//! `check`: mistakes found before a visitor finds them.

mod deploy;
mod finding;
mod stores;

use super::CommandResult;
use super::context::Context;
use super::output::report_warning;
use crate::database::Migrator;
use crate::settings::{SessionEngine, Settings};
use crate::site::Stores;
use finding::{Level, Report};

/// What those engines cannot do that keep sessions in the cookie.
const LIMITS: &str = "a logout cannot end copies of it, and of two requests at once the last one \
                      wins";

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look for what is not safe in production as well
    #[arg(long)]
    deploy: bool,

    /// Fail where something is found that is at least so bad
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::Error, ignore_case = true)]
    fail_level: Level,

    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(context: &Context<'_>, arguments: &Arguments) -> CommandResult {
    let settings = &context.settings;
    if arguments.deploy {
        context.require_secret_key()?;
    } else if !context.has_secret_key {
        report_warning("SECRET_KEY is not set, and a site does not start without it");
    }
    let migrator = Migrator::new(&context.sources.apps)?;
    let mut findings = if arguments.deploy {
        deploy::findings(settings, context.settings_file.as_deref())
    } else {
        Vec::new()
    };
    let looked = stores::look(settings, &migrator).await;
    findings.extend(looked.findings);
    let all = findings.len();
    findings.retain(|finding| {
        !settings.silenced_system_checks.iter().any(|silenced| silenced == finding.id)
    });
    let silenced = all - findings.len();
    let failing = findings.iter().filter(|finding| finding.level >= arguments.fail_level).count();
    let report =
        Report { stores: looked.asked, sessions: describe_place(settings), findings, silenced };
    let opened = open(settings, looked.failure).await;
    if arguments.json {
        report.write_json()?;
    } else {
        report.write()?;
    }
    opened?;
    match failing {
        0 => Ok(()),
        1 => Err("check found an issue that --fail-level does not let pass".into()),
        failing => {
            Err(format!("check found {failing} issues that --fail-level does not let pass").into())
        }
    }
}

/// Opens the store of the sessions, as a server would.
async fn open(
    settings: &Settings,
    failure: Option<crate::error::ConfigError>,
) -> Result<(), crate::error::ConfigError> {
    if let Some(failure) = failure {
        return Err(failure);
    }
    // Opening them would make an SQLite file.
    if !settings.session.engine.uses_database() || settings.database_url.exists() {
        Stores::open(settings).await?.close().await;
    }
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
        SessionEngine::File => "stored in files".to_owned(),
        SessionEngine::Memory => {
            "stored in the memory of this process, which ends with it".to_owned()
        }
        SessionEngine::SignedCookies => format!("kept in the visitor's cookie, signed: {LIMITS}"),
        SessionEngine::EncryptedCookies => {
            format!("kept in the visitor's cookie, encrypted: {LIMITS}")
        }
    }
}
