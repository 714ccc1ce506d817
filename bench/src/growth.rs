//! What becomes of the figures as the work grows.

mod clearsessions;
mod connections;
mod fill;
mod hot;
mod sizes;
mod staleness;
mod stored;

use std::time::Duration;

use crate::Result;
use crate::catalogue::{self, Contender};
use crate::harness::Harness;
use crate::harness::load::Cookies;
use crate::harness::server::{Route, Server};
use crate::progress;
use crate::report::slower::{Better, Figure};
use crate::report::table::thousands;
use crate::statistics::{median, spread};

pub(crate) use clearsessions::clear;

/// One table, or several, on one question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// About how long it takes.
    pub(crate) time: Duration,
    /// The servers that it starts.
    names: &'static [&'static str],
    run: fn(&mut Growth<'_>) -> String,
}

/// All of them.
pub(crate) const ALL: &[Part] = &[
    Part {
        name: "connections",
        about: "1 to 2,048 connections",
        time: Duration::from_secs(80),
        names: connections::SERVERS,
        run: connections::run,
    },
    Part {
        name: "stored",
        about: "a thousand to a million sessions",
        time: Duration::from_secs(200),
        names: stored::SERVERS,
        run: stored::run,
    },
    Part {
        name: "sizes",
        about: "sessions of 300 bytes to 30 kilobytes",
        time: Duration::from_secs(50),
        names: sizes::SERVERS,
        run: sizes::run,
    },
    Part {
        name: "hot",
        about: "one session that 64 connections write to",
        time: Duration::from_secs(30),
        names: hot::SERVERS,
        run: hot::run,
    },
    Part {
        name: "staleness",
        about: "how long a change elsewhere is not seen by who answers from memory",
        time: Duration::from_secs(40),
        names: staleness::SERVERS,
        run: staleness::run,
    },
    Part {
        name: "clearsessions",
        about: "half of a million sessions expired, beside a writer",
        time: Duration::from_secs(120),
        names: clearsessions::SERVERS,
        run: clearsessions::run,
    },
];

/// A part at work.
struct Growth<'a> {
    harness: &'a mut Harness,
    able: &'a [Contender],
    failures: &'a mut Vec<(String, String)>,
    figures: &'a mut Vec<Figure>,
    name: &'static str,
}

impl Part {
    pub(crate) fn servers(&self) -> impl Iterator<Item = Contender> + use<> {
        self.names.iter().filter_map(|name| catalogue::one(name))
    }

    /// Its tables, of the servers that can be started; its figures are put beside those of the other parts.
    pub(crate) fn run(
        &self,
        harness: &mut Harness,
        able: &[Contender],
        failures: &mut Vec<(String, String)>,
        figures: &mut Vec<Figure>,
    ) -> String {
        (self.run)(&mut Growth { harness, able, failures, figures, name: self.name })
    }
}

impl Growth<'_> {
    /// Does something with each of these servers that can be started; what fails is told in the end.
    fn each(&mut self, names: &[&str], mut measure: impl FnMut(&mut Self, &Contender) -> Result) {
        let able = self.able;
        for contender in able.iter().filter(|contender| names.contains(&contender.name)) {
            progress(&format!("{}: {}", self.name, contender.name));
            if let Err(error) = measure(self, contender) {
                self.failed(contender.name, &error);
            }
        }
    }

    fn failed(&mut self, what: &str, error: &dyn std::fmt::Display) {
        self.failures.push((format!("{}, {what}", self.name), error.to_string()));
    }

    /// Something to compare servers by.
    fn figure(&mut self, of: &Contender, what: &str, at: &str, samples: Vec<f64>, better: Better) {
        let what = format!("{}: {what}", self.name);
        self.figures.push(Figure::new(*of, what, at, samples, better));
    }

    /// Requests per second, as a cell in the column of this heading; what fails is told in the end.
    fn cell(
        &mut self,
        server: &Server,
        route: Route,
        cookies: &Cookies,
        connections: u32,
        heading: &str,
    ) -> String {
        match sample(server, route, cookies, connections) {
            Ok(speeds) => {
                let what = if route == Route::Read { "reads/s" } else { "writes/s" };
                let (speed, spread) = (median(&speeds), spread(&speeds));
                self.figure(&server.contender, what, heading, speeds, Better::More);
                format!("{} (±{:.0} %)", thousands(speed), spread * 50.0)
            }
            Err(error) => {
                let name = server.contender.name;
                self.failed(&format!("{name}, {connections} connections"), &error);
                "failed".to_owned()
            }
        }
    }
}

/// Each sample is short, because there are many of them; with thousands of connections that would be over
/// before each is served once.
fn samples(connections: u32) -> (u32, Duration) {
    if connections > 1000 { (2, Duration::from_secs(1)) } else { (3, Duration::from_millis(250)) }
}

/// Requests per second, some times.
fn sample(server: &Server, route: Route, cookies: &Cookies, connections: u32) -> Result<Vec<f64>> {
    let (count, time) = samples(connections);
    let run = |_| Ok(server.run(route.path(), cookies, connections, time)?.load.per_second());
    (0..count).map(run).collect()
}
