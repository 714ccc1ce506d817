//! `SECURE_PROXY_SSL_HEADER`: how a proxy says that the visitor came over https; and `NUM_PROXIES`.

use super::header;
use super::reader::{Reader, texts};
use crate::error::ConfigError;

const SETTING: &str = "SECURE_PROXY_SSL_HEADER";
const ALLOWED: &str = "a header and its value for https, [\"HTTP_X_FORWARDED_PROTO\", \"https\"]; \
                       in the environment HTTP_X_FORWARDED_PROTO,https";

pub(super) fn read(reader: &Reader) -> Result<Option<(String, String)>, ConfigError> {
    reader.read(SETTING, ALLOWED, |value| {
        let [name, secure] = texts(value)?.try_into().ok()?;
        Some((name, secure))
    })
}

/// How many proxies there are; a chain of more than a hundred is a slip of the pen.
pub(super) fn read_number(reader: &Reader) -> Result<usize, ConfigError> {
    let allowed = "how many proxies stand before this server, up to 100; 0 for none";
    let number = reader.integer("NUM_PROXIES", allowed, 0..=100)?;
    Ok(number.and_then(|number| number.try_into().ok()).unwrap_or(0))
}

/// A value that no request can have would make every request an insecure one: a comma ends it, and
/// blanks around it are not looked at.
pub(super) fn validate(header: &(String, String)) -> Result<(), ConfigError> {
    let (name, secure) = header;
    let can_be_sent = secure.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b',');
    if header::is_name(name) && !secure.is_empty() && secure.trim() == secure && can_be_sent {
        return Ok(());
    }
    Err(ConfigError::conflict(SETTING, format!("[{name:?}, {secure:?}]"), ALLOWED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_says_nothing_is_refused() {
        let pair = |name: &str, secure: &str| (name.to_owned(), secure.to_owned());
        for (name, secure) in [
            ("HTTP_X_FORWARDED_PROTO", "https"),
            ("X-Forwarded-Proto", "https"),
            ("Front-End-Https", "on"),
        ] {
            assert!(validate(&pair(name, secure)).is_ok(), "{name}");
        }
        for (name, secure) in [
            ("", "https"),
            ("HTTP_", "https"),
            ("X-Forwarded-Proto", ""),
            ("X-Forwarded-Proto", " "),
            ("X-Forwarded-Proto", "https "),
            ("X-Forwarded-Proto", "https,http"),
            ("X-Forwarded-Proto", "https\r\n"),
            ("X-Forwarded-Proto: https", "https"),
        ] {
            let error = validate(&pair(name, secure)).unwrap_err().to_string();
            assert!(error.starts_with("SECURE_PROXY_SSL_HEADER: found ["), "{error}");
        }
    }
}
