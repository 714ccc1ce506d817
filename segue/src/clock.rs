//! What time it is, so that tests can say so themselves.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What time it is: the system's clock, or one that a test moves by hand.
///
/// Everything in Segue that expires asks its clock, so the expiry of a session can be tested
/// without waiting for it.
///
/// ```
/// use segue::{Clock, SignedDuration, Timestamp};
///
/// let clock = Clock::fixed(Timestamp::from_second(1_700_000_000).unwrap());
/// clock.advance(SignedDuration::from_secs(60));
/// assert_eq!(clock.now().as_second(), 1_700_000_060);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Microseconds since 1970, shared by the clones; `None` is the system's clock.
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until it is moved; its clones move with it.
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        Self { fixed: Some(Arc::new(AtomicI64::new(now.as_microsecond()))) }
    }

    /// Moves a fixed clock, back as well when the span is negative; the system's clock ignores it.
    pub fn advance(&self, span: SignedDuration) {
        if let Some(fixed) = &self.fixed {
            let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            fixed.fetch_add(micros, Ordering::SeqCst);
        }
    }

    /// The time now, in whole microseconds, which is what Django's columns hold.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let micros = match &self.fixed {
            Some(fixed) => fixed.load(Ordering::SeqCst),
            None => Timestamp::now().as_microsecond(),
        };
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }
}

/// The instant some seconds from `start`, at the end of time where the calendar ends.
pub(crate) fn seconds_after(start: Timestamp, seconds: i64) -> Timestamp {
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The instant of a date in UTC. Python's calendar ends some hours after ours, and "never" is often
/// its last day: that is the last instant here.
pub(crate) fn instant_of(date: DateTime) -> Timestamp {
    TimeZone::UTC.to_timestamp(date).unwrap_or(if date.year() > 0 {
        Timestamp::MAX
    } else {
        Timestamp::MIN
    })
}

/// A date in UTC as Python writes it, with this letter between day and time: microseconds only where there
/// are any.
pub(crate) fn iso_format(date: Timestamp, separator: u8) -> IsoDate {
    let is_whole = date.as_microsecond().rem_euclid(1_000_000) == 0;
    let printer =
        DateTimePrinter::new().separator(separator).precision(Some(if is_whole { 0 } else { 6 }));
    let mut text = IsoDate { bytes: [0; LONGEST], length: 0 };
    // There is room for each date of the calendar.
    let _ = printer.print_datetime(&TimeZone::UTC.to_datetime(date), &mut text);
    text
}

/// A date as text, without memory of its own.
#[derive(Clone, Copy)]
pub(crate) struct IsoDate {
    bytes: [u8; LONGEST],
    length: usize,
}

/// A date before the year 0 has a sign and six digits for the year.
const LONGEST: usize = "-009999-01-01T00:00:00.000000".len();

impl Deref for IsoDate {
    type Target = str;

    fn deref(&self) -> &str {
        self.bytes.get(..self.length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl jiff::fmt::Write for IsoDate {
    fn write_str(&mut self, text: &str) -> Result<(), jiff::Error> {
        let end = self.length + text.len();
        let place = self.bytes.get_mut(self.length..end);
        let full = || jiff::Error::from_args(format_args!("a date is longer than {LONGEST} bytes"));
        place.ok_or_else(full)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_past_the_calendar_ends_with_it() {
        let now = Clock::system().now();
        assert_eq!(seconds_after(now, i64::MAX), Timestamp::MAX);
        assert_eq!(seconds_after(now, i64::MIN), Timestamp::MIN);
    }

    #[test]
    fn each_date_of_the_calendar_is_written() {
        assert_eq!(&*iso_format(Timestamp::UNIX_EPOCH, b' '), "1970-01-01 00:00:00");
        let first = Timestamp::MIN + SignedDuration::from_micros(1);
        assert_eq!(&*iso_format(first, b'T'), "-009999-01-02T01:59:59.000001");
        assert_eq!(&*iso_format(Timestamp::MAX, b'T'), "9999-12-30T22:00:00.999999");
    }
}
