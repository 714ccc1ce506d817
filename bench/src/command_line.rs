//! What was asked for, how long it will take, and where the figures go.

use std::time::{Duration, Instant};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::catalogue::{self, Contender};
use crate::growth::{self, Part};
use crate::harness::{Harness, machine, tools};
use crate::measure::{self, Effort, Measured};
use crate::report::results::{self, Head};
use crate::report::{chart, counts, slower, speed, targets};
use crate::{Result, enumeration, logins, progress, serve};

const REPETITIONS: u32 = 3;
const SECONDS: Duration = Duration::from_secs(2);

/// Measures Segue, side by side with what it is compared to.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    /// Servers (`segue-memory`), groups of them (`segue`, `tower`) and parts (`logins`); --list shows
    /// them all [default: everything]
    names: Vec<String>,

    /// How often each route is measured
    #[arg(long, default_value_t = REPETITIONS, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,

    /// How long each route is measured
    #[arg(long, default_value = "2", value_parser = seconds)]
    seconds: Duration,

    /// Write RESULTS.md and results.svg, as a run of everything does
    #[arg(long)]
    write: bool,

    /// Take the programs of the peers as they are, and install nothing
    #[arg(long)]
    no_build: bool,

    /// Show what there is to measure
    #[arg(long)]
    list: bool,

    #[command(subcommand)]
    command: Option<Hidden>,
}

#[derive(Debug, Subcommand)]
enum Hidden {
    /// Serves one of the servers in this program
    #[command(hide = true)]
    Serve { name: String },
    /// Removes expired sessions from a database
    #[command(hide = true)]
    Clear { database: String },
}

/// What is measured in this process, as before there were servers.
const INSIDE: [(&str, &str, Duration); 2] = [
    ("logins", "another page while a hundred people log in", Duration::from_secs(25)),
    (
        "enumeration",
        "whether a failed login's time tells if there is such a user",
        Duration::from_secs(60),
    ),
];

