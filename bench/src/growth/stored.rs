//! A thousand sessions to a million.

use super::{Growth, fill};
use crate::harness::server::Route;
use crate::measure::SESSIONS;
use crate::report::table::{Table, thousands};

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

const STORED: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

pub(super) fn run(growth: &mut Growth<'_>) -> String {
    let headings = ["server", "1,000", "10,000", "100,000", "1,000,000"];
    let with_bytes = [&headings[..], &["bytes per session then"]].concat();
    let (mut reads, mut writes) = (Table::new(&with_bytes), Table::new(&headings));
    growth.each(SERVERS, |growth, contender| {
        let server = growth.harness.start(contender)?;
        let empty = growth.harness.bytes(&server)?;
        let cookies = server.cookies("/new", SESSIONS)?;
        let mut rows = [(); 2].map(|()| vec![contender.name.to_owned()]);
        let mut there = SESSIONS;
        for (stored, heading) in STORED.into_iter().zip(&headings[1..]) {
            there += fill::with(growth.harness, &server, stored.saturating_sub(there))?;
            for (route, row) in [Route::Read, Route::Write].into_iter().zip(&mut rows) {
                row.push(growth.cell(&server, route, &cookies, contender.connections(), heading));
            }
        }
        #[allow(clippy::cast_precision_loss, reason = "far from 2^52")]
        let each = growth.harness.bytes(&server)?.saturating_sub(empty) as f64 / there as f64;
        let [mut read, write] = rows;
        read.push(thousands(each));
        reads.row(read);
        writes.row(write);
        Ok(())
    });
    format!(
        "## From a thousand sessions to a million\n\n{SESSIONS} of them are asked for. Reads per second:\n\n{}\nWrites \
         per second:\n\n{}\n",
        reads.into_text(),
        writes.into_text()
    )
}
