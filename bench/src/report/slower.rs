//! Where Segue is not the fastest: for each kind of store and each route, whoever is ahead of the best of
//! ours.

use super::table::{Table, short};
use crate::catalogue::Class;
use crate::harness::server::Route;
use crate::measure::{Measured, Row};

pub(crate) fn section(measured: &Measured) -> String {
    let headings =
        ["kind", "route", "faster", "best of ours", "sure", "its added CPU µs", "our added CPU µs"];
    let mut table = Table::with_texts(5, &headings);
    let (mut compared, mut found) = (0, 0);
    for class in Class::ALL {
        for route in Route::WITH_SESSION {
            let of_class = || measured.rows.iter().filter(move |row| row.contender.class == class);
            let ours = of_class().filter(|row| row.contender.is_ours());
            let others =
                of_class().filter(|row| !row.contender.is_ours() && !row.contender.is_limit());
            let Some(ours) = ours.min_by(|a, b| by_cpu(a, b, route)) else { continue };
            for other in others {
                compared += 1;
                if other.added_cpu(route) < ours.added_cpu(route) {
                    found += 1;
                    table.row(cells(class, route, other, ours));
                }
            }
        }
    }
    if compared == 0 {
        return String::new();
    }
    let text = "## Where Segue is not the fastest\n\nThe best of Segue's servers of a kind beside each other \
                server of that kind, by the CPU time that a request adds to the bare handler.";
    if found == 0 {
        return format!("{text} In none of {compared} comparisons was another ahead.\n\n");
    }
    format!(
        "{text} Another is ahead in {found} of {compared} comparisons.\n\n{}\n",
        table.into_text()
    )
}

fn by_cpu(one: &Row, other: &Row, route: Route) -> std::cmp::Ordering {
    one.added_cpu(route).total_cmp(&other.added_cpu(route))
}

fn cells(class: Class, route: Route, other: &Row, ours: &Row) -> [String; 7] {
    // Sure is what every repetition says.
    let sure = other.added_cpu_range(route).1 < ours.added_cpu_range(route).0;
    [
        class.title().to_owned(),
        format!("`{}`", route.path()),
        other.contender.name.to_owned(),
        ours.contender.name.to_owned(),
        if sure { "yes".to_owned() } else { "within the noise".to_owned() },
        short(other.added_cpu(route)),
        short(ours.added_cpu(route)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::row;

    #[test]
    fn who_is_ahead_is_told() {
        let [ours, limit] = ["segue-memory", "limit-none"].map(row);
        let mut theirs = row("tower-memory");
        let rows = |theirs| Measured { rows: vec![ours, limit, theirs], failures: Vec::new() };
        theirs.quicken(Route::Write, 4.0);
        let text = section(&rows(theirs));
        assert!(text.contains("ahead in 1 of 3 comparisons"), "{text}");
        assert!(
            text.contains("`/write` | tower-memory | segue-memory | yes | 1.0 | 5.0 |"),
            "{text}"
        );
    }
}
