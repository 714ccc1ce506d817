//! The names that settings have.

use crate::error::ConfigError;

/// Every setting that Segue reads.
pub(super) const NAMES: &[&str] = &[
    "ALLOWED_HOSTS",
    "AUTHENTICATION_BACKENDS",
    "AUTH_PASSWORD_VALIDATORS",
    "AUTH_USER_MODEL",
    "CACHES",
    "CACHE_URL",
    "CSRF_COOKIE_AGE",
    "CSRF_COOKIE_DOMAIN",
    "CSRF_COOKIE_HTTPONLY",
    "CSRF_COOKIE_NAME",
    "CSRF_COOKIE_PATH",
    "CSRF_COOKIE_SAMESITE",
    "CSRF_COOKIE_SECURE",
    "CSRF_FAILURE_VIEW",
    "CSRF_HEADER_NAME",
    "CSRF_MODE",
    "CSRF_SEARCH_MAX_SIZE",
    "CSRF_TRUSTED_ORIGINS",
    "CSRF_USE_SESSIONS",
    "DATABASE_URL",
    "DATA_UPLOAD_MAX_MEMORY_SIZE",
    "DEBUG",
    "FILE_UPLOAD_TEMP_DIR",
    "LOGIN_FAILURE_CACHE",
    "LOGIN_FAILURE_LIMIT",
    "LOGIN_FAILURE_WINDOW",
    "LOGIN_REDIRECT_URL",
    "LOGIN_URL",
    "LOGOUT_REDIRECT_URL",
    "NUM_PROXIES",
    "PASSWORD_HASHERS",
    "PASSWORD_HASHING_LIMIT",
    "PASSWORD_RESET_TIMEOUT",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "SECURE_PROXY_SSL_HEADER",
    "SESSION_ABSOLUTE_TIMEOUT",
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
    "SESSION_IDLE_TIMEOUT",
    "SESSION_SAVE_EVERY_REQUEST",
    "SESSION_SERIALIZER",
    "SILENCED_SYSTEM_CHECKS",
    "USE_X_FORWARDED_HOST",
    "USE_X_FORWARDED_PORT",
];

/// A name that begins like this is meant for a setting.
const BEGINNINGS: &[&str] = &["CSRF_", "LOGIN_FAILURE_", "SESSION_"];

/// The setting that was meant by a name that is none, where that can be said: names of one's own
/// are welcome in the same file.
pub(super) fn meant_by(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    let distance = |known: &&&'static str| edits(&upper, known);
    let nearest = NAMES.iter().min_by_key(distance)?;
    let own = !BEGINNINGS.iter().any(|beginning| upper.starts_with(beginning))
        && edits(&upper, nearest) > 2;
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
        assert_eq!(meant_by("CSRF_COKIE_NAME"), Some("CSRF_COOKIE_NAME"));
        assert!(meant_by("CSRF_COOKIE_MASKED").is_some(), "Django 5.0 removed it");
        assert!(meant_by("csrf_colour").is_some(), "no setting of ours begins like this either");
        assert_eq!(meant_by("USE_X_FORWARDED_HOSTS"), Some("USE_X_FORWARDED_HOST"));
        assert_eq!(meant_by("SECURE_HSTS_SECONDS"), None);
        assert_eq!(meant_by("PASSWORD_HASHER"), Some("PASSWORD_HASHERS"));
    }
}
