//! The names that settings have.

use crate::error::ConfigError;

/// Every setting that Segue reads.
pub(super) const NAMES: &[&str] = &[
    "ALLOWED_HOSTS",
    "CACHES",
    "CACHE_URL",
    "DATABASE_URL",
    "DEBUG",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "SESSION_CACHE_ALIAS",
    "SESSION_CLEANUP_INTERVAL",
    "SESSION_COOKIE_AGE",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_PATH",
    "SESSION_COOKIE_SAMESITE",
    "SESSION_COOKIE_SECURE",
    "SESSION_ENGINE",
    "SESSION_EXPIRE_AT_BROWSER_CLOSE",
    "SESSION_FILE_PATH",
    "SESSION_SAVE_EVERY_REQUEST",
    "SESSION_SERIALIZER",
];

/// The setting that was meant by a name that is none, where that can be said: names of one's own
/// are welcome in the same file.
pub(super) fn meant_by(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    let distance = |known: &&&'static str| edits(&upper, known);
    let nearest = NAMES.iter().min_by_key(distance)?;
    let own = !upper.starts_with("SESSION_") && edits(&upper, nearest) > 2;
    (!own).then_some(*nearest)
}

/// How many letters must be added, dropped or changed to make one name of the other.
pub(super) fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

pub(super) fn missing_secret_key() -> ConfigError {
    ConfigError::Missing {
        setting: "SECRET_KEY",
        mend: "give it a long random text, and keep that out of version control (the environment \
               is a good place); with DEBUG = true one is made for you"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_told_from_names_of_ones_own() {
        assert_eq!(meant_by("SESSION_COKIE_AGE"), Some("SESSION_COOKIE_AGE"));
        assert_eq!(meant_by("session_cookie_age"), Some("SESSION_COOKIE_AGE"));
        assert_eq!(meant_by("SECRETKEY"), Some("SECRET_KEY"));
        assert!(meant_by("SESSION_COLOUR").is_some(), "no setting of ours begins like this");
        assert_eq!(meant_by("PAGE_SIZE"), None);
        assert_eq!(meant_by("CSRF_COOKIE_NAME"), None);
    }
}
