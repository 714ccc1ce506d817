//! `sessions stats`: how many, whose, how large.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher as _;

use jiff::Timestamp;
use serde::Serialize;

use super::filter::Filter;
use super::place::{NEEDS_KEY, Place};
use super::summary::{Readable, Summary};
use super::walk::Walk;
use super::words;
use crate::engines::Listed;
use crate::manage::CommandResult;
use crate::manage::output::{Results, heading, report_warning};
use crate::manage::progress::Progress;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(place: &Place<'_>, arguments: &Arguments) -> CommandResult {
    let mut counts = Counts::at(place.clock.now());
    let all = Filter::default();
    let mut walk = Walk::with_data(place, &all)?;
    let progress = Progress::of("looked at");
    let counted = counts.add_all(&mut walk, &progress).await;
    progress.end();
    counted?;
    let report = counts.report(place.has_secret_key);
    let mut out = Results::new();
    if arguments.json {
        out.line(serde_json::to_string(&report)?)?;
    } else {
        report.write(&mut out, place.clock.now())?;
        if !place.has_secret_key {
            report_warning(&format!("users are not counted: {NEEDS_KEY}"));
        }
    }
    out.flush().map(drop)
}

/// What is counted while the sessions pass by.
struct Counts {
    now: Timestamp,
    sessions: u64,
    expired: u64,
    with_user: u64,
    unreadable: u64,
    /// Users by what their ids hash to: eight bytes for each, however long an id is.
    users: HashSet<u64>,
    hasher: RandomState,
    /// How many sessions have a size. Of sizes that differ there are few: a million of them would be
    /// 500 GB of sessions at the least.
    sizes: BTreeMap<u64, u64>,
    next: Option<Timestamp>,
}

impl Counts {
    fn at(now: Timestamp) -> Self {
        Self {
            now,
            sessions: 0,
            expired: 0,
            with_user: 0,
            unreadable: 0,
            users: HashSet::new(),
            hasher: RandomState::new(),
            sizes: BTreeMap::new(),
            next: None,
        }
    }

    async fn add_all(&mut self, walk: &mut Walk<'_>, progress: &Progress) -> CommandResult {
        while let Some(page) = walk.next().await? {
            for (session, summary) in &page {
                self.add(session, summary);
            }
            progress.set(self.sessions, None);
        }
        Ok(())
    }

    fn add(&mut self, session: &Listed, summary: &Summary) {
        self.sessions += 1;
        *self.sizes.entry(session.size).or_default() += 1;
        match session.expires_at {
            Some(end) if end > self.now => {
                self.next = Some(self.next.map_or(end, |next| next.min(end)));
            }
            Some(_) => self.expired += 1,
            None => {}
        }
        if let Some(user) = &summary.user {
            self.with_user += 1;
            self.users.insert(self.hasher.hash_one(user));
        }
        self.unreadable += u64::from(matches!(summary.readable, Readable::No(_)));
    }

    fn report(&self, has_secret_key: bool) -> Report {
        let known = |number: u64| has_secret_key.then_some(number);
        Report {
            sessions: self.sessions,
            active: self.sessions - self.expired,
            expired: self.expired,
            with_user: known(self.with_user),
            users: known(self.users.len() as u64),
            unreadable: known(self.unreadable),
            next_expiry: self.next.map(words::in_json),
            size: Sizes {
                min: self.sizes.keys().next().copied(),
                median: self.size_at(50),
                p95: self.size_at(95),
                max: self.sizes.keys().next_back().copied(),
                total: self.sizes.iter().map(|(size, number)| size * number).sum(),
            },
            next: self.next,
        }
    }

    /// The smallest size that so many percent of the sessions do not exceed.
    fn size_at(&self, percent: u64) -> Option<u64> {
        let rank = (self.sessions * percent).div_ceil(100);
        let mut seen = 0;
        let reaches = |(size, number): (&u64, &u64)| {
            seen += number;
            (seen >= rank).then_some(*size)
        };
        self.sizes.iter().find_map(reaches)
    }
}

/// All of it as a JSON document: these names stay.
#[derive(Serialize)]
struct Report {
    sessions: u64,
    active: u64,
    expired: u64,
    with_user: Option<u64>,
    users: Option<u64>,
    unreadable: Option<u64>,
    next_expiry: Option<String>,
    size: Sizes,
    #[serde(skip)]
    next: Option<Timestamp>,
}

/// Of the stored data, in bytes.
#[derive(Serialize)]
struct Sizes {
    min: Option<u64>,
    median: Option<u64>,
    p95: Option<u64>,
    max: Option<u64>,
    total: u64,
}

impl Report {
    fn write(&self, out: &mut Results, now: Timestamp) -> CommandResult {
        let number =
            |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        let size = &self.size;
        let next = self.next.map_or("-".to_owned(), |next| {
            format!("{} UTC ({})", words::in_utc(next), words::distance(next, now))
        });
        for (what, text) in [
            ("Sessions", self.sessions.to_string()),
            ("  active", self.active.to_string()),
            ("  expired", self.expired.to_string()),
            ("  of a user", number(self.with_user)),
            ("  that cannot be read", number(self.unreadable)),
            ("Users", number(self.users)),
            ("Bytes of data", size.total.to_string()),
            ("  in the smallest", number(size.min)),
            ("  in the median", number(size.median)),
            ("  in the 95th percentile", number(size.p95)),
            ("  in the largest", number(size.max)),
            ("Next to expire", next),
        ] {
            if !out.line(format_args!("{} {text}", heading(format!("{what:24}"))))? {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(sizes: &[u64]) -> Counts {
        let mut counts = Counts::at(Timestamp::UNIX_EPOCH);
        for size in sizes {
            let session = Listed { key: None, expires_at: None, size: *size, payload: None };
            counts.add(&session, &Summary::default());
        }
        counts
    }

    #[test]
    fn percentiles_are_sizes_that_there_are() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let of = |sizes: &[u64]| counts(sizes).report(true).size;
        let sizes = of(&hundred);
        let all = (sizes.min, sizes.median, sizes.p95, sizes.max, sizes.total);
        assert_eq!(all, (Some(1), Some(50), Some(95), Some(100), 5050));
        let sizes = of(&[7]);
        assert_eq!((sizes.min, sizes.median, sizes.p95), (Some(7), Some(7), Some(7)));
        let sizes = of(&[1, 9]);
        assert_eq!((sizes.median, sizes.p95), (Some(1), Some(9)));
        let sizes = of(&[]);
        assert_eq!((sizes.min, sizes.median, sizes.max, sizes.total), (None, None, None, 0));
    }
}
