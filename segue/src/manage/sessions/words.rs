//! Times, ages and keys, as they are written and read.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use crate::clock::instant_of;
use crate::key::SessionKey;

/// So many letters of a key are shown, and asked for at the least: nobody guesses the others.
pub(super) const SHORTEST: usize = 8;

/// What stands in the place of a key that no cookie can hold.
const NO_KEY: &str = "(none)";

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// Reads a time: `2030-01-31`, `2030-01-31T12:00`, with an offset or in UTC.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let in_utc = || text.parse::<DateTime>().map(instant_of).ok();
    text.parse().ok().or_else(in_utc).ok_or_else(|| {
        "a date or a time in UTC: 2030-01-31, 2030-01-31T12:00, 2030-01-31T12:00+02:00".to_owned()
    })
}

/// Reads an age: `90s`, `30m`, `12h`, `7d`, `2w`.
pub(super) fn age(text: &str) -> Result<SignedDuration, String> {
    let units = [("s", 1), ("m", MINUTE), ("h", HOUR), ("d", DAY), ("w", WEEK)];
    units
        .into_iter()
        .find_map(|(unit, seconds)| {
            let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
            i64::from(number).checked_mul(seconds)
        })
        .map(SignedDuration::from_secs)
        .ok_or_else(|| "a number and a unit: 90s, 30m, 12h, 7d or 2w".to_owned())
}

/// A time as the tables have it.
pub(super) fn in_utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time as JSON has it.
pub(super) fn in_json(time: Timestamp) -> String {
    time.to_string()
}

/// How far a time is away: `in 3 days`, `5 hours ago`.
pub(super) fn distance(time: Timestamp, now: Timestamp) -> String {
    let seconds = seconds_until(time, now);
    let (number, unit) = match seconds.saturating_abs() {
        s if s < 2 * MINUTE => (s, "second"),
        s if s < 2 * HOUR => (s / MINUTE, "minute"),
        s if s < 2 * DAY => (s / HOUR, "hour"),
        s => (s / DAY, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    if seconds < 0 {
        format!("{number} {unit}{plural} ago")
    } else {
        format!("in {number} {unit}{plural}")
    }
}

/// The whole seconds until then, rounded down.
pub(super) fn seconds_until(time: Timestamp, now: Timestamp) -> i64 {
    (time.as_microsecond() - now.as_microsecond()).div_euclid(1_000_000)
}

/// A key as a table has it: its beginning, or all of it.
pub(super) fn shown(key: Option<&SessionKey>, full: bool) -> String {
    let Some(key) = key else { return NO_KEY.to_owned() };
    if full { key.expose().to_owned() } else { shortened(key.expose()) }
}

/// The beginning of a key.
pub(super) fn shortened(key: &str) -> String {
    format!("{}\u{2026}", beginning(key))
}

/// The letters of a key that may show themselves: eight, and half of a short one at the most.
pub(super) fn beginning(key: &str) -> &str {
    key.get(..SHORTEST.min(key.len() / 2)).unwrap_or_default()
}

/// `1 session`, `2 sessions`.
pub(super) fn sessions(number: u64) -> String {
    match number {
        1 => "1 session".to_owned(),
        number => format!("{number} sessions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_an_offset() {
        let noon = Timestamp::from_second(1_893_499_200).unwrap();
        for text in ["2030-01-01T12:00", "2030-01-01 12:00:00", "2030-01-01T13:00:00+01:00"] {
            assert_eq!(time(text), Ok(noon), "{text}");
        }
        assert_eq!(time("2030-01-01"), Ok(noon - SignedDuration::from_hours(12)));
        for text in ["", "soon", "12:00", "2030", "1893499200"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ages_have_a_unit() {
        assert_eq!(age("90s"), Ok(SignedDuration::from_secs(90)));
        assert_eq!(age("2w"), Ok(SignedDuration::from_hours(24 * 14)));
        assert_eq!(age("4294967295w").map(|age| age.as_secs()), Ok(4_294_967_295 * WEEK));
        for text in ["", "5", "d", "-5d", "5 days", "1.5h", "99999999999w", "5é"] {
            assert!(age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn distances_are_said_in_the_unit_that_fits() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let said = |seconds| distance(now + SignedDuration::from_secs(seconds), now);
        assert_eq!(said(1), "in 1 second");
        assert_eq!(said(-119), "119 seconds ago");
        assert_eq!(said(120), "in 2 minutes");
        assert_eq!(said(-7200), "2 hours ago");
        assert_eq!(said(14 * DAY - 1), "in 13 days");
        assert_eq!(distance(Timestamp::MAX, Timestamp::MIN).split(' ').nth(2), Some("days"));
    }

    #[test]
    fn a_key_shows_its_beginning_only() {
        let key = SessionKey::parse("abcdefghijklmnopqrstuvwxyz012345").unwrap();
        assert_eq!(shown(Some(&key), false), "abcdefgh…");
        assert_eq!(shown(Some(&key), true), key.expose());
        assert_eq!(shown(None, true), "(none)");
        assert_eq!(shortened("ABCDEF"), "ABC…", "of a short one no more than half");
        assert_eq!(shortened("aé"), "a…");
        assert_eq!(shortened("éa"), "…", "no letter is cut");
    }
}
