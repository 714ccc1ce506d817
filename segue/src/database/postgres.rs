//! Connecting to PostgreSQL, and what its errors mean.

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Executor as _, PgPool, Row as _};

use super::server::{self, Refusal};
use crate::error::StoreErrorKind;
use crate::settings::ServerUrl;

/// Sets a limit to each statement on the server's side too, and asks whether it is a replica.
const GREET: &str = "SELECT set_config('statement_timeout', $1::text, false), \
                     CASE WHEN pg_is_in_recovery() THEN 'yes' ELSE 'no' END";

pub(super) fn pool(url: &ServerUrl, refusal: &Refusal) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url.driver_url())?.disable_statement_logging();
    let options = if options.get_application_name().is_none() {
        options.application_name("segue")
    } else {
        options
    };
    let limit = url.timeout.as_millis().to_string();
    let refusal = refusal.clone();
    let pool = server::configure(PgPoolOptions::new(), url)
        .after_connect(move |connection, _| {
            let (limit, refusal) = (limit.clone(), refusal.clone());
            Box::pin(async move {
                let greeting = connection.fetch_one(sqlx::query(GREET).bind(limit)).await?;
                refusal.unless(greeting.try_get::<String, _>(1)? == "no")
            })
        })
        .connect_lazy_with(options);
    Ok(pool)
}

/// What an error of PostgreSQL means, in words that help to mend it.
///
/// Source: appendix A of PostgreSQL's documentation, "PostgreSQL Error Codes".
pub(super) fn explain(code: &str, name: &str) -> Option<(StoreErrorKind, String)> {
    use StoreErrorKind::{Refused, Unavailable};
    Some(match code {
        "42P01" => {
            (Refused, format!("the database {name} lacks a table of Django's: run `migrate` first"))
        }
        "42501" => {
            (Refused, format!("this user may not use Django's tables in the database {name}"))
        }
        "25006" => (Refused, server::read_only(name)),
        "3D000" => (Refused, format!("there is no database {name}: create it, then run `migrate`")),
        "53100" => (Refused, format!("the disk under the database {name} is full")),
        "53300" => (Unavailable, server::too_many_connections(name)),
        "57014" | "55P03" => (Unavailable, server::too_slow(name)),
        "57P01" | "57P02" | "57P03" => {
            (Unavailable, format!("the database {name} is starting or stopping"))
        }
        _ if code.starts_with("28") => (Refused, server::access_denied(name)),
        _ => return None,
    })
}

/// Of two statements that waited for each other this one was undone, and may be tried again.
pub(super) fn is_deadlock(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}
