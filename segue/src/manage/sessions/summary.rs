//! What a stored session says of itself.

use std::error::Error;

use jiff::{SignedDuration, Timestamp};

use super::place::Place;
use crate::codec::{Codec, CodecError};
use crate::data::SessionData;
use crate::engines::{Listable, Listed};
use crate::expiry::Expiry;
use crate::json;
use crate::signing::MAX_UNPACKED;

/// By this Django knows who is logged in: `SESSION_KEY` in `django/contrib/auth/__init__.py`.
const USER: &str = "_auth_user_id";

/// What a stored session says of itself.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// The id of the user who is logged in in it.
    pub(super) user: Option<String>,
    /// When it was last saved, where that can be told from its end.
    pub(super) saved: Option<Timestamp>,
    pub(super) readable: Readable,
}

/// Whether the data of a session can be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Readable {
    Yes,
    /// Why not.
    No(String),
    /// Nobody has tried: there is no key.
    #[default]
    Unknown,
}

/// Reads what is stored.
pub(super) struct Reader<'a> {
    listable: &'a Listable,
    codec: Codec,
    cookie_age: i64,
}

impl<'a> Reader<'a> {
    /// Nothing where there is no key to read with.
    pub(super) fn of(place: &'a Place<'_>) -> Result<Option<Self>, Box<dyn Error>> {
        let listable = place.listable()?;
        // The table and the files have the same format, in front of which a cache may have another.
        let codec = Codec::signed_json(&place.settings.secret_keys, &place.clock);
        let cookie_age = place.settings.session.cookie_age;
        Ok(place.has_secret_key.then_some(Self { listable, codec, cookie_age }))
    }

    /// What the session holds, or why that cannot be read.
    pub(super) async fn data(
        &self,
        session: &mut Listed,
    ) -> Result<Result<SessionData, String>, Box<dyn Error>> {
        if session.size > MAX_UNPACKED as u64 {
            return Ok(Err("it is larger than 64 MiB".to_owned()));
        }
        let payload = match (session.payload.take(), &session.key) {
            (Some(payload), _) => payload,
            (None, Some(key)) => match self.listable.payload(key).await? {
                Some(payload) => payload,
                None => return Ok(Err("it is gone".to_owned())),
            },
            (None, None) => return Ok(Err("it has no key".to_owned())),
        };
        Ok(decode(&self.codec, &payload))
    }

    pub(super) async fn summary(&self, session: &mut Listed) -> Result<Summary, Box<dyn Error>> {
        Ok(match self.data(session).await? {
            Ok(data) => Summary {
                user: user_of(&data),
                saved: session.expires_at.and_then(|end| saved(&data, end, self.cookie_age)),
                readable: Readable::Yes,
            },
            Err(reason) => Summary { readable: Readable::No(reason), ..Summary::default() },
        })
    }
}

/// What a payload holds, or why it holds nothing.
pub(super) fn decode(codec: &Codec, payload: &[u8]) -> Result<SessionData, String> {
    codec.decode(payload).map_err(|error| match error {
        CodecError::Signing(_) => {
            "no key in SECRET_KEY or SECRET_KEY_FALLBACKS signed it".to_owned()
        }
        error => error.to_string(),
    })
}

/// The id of the user who is logged in, as text.
pub(super) fn user_of(data: &SessionData) -> Option<String> {
    let value = data.get(USER)?;
    Some(json::unquote(value).unwrap_or_else(|| value.to_owned()))
}

/// When a session with this end was last saved: its end without the time that it lives after each
/// save, which it says itself or the settings do. Of one that ends at a date nobody knows.
fn saved(data: &SessionData, end: Timestamp, cookie_age: i64) -> Option<Timestamp> {
    match Expiry::of(data) {
        Expiry::At(_) => None,
        expiry => {
            let lives = SignedDuration::from_secs(expiry.age(cookie_age, end));
            end.checked_sub(lives).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_save_is_told_from_the_end() {
        let end = Timestamp::from_second(1_700_000_000).unwrap();
        let saved = |json: &str| {
            let data = SessionData::parse(json).unwrap();
            saved(&data, end, 1000).map(|saved| end.as_second() - saved.as_second())
        };
        assert_eq!(saved("{}"), Some(1000));
        assert_eq!(saved(r#"{"_session_expiry":0}"#), Some(1000));
        assert_eq!(saved(r#"{"_session_expiry":60}"#), Some(60));
        assert_eq!(saved(r#"{"_session_expiry":"2030-01-01T00:00:00+00:00"}"#), None);
        assert_eq!(saved(r#"{"_session_expiry":9223372036854775807}"#), None);
    }

    #[test]
    fn a_user_is_a_text_or_a_number() {
        let user = |json: &str| user_of(&SessionData::parse(json).unwrap());
        assert_eq!(user(r#"{"_auth_user_id":"7"}"#).as_deref(), Some("7"));
        assert_eq!(user(r#"{"_auth_user_id":7}"#).as_deref(), Some("7"));
        assert_eq!(user("{}"), None);
    }
}
