//! The time limits that Django lacks: on sessions that nobody uses, and on old logins.

use std::time::Duration;

use jiff::Timestamp;

use crate::data::SessionData;
use crate::settings::SessionSettings;

/// When a request last used the session, in milliseconds since 1970. Django keeps keys that it does
/// not know.
const LAST_USED: &str = "_segue_last_used";

/// When the visitor logged in, in milliseconds since 1970.
const LOGGED_IN: &str = "_segue_logged_in";

/// By this Django knows who is logged in: `SESSION_KEY` in `django/contrib/auth/__init__.py`.
const USER: &str = "_auth_user_id";

/// `SESSION_IDLE_TIMEOUT` and `SESSION_ABSOLUTE_TIMEOUT`, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    idle: Option<i64>,
    absolute: Option<i64>,
}

impl Limits {
    pub(super) fn of(settings: &SessionSettings) -> Self {
        let millis = |limit: Duration| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        Self {
            idle: settings.idle_timeout.map(millis),
            absolute: settings.absolute_timeout.map(millis),
        }
    }

    pub(super) fn are_off(self) -> bool {
        self.idle.is_none() && self.absolute.is_none()
    }

    /// The setting by which this session has ended, if it has.
    pub(super) fn ended_by(self, data: &SessionData, now: Timestamp) -> Option<&'static str> {
        let over = |key, limit: Option<i64>| {
            limit.is_some_and(|limit| age(data, key, limit, now).is_some_and(|age| age >= limit))
        };
        if over(LAST_USED, self.idle) {
            Some("SESSION_IDLE_TIMEOUT")
        } else if is_logged_in(data) && over(LOGGED_IN, self.absolute) {
            Some("SESSION_ABSOLUTE_TIMEOUT")
        } else {
            None
        }
    }

    /// Whether a session that is used now should say so.
    pub(super) fn is_due(self, data: &SessionData, now: Timestamp) -> bool {
        self.use_is_due(data, now) || self.login_is_due(data, now) || self.login_is_stale(data)
    }

    /// Writes into a session that it is used now, where that is due, and tells whether it was.
    pub(super) fn stamp(self, data: &mut SessionData, now: Timestamp) -> bool {
        let before = data.changes();
        if self.use_is_due(data, now) {
            data.set(LAST_USED, millis(now));
        }
        if self.login_is_due(data, now) {
            data.set(LOGGED_IN, millis(now));
        }
        if self.login_is_stale(data) {
            data.remove(LOGGED_IN);
        }
        data.changes() > before
    }

    /// Writes into a session that its visitor logs in now.
    #[cfg(feature = "auth")]
    pub(super) fn stamp_login(self, data: &mut SessionData, now: Timestamp) {
        if self.absolute.is_some() {
            data.set(LOGGED_IN, millis(now));
        }
    }

    /// Once in each tenth of the limit, so that most reads write nothing.
    fn use_is_due(self, data: &SessionData, now: Timestamp) -> bool {
        self.idle.is_some_and(|limit| {
            age(data, LAST_USED, limit, now).is_none_or(|age| age >= tenth(limit))
        })
    }

    /// Django logged the visitor in: the time counts from now.
    fn login_is_due(self, data: &SessionData, now: Timestamp) -> bool {
        self.absolute
            .is_some_and(|limit| is_logged_in(data) && age(data, LOGGED_IN, limit, now).is_none())
    }

    /// The user was taken out of the session by hand: the next login must not find the old time.
    fn login_is_stale(self, data: &SessionData) -> bool {
        self.absolute.is_some() && !is_logged_in(data) && data.get(LOGGED_IN).is_some()
    }
}

fn is_logged_in(data: &SessionData) -> bool {
    data.get(USER).is_some()
}

fn millis(now: Timestamp) -> String {
    now.as_millisecond().to_string()
}

/// How far a stamp may be behind, or another machine's clock ahead.
fn tenth(limit: i64) -> i64 {
    limit / 10
}

