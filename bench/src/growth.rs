//! What becomes of the figures as the work grows.

mod clearsessions;
mod connections;
mod fill;
mod hot;
mod sizes;
mod stored;

use std::time::Duration;

use crate::Result;
use crate::catalogue::{self, Contender};
use crate::harness::Harness;
use crate::harness::load::Cookies;
use crate::harness::server::{Route, Server};
use crate::progress;
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
    name: &'static str,
}

impl Part {
    pub(crate) fn servers(&self) -> impl Iterator<Item = Contender> + use<> {
        self.names.iter().filter_map(|name| catalogue::one(name))
    }

    /// Its tables, of the servers that can be started.
    pub(crate) fn run(
        &self,
        harness: &mut Harness,
        able: &[Contender],
        failures: &mut Vec<(String, String)>,
    ) -> String {
        (self.run)(&mut Growth { harness, able, failures, name: self.name })
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

    /// Requests per second, as a cell; what fails is told in the end.
    fn cell(
        &mut self,
        server: &Server,
        route: Route,
        cookies: &Cookies,
        connections: u32,
    ) -> String {
        match sample(server, route, cookies, connections) {
            Ok((speed, spread)) => format!("{} (±{:.0} %)", thousands(speed), spread * 50.0),
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

/// Requests per second in the middle of a few samples, and how far they are apart.
fn sample(
    server: &Server,
    route: Route,
    cookies: &Cookies,
    connections: u32,
) -> Result<(f64, f64)> {
    let (count, time) = samples(connections);
    let mut speeds = Vec::new();
    for _ in 0..count {
        speeds.push(server.run(route.path(), cookies, connections, time)?.load.per_second());
    }
    Ok((median(&speeds), spread(&speeds)))
}
