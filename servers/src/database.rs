//! Databases of one's own on a server that is shared.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::url::Url;
use crate::{mariadb, postgres};

/// Makes an empty database with a name that nobody has, on a PostgreSQL or MariaDB server; its
/// URL, with what the given one says after a question mark.
///
/// It is not removed: the server is temporary.
///
/// # Errors
/// Where the server's client program is missing or the server does not answer.
pub fn fresh_database(base: &str) -> Result<String> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let url = Url::read(base)?;
    // Tests run in several processes at once, and a server that was named by the tester outlives
    // them, so process ids come again.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!(
        "segue_{}_{}_{}",
        now.as_millis(),
        std::process::id(),
        MADE.fetch_add(1, Ordering::Relaxed)
    );
    let sql = format!("CREATE DATABASE {name}");
    match url.scheme {
        "postgres" | "postgresql" => postgres::query(base, &sql)?,
        "mysql" | "mariadb" => mariadb::query(base, &sql)?,
        other => return Err(Error::new(format!("{other} is no scheme of a database server"))),
    };
    Ok(format!("{}/{name}{}", url.server, url.query))
}
