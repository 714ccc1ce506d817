//! Dates as Django's SQLite columns hold them.

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::clock::{IsoDate, instant_of, iso_format};
use crate::error::{StoreError, StoreErrorKind};

/// A date as Django writes it: UTC, microseconds only where there are any. The texts compare like
/// the dates, which is how the database finds the expired ones.
pub(crate) fn write_date(date: Timestamp) -> IsoDate {
    // Before 1970 there were no sessions; and years of four digits compare as text.
    let date = date.max(Timestamp::UNIX_EPOCH);
    iso_format(date, b' ')
}

/// The date in a column that Django or [`write_date`] wrote.
pub(crate) fn read_date(column: &str, text: &str) -> Result<Timestamp, StoreError> {
    text.parse::<DateTime>().map(instant_of).map_err(|error| {
        let message = format!("{column} holds a date that Django did not write");
        StoreError::new(StoreErrorKind::Corrupt, message).with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_djangos_and_compare_as_text() {
        let whole = Timestamp::from_second(1_701_209_600).unwrap();
        let micros = Timestamp::from_microsecond(1_893_553_445_678_901).unwrap();
        assert_eq!(&*write_date(whole), "2023-11-28 22:13:20");
        assert_eq!(&*write_date(micros), "2030-01-02 03:04:05.678901");
        let nearly = micros + jiff::SignedDuration::from_nanos(999);
        assert_eq!(*write_date(nearly), *write_date(micros), "rounded down, as everywhere");
        for date in [whole, micros, Timestamp::UNIX_EPOCH] {
            assert_eq!(read_date("t.c", &write_date(date)).unwrap(), date);
        }
        let second_later = whole + jiff::SignedDuration::from_secs(1);
        let between = whole + jiff::SignedDuration::from_micros(5);
        assert!(*write_date(whole) < *write_date(between));
        assert!(*write_date(between) < *write_date(second_later));
        assert_eq!(&*write_date(Timestamp::MIN), "1970-01-01 00:00:00");
        assert!(write_date(Timestamp::MAX).starts_with("9999-12-30 "));
    }

    #[test]
    fn another_text_is_an_error() {
        for text in ["", "soon", "1700000000"] {
            assert_eq!(
                read_date("t.c", text).unwrap_err().kind(),
                StoreErrorKind::Corrupt,
                "{text}"
            );
        }
    }
}
