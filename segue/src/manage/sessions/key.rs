//! Which session a key on the command line means.

use std::error::Error;
use std::io::{self, Read as _};

use super::place::Place;
use super::words::{SHORTEST, sessions, shortened};
use crate::engines::Listed;
use crate::key::SessionKey;

/// More than this is no list of keys.
const LONGEST_INPUT: u64 = 16 << 20;

/// The keys on the command line, `-` replaced by the lines of standard input: what stands on a command
/// line can be seen by every user of the machine.
pub(super) fn given(keys: &[String]) -> Result<Vec<String>, Box<dyn Error>> {
    let mut given = Vec::new();
    for key in keys {
        if key != "-" {
            given.push(key.clone());
            continue;
        }
        let mut lines = Vec::new();
        io::stdin().lock().take(LONGEST_INPUT + 1).read_to_end(&mut lines)?;
        // The rest would be passed over, and half a key would be the beginning of another one.
        if lines.len() as u64 > LONGEST_INPUT {
            return Err(
                "standard input has more than 16 MiB, which is no list of keys; nothing was \
                        done: give it in parts"
                    .into(),
            );
        }
        let lines = String::from_utf8(lines).map_err(|_| "standard input is no text")?;
        given.extend(lines.split_whitespace().map(str::to_owned));
    }
    if given.is_empty() {
        return Err("no key was given on standard input".into());
    }
    Ok(given)
}

/// What was found under a key.
pub(super) enum Found {
    /// By an engine that can tell what it has, live or not.
    Listed(Listed),
    /// By its whole key.
    Key(SessionKey),
    Nothing,
}

/// The session with this key, or with the only key that begins so.
pub(super) async fn find(place: &Place<'_>, text: &str) -> Result<Found, Box<dyn Error>> {
    let Some(listable) = &place.stores.listable else { return by_whole_key(place, text) };
    if text.len() < SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "{:?} is no key: write it whole, or its first {SHORTEST} characters and more",
            shortened(text)
        )
        .into());
    }
    let mut found = listable.find(text).await?;
    let is_whole = |session: &Listed| session.key.as_ref().is_some_and(|key| key.expose() == text);
    if let Some(at) = found.iter().position(is_whole) {
        return Ok(Found::Listed(found.swap_remove(at)));
    }
    match (found.pop(), found.len()) {
        (Some(session), 0) => Ok(Found::Listed(session)),
        (Some(_), others) => Err(format!(
            "{} begin with {}: write more of the key",
            sessions(others as u64 + 1),
            shortened(text)
        )
        .into()),
        (None, _) => Ok(Found::Nothing),
    }
}

fn by_whole_key(place: &Place<'_>, text: &str) -> Result<Found, Box<dyn Error>> {
    use crate::store::SessionStore as _;
    if place.stores.sessions.guarantees().in_cookie {
        return SessionKey::sealed(text)
            .map(Found::Key)
            .ok_or_else(|| "this is no value of a cookie; give it on standard input".into());
    }
    SessionKey::parse(text).map(Found::Key).ok_or_else(|| {
        let length = SessionKey::LENGTH;
        format!("{:?} is no whole key, which a cache needs: {length} characters", shortened(text))
            .into()
    })
}
