//! Connecting to PostgreSQL, and what its errors mean.

mod batch;
#[cfg(feature = "memory-cache")]
mod news;

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgErrorPosition};
use sqlx::{ConnectOptions as _, Executor as _, PgConnection, Postgres, Row as _};

use super::connections::{Connections, Server};
use super::words;
use crate::error::StoreErrorKind;
use crate::settings::ServerUrl;

pub(crate) use batch::Batch;

/// All of our statements find their rows by an index. A plan that is made while a table is small, and
/// reads it whole, would be kept when it no longer is. And each is planned once: to plan one takes longer
/// than to run it, and by itself the server plans a statement on lists each time, for their lengths.
const GREET: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN 'yes' ELSE 'no' END, \
                     set_config('enable_seqscan', 'off', false), \
                     set_config('plan_cache_mode', 'force_generic_plan', false), \
                     CASE WHEN $1 <> '' THEN set_config('statement_timeout', $1::text, false) END";

pub(super) fn connections(url: &ServerUrl) -> Result<Connections<Postgres>, sqlx::Error> {
    let options = PgConnectOptions::from_str(url.driver_url())?.disable_statement_logging();
    let options = if options.get_application_name().is_none() {
        options.application_name("segue")
    } else {
        options
    };
    Connections::own(options, url)
}

impl Server for Postgres {
    async fn greet(
        connection: &mut PgConnection,
        limit: Option<Duration>,
    ) -> Result<bool, sqlx::Error> {
        let milliseconds = limit.map(|limit| limit.as_millis().to_string()).unwrap_or_default();
        let answer = connection.fetch_one(sqlx::query(GREET).bind(milliseconds)).await?;
        Ok(answer.try_get::<String, _>(0)? == "no")
    }
}

/// Where in the text that was sent the error is.
pub(super) fn place(error: &sqlx::Error, sql: &str) -> Option<usize> {
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    match error.position()? {
        // In characters, counted from 1.
        PgErrorPosition::Original(position) => {
            sql.char_indices().nth(position.checked_sub(1)?).map(|(at, _)| at)
        }
        PgErrorPosition::Internal { .. } => None,
    }
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
        "25006" => (Refused, words::read_only(name)),
        "3D000" => (Refused, format!("there is no database {name}: create it, then run `migrate`")),
        "53100" => (Refused, format!("the disk under the database {name} is full")),
        "53300" => (Unavailable, words::too_many_connections(name)),
        "57014" | "55P03" => (Unavailable, words::too_slow(name)),
        "57P01" | "57P02" | "57P03" => {
            (Unavailable, format!("the database {name} is starting or stopping"))
        }
        _ if code.starts_with("28") => (Refused, words::access_denied(name)),
        _ => return None,
    })
}

/// Of two statements that waited for each other this one was undone, and may be tried again.
pub(super) fn is_deadlock(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}

/// The server closes the connection: it is stopped, or somebody has told it to.
pub(super) fn is_farewell(code: &str) -> bool {
    matches!(code, "57P01" | "57P02" | "57P03")
}
