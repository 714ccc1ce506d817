//! One connection to two thousand.

use super::Growth;
use crate::harness::machine;
use crate::harness::server::Route;
use crate::measure::SESSIONS;
use crate::report::table::Table;

pub(super) const SERVERS: &[&str] = &[
    "segue-memory",
    "tower-memory",
    "segue-db-sqlite",
    "tower-sqlite-full",
    "segue-db-postgres",
    "tower-postgres",
    "segue-cache-redis",
    "tower-redis",
];

const CONNECTIONS: [u32; 4] = [1, 32, 256, 2048];

/// A server has other files open as well.
const OTHER_FILES: u64 = 100;

pub(super) fn run(growth: &mut Growth<'_>) -> String {
    let headings = ["server", "1", "32", "256", "2,048"];
    let columns = || CONNECTIONS.into_iter().zip(&headings[1..]);
    let (mut reads, mut writes) = (Table::new(&headings), Table::new(&headings));
    growth.each(SERVERS, |growth, contender| {
        let may = machine::allow_open_files()?;
        let server = growth.harness.start(contender)?;
        let cookies = server.cookies("/new", SESSIONS)?;
        for (route, table) in [(Route::Read, &mut reads), (Route::Write, &mut writes)] {
            let mut cells = vec![contender.name.to_owned()];
            for (connections, heading) in columns() {
                if may < u64::from(connections) + OTHER_FILES {
                    let reason = format!("the limit of open files (`ulimit -H -n`) is {may} here");
                    growth
                        .failed(&format!("{}, {connections} connections", contender.name), &reason);
                    cells.push("–".to_owned());
                    continue;
                }
                cells.push(growth.cell(&server, route, &cookies, connections, heading));
            }
            table.row(cells);
        }
        Ok(())
    });
    format!(
        "## From 1 to 2,048 connections\n\nReads per second:\n\n{}\nWrites per second:\n\n{}\n",
        reads.into_text(),
        writes.into_text()
    )
}