/// What was asked for.
#[derive(Debug, Default)]
struct Asked {
    servers: Vec<Contender>,
    parts: Vec<Part>,
    inside: Vec<&'static str>,
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text} is no number of seconds"))?;
    if !(0.1..=600.0).contains(&seconds) {
        return Err("from 0.1 to 600 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

pub(crate) fn run() -> Result {
    let cli = Cli::parse();
    if let Some(Hidden::Serve { name }) = &cli.command {
        return serve::run(name, None);
    }
    if let Some(Hidden::Clear { database }) = &cli.command {
        return growth::clear(database);
    }
    if cli.list {
        list();
        return Ok(());
    }
    let asked = Asked::read(&cli.names)?;
    let effort = Effort { repetitions: cli.repetitions, time: cli.seconds };
    measure(&cli, &asked, effort)
}

#[allow(clippy::print_stdout, reason = "what was asked for")]
fn list() {
    println!("Servers:");
    for contender in catalogue::ALL {
        println!("  {:42}{}", contender.name, contender.class.title());
    }
    println!("Parts:");
    for part in growth::ALL {
        println!("  {:42}{}", part.name, part.about);
    }
    for (name, about, _) in INSIDE {
        println!("  {name:42}{about}");
    }
}

impl Asked {
    fn read(names: &[String]) -> Result<Self> {
        if names.is_empty() {
            return Ok(Self {
                servers: catalogue::ALL.to_vec(),
                parts: growth::ALL.to_vec(),
                inside: INSIDE.map(|(name, ..)| name).to_vec(),
            });
        }
        let mut asked = Self::default();
        for name in names {
            let servers = catalogue::named(name);
            let part = growth::ALL.iter().find(|part| part.name == name);
            let inside = INSIDE.iter().find(|(inside, ..)| inside == name);
            if servers.is_empty() && part.is_none() && inside.is_none() {
                let unknown =
                    format!("{name} is neither a server nor a part; --list shows them all");
                Cli::command().error(clap::error::ErrorKind::InvalidValue, unknown).exit();
            }
            for server in servers {
                if !asked.servers.contains(&server) {
                    asked.servers.push(server);
                }
            }
            asked.parts.extend(part);
            asked.inside.extend(inside.map(|(name, ..)| *name));
        }
        Ok(asked)
    }

    fn estimate(&self, effort: Effort) -> Duration {
        let parts: Duration = self.parts.iter().map(|part| part.time).sum();
        let inside = INSIDE.iter().filter(|(name, ..)| self.inside.contains(name));
        measure::estimate(self.servers.len(), effort)
            + parts
            + inside.map(|(.., time)| *time).sum::<Duration>()
    }
}

fn measure(cli: &Cli, asked: &Asked, effort: Effort) -> Result {
    let started = Instant::now();
    let minutes = asked.estimate(effort).as_secs_f64() / 60.0;
    progress(&format!("About {minutes:.0} minutes, and what has to be built before."));
    if !(asked.servers.is_empty() && asked.parts.is_empty()) {
        tools::prepare(!cli.no_build)?;
    }
    let mut sections = Vec::new();
    let cores = std::thread::available_parallelism()?.get();
    // These use all cores.
    for name in &asked.inside {
        progress(name);
        sections.push(inside(name)?);
    }
    let mut harness = Harness::default();
    harness.programs.no_build = cli.no_build;
    let mut failures = Vec::new();
    let needed = asked.servers.iter().copied().chain(asked.parts.iter().flat_map(Part::servers));
    let prepared = harness.prepare(needed, &mut failures);
    harness.is_pinned = machine::pin_ourselves()?;
    let able = |contender: &Contender| prepared.contains(contender);
    let servers: Vec<_> = asked.servers.iter().filter(|one| able(one)).copied().collect();
    let measured = measure::all(&mut harness, &servers, effort);
    failures.extend(measured.failures.iter().cloned());
    let (mut parts, mut figures) = (Vec::new(), Vec::new());
    for part in &asked.parts {
        progress(part.name);
        parts.push(part.run(&mut harness, &prepared, &mut failures, &mut figures));
    }
    let mut tables = vec![
        speed::section(&measured),
        counts::section(&measured),
        targets::section(&measured, &figures),
        slower::section(&measured, &figures),
    ];
    tables.append(&mut parts);
    tables.append(&mut sections);
    let head = Head {
        cores,
        command: command(&cli.names, effort),
        effort: format!(
            "{} repetitions of {:?} on each route, {:.0} minutes in all",
            effort.repetitions,
            effort.time,
            started.elapsed().as_secs_f64() / 60.0
        ),
    };
    let page = results::page(&head, &harness, &failures, &tables);
    finish(cli, &page, &measured)
}

/// What has to be typed for the same again: what is not said is as by default.
fn command(names: &[String], effort: Effort) -> String {
    let mut arguments = names.to_vec();
    if effort.time != SECONDS {
        arguments.push(format!("--seconds {}", effort.time.as_secs_f64()));
    }
    if effort.repetitions != REPETITIONS {
        arguments.push(format!("--repetitions {}", effort.repetitions));
    }
    let mut text = "cargo run -p bench --release".to_owned();
    if !arguments.is_empty() {
        text += " -- ";
        text += &arguments.join(" ");
    }
    text
}

#[allow(clippy::print_stdout, reason = "what was asked for")]
fn finish(cli: &Cli, page: &str, measured: &Measured) -> Result {
    println!("{page}");
    if cli.write || cli.names.is_empty() {
        results::write("RESULTS.md", page)?;
        if !measured.rows.is_empty() {
            results::write("results.svg", &chart::svg(measured)?)?;
        }
    }
    Ok(())
}

fn inside(name: &str) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match name {
            "logins" => Box::pin(logins::run()).await,
            _ => Box::pin(enumeration::run()).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_as_by_default_is_in_the_command() {
        let by_default = Cli::parse_from(["bench"]);
        let effort = Effort { repetitions: by_default.repetitions, time: by_default.seconds };
        assert_eq!(command(&[], effort), "cargo run -p bench --release");
        let other = Effort { repetitions: 1, time: Duration::from_millis(500) };
        assert_eq!(
            command(&["hot".to_owned()], other),
            "cargo run -p bench --release -- hot --seconds 0.5 --repetitions 1"
        );
    }
}
