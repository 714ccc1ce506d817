//! One session that 64 connections write to at once: how many writes a second, what each costs the store,
//! and whether all of them are there in the end.

use std::thread::sleep;
use std::time::Duration;

use super::Growth;
use crate::Result;
use crate::harness::server::Server;
use crate::report::slower::Better;
use crate::report::table::{Table, short, thousands};

pub(super) const SERVERS: &[&str] = &[
    "segue-memory",
    "segue-cache-memory",
    "segue-file",
    "segue-db-sqlite",
    "segue-db-postgres",
    "segue-db-mariadb",
    "segue-cache-redis",
    "segue-cache-valkey",
    "segue-cached-db-redis",
    "tower-memory",
    "tower-sqlite-full",
    "tower-postgres",
    "tower-redis",
    "tower-valkey",
    "express-redis",
];

const CONNECTIONS: u32 = 64;
const TIME: Duration = Duration::from_secs(1);

/// As many as a pool has connections, and some.
const WARM: usize = 16;
const ROUNDS: usize = 20;

const ALL_KEPT: &str = "all";

const REST: Duration = Duration::from_millis(300);

pub(super) fn run(growth: &mut Growth<'_>) -> String {
    let headings = ["server", "writes/s", "p99 ms", "store calls per write", "writes kept"];
    let mut table = Table::new(&headings);
    growth.each(SERVERS, |growth, contender| {
        let server = growth.harness.start(contender)?;
        let cookie = server.client.get("/new", None)?.cookie.ok_or("/new sets no cookie")?;
        let cookies = server.cookies_of(std::slice::from_ref(&cookie))?;
        let calls_before = growth.harness.stores.calls(&server.place)?;
        let warm = warm_up(&server, &cookie)?;
        let counter_before = counter(&server, &cookie)?;
        let load = server.run("/write", &cookies, CONNECTIONS, TIME)?.load;
        // Those that were under way are done then.
        sleep(REST);
        let added = counter(&server, &cookie)? - counter_before;
        let calls_after = growth.harness.stores.calls(&server.place)?;
        #[allow(clippy::cast_precision_loss, reason = "far from 2^52")]
        let (writes, calls) = (
            load.requests as f64,
            calls_before
                .zip(calls_after)
                .map(|(before, after)| after.saturating_sub(before) as f64),
        );
        let kept = kept(added, writes);
        growth.figure(contender, "writes/s", "64 at once", vec![load.per_second()], Better::More);
        growth.figure(contender, "p99 ms", "64 at once", vec![load.p99], Better::Less);
        if kept != ALL_KEPT {
            for figure in growth.figures.iter_mut().rev().take(2) {
                figure.note = format!(" (and {kept} of its writes are kept)");
            }
        }
        table.row([
            contender.name.to_owned(),
            thousands(load.per_second()),
            format!("{:.1}", load.p99),
            calls.map_or_else(|| "–".to_owned(), |calls| short(calls / (writes + warm))),
            kept,
        ]);
        Ok(())
    });
    format!(
        "## One session, written by {CONNECTIONS} connections at once\n\nStore calls are transactions of PostgreSQL and \
         commands of Redis, those of a script too. A write that another one undid is one that was answered and is not \
         there.\n\n{}\n",
        table.into_text()
    )
}

/// Writes until each of so many at once is answered as it should be: who counts a store's calls ends the server's
/// connections to it, and the first to need one may be told so. How many writes it were.
fn warm_up(server: &Server, cookie: &str) -> Result<f64> {
    let mut writes = 0;
    for _ in 0..ROUNDS {
        let right = server.client.at_once("/write", cookie, WARM);
        writes += right;
        if right == WARM {
            #[allow(clippy::cast_precision_loss, reason = "some hundreds")]
            return Ok(writes as f64);
        }
    }
    Err(format!("it does not answer {WARM} writes at once, asked {ROUNDS} times").into())
}

fn counter(server: &Server, cookie: &str) -> Result<f64> {
    Ok(server.client.get("/counter", Some(cookie))?.body.parse()?)
}

/// Writes that were under way in the end are in the counter and not among the answers.
fn kept(counter: f64, writes: f64) -> String {
    if counter >= writes {
        return ALL_KEPT.to_owned();
    }
    format!("{:.1} %", counter / writes * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_writes_are_told() {
        assert_eq!(kept(1030.0, 1000.0), "all");
        assert_eq!(kept(250.0, 1000.0), "25.0 %");
    }
}
