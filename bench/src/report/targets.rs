//! What was aimed at, and what was reached.

use super::slower::Figure;
use super::table::{Table, short};
use crate::harness::server::Route;
use crate::measure::{Measured, Row};
use crate::statistics::median;

/// A figure of one of our servers, and what it is to be.
struct Target {
    server: &'static str,
    figure: What,
    aim: Aim,
}

#[derive(Clone, Copy)]
enum What {
    /// Microseconds of the server's time for a request.
    AddedCpu(Route),
    PerSecond(Route),
    /// Of a session, in the place that is named last.
    Bytes,
    /// Of a part, by the name of its figure.
    Part(&'static str),
}

#[derive(Clone, Copy)]
enum Aim {
    Most(f64),
    Least(f64),
    /// So many times that of another server, and this much more.
    MostOf(&'static str, f64, f64),
    LeastAs(&'static str),
}

use Aim::{Least, LeastAs, Most, MostOf};
use What::{AddedCpu, Bytes, Part, PerSecond};

const READ: What = AddedCpu(Route::Read);
const WRITE: What = AddedCpu(Route::Write);

const fn aim(server: &'static str, figure: What, aim: Aim) -> Target {
    Target { server, figure, aim }
}

/// For a request that does not use its session, with any engine.
const UNTOUCHED: f64 = 0.5;

/// Set before anything was built, from what others reach and from prototypes without HTTP.
const TARGETS: &[Target] = &[
    aim("segue-cache-memory", READ, Most(1.5)),
    aim("segue-cache-memory", WRITE, Most(3.0)),
    aim("segue-cache-memory", Bytes, Most(500.0)),
    aim("segue-signed-cookies", READ, Most(2.5)),
    aim("segue-signed-cookies", WRITE, Most(14.0)),
    aim("segue-db-sqlite", READ, Most(8.0)),
    aim("segue-db-sqlite", WRITE, Most(20.0)),
    aim("segue-db-sqlite", PerSecond(Route::Write), Least(25_000.0)),
    aim("segue-db-sqlite-normal", WRITE, Most(20.0)),
    aim("segue-db-postgres", READ, Most(12.0)),
    aim("segue-db-postgres", WRITE, Most(12.0)),
    aim("segue-db-postgres", PerSecond(Route::Read), Least(30_000.0)),
    aim("segue-db-postgres", PerSecond(Route::Write), Least(15_000.0)),
    aim("segue-cache-redis", PerSecond(Route::Read), LeastAs("limit-redis")),
    aim("segue-cache-redis", PerSecond(Route::Write), LeastAs("limit-redis")),
    aim("segue-cached-db-memory", READ, Most(1.5)),
    aim("segue-cached-db-memory", WRITE, MostOf("segue-db-sqlite", 1.0, 1.0)),
    aim("segue-cached-db-memory-postgres-stale-1s", READ, Most(1.5)),
    aim("segue-cached-db-memory-postgres-stale-1s", WRITE, MostOf("segue-db-postgres", 1.0, 1.0)),
    aim("segue-cached-db-redis", READ, Most(9.0)),
    aim("segue-cached-db-redis", WRITE, MostOf("segue-db-postgres", 1.0, 1.0)),
    aim("segue-file", READ, Most(10.0)),
    aim("segue-file", WRITE, MostOf("limit-file", 2.0, 0.0)),
    aim("segue-db-sqlite", Part("clearsessions: seconds"), Most(15.0)),
    aim("segue-db-sqlite", Part("clearsessions: writer's worst wait ms"), Most(50.0)),
];

/// With the figures of the parts.
pub(crate) fn section(measured: &Measured, of_parts: &[Figure]) -> String {
    let mut table = Table::with_texts(2, &["server", "figure", "aimed at", "reached", ""]);
    let mut rows = 0;
    let mut tell = |cells: [String; 4], is_reached: bool| {
        rows += 1;
        let verdict = if is_reached { "" } else { "missed" };
        table.row(cells.into_iter().chain([verdict.to_owned()]));
    };
    if let Some((name, untouched)) = slowest_untouched(measured) {
        let figure = format!("added CPU µs, untouched; most of all, {name}");
        let cells =
            ["all but the whole site".to_owned(), figure, at_most(UNTOUCHED), short(untouched)];
        tell(cells, untouched <= UNTOUCHED);
    }
    for target in TARGETS {
        let value = |server: &str| target.figure.of(server, measured, of_parts);
        let Some(reached) = value(target.server) else { continue };
        let Some((aim, is_reached)) = target.aim.judge(reached, value) else { continue };
        let cells = [target.server.to_owned(), target.figure.name(), aim, short(reached)];
        tell(cells, is_reached);
    }
    if rows == 0 {
        return String::new();
    }
    format!(
        "## What was aimed at\n\nSet before anything was built, from what others reach and from prototypes without \
         HTTP.\n\n{}\n",
        table.into_text()
    )
}

/// The one of ours that takes most for a request that does not use its session. A whole site looks at hosts and
/// forms besides.
fn slowest_untouched(measured: &Measured) -> Option<(&'static str, f64)> {
    let ours = |row: &&Row| row.contender.is_ours() && row.contender.name != "segue-site";
    let untouched = |row: &Row| (row.contender.name, row.added_cpu(Route::Untouched));
    let rows = measured.rows.iter().filter(ours).map(untouched);
    rows.filter(|(_, cpu)| !cpu.is_nan()).max_by(|(_, one), (_, other)| one.total_cmp(other))
}

impl What {
    fn of(self, server: &str, measured: &Measured, of_parts: &[Figure]) -> Option<f64> {
        let row = || measured.rows.iter().find(|row| row.contender.name == server);
        match self {
            AddedCpu(route) => Some(row()?.added_cpu(route)),
            PerSecond(route) => Some(row()?.per_second(route)),
            Bytes => row()?.bytes.last().map(|(bytes, _)| *bytes),
            Part(name) => of_parts
                .iter()
                .find(|figure| figure.contender.name == server && figure.what == name)
                .map(|figure| median(&figure.samples)),
        }
    }

    fn name(self) -> String {
        match self {
            AddedCpu(route) => format!("added CPU µs, `{}`", route.path()),
            PerSecond(route) => format!("`{}` a second", route.path()),
            Bytes => "bytes a session".to_owned(),
            Part(name) => name.to_owned(),
        }
    }
}

impl Aim {
    /// In words, and whether it is reached; nothing where the other server is missing.
    fn judge(self, reached: f64, of: impl Fn(&str) -> Option<f64>) -> Option<(String, bool)> {
        Some(match self {
            Most(most) => (at_most(most), reached <= most),
            Least(least) => (format!("at least {}", short(least)), reached >= least),
            MostOf(other, times, more) => {
                let most = of(other)? * times + more;
                (format!("{} ({})", at_most(most), formula(other, times, more)), reached <= most)
            }
            LeastAs(other) => {
                let least = of(other)?;
                (format!("at least {} ({other})", short(least)), reached >= least)
            }
        })
    }
}

fn formula(other: &str, times: f64, more: f64) -> String {
    let times = if times > 1.0 { format!("{times} × ") } else { String::new() };
    let more = if more > 0.0 { format!(" + {more}") } else { String::new() };
    format!("{times}{other}{more}")
}

fn at_most(most: f64) -> String {
    format!("at most {}", short(most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::measure::tests::row;
    use crate::report::slower::Better;

    #[test]
    fn what_was_reached_is_told() {
        let names =
            ["segue-db-sqlite", "segue-cached-db-memory", "segue-cache-redis", "limit-redis"];
        let mut measured =
            Measured { rows: names.iter().map(|name| row(name)).collect(), failures: Vec::new() };
        measured.rows[1].quicken(Route::Write, -2.0);
        let contender = catalogue::one("segue-db-sqlite").unwrap();
        let what = "clearsessions: seconds";
        let figures = [Figure::new(contender, what, "half", vec![13.0], Better::Less)];
        let text = section(&measured, &figures);
        for line in [
            "| segue-db-sqlite | added CPU µs, `/read` | at most 8.0 | 2.0 |  |",
            "| segue-db-sqlite | `/write` a second | at least 25,000 | 600 | missed |",
            "| segue-cached-db-memory | added CPU µs, `/write` | at most 6.0 (segue-db-sqlite + 1) | 7.0 | missed |",
            "| segue-cache-redis | `/read` a second | at least 800 (limit-redis) | 800 |  |",
            "| segue-db-sqlite | clearsessions: seconds | at most 15.0 | 13.0 |  |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("segue-file"), "it was not measured: {text}");
    }

    #[test]
    fn each_target_is_one_of_a_server_that_there_is() {
        for target in TARGETS {
            assert!(catalogue::one(target.server).is_some(), "{}", target.server);
            if let MostOf(other, ..) | LeastAs(other) = target.aim {
                assert!(catalogue::one(other).is_some(), "{other}");
            }
        }
    }
}
