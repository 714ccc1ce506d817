//! The main table: each server, each route, several times, and what each request costs besides.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Result;
use crate::catalogue::{Class, Contender, Shape, Store};
use crate::harness::Harness;
use crate::harness::load::Cookies;
use crate::harness::server::{Route, Run, Server};
use crate::harness::trace::{self, Counts};
use crate::progress;
use crate::statistics::{median, spread};

/// So many sessions are there, and asked for in turn.
pub(crate) const SESSIONS: usize = 1000;

/// So many are made to see how the server's memory grows; and so many where each process keeps copies, of
/// which Redis lends no more than ten thousand.
const REMEMBERED: usize = 20_000;
const COPIED: usize = 9_000;

/// So many before, with which it gets whatever it needs once.
const FIRST: usize = 500;

/// So many requests, while allocations are counted.
const COUNTED: u32 = 200;

/// What was measured of a server.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) contender: Contender,
    runs: BTreeMap<Route, Vec<Run>>,
    pub(crate) counts: BTreeMap<Route, Counts>,
    pub(crate) allocations: BTreeMap<Route, f64>,
    /// How many a session takes, and where.
    pub(crate) bytes: Vec<(f64, &'static str)>,
}

/// What was measured, and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) rows: Vec<Row>,
    /// A name, and why.
    pub(crate) failures: Vec<(String, String)>,
}

/// How often and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) repetitions: u32,
    pub(crate) time: Duration,
}

/// How long it will take, and what is begun with each server besides.
pub(crate) fn estimate(servers: usize, effort: Effort) -> Duration {
    let runs = effort.time * effort.repetitions * u32::try_from(Route::ALL.len()).unwrap_or(4);
    (runs + Duration::from_secs(5)) * u32::try_from(servers).unwrap_or(u32::MAX)
}

/// A server that runs, with its visitors.
struct Running {
    server: Server,
    cookies: Cookies,
    some: Vec<String>,
}

/// Measures them all. The repetitions are interleaved, so that what the machine does besides falls on
/// all: each server runs from the beginning to the end, and idles while it is another's turn.
pub(crate) fn all(harness: &mut Harness, contenders: &[Contender], effort: Effort) -> Measured {
    let mut measured = Measured::default();
    let mut running = Vec::new();
    for contender in contenders {
        progress(&format!("{}: starts", contender.name));
        match begin(harness, contender) {
            Ok((row, server)) => {
                measured.rows.push(row);
                running.push(server);
            }
            Err(error) => measured.failures.push((contender.name.to_owned(), error.to_string())),
        }
    }
    for repetition in 1..=effort.repetitions {
        let mut at = 0;
        while let (Some(row), Some(server)) = (measured.rows.get_mut(at), running.get(at)) {
            progress(&format!("{}: {repetition} of {}", row.contender.name, effort.repetitions));
            match repeat(row, server, effort.time) {
                Ok(()) => at += 1,
                Err(error) => {
                    measured.failures.push((row.contender.name.to_owned(), error.to_string()));
                    measured.rows.remove(at);
                    running.remove(at);
                }
            }
        }
    }
    for (row, server) in measured.rows.iter_mut().zip(running) {
        let name = row.contender.name;
        progress(&format!("{name}: counts"));
        let mut failed = |what: &str, error: &dyn std::fmt::Display| {
            measured.failures.push((format!("{name}, {what}"), error.to_string()));
        };
        count(row, &server).unwrap_or_else(|error| failed("system calls", &error));
        drop(server);
        grow(harness, row).unwrap_or_else(|error| failed("bytes per session", &error));
        allocations(harness, row).unwrap_or_else(|error| failed("allocations", &error));
    }
    measured
}

fn begin(harness: &mut Harness, contender: &Contender) -> Result<(Row, Running)> {
    let server = harness.start(contender)?;
    server.check()?;
    let before = harness.stores.bytes(&server.place)?;
    let some = server.client.sessions("/new", SESSIONS)?;
    if before.len() > 1 {
        // Some put into the nearer store what was read, and not what was only made.
        some.iter().try_for_each(|one| server.client.get("/read", Some(one)).map(drop))?;
    }
    let after = harness.stores.bytes(&server.place)?;
    let mut bytes = Vec::new();
    if contender.store == Store::Cookie {
        bytes.push((each(some.iter().map(|cookie| cookie.len() as u64).sum(), SESSIONS), "cookie"));
    } else if !contender.is_limit() && contender.class != Class::Memory {
        let grown = before.iter().zip(after);
        bytes.extend(grown.map(|((_, before), (place, after))| {
            (each(after.saturating_sub(*before), SESSIONS), place)
        }));
    }
    let cookies = server.cookies_of(&some)?;
    let row = Row {
        contender: *contender,
        runs: BTreeMap::new(),
        counts: BTreeMap::new(),
        allocations: BTreeMap::new(),
        bytes,
    };
    Ok((row, Running { server, cookies, some }))
}

#[allow(clippy::cast_precision_loss, reason = "far from 2^52")]
fn each(bytes: u64, sessions: usize) -> f64 {
    bytes as f64 / sessions as f64
}

fn repeat(row: &mut Row, running: &Running, time: Duration) -> Result {
    for route in Route::ALL {
        let connections = row.contender.connections();
        let run = running.server.run(route.path(), &running.cookies, connections, time)?;
        row.runs.entry(route).or_default().push(run);
    }
    Ok(())
}

fn count(row: &mut Row, running: &Running) -> Result {
    for route in Route::ALL {
        row.counts.insert(route, trace::count(&running.server, route, &running.some)?);
    }
    Ok(())
}

