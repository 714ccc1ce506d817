//! How long a value has to live, as servers want to hear it: from now, not by our clock.

use jiff::Timestamp;

/// What a deadline means at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It has passed.
    Over,
    /// So many milliseconds, one at least.
    Millis(u64),
    /// The last instant there is, which stands for a value without a deadline.
    Endless,
}

impl Life {
    pub(super) fn until(deadline: Timestamp) -> Self {
        Self::between(Timestamp::now(), deadline)
    }

    fn between(now: Timestamp, deadline: Timestamp) -> Self {
        if deadline == Timestamp::MAX {
            return Self::Endless;
        }
        // Rounded up, so that no value goes before its time and a short life does not become none.
        let nanos = deadline.duration_since(now).as_nanos();
        match u64::try_from(nanos.max(0).unsigned_abs().div_ceil(1_000_000)) {
            Ok(0) => Self::Over,
            Ok(millis) => Self::Millis(millis),
            Err(_) => Self::Endless,
        }
    }
}

/// The deadline of what has this long to live; a value without one has the last instant there is.
pub(super) fn deadline_in(millis: i64) -> Timestamp {
    let span = jiff::SignedDuration::from_millis(millis);
    Timestamp::now().checked_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_life_is_rounded_up_and_never_becomes_endless() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let life = |nanos| Life::between(now, now + SignedDuration::from_nanos(nanos));
        assert_eq!(life(-1), Life::Over);
        assert_eq!(life(0), Life::Over);
        assert_eq!(life(1), Life::Millis(1));
        assert_eq!(life(1_000_001), Life::Millis(2));
        assert_eq!(Life::between(now, Timestamp::MIN), Life::Over);
        assert_eq!(Life::between(now, Timestamp::MAX), Life::Endless);
    }
}
