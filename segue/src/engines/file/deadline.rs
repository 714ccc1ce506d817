//! When the session in a file ends: the file's date says it, or the session itself.

use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::{Clock, seconds_after};
use crate::codec::{Codec, CodecError};
use crate::data::SessionData;
use crate::expiry::Expiry;
use crate::secret::SecretKeys;
use crate::settings::Settings;
use crate::store::Record;

/// The rule that Django reads files by: what the session says of itself counts, and else it lives
/// `SESSION_COOKIE_AGE` from the date of its file on.
///
/// Source: `_expiry_date` in `django/contrib/sessions/backends/file.py`.
pub(super) struct Deadlines {
    keys: SecretKeys,
    codec: Codec,
    cookie_age: i64,
}

impl Deadlines {
    pub(super) fn new(settings: &Settings, clock: &Clock) -> Self {
        let keys = settings.secret_keys.clone();
        let codec = Codec::signed_json(&keys, clock);
        Self { keys, codec, cookie_age: settings.session.cookie_age }
    }

    /// When the session ends whose file has this content and this date.
    pub(super) fn of(&self, payload: &[u8], modified: Timestamp) -> Timestamp {
        expiry(self.codec.decode(payload)).date(self.cookie_age, modified)
    }

    /// The session whose file has this content and this date; whoever has the same keys finds it read.
    pub(super) fn record(&self, payload: impl Into<Arc<[u8]>>, modified: Timestamp) -> Record {
        let record = Record::new(payload, modified).remembering();
        let expiry = expiry(self.codec.decode_record(&record));
        record.ending(expiry.date(self.cookie_age, modified))
    }

    /// The date that a file with this content needs, so that the session ends at `expires_at` for
    /// Django as well. A date within the session cannot be moved from outside.
    pub(super) fn modified(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Timestamp {
        match expiry(self.codec.decode(payload)) {
            Expiry::At(_) => now,
            expiry => seconds_after(expires_at, expiry.age(self.cookie_age, now).saturating_neg()),
        }
    }

    /// An empty file is an empty session to Django, which makes one while it creates another and
    /// leaves it when the disk is full. As `seen` it has to compare equal until the file changes,
    /// so it is signed with the file's date.
    pub(super) fn payload_of_an_empty_file(&self, modified: Timestamp) -> Vec<u8> {
        let codec = Codec::signed_json(&self.keys, &Clock::fixed(modified));
        codec.encode(&SessionData::new()).unwrap_or_default()
    }
}

/// What cannot be read has nothing to say.
fn expiry(data: Result<SessionData, CodecError>) -> Expiry {
    data.map_or(Expiry::Default, |data| Expiry::of(&data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// With a cookie age of 1000 seconds.
    fn deadlines() -> Deadlines {
        let mut settings = Settings::new("secret");
        settings.session.cookie_age = 1000;
        Deadlines::new(&settings, &Clock::fixed(at(1_700_000_000)))
    }

    fn payload(deadlines: &Deadlines, json: &str) -> Vec<u8> {
        deadlines.codec.encode(&SessionData::parse(json).unwrap()).unwrap()
    }

    #[test]
    fn the_date_of_the_file_counts_unless_the_session_says_otherwise() {
        let deadlines = deadlines();
        let of = |payload: Vec<u8>, modified| {
            let ends = deadlines.of(&payload, at(modified));
            assert_eq!(deadlines.record(payload, at(modified)).expires_at(), ends);
            ends
        };
        let ends = |json: &str| of(payload(&deadlines, json), 500).as_second();
        assert_eq!(ends(r#"{"a":1}"#), 1500);
        assert_eq!(ends(r#"{"_session_expiry":0}"#), 1500, "with the browser");
        assert_eq!(ends(r#"{"_session_expiry":60}"#), 560);
        assert_eq!(ends(r#"{"_session_expiry":"1970-01-01T01:00:00+00:00"}"#), 3600);
        assert_eq!(of(b"not ours".to_vec(), 500), at(1500));
        let other = Codec::signed_json(&SecretKeys::new("other"), &Clock::system());
        let forged = other.encode(&SessionData::parse(r#"{"_session_expiry":60}"#).unwrap());
        assert_eq!(of(forged.unwrap(), 500), at(1500), "nobody of us signed it");
    }

    #[test]
    fn a_deadline_comes_back() {
        let deadlines = deadlines();
        let wanted = at(1_700_000_777);
        for json in [r#"{"a":1}"#, r#"{"_session_expiry":60}"#, r#"{"_session_expiry":0}"#] {
            let payload = payload(&deadlines, json);
            let modified = deadlines.modified(&payload, wanted, at(1_700_000_000));
            assert_eq!(deadlines.record(payload, modified).expires_at(), wanted, "{json}");
        }
        let json = r#"{"_session_expiry":"2030-01-01T00:00:00+00:00"}"#;
        let dated = deadlines.modified(&payload(&deadlines, json), wanted, at(5));
        assert_eq!(dated, at(5), "a date within stays, so the file has no need of another");
    }

    #[test]
    fn no_number_is_too_large() {
        let deadlines = deadlines();
        for seconds in [i64::MAX, i64::MIN, i64::MIN + 1] {
            let payload = payload(&deadlines, &format!(r#"{{"_session_expiry":{seconds}}}"#));
            let end = deadlines.record(payload.clone(), at(0)).expires_at();
            let modified = deadlines.modified(&payload, end, at(0));
            assert_eq!(deadlines.record(payload, modified).expires_at(), end, "{seconds}");
        }
    }

    #[test]
    fn an_empty_file_reads_as_the_same_empty_session_each_time() {
        let deadlines = deadlines();
        let first = deadlines.payload_of_an_empty_file(at(5));
        assert_eq!(deadlines.codec.decode(&first).unwrap().to_json(), "{}");
        assert_eq!(deadlines.payload_of_an_empty_file(at(5)), first);
        assert_ne!(deadlines.payload_of_an_empty_file(at(6)), first);
    }
}