/// What a session takes of the memory of the process, of one that has done nothing before.
fn grow(harness: &mut Harness, row: &mut Row) -> Result {
    if !row.contender.remembers() {
        return Ok(());
    }
    let is_copied = row.contender.shape == Shape::Copies;
    let sessions = if is_copied { COPIED } else { REMEMBERED };
    let server = harness.start(&row.contender)?;
    let make = |count| -> Result {
        let cookies = server.client.sessions("/new", count)?;
        // Some keep what was read, and not what was only made.
        let mut read = cookies.iter().filter(|_| is_copied);
        read.try_for_each(|cookie| server.client.get("/read", Some(cookie)).map(drop))
    };
    make(FIRST)?;
    let before = server.resident()?;
    make(sessions)?;
    let grown = server.resident()?.saturating_sub(before);
    row.bytes.push((each(grown, sessions), "memory"));
    Ok(())
}

fn allocations(harness: &mut Harness, row: &mut Row) -> Result {
    let Some(server) = harness.start_counting(&row.contender)? else { return Ok(()) };
    let cookie = server.client.get("/new", None)?.cookie;
    let taken = || -> Result<f64> { Ok(server.client.get("/allocations", None)?.body.parse()?) };
    for route in Route::ALL {
        let ask = |times: u32| {
            (0..times)
                .try_for_each(|_| server.client.get(route.path(), cookie.as_deref()).map(drop))
        };
        // What is made once is there before counting begins.
        ask(50)?;
        let (first, second) = (taken()?, taken()?);
        ask(COUNTED)?;
        let own = second - first;
        row.allocations.insert(route, (taken()? - second - own) / f64::from(COUNTED));
    }
    Ok(())
}

impl Row {
    fn each(&self, route: Route, figure: impl Fn(&Run) -> f64) -> Vec<f64> {
        self.runs.get(&route).into_iter().flatten().map(figure).collect()
    }

    pub(crate) fn per_second(&self, route: Route) -> f64 {
        median(&self.speeds(route))
    }

    /// How fast it is by the bare handler of the same repetition.
    pub(crate) fn ratio(&self, route: Route) -> f64 {
        let (bare, own) = (self.speeds(Route::Bare), self.speeds(route));
        median(&own.iter().zip(&bare).map(|(own, bare)| own / bare).collect::<Vec<_>>())
    }

    /// Microseconds of the server's time over those of the bare handler of the same repetition.
    pub(crate) fn added_cpu(&self, route: Route) -> f64 {
        median(&self.added_cpus(route))
    }

    /// The same, of each repetition.
    pub(crate) fn added_cpus(&self, route: Route) -> Vec<f64> {
        let bare = self.each(Route::Bare, |run| run.cpu);
        let own = self.each(route, |run| run.cpu);
        own.iter().zip(&bare).map(|(own, bare)| own - bare).collect()
    }

    /// Requests per second of each repetition.
    pub(crate) fn speeds(&self, route: Route) -> Vec<f64> {
        self.each(route, |run| run.load.per_second())
    }

    pub(crate) fn latency(&self, route: Route) -> (f64, f64) {
        (
            median(&self.each(route, |run| run.load.p50)),
            median(&self.each(route, |run| run.load.p99)),
        )
    }

    /// How far the repetitions are apart on the route where they are furthest.
    pub(crate) fn spread(&self) -> f64 {
        let spreads = Route::ALL.map(|route| spread(&self.speeds(route)));
        spreads.into_iter().fold(0.0, f64::max)
    }

    /// System calls over those of the bare handler.
    pub(crate) fn added_calls(&self, route: Route) -> Option<f64> {
        Some(self.counts.get(&route)?.calls - self.counts.get(&Route::Bare)?.calls)
    }

    /// Allocations over those of the bare handler.
    pub(crate) fn added_allocations(&self, route: Route) -> Option<f64> {
        Some(self.allocations.get(&route)? - self.allocations.get(&Route::Bare)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::catalogue;
    use crate::harness::load::Load;

    fn run(per_second: u64, cpu: f64) -> Run {
        let load = Load { requests: per_second, seconds: 1.0, p50: 1.0, p99: 2.0 };
        Run { load, cpu }
    }

    /// The machine was twice as slow in the second of three repetitions.
    pub(crate) fn row(name: &str) -> Row {
        let mut row = Row {
            contender: catalogue::one(name).unwrap(),
            runs: BTreeMap::new(),
            counts: BTreeMap::new(),
            allocations: BTreeMap::new(),
            bytes: Vec::new(),
        };
        row.runs.insert(Route::Bare, vec![run(1000, 10.0), run(500, 20.0), run(1000, 10.0)]);
        row.runs.insert(Route::Read, vec![run(800, 12.0), run(400, 22.0), run(800, 13.0)]);
        row.runs.insert(Route::Write, vec![run(600, 15.0), run(300, 25.0), run(600, 15.0)]);
        row
    }

    impl Row {
        /// Takes so many microseconds from each request.
        pub(crate) fn quicken(&mut self, route: Route, by: f64) {
            for run in self.runs.get_mut(&route).unwrap() {
                run.cpu -= by;
            }
        }
    }

    #[test]
    fn a_route_is_compared_with_the_bare_one_of_its_own_repetition() {
        let row = row("segue-memory");
        assert!((row.ratio(Route::Read) - 0.8).abs() < 1e-9);
        assert!((row.added_cpu(Route::Read) - 2.0).abs() < 1e-9);
        assert_eq!(row.added_cpus(Route::Read), [2.0, 2.0, 3.0]);
        assert!((row.per_second(Route::Read) - 800.0).abs() < 1e-9);
        assert!((row.spread() - 0.5).abs() < 1e-9);
    }
}
