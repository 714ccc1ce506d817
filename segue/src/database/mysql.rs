//! Connecting to MySQL and MariaDB, and what their errors mean.

mod batch;

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError};
use sqlx::{ConnectOptions as _, Executor as _, MySql, MySqlConnection, Row as _};

use super::connections::{Connections, Server};
use super::words;
use crate::error::StoreErrorKind;
use crate::settings::ServerUrl;

pub(crate) use batch::literal;

/// Asks which of the two it is, and whether it is a replica.
const GREET: &str = "SELECT CAST(VERSION() AS CHAR), CAST(@@GLOBAL.read_only AS CHAR)";

/// Limits for each statement on the server's side too. MySQL has one for reading only.
const LIMIT_MARIADB: &str = "SET SESSION max_statement_time = ?, innodb_lock_wait_timeout = ?";
const LIMIT_MYSQL: &str = "SET SESSION max_execution_time = ?, innodb_lock_wait_timeout = ?";

pub(super) fn connections(url: &ServerUrl) -> Result<Connections<MySql>, sqlx::Error> {
    let options = MySqlConnectOptions::from_str(url.driver_url())?.disable_statement_logging();
    Connections::own(options, url)
}

impl Server for MySql {
    async fn greet(
        connection: &mut MySqlConnection,
        limit: Option<Duration>,
    ) -> Result<bool, sqlx::Error> {
        let answer = connection.fetch_one(sqlx::query(GREET)).await?;
        let is_mariadb = answer.try_get::<String, _>(0)?.contains("MariaDB");
        let writes = matches!(answer.try_get::<String, _>(1)?.as_str(), "0" | "OFF");
        let Some(limit) = limit else { return Ok(writes) };
        // Whole seconds, one at least.
        let waiting = i64::try_from(limit.as_secs().max(1)).unwrap_or(i64::MAX);
        let limits = if is_mariadb {
            sqlx::query(LIMIT_MARIADB).bind(limit.as_secs_f64()).bind(waiting)
        } else {
            let milliseconds = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
            sqlx::query(LIMIT_MYSQL).bind(milliseconds).bind(waiting)
        };
        connection.execute(limits).await?;
        Ok(writes)
    }
}

/// The server's number of an error; the SQL state says less.
pub(super) fn number(error: &dyn sqlx::error::DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// What an error of MySQL or MariaDB means, in words that help to mend it.
///
/// Source: "Server Error Message Reference" of MySQL and "Error Codes" of MariaDB.
pub(super) fn explain(number: u16, name: &str) -> Option<(StoreErrorKind, String)> {
    use StoreErrorKind::{Refused, TooLarge, Unavailable};
    Some(match number {
        1146 => {
            (Refused, format!("the database {name} lacks a table of Django's: run `migrate` first"))
        }
        1142 | 1143 => {
            (Refused, format!("this user may not use Django's tables in the database {name}"))
        }
        1044 | 1045 | 1130 | 1698 => (Refused, words::access_denied(name)),
        1049 => (Refused, format!("there is no database {name}: create it, then run `migrate`")),
        1290 | 1792 | 1836 => (Refused, words::read_only(name)),
        1021 | 1114 => (Refused, format!("the disk under the database {name} is full")),
        1040 | 1203 | 1226 => (Unavailable, words::too_many_connections(name)),
        1205 | 1317 | 1969 | 3024 => (Unavailable, words::too_slow(name)),
        1053 | 1077 | 1078 | 1079 => {
            (Unavailable, format!("the database {name} is starting or stopping"))
        }
        1153 | 1406 => (
            TooLarge,
            format!("the database {name} takes no session of this size: raise max_allowed_packet"),
        ),
        _ => return None,
    })
}

/// Of two statements that waited for each other this one was undone, and may be tried again.
pub(super) fn is_deadlock(number: u16) -> bool {
    number == 1213
}

/// The server closes the connection: it is stopped, somebody has told it to, or nobody has used it for long.
pub(super) fn is_farewell(number: u16) -> bool {
    matches!(number, 1053 | 1077 | 1079 | 1927 | 4031)
}
