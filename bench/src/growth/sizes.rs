//! Sessions of three hundred bytes, three and thirty kilobytes.

use super::Growth;
use crate::harness::server::Route;
use crate::measure::SESSIONS;
use crate::report::table::Table;

/// None that keeps sessions in cookies, which browsers take up to 4 KB.
pub(super) const SERVERS: &[&str] = &[
    "segue-memory",
    "tower-memory",
    "segue-db-sqlite",
    "tower-sqlite-full",
    "segue-db-postgres",
    "tower-postgres",
    "segue-cache-redis",
    "tower-redis",
    "segue-cache-valkey",
    "tower-valkey",
];

const SIZES: [&str; 3] = ["/new", "/new?bytes=3000", "/new?bytes=30000"];

pub(super) fn run(growth: &mut Growth<'_>) -> String {
    let headings = ["server", "300 B", "3 KB", "30 KB"];
    let (mut reads, mut writes) = (Table::new(&headings), Table::new(&headings));
    growth.each(SERVERS, |growth, contender| {
        let server = growth.harness.start(contender)?;
        let mut rows = [(); 2].map(|()| vec![contender.name.to_owned()]);
        for (path, heading) in SIZES.into_iter().zip(&headings[1..]) {
            let cookies = server.cookies(path, SESSIONS)?;
            for (route, row) in [Route::Read, Route::Write].into_iter().zip(&mut rows) {
                row.push(growth.cell(&server, route, &cookies, contender.connections(), heading));
            }
        }
        let [read, write] = rows;
        reads.row(read);
        writes.row(write);
        Ok(())
    });
    format!(
        "## Sessions of 300 B, 3 KB and 30 KB\n\nReads per second of one value:\n\n{}\nWrites per second of one \
         value:\n\n{}\n",
        reads.into_text(),
        writes.into_text()
    )
}