/// How long ago a stamp was made, in milliseconds.
///
/// Another machine's clock may be ahead of ours by a little: that is an age below zero. What is no
/// number, or further in the future than that, is no stamp: otherwise one wrong clock would make
/// sessions that never end. It is counted from now on then, as in a session that never had one.
fn age(data: &SessionData, key: &str, limit: i64, now: Timestamp) -> Option<i64> {
    let stamp: i64 = data.get(key)?.parse().ok()?;
    let age = now.as_millisecond().saturating_sub(stamp);
    (age > -tenth(limit)).then_some(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn limits() -> Limits {
        Limits { idle: Some(HOUR), absolute: Some(10 * HOUR) }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    /// A logged-in session with these stamps, as they were so many milliseconds ago.
    fn session(last_used: i64, logged_in: i64) -> SessionData {
        let now = now().as_millisecond();
        let (last_used, logged_in) = (now - last_used, now - logged_in);
        SessionData::parse(&format!(
            r#"{{"_auth_user_id":"1","_segue_last_used":{last_used},"_segue_logged_in":{logged_in}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn a_limit_is_reached_to_the_millisecond() {
        let ended = |last_used, logged_in| limits().ended_by(&session(last_used, logged_in), now());
        assert_eq!(ended(HOUR - 1, 10 * HOUR - 1), None);
        assert_eq!(ended(HOUR, 0), Some("SESSION_IDLE_TIMEOUT"));
        assert_eq!(ended(0, 10 * HOUR), Some("SESSION_ABSOLUTE_TIMEOUT"));
        let off = Limits { idle: None, absolute: None };
        assert_eq!(off.ended_by(&session(99 * HOUR, 99 * HOUR), now()), None);
        assert!(!off.is_due(&session(99 * HOUR, 99 * HOUR), now()));
    }

    #[test]
    fn a_use_is_written_once_in_a_tenth() {
        for (last_used, due) in [(0, false), (HOUR / 10 - 1, false), (HOUR / 10, true)] {
            let mut data = session(last_used, 0);
            assert_eq!(limits().is_due(&data, now()), due, "{last_used}");
            assert_eq!(limits().stamp(&mut data, now()), due, "{last_used}");
            assert!(!limits().is_due(&data, now()), "{last_used}: it has just been written");
        }
    }

    /// A clock that is ahead by a little changes nothing; by more, it counts for nothing.
    #[test]
    fn a_stamp_from_the_future_makes_nothing_immortal() {
        let ahead = HOUR / 10 - 1;
        assert!(!limits().is_due(&session(-ahead, -ahead), now()));
        for ahead in [HOUR, 1000 * HOUR, now().as_millisecond() - i64::MAX / 2] {
            let mut data = session(-ahead.abs(), -ahead.abs());
            assert_eq!(limits().ended_by(&data, now()), None);
            assert!(limits().stamp(&mut data, now()));
            assert_eq!(data.to_json(), session(0, 0).to_json());
        }
    }

    #[test]
    fn what_is_no_time_counts_from_now() {
        for nonsense in ["null", "true", "\"soon\"", "[]", "{}", "NaN", "1.5e300", "1e3", "-1e999"]
            .into_iter()
            .chain(["99999999999999999999999999", "9223372036854775807"])
        {
            let text = format!(
                r#"{{"_auth_user_id":"1","_segue_last_used":{nonsense},"_segue_logged_in":{nonsense}}}"#
            );
            let mut data = SessionData::parse(&text).unwrap();
            assert_eq!(limits().ended_by(&data, now()), None, "{nonsense}");
            assert!(limits().stamp(&mut data, now()), "{nonsense}");
            assert_eq!(data.to_json(), session(0, 0).to_json(), "{nonsense}");
        }
        for long_ago in ["0", "-5", "-9223372036854775808"] {
            let data =
                SessionData::parse(&format!(r#"{{"_segue_last_used":{long_ago}}}"#)).unwrap();
            assert!(limits().ended_by(&data, now()).is_some(), "{long_ago}");
        }
    }

    #[cfg(all(feature = "auth", feature = "memory-cache"))]
    #[tokio::test]
    async fn a_login_counts_from_now_however_old_the_last_one_is() {
        use crate::{Clock, Sessions, Settings, engines::MemoryStore};
        let mut settings = Settings::new("secret");
        for limit in [None, Some(Duration::from_secs(36_000))] {
            settings.session.absolute_timeout = limit;
            let sessions = Sessions::with_clock(MemoryStore::new(), &settings, Clock::fixed(now()));
            let session = sessions.unwrap().open(None).load().await.unwrap();
            session.insert(LOGGED_IN, 5).unwrap();
            session.stamp_login();
            let expected = limit.map_or(5, |_| now().as_millisecond());
            assert_eq!(session.get(LOGGED_IN).unwrap(), Some(expected));
            session.flush();
        }
    }

    #[test]
    fn an_anonymous_session_has_no_absolute_end() {
        let mut data = session(0, 99 * HOUR);
        data.remove(USER);
        assert_eq!(limits().ended_by(&data, now()), None);
        assert!(limits().stamp(&mut data, now()));
        assert_eq!(data.get(LOGGED_IN), None, "and the next login does not inherit this one's");
    }
}
