//! What works and is not safe in production.

use super::Warning;
use crate::settings::{CacheUrl, CsrfMode, PasswordHasher, SessionEngine, Settings};

/// What Django's `check --deploy` says of the settings that we have.
///
/// Source: `base.py`, `csrf.py` and `sessions.py` in `django/core/checks/security`.
pub(super) fn deploy_warnings(settings: &Settings) -> Vec<Warning> {
    let session = &settings.session;
    let weak = "is short, or made for development: whoever guesses it can forge sessions. Use 50 \
                random characters and more";
    let mut warnings = Vec::new();
    let mut warn = |applies: bool, id, text: String| {
        if applies {
            warnings.push(Warning { id, text });
        }
    };
    let key = &settings.secret_keys;
    warn(key.current.is_weak(), "security.W009", format!("SECRET_KEY {weak}."));
    warn(
        !session.cookie_secure,
        "security.W012",
        "SESSION_COOKIE_SECURE is off: the cookie travels over plain http as well, where anybody \
         on the way can read it."
            .to_owned(),
    );
    warn(
        !session.cookie_httponly,
        "security.W015",
        "SESSION_COOKIE_HTTPONLY is off: a script that gets into a page can read the cookie."
            .to_owned(),
    );
    let csrf = &settings.csrf;
    warn(
        !csrf.cookie_secure && !csrf.use_sessions,
        "security.W016",
        "CSRF_COOKIE_SECURE is off: the cookie travels over plain http as well, where anybody on \
         the way can read it."
            .to_owned(),
    );
    warn(settings.debug, "security.W018", "DEBUG is on.".to_owned());
    warn(settings.allowed_hosts.is_empty(), "security.W020", "ALLOWED_HOSTS is empty.".to_owned());
    for (place, fallback) in key.fallbacks.iter().enumerate() {
        let text = format!("SECRET_KEY_FALLBACKS[{place}] {weak}.");
        warn(fallback.is_weak(), "security.W025", text);
    }
    warn(
        session.engine == SessionEngine::Memory,
        "segue.W002",
        "SESSION_ENGINE is \"memory\": sessions end with the process, and no other one sees them."
            .to_owned(),
    );
    let cache = settings.session_cache().map(|cache| &cache.location);
    warn(
        session.engine == SessionEngine::Cache && matches!(cache, Ok(CacheUrl::Memory(_))),
        "segue.W002",
        "The cache of the sessions is in memory: they end with the process, and no other one sees \
         them."
            .to_owned(),
    );
    let copies = "a copy of the cookie stays good after a logout, until the session's deadline";
    warn(
        session.engine == SessionEngine::SignedCookies,
        "segue.W003",
        format!(
            "SESSION_ENGINE is \"signed_cookies\": {copies}, and the visitor can read all that \
             the session holds."
        ),
    );
    warn(
        session.engine == SessionEngine::EncryptedCookies,
        "segue.W003",
        format!("SESSION_ENGINE is \"encrypted_cookies\": {copies}."),
    );
    warn(
        csrf.mode == CsrfMode::FetchMetadata,
        "segue.W006",
        "CSRF_MODE is \"fetch-metadata\": no form has to prove by a token that it comes from this \
         site. \"both\" asks for both."
            .to_owned(),
    );
    let secure = session.cookie_secure || csrf.cookie_secure;
    for origin in csrf.trusted_origins.iter().filter(|origin| origin.starts_with("http://")) {
        let text = format!(
            "CSRF_TRUSTED_ORIGINS has {origin}: anybody on the way to it can send forms in its name."
        );
        warn(secure, "segue.W007", text);
    }
    warn(
        settings.throttle.limit == 0,
        "segue.W009",
        "LOGIN_FAILURE_LIMIT is 0: passwords can be guessed without end.".to_owned(),
    );
    warn(
        settings.passwords.hashers().contains(&PasswordHasher::Md5),
        "segue.W010",
        "PASSWORD_HASHERS has md5: whoever gets the table of users knows most of the passwords a day \
         later."
            .to_owned(),
    );
    warn(
        settings.passwords.validators.is_empty(),
        "segue.W011",
        "AUTH_PASSWORD_VALIDATORS is empty: any password will do, \"1\" for example.".to_owned(),
    );
    if let Some(limit) = session.idle_timeout
        && i128::from(limit.as_secs()) >= i128::from(session.cookie_age)
    {
        let text = format!(
            "SESSION_IDLE_TIMEOUT is {} and SESSION_COOKIE_AGE {}: a session ends by its age before \
             it can have been unused for so long.",
            limit.as_secs(),
            session.cookie_age
        );
        warn(true, "segue.W008", text);
    }
    #[cfg(unix)]
    if session.engine == SessionEngine::File
        && let Some(folder) = crate::engines::FileStore::folder_that_others_list(settings)
    {
        let text = format!(
            "SESSION_FILE_PATH: other users of this machine can list {}, and the names of its \
             files are session ids. Use a folder of your own (`chmod 700`).",
            folder.display()
        );
        warn(true, "segue.W004", text);
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safe_site_has_no_warnings() {
        let mut settings = Settings::new("Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1");
        settings.allowed_hosts.push("example.com".to_owned());
        assert_eq!(deploy_warnings(&settings), []);
    }

    #[cfg(unix)]
    #[test]
    fn a_session_folder_that_others_can_list_is_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1");
        settings.allowed_hosts.push("example.com".to_owned());
        settings.session.engine = SessionEngine::File;
        settings.session.file_path = Some(folder.path().to_owned());
        for (mode, warnings) in [(0o755, 1), (0o750, 0), (0o700, 0)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.path(), permissions).unwrap();
            assert_eq!(deploy_warnings(&settings).len(), warnings, "{mode:o}");
        }
    }

    #[test]
    fn a_cache_in_memory_is_warned_of() {
        let mut settings = Settings::new("Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1");
        settings.allowed_hosts.push("example.com".to_owned());
        settings.session.engine = SessionEngine::Cache;
        let mut with = |url| {
            let url = CacheUrl::parse(url, std::path::Path::new("")).unwrap();
            let cache = crate::settings::CacheSettings::new(url);
            settings.caches.insert("default".to_owned(), cache);
            deploy_warnings(&settings).iter().map(|warning| warning.id).collect::<Vec<_>>()
        };
        assert_eq!(with("memory://"), ["segue.W002"]);
        assert!(with("redis://:hunter2@h").is_empty());
    }

    #[test]
    fn weak_passwords_are_warned_of() {
        let mut settings = Settings::new("Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1");
        settings.allowed_hosts.push("example.com".to_owned());
        settings.passwords.hashers =
            Some(vec![PasswordHasher::Bcrypt { rounds: 12 }, PasswordHasher::Md5]);
        settings.passwords.validators.clear();
        let warnings = deploy_warnings(&settings);
        let ids: Vec<&str> = warnings.iter().map(|warning| warning.id).collect();
        assert_eq!(ids, ["segue.W010", "segue.W011"]);
    }

    #[test]
    fn csrf_protection_that_is_weaker_than_it_could_be_is_warned_of() {
        let warnings = |change: fn(&mut Settings)| {
            let mut settings =
                Settings::new("Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1");
            settings.allowed_hosts.push("example.com".to_owned());
            change(&mut settings);
            deploy_warnings(&settings).iter().map(|warning| warning.id).collect::<Vec<_>>()
        };
        assert_eq!(warnings(|s| s.csrf.cookie_secure = false), ["security.W016"]);
        assert!(warnings(|s| s.csrf.mode = CsrfMode::Both).is_empty());
        assert_eq!(warnings(|s| s.csrf.mode = CsrfMode::FetchMetadata), ["segue.W006"]);
        let in_session = |s: &mut Settings| {
            s.csrf.cookie_secure = false;
            s.csrf.use_sessions = true;
        };
        assert!(warnings(in_session).is_empty(), "there is no such cookie");
        let trusting = |s: &mut Settings| {
            let origins = ["https://a.example", "http://b.example", "http://*.c.example"];
            s.csrf.trusted_origins = origins.map(str::to_owned).to_vec();
        };
        assert_eq!(warnings(trusting), ["segue.W007", "segue.W007"]);
    }

    #[test]
    fn a_time_limit_that_is_never_reached_is_warned_of() {
        let mut settings = Settings::new("Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1");
        settings.allowed_hosts.push("example.com".to_owned());
        settings.session.cookie_age = 600;
        for (limit, warnings) in [(599, 0), (600, 1)] {
            settings.session.idle_timeout = Some(std::time::Duration::from_secs(limit));
            let found = deploy_warnings(&settings);
            assert_eq!(found.len(), warnings, "{limit}");
            assert!(found.iter().all(|warning| warning.id == "segue.W008"), "{found:?}");
        }
    }

    #[test]
    fn an_unsafe_one_has_all_of_them() {
        let mut settings = Settings::new("short");
        settings.secret_keys.fallbacks.push(crate::SecretKey::new("django-insecure-old"));
        settings.debug = true;
        settings.session.engine = SessionEngine::Memory;
        settings.session.cookie_secure = false;
        settings.session.cookie_httponly = false;
        settings.csrf.cookie_secure = false;
        settings.throttle.limit = 0;
        let ids: Vec<&str> = deploy_warnings(&settings).iter().map(|warning| warning.id).collect();
        let expected = [
            "security.W009",
            "security.W012",
            "security.W015",
            "security.W016",
            "security.W018",
            "security.W020",
            "security.W025",
            "segue.W002",
            "segue.W009",
        ];
        assert_eq!(ids, expected);
        for engine in [SessionEngine::SignedCookies, SessionEngine::EncryptedCookies] {
            settings.session.engine = engine;
            let warnings = deploy_warnings(&settings);
            let last = warnings.iter().rfind(|warning| warning.id != "segue.W009").unwrap();
            assert_eq!(last.id, "segue.W003");
            let readable = last.text.contains("can read");
            assert_eq!(readable, engine == SessionEngine::SignedCookies, "{}", last.text);
        }
        let texts: String = deploy_warnings(&settings).iter().map(|w| w.text.clone()).collect();
        assert!(!texts.contains("short,") || !texts.contains("insecure-old"), "no key is shown");
    }
}
