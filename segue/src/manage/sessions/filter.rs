//! Which sessions are meant.

use std::error::Error;

use jiff::{SignedDuration, Timestamp};

use super::place::{NEEDS_KEY, Place};
use super::summary::Summary;
use super::user::{self, Wanted};
use super::words;
use crate::engines::Listed;

/// Which sessions are meant, on the command line: those that have all of this.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Which sessions")]
pub(super) struct Filters {
    /// Of this user, by name or id; `name:7` and `id:7` say which it is
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// That have ended, and which `clearsessions` would remove
    #[arg(long, conflicts_with = "active")]
    expired: bool,

    /// That have not ended
    #[arg(long)]
    active: bool,

    /// That end before this time, in UTC: 2030-01-31, 2030-01-31T12:00
    #[arg(long, value_name = "TIME", value_parser = words::time)]
    expires_before: Option<Timestamp>,

    /// That end at this time or after it
    #[arg(long, value_name = "TIME", value_parser = words::time)]
    expires_after: Option<Timestamp>,

    #[arg(
        long,
        value_name = "AGE",
        value_parser = words::age,
        help = "That were last saved longer ago: 90s, 30m, 12h, 7d, 2w. It is told from the end of \
                the session and SESSION_COOKIE_AGE, or what `set_expiry` has set; one that ends at a \
                date is neither older nor newer"
    )]
    older_than: Option<SignedDuration>,

    /// That were last saved less long ago
    #[arg(long, value_name = "AGE", value_parser = words::age)]
    newer_than: Option<SignedDuration>,

    /// Whose stored data have so many bytes or more
    #[arg(long, value_name = "BYTES")]
    min_size: Option<u64>,

    /// Whose stored data have so many bytes or less
    #[arg(long, value_name = "BYTES")]
    max_size: Option<u64>,
}

/// Their names within clap, which knows no group of a group.
pub(super) const FILTERS: [&str; 9] = [
    "user",
    "expired",
    "active",
    "expires_before",
    "expires_after",
    "older_than",
    "newer_than",
    "min_size",
    "max_size",
];

/// The same with the user found, at a time.
#[derive(Debug, Default)]
pub(super) struct Filter {
    filters: Filters,
    pub(super) user: Option<Wanted>,
    now: Timestamp,
}

impl Filters {
    /// Whether nothing is said of which are meant.
    pub(super) fn are_empty(&self) -> bool {
        *self == Self::default()
    }

    fn needs_data(&self) -> bool {
        self.user.is_some() || self.older_than.is_some() || self.newer_than.is_some()
    }

    pub(super) async fn resolve(self, place: &Place<'_>) -> Result<Filter, Box<dyn Error>> {
        if self.needs_data() && !place.has_secret_key {
            return Err(format!(
                "--user, --older-than and --newer-than look into the data; {NEEDS_KEY}"
            )
            .into());
        }
        let user = match &self.user {
            Some(user) => Some(user::wanted(place.settings, user).await?),
            None => None,
        };
        Ok(Filter { filters: self, user, now: place.clock.now() })
    }
}

impl Filter {
    /// Whether the data have to be read for it.
    pub(super) fn needs_data(&self) -> bool {
        self.filters.needs_data()
    }

    /// What can be told without reading the data. Of an end that cannot be read nothing can.
    pub(super) fn fits(&self, session: &Listed) -> bool {
        let filters = &self.filters;
        let ends = |fits: &dyn Fn(Timestamp) -> bool| session.expires_at.is_some_and(fits);
        let now = self.now;
        (!filters.expired || ends(&|end| end <= now))
            && (!filters.active || ends(&|end| end > now))
            && filters.expires_before.is_none_or(|time| ends(&|end| end < time))
            && filters.expires_after.is_none_or(|time| ends(&|end| end >= time))
            && filters.min_size.is_none_or(|size| session.size >= size)
            && filters.max_size.is_none_or(|size| session.size <= size)
    }

    /// What the data tell.
    pub(super) fn fits_data(&self, summary: &Summary) -> bool {
        let age = summary.saved.map(|saved| self.now.duration_since(saved));
        let aged = |fits: &dyn Fn(SignedDuration) -> bool| age.is_some_and(fits);
        self.user.as_ref().is_none_or(|user| summary.user.as_ref() == Some(&user.id))
            && self.filters.older_than.is_none_or(|limit| aged(&|age| age > limit))
            && self.filters.newer_than.is_none_or(|limit| aged(&|age| age < limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn listed(expires_at: Option<i64>, size: u64) -> Listed {
        Listed { key: None, expires_at: expires_at.map(at), size, payload: None }
    }

    fn filter(filters: Filters) -> Filter {
        Filter { filters, user: None, now: at(1000) }
    }

    #[test]
    fn each_filter_is_named() {
        let command = <Filters as clap::Args>::augment_args(clap::Command::new(""));
        let names: Vec<&str> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
        assert_eq!(names, FILTERS);
    }

    #[test]
    fn each_limit_is_where_it_says() {
        let none = Filters::default();
        for (filters, fitting) in [
            (Filters { expired: true, ..none.clone() }, vec![Some(999), Some(1000)]),
            (Filters { active: true, ..none.clone() }, vec![Some(1001)]),
            (Filters { expires_before: Some(at(1000)), ..none.clone() }, vec![Some(999)]),
            (
                Filters { expires_after: Some(at(1000)), ..none.clone() },
                vec![Some(1000), Some(1001)],
            ),
            (none.clone(), vec![Some(999), Some(1000), Some(1001), None]),
        ] {
            let filter = filter(filters);
            let found: Vec<Option<i64>> = [Some(999), Some(1000), Some(1001), None]
                .into_iter()
                .filter(|end| filter.fits(&listed(*end, 5)))
                .collect();
            assert_eq!(found, fitting, "{filter:?}");
        }
        let sizes = filter(Filters { min_size: Some(5), max_size: Some(7), ..none });
        let found: Vec<u64> = (4..9).filter(|size| sizes.fits(&listed(None, *size))).collect();
        assert_eq!(found, [5, 6, 7]);
    }

    #[test]
    fn an_age_that_nobody_knows_fits_no_limit() {
        let hour = SignedDuration::from_hours(1);
        let older = filter(Filters { older_than: Some(hour), ..Filters::default() });
        let newer = filter(Filters { newer_than: Some(hour), ..Filters::default() });
        let saved = |saved: Option<i64>| Summary { saved: saved.map(at), ..Summary::default() };
        for (when, is_older, is_newer) in [
            (Some(1000 - 3601), true, false),
            (Some(1000 - 3600), false, false),
            (Some(1000 - 3599), false, true),
            (None, false, false),
        ] {
            assert_eq!(older.fits_data(&saved(when)), is_older, "{when:?}");
            assert_eq!(newer.fits_data(&saved(when)), is_newer, "{when:?}");
        }
    }
}
