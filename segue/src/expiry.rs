//! When a session ends.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::{instant_of, iso_format, seconds_after};
use crate::data::SessionData;
use crate::json;

/// Where a session keeps its own expiry, as Django does.
const KEY: &str = "_session_expiry";

/// When a session ends: what [`Session::set_expiry`](crate::Session::set_expiry) takes.
///
/// Whole seconds, a [`Duration`] and a [`Timestamp`] convert to it.
///
/// ```
/// use std::time::Duration;
/// use segue::Expiry;
///
/// assert_eq!(Expiry::from(300), Expiry::Seconds(300));
/// assert_eq!(Expiry::from(0), Expiry::BrowserClose);
/// assert_eq!(Expiry::from(Duration::from_secs(60)), Expiry::In(Duration::from_secs(60)));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// As the settings say. Django's `None`.
    Default,
    /// With the browser. Django's `0`.
    BrowserClose,
    /// So many seconds after each time it is saved; what is not positive has ended.
    Seconds(i64),
    /// So long from now, however often it is saved. Django's `timedelta`.
    In(Duration),
    /// At this time. Django's `datetime`.
    At(Timestamp),
}

impl From<i64> for Expiry {
    fn from(seconds: i64) -> Self {
        if seconds == 0 { Self::BrowserClose } else { Self::Seconds(seconds) }
    }
}

impl From<i32> for Expiry {
    fn from(seconds: i32) -> Self {
        i64::from(seconds).into()
    }
}

impl From<Duration> for Expiry {
    fn from(span: Duration) -> Self {
        Self::In(span)
    }
}

impl From<Timestamp> for Expiry {
    fn from(date: Timestamp) -> Self {
        Self::At(date)
    }
}

impl Expiry {
    /// What the session says of itself. What nobody could have meant counts as unsaid.
    pub(crate) fn of(data: &SessionData) -> Self {
        data.get(KEY).map_or(Self::Default, Self::read)
    }

    /// As [`of`](Self::of), of a JSON object in ASCII; nothing where it is none.
    pub(crate) fn of_json(json: &[u8]) -> Option<Self> {
        let text = SessionData::find_in(json, KEY).ok()?;
        Some(text.map_or(Self::Default, Self::read))
    }

    fn read(text: &str) -> Self {
        // A bool of Python's is a number, too.
        let text = match text {
            "true" => "1",
            "false" => "0",
            text => text,
        };
        if let Ok(seconds) = json::from_text::<i64>(text) {
            return seconds.into();
        }
        if let Ok(seconds) = json::from_text::<f64>(text) {
            // Rust's conversion stops at the ends of the range.
            #[allow(clippy::cast_possible_truncation, reason = "whole seconds are meant")]
            let whole = seconds as i64;
            // Half a second is no 0, which would be two weeks.
            let is_part = whole == 0 && seconds.abs() > 0.0;
            return if is_part { Self::Seconds(0) } else { whole.into() };
        }
        json::unquote(text).and_then(|date| parse_date(&date)).map_or(Self::Default, Self::At)
    }

    /// Writes it into the session, as Django's `set_expiry` does.
    pub(crate) fn write(self, data: &mut SessionData, now: Timestamp) {
        let date = match self {
            Self::Default => {
                data.remove(KEY);
                return;
            }
            Self::BrowserClose => return data.set(KEY, "0"),
            Self::Seconds(seconds) => return data.set(KEY, seconds.to_string()),
            Self::At(date) => date,
            Self::In(span) => SignedDuration::try_from(span)
                .ok()
                .and_then(|span| now.checked_add(span).ok())
                .unwrap_or(Timestamp::MAX),
        };
        data.set(KEY, json::quote(&write_date(date)));
    }

    /// How long the session lives if it is saved now, in seconds, where `cookie_age` is the rule.
    /// Django's `get_expiry_age`.
    pub(crate) fn age(self, cookie_age: i64, now: Timestamp) -> i64 {
        match self {
            Self::Default | Self::BrowserClose => cookie_age,
            Self::Seconds(seconds) => seconds,
            Self::In(span) => i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
            // Whole seconds, rounded down, as Python's `timedelta` counts.
            Self::At(date) => (date.as_microsecond() - now.as_microsecond()).div_euclid(1_000_000),
        }
    }

