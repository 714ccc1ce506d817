//! The names that settings have.

use crate::error::ConfigError;

/// Every setting that Segue reads; the reader knows no other.
pub(super) const NAMES: &[&str] = &[
    "ALLOWED_HOSTS",
    "APPEND_SLASH",
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
    "DATABASE_BATCHES",
    "DATABASE_QUEUE",
    "DATABASE_SYNCHRONOUS",
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
    "SESSION_CACHE_STALENESS",
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
    "SESSION_TOUCH_THRESHOLD",
    "SILENCED_SYSTEM_CHECKS",
    "USE_X_FORWARDED_HOST",
    "USE_X_FORWARDED_PORT",
];

/// A name that begins like this is meant for a setting.
const BEGINNINGS: &[&str] = &["CSRF_", "DATABASE_", "LOGIN_FAILURE_", "SESSION_"];

/// Settings of Django's that Segue does not have, and where else to do what they do: those that whoever
/// comes from Django would believe to work. Mail, languages and static files are the site's own
/// business.
pub(super) const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD"],
        "let the proxy send the header `Strict-Transport-Security`",
    ),
    (
        &["SECURE_SSL_REDIRECT", "SECURE_SSL_HOST", "SECURE_REDIRECT_EXEMPT"],
        "let the proxy send visitors who come over http to https",
    ),
    (
        &[
            "SECURE_CONTENT_TYPE_NOSNIFF",
            "SECURE_CROSS_ORIGIN_OPENER_POLICY",
            "SECURE_REFERRER_POLICY",
            "X_FRAME_OPTIONS",
        ],
        "let the proxy send the header",
    ),
    (&["PREPEND_WWW", "DISALLOWED_USER_AGENTS"], "let the proxy do it"),
    (&["FORCE_SCRIPT_NAME"], "nest the routes below the prefix"),
    (
        &["INSTALLED_APPS", "MIDDLEWARE", "ROOT_URLCONF", "TEMPLATES", "WSGI_APPLICATION"],
        "it is given in code, with `Project`, `Site` and `Templates`",
    ),
    (&["LOGGING", "LOGGING_CONFIG"], "the environment variable `RUST_LOG` says what is logged"),
    (
        &["DATA_UPLOAD_MAX_NUMBER_FIELDS", "DATA_UPLOAD_MAX_NUMBER_FILES"],
        "`DATA_UPLOAD_MAX_MEMORY_SIZE` and `CSRF_SEARCH_MAX_SIZE` are the limits",
    ),
    (&["DATABASE_ROUTERS"], "there is one database, that of `DATABASE_URL`"),
    (&["SIGNING_BACKEND"], "signatures are those of Django's default"),
];

/// The setting that was meant by a name that is none, where that can be said: names of one's own
/// are welcome in the same file.
pub(super) fn meant_by(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    // Without it the site would work on another database, which is made when it is not there.
    if upper == "DATABASES" {
        return Some("DATABASE_URL");
    }
    if elsewhere(&upper).is_some() {
        return None;
    }
    let distance = |known: &&&'static str| edits(&upper, known);
    let nearest = NAMES.iter().min_by_key(distance)?;
    let own = !BEGINNINGS.iter().any(|beginning| upper.starts_with(beginning))
        && edits(&upper, nearest) > 2;
    (!own).then_some(*nearest)
}

/// Where to do what a setting of Django's does that Segue does not have.
pub(super) fn elsewhere(name: &str) -> Option<&'static str> {
    let found = ELSEWHERE.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, instead)| *instead)
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

pub(crate) fn missing_secret_key() -> ConfigError {
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
        assert_eq!(meant_by("CSRF_COOKIE_NAME"), Some("CSRF_COOKIE_NAME"));
        assert!(meant_by("CSRF_COOKIE_MASKED").is_some(), "Django 5.0 removed it");
        assert!(meant_by("csrf_colour").is_some(), "no setting of ours begins like this either");
        assert_eq!(meant_by("USE_X_FORWARDED_HOSTS"), Some("USE_X_FORWARDED_HOST"));
        assert_eq!(meant_by("SECURE_HSTS_SECONDS"), None);
        assert_eq!(meant_by("PASSWORD_HASHER"), Some("PASSWORD_HASHERS"));
        assert_eq!(meant_by("DATABASES"), Some("DATABASE_URL"));
        assert_eq!(meant_by("DATABASE_BATCH"), Some("DATABASE_BATCHES"));
        // Django's, and no mistake.
        assert_eq!(meant_by("DATABASE_ROUTERS"), None);
    }

    #[test]
    fn what_django_has_and_we_have_not_is_no_slip_of_the_pen() {
        for (names, instead) in ELSEWHERE {
            for name in *names {
                assert!(!NAMES.contains(name), "{name} is ours");
                assert_eq!(meant_by(name), None, "{name} is a name of Django's");
                assert_eq!(elsewhere(name), Some(*instead));
            }
        }
        assert_eq!(elsewhere("PAGE_SIZE"), None);
    }
}
