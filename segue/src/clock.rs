//! What time it is, so that tests can say so themselves.

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
pub(crate) fn iso_format(date: Timestamp, separator: u8) -> String {
    let is_whole = date.as_microsecond().rem_euclid(1_000_000) == 0;
    DateTimePrinter::new()
        .separator(separator)
        .precision(Some(if is_whole { 0 } else { 6 }))
        .datetime_to_string(&TimeZone::UTC.to_datetime(date))
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
}
