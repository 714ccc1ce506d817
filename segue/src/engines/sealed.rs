//! What a cookie can hold.

use crate::error::{StoreError, StoreErrorKind};
use crate::key::SessionKey;

/// The key that is this text, if browsers keep a cookie of this name with it: name and value have
/// 4096 bytes at the most (RFC 6265bis, 5.7). Of a longer one they drop all of it without a word,
/// so here it is an error.
pub(super) fn seal(cookie_name: &str, text: &str) -> Result<SessionKey, StoreError> {
    let length = cookie_name.len() + text.len();
    let fits = length <= SessionKey::LONGEST;
    fits.then(|| SessionKey::sealed(text)).flatten().ok_or_else(|| {
        let (most, excess) = (SessionKey::LONGEST, length.saturating_sub(SessionKey::LONGEST));
        let message = format!(
            "the cookie {cookie_name:?} would have {length} bytes with its name, {excess} more than \
             the {most} that browsers keep: store less in the session, or choose another \
             SESSION_ENGINE"
        );
        StoreError::new(StoreErrorKind::TooLarge, message)
    })
}