    /// When the session ends if it is saved now. Django's `get_expiry_date`.
    pub(crate) fn date(self, cookie_age: i64, now: Timestamp) -> Timestamp {
        match self {
            Self::At(date) => date,
            _ => seconds_after(now, self.age(cookie_age, now)),
        }
    }

    /// Whether the cookie ends with the browser. Django's `get_expire_at_browser_close`.
    pub(crate) fn at_browser_close(self, by_default: bool) -> bool {
        match self {
            Self::Default => by_default,
            _ => self == Self::BrowserClose,
        }
    }
}

/// Python's `datetime.isoformat()` of a date in UTC.
fn write_date(date: Timestamp) -> String {
    [&*iso_format(date, b'T'), "+00:00"].concat()
}

/// What Python's `datetime.isoformat()` writes; without an offset it counts as UTC.
fn parse_date(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| text.parse().ok().map(instant_of))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_WEEKS: i64 = 1_209_600;

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn written(expiry: impl Into<Expiry>) -> SessionData {
        let mut data = SessionData::new();
        expiry.into().write(&mut data, now());
        data
    }

    #[test]
    fn each_form_is_written_as_django_writes_it() {
        assert_eq!(written(300).to_json(), r#"{"_session_expiry":300}"#);
        assert_eq!(written(0).to_json(), r#"{"_session_expiry":0}"#);
        let date = Timestamp::from_microsecond(1_893_553_445_678_901).unwrap();
        let json = r#"{"_session_expiry":"2030-01-02T03:04:05.678901+00:00"}"#;
        assert_eq!(written(date).to_json(), json);
        let json = r#"{"_session_expiry":"2023-11-14T22:14:20+00:00"}"#;
        assert_eq!(written(Duration::from_secs(60)).to_json(), json);
        assert_eq!(written(Expiry::Default).to_json(), "{}");
    }

    #[test]
    fn each_form_is_read_as_django_reads_it() {
        let read = |value: &str| {
            let json = format!(r#"{{"_session_expiry":{value}}}"#);
            Expiry::of(&SessionData::parse(&json).unwrap())
        };
        let date = Timestamp::from_second(1_893_553_445).unwrap();
        assert_eq!(read("\"2030-01-02T03:04:05+00:00\""), Expiry::At(date));
        assert_eq!(read("\"2030-01-02T05:04:05+02:00\""), Expiry::At(date));
        assert_eq!(read("\"2030-01-02T03:04:05\""), Expiry::At(date));
        assert_eq!(read("-5"), Expiry::Seconds(-5));
        assert_eq!(read("1.9"), Expiry::Seconds(1));
        assert_eq!(read("true"), Expiry::Seconds(1));
        assert_eq!(read("false"), Expiry::BrowserClose);
        for zero in ["0", "-0", "0.0", "-0.0"] {
            assert_eq!(read(zero), Expiry::BrowserClose, "{zero}");
        }
        for moment in ["0.5", "-0.5", "1e-9"] {
            assert_eq!(read(moment), Expiry::Seconds(0), "{moment} is not the browser's end");
        }
        for nonsense in ["null", "\"soon\"", "[]", "NaN", "\"\\ud800\""] {
            let expiry = read(nonsense);
            assert_eq!(expiry.age(TWO_WEEKS, now()), TWO_WEEKS, "{nonsense}");
        }
    }

    #[test]
    fn ages_are_whole_seconds_rounded_down() {
        let date = now() + SignedDuration::from_micros(1_999_999);
        assert_eq!(Expiry::At(date).age(TWO_WEEKS, now()), 1);
        let past = now() - SignedDuration::from_micros(1);
        assert_eq!(Expiry::At(past).age(TWO_WEEKS, now()), -1);
        assert_eq!(Expiry::Seconds(i64::MAX).date(TWO_WEEKS, now()), Timestamp::MAX);
    }
}
