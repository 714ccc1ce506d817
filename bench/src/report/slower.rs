//! Where Segue is not the fastest: each of ours beside those of the others that are like it, in every figure of
//! the page that says how fast one is.

use super::table::{Table, short};
use crate::catalogue::Contender;
use crate::harness::server::Route;
use crate::measure::Measured;
use crate::statistics::median;

/// A figure by which servers are compared.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) contender: Contender,
    /// What it is, such as `sizes: reads/s`.
    pub(crate) what: String,
    /// Which one of these, such as `30 KB`.
    pub(crate) at: String,
    pub(crate) samples: Vec<f64>,
    pub(crate) better: Better,
    /// What has to be known of it besides.
    pub(crate) note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

impl Figure {
    pub(crate) fn new(
        contender: Contender,
        what: impl Into<String>,
        at: impl Into<String>,
        samples: Vec<f64>,
        better: Better,
    ) -> Self {
        Self { contender, what: what.into(), at: at.into(), samples, better, note: String::new() }
    }

    /// Whether its middle is better.
    fn is_ahead_of(&self, other: &Self) -> bool {
        let (own, others) = (median(&self.samples), median(&other.samples));
        match self.better {
            Better::More => own > others,
            Better::Less => own < others,
        }
    }

    /// Whether each sample is better than each of the other.
    fn is_surely_ahead_of(&self, other: &Self) -> bool {
        let is_better = |own: f64, others: f64| match self.better {
            Better::More => own > others,
            Better::Less => own < others,
        };
        self.samples.iter().all(|&own| other.samples.iter().all(|&one| is_better(own, one)))
    }
}

/// One row: all that another is ahead of one of ours in, of one kind.
#[derive(Debug)]
struct Found {
    what: String,
    other: &'static str,
    ours: &'static str,
    figures: Vec<String>,
}

/// With the figures of the parts.
pub(crate) fn section(measured: &Measured, of_parts: &[Figure]) -> String {
    let mut figures = of_rows(measured);
    figures.extend_from_slice(of_parts);
    let (mut compared, mut ahead, mut sure) = (0, 0, 0);
    let mut found: Vec<Found> = Vec::new();
    for ours in figures.iter().filter(|figure| figure.contender.is_ours()) {
        let is_beside = |other: &&Figure| {
            let is_other = !other.contender.is_ours() && !other.contender.is_limit();
            is_other
                && other.contender.is_like(&ours.contender)
                && (&other.what, &other.at) == (&ours.what, &ours.at)
        };
        for other in figures.iter().filter(is_beside) {
            compared += 1;
            if !other.is_ahead_of(ours) {
                continue;
            }
            ahead += 1;
            let is_sure = other.is_surely_ahead_of(ours);
            sure += u32::from(is_sure);
            let cell = cell(other, ours, is_sure);
            let names = (&other.what, other.contender.name, ours.contender.name);
            match found.iter_mut().find(|row| (&row.what, row.other, row.ours) == names) {
                Some(row) => row.figures.push(cell),
                None => found.push(Found {
                    what: other.what.clone(),
                    other: other.contender.name,
                    ours: ours.contender.name,
                    figures: vec![cell],
                }),
            }
        }
    }
    if compared == 0 {
        return String::new();
    }
    let text = "## Where Segue is not the fastest\n\nEach of Segue's servers beside those of the others that keep \
                sessions in the same store and in the same way.";
    if ahead == 0 {
        return format!("{text} In none of {compared} comparisons was another ahead.\n\n");
    }
    let mut table = Table::with_texts(4, &["figure", "ahead", "of", "its / ours"]);
    for row in found {
        let figures = row.figures.join("; ");
        table.row([row.what, row.other.to_owned(), row.ours.to_owned(), figures]);
    }
    format!(
        "{text} Another is ahead in {ahead} of {compared} comparisons; the {} in brackets are within the noise, as the \
         samples of the two overlap. `hot` and `clearsessions` have one sample each.\n\n{}\n",
        ahead - sure,
        table.into_text()
    )
}

fn cell(other: &Figure, ours: &Figure, is_sure: bool) -> String {
    let of = |figure: &Figure| short(median(&figure.samples)) + &figure.note;
    let text = format!("{}: {} / {}", ours.at, of(other), of(ours));
    if is_sure { text } else { format!("({text})") }
}

/// Of the main table.
fn of_rows(measured: &Measured) -> Vec<Figure> {
    let mut figures = Vec::new();
    for row in &measured.rows {
        for route in Route::WITH_SESSION {
            let figure = |what: &str, samples, better| {
                let at = format!("`{}`", route.path());
                Figure::new(row.contender, what, at, samples, better)
            };
            figures.push(figure("added CPU µs", row.added_cpus(route), Better::Less));
            figures.push(figure("requests/s", row.speeds(route), Better::More));
        }
    }
    // The figures of one kind stand together.
    figures.sort_by(|one, other| one.what.cmp(&other.what));
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::measure::tests::row;

    fn measured(names: &[&str]) -> Measured {
        Measured { rows: names.iter().map(|name| row(name)).collect(), failures: Vec::new() }
    }

    #[test]
    fn who_is_ahead_is_told() {
        let mut measured = measured(&["segue-memory", "limit-none", "tower-memory"]);
        measured.rows[2].quicken(Route::Write, 4.0);
        let text = section(&measured, &[]);
        assert!(text.contains("ahead in 1 of 6 comparisons; the 0 in brackets"), "{text}");
        let line = "| added CPU µs | tower-memory | segue-memory | `/write`: 1.0 / 5.0 |";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn each_of_ours_stands_beside_its_like_alone() {
        // The one that is not durable is quick, and does not hide that the other is slow.
        let names = [
            "segue-db-sqlite",
            "segue-db-sqlite-normal",
            "tower-sqlite-normal",
            "tower-sqlite-full",
        ];
        let mut measured = measured(&names);
        measured.rows[1].quicken(Route::Write, 4.5);
        measured.rows[2].quicken(Route::Write, 4.0);
        measured.rows[3].quicken(Route::Write, 1.0);
        let text = section(&measured, &[]);
        assert!(
            text.contains("| tower-sqlite-full | segue-db-sqlite | `/write`: 4.0 / 5.0 |"),
            "{text}"
        );
        assert!(!text.contains("tower-sqlite-normal |"), "{text}");
    }

    #[test]
    fn parts_are_compared_too_and_noise_is_told() {
        let figure = |name: &str, at: &str, samples: &[f64]| {
            let contender = catalogue::one(name).unwrap();
            Figure::new(contender, "sizes: reads/s", at, samples.to_vec(), Better::More)
        };
        let figures = [
            figure("segue-cache-redis", "3 KB", &[10.0, 11.0, 12.0]),
            figure("segue-cache-redis", "30 KB", &[10.0, 11.0, 12.0]),
            figure("tower-redis", "3 KB", &[20.0, 21.0, 22.0]),
            figure("tower-redis", "30 KB", &[11.5, 12.5, 13.0]),
            figure("tower-memory", "3 KB", &[99.0]),
        ];
        let text = section(&measured(&[]), &figures);
        let line = "| sizes: reads/s | tower-redis | segue-cache-redis | \
                    3 KB: 21.0 / 11.0; (30 KB: 12.5 / 11.0) |";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("ahead in 2 of 2 comparisons; the 1 in brackets"), "{text}");
    }
}
