//! Each setting is read from a file and from the environment, and what is wrong is named.

mod page;

use std::time::Duration;

use config::{Map, Value};

use super::names::NAMES;
use super::reader::Reader;
use super::source::ENVIRONMENT;
use super::{CsrfMode, PasswordHasher, PasswordValidator, SameSite, Settings, Synchronous};

/// What a setting is called, what a file and the environment say, and whether that was read.
type Case = (&'static str, &'static str, &'static str, fn(&Settings) -> bool);

const CASES: &[Case] = &[
    ("AUTHENTICATION_BACKENDS", "[]", "[]", |s| s.auth.backends.is_empty()),
    ("AUTH_USER_MODEL", "'auth.User'", "auth.User", |_| true),
    ("CSRF_COOKIE_AGE", "600", "600", |s| s.csrf.cookie_age == Some(600)),
    ("CSRF_COOKIE_AGE", "'None'", "none", |s| s.csrf.cookie_age.is_none()),
    ("CSRF_COOKIE_DOMAIN", "'.a.b'", ".a.b", |s| s.csrf.cookie_domain.as_deref() == Some(".a.b")),
    ("CSRF_COOKIE_HTTPONLY", "true", "yes", |s| s.csrf.cookie_httponly),
    ("CSRF_COOKIE_NAME", "'other'", "other", |s| s.csrf.cookie_name == "other"),
    ("CSRF_COOKIE_PATH", "'/app'", "/app", |s| s.csrf.cookie_path == "/app"),
    ("CSRF_COOKIE_SAMESITE", "'Strict'", "strict", |s| s.csrf.cookie_samesite == SameSite::Strict),
    ("CSRF_COOKIE_SAMESITE", "false", "false", |s| s.csrf.cookie_samesite == SameSite::Omitted),
    ("CSRF_COOKIE_SECURE", "false", "off", |s| !s.csrf.cookie_secure),
    (
        "CSRF_FAILURE_VIEW",
        "'django.views.csrf.csrf_failure'",
        "django.views.csrf.csrf_failure",
        |_| true,
    ),
    ("CSRF_HEADER_NAME", "'HTTP_X_XSRF'", "X-XSRF", |s| s.csrf.header() == "x-xsrf"),
    ("CSRF_MODE", "'fetch-metadata'", "fetch-metadata", |s| s.csrf.mode == CsrfMode::FetchMetadata),
    ("CSRF_MODE", "'both'", "both", |s| s.csrf.mode == CsrfMode::Both),
    ("CSRF_SEARCH_MAX_SIZE", "1024", "1024", |s| s.csrf.search_max_size == 1024),
    ("CSRF_TRUSTED_ORIGINS", "['http://a', 'https://*.b']", "http://a, https://*.b", |s| {
        s.csrf.trusted_origins == ["http://a", "https://*.b"]
    }),
    ("CSRF_USE_SESSIONS", "true", "1", |s| s.csrf.use_sessions),
    ("DATA_UPLOAD_MAX_MEMORY_SIZE", "5", "5", |s| s.data_upload_max_memory_size == 5),
    ("FILE_UPLOAD_TEMP_DIR", "'.'", ".", |s| {
        s.file_upload_temp_dir.as_ref() == Some(&s.base_dir.join("."))
    }),
    ("PASSWORD_HASHERS", "['argon2', 'md5']", "argon2, md5", |s| {
        s.passwords.hashers() == [PasswordHasher::DEFAULTS[2], PasswordHasher::Md5]
    }),
    (
        "PASSWORD_HASHERS",
        "['django.contrib.auth.hashers.PBKDF2PasswordHasher']",
        r#"["PBKDF2PasswordHasher"]"#,
        |s| s.passwords.hashers.as_deref() == Some(&PasswordHasher::DEFAULTS[..1]),
    ),
    ("PASSWORD_RESET_TIMEOUT", "60", "60", |s| {
        s.auth.password_reset_timeout == Duration::from_secs(60)
    }),
    ("PASSWORD_HASHING_LIMIT", "5", "5", |s| s.passwords.hashing_limit == 5),
    (
        "AUTH_PASSWORD_VALIDATORS",
        "['django.contrib.auth.password_validation.NumericPasswordValidator']",
        "NumericPasswordValidator",
        |s| s.passwords.validators == [PasswordValidator::NumericPassword],
    ),
    ("AUTH_PASSWORD_VALIDATORS", "[]", "[]", |s| s.passwords.validators.is_empty()),
    ("DATABASE_BATCHES", "7", "7", |s| s.database.batches == 7),
    ("DATABASE_QUEUE", "9", "9", |s| s.database.queue == 9),
    ("DATABASE_SYNCHRONOUS", "'NORMAL'", "normal", |s| {
        s.database.synchronous == Synchronous::Normal
    }),
    ("LOGIN_REDIRECT_URL", "'/in/'", "/in/", |s| s.auth.login_redirect_url == "/in/"),
    ("LOGIN_URL", "'https://a/'", "https://a/", |s| s.auth.login_url == "https://a/"),
    ("LOGOUT_REDIRECT_URL", "'/'", "/", |s| s.auth.logout_redirect_url.as_deref() == Some("/")),
    ("LOGIN_FAILURE_LIMIT", "0", "0", |s| s.throttle.limit == 0),
    ("LOGIN_FAILURE_WINDOW", "60", "60", |s| s.throttle.window == Duration::from_secs(60)),
    ("NUM_PROXIES", "2", "2", |s| s.num_proxies == 2),
    ("SECURE_PROXY_SSL_HEADER", "['HTTP_X_PROTO', 'https']", "HTTP_X_PROTO,https", |s| {
        s.secure_proxy_ssl_header == Some(("HTTP_X_PROTO".into(), "https".into()))
    }),
    ("SESSION_ABSOLUTE_TIMEOUT", "43200", "43200", |s| {
        s.session.absolute_timeout == Some(Duration::from_secs(43200))
    }),
    ("SESSION_CACHE_STALENESS", "0.5", "0.5", |s| {
        s.session.cache_staleness == Duration::from_millis(500)
    }),
    ("SESSION_IDLE_TIMEOUT", "1", "1", |s| s.session.idle_timeout == Some(Duration::from_secs(1))),
    ("SESSION_TOUCH_THRESHOLD", "0.1", "0.1", |s| (s.session.touch_threshold - 0.1).abs() < 1e-9),
    ("USE_X_FORWARDED_HOST", "true", "true", |s| s.use_x_forwarded_host),
    ("USE_X_FORWARDED_PORT", "true", "on", |s| s.use_x_forwarded_port),
];

fn from_file(line: &str) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, format!("SECRET_KEY = 'secret'\n{line}\n")).unwrap();
    Settings::from_file(&file).map_err(|error| error.to_string())
}

fn from_environment(name: &str, text: &str) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let value = |text: &str| Value::new(Some(&ENVIRONMENT.to_owned()), text);
    let values = [("SECRET_KEY", "secret"), (name, text)];
    let values: Map<String, Value> =
        values.map(|(name, text)| (name.to_owned(), value(text))).into_iter().collect();
    let read =
        Reader::new(values).and_then(|reader| Settings::read(&reader, folder.path().to_owned()));
    read.map_err(|error| error.to_string())
}

#[test]
fn each_is_read_from_a_file_and_from_the_environment() {
    let defaults = from_file("").unwrap();
    for (name, toml, text, is_read) in CASES {
        let has_one_value = ["AUTH_USER_MODEL", "CSRF_FAILURE_VIEW"].contains(name);
        assert!(has_one_value || !is_read(&defaults), "{name} is not the default");
        assert!(is_read(&from_file(&format!("{name} = {toml}")).unwrap()), "{name} in a file");
        assert!(is_read(&from_environment(name, text).unwrap()), "{name} in the environment");
    }
    let beginnings = ["AUTH", "CSRF_", "DATA_", "FILE_", "LOGIN_URL", "LOGIN_REDIRECT", "LOGOUT_"];
    let beginnings =
        [&beginnings[..], &["DATABASE_BATCHES", "DATABASE_QUEUE", "DATABASE_S"]].concat();
    let beginnings = [&beginnings[..], &["PASSWORD_", "SECURE_", "USE_"]].concat();
    for name in NAMES.iter().filter(|name| beginnings.iter().any(|b| name.starts_with(b))) {
        assert!(CASES.iter().any(|(known, ..)| known == name), "{name} is read by no case");
    }
    for (name, ..) in CASES {
        assert!(NAMES.contains(name), "{name} would not be looked for in the environment");
    }
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    for (name, toml, text) in [
        ("CSRF_COOKIE_AGE", "0", "0"),
        ("CSRF_COOKIE_AGE", "'a year'", "a year"),
        ("CSRF_COOKIE_AGE", "'600'", "600 s"),
        ("CSRF_COOKIE_AGE", "31536000000", "31536000000"),
        ("CSRF_COOKIE_DOMAIN", "'a;b'", "a;b"),
        ("CSRF_COOKIE_HTTPONLY", "1", "maybe"),
        ("CSRF_COOKIE_NAME", "'a b'", "a b"),
        ("CSRF_COOKIE_PATH", "'app'", "app"),
        ("CSRF_COOKIE_SAMESITE", "true", "true"),
        ("CSRF_COOKIE_SECURE", "'yes'", "perhaps"),
        ("CSRF_FAILURE_VIEW", "'site.views.refused'", "site.views.refused"),
        ("CSRF_HEADER_NAME", "'X CSRF'", "X:CSRF"),
        ("CSRF_HEADER_NAME", "''", "HTTP_"),
        ("CSRF_MODE", "'none'", "Token"),
        ("CSRF_SEARCH_MAX_SIZE", "0", "64M"),
        ("CSRF_TRUSTED_ORIGINS", "'https://a'", "a"),
        ("CSRF_TRUSTED_ORIGINS", "['https://a', 'https://b/']", "https://a,https://b/"),
        ("CSRF_USE_SESSIONS", "'true'", "2"),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE", "'None'", "None"),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE", "-1", "0"),
        ("DATABASE_BATCHES", "0", "101"),
        ("DATABASE_QUEUE", "true", "1000001"),
        ("DATABASE_SYNCHRONOUS", "'OFF'", "EXTRA"),
        ("FILE_UPLOAD_TEMP_DIR", "'nowhere'", "nowhere"),
        ("AUTHENTICATION_BACKENDS", "['allauth.Backend']", "allauth.Backend"),
        ("AUTH_USER_MODEL", "'shop.Customer'", "shop.Customer"),
        ("LOGIN_URL", "'login'", "//evil.example/"),
        ("LOGIN_REDIRECT_URL", "''", "javascript:alert(1)"),
        ("LOGOUT_REDIRECT_URL", "false", "/a b"),
        ("AUTH_PASSWORD_VALIDATORS", "'NumericPasswordValidator'", "MyValidator"),
        ("AUTH_PASSWORD_VALIDATORS", "[{ OPTIONS = {} }]", "[1]"),
        ("PASSWORD_HASHERS", "[]", "pbkdf2"),
        ("PASSWORD_HASHERS", "['md5', 'md5']", "md5, argon2, md5"),
        ("PASSWORD_HASHERS", "['my.hashers.Hasher']", "{}"),
        ("PASSWORD_HASHERS", "[{ NAME = 'md5', iterations = 5 }]", "[]"),
        ("PASSWORD_HASHING_LIMIT", "0", "513"),
        ("PASSWORD_RESET_TIMEOUT", "0", "3 days"),
        ("LOGIN_FAILURE_CACHE", "'none'", "none"),
        ("LOGIN_FAILURE_LIMIT", "'no'", "-1"),
        ("LOGIN_FAILURE_LIMIT", "100001", "100001"),
        ("LOGIN_FAILURE_WINDOW", "0", "15m"),
        ("NUM_PROXIES", "true", "101"),
        ("SECURE_PROXY_SSL_HEADER", "['HTTP_X_PROTO']", "HTTP_X_PROTO"),
        ("SECURE_PROXY_SSL_HEADER", "['a', 'b', 'c']", "a,b,c"),
        ("SECURE_PROXY_SSL_HEADER", "['', 'https']", "HTTP_X_PROTO,"),
        ("SECURE_PROXY_SSL_HEADER", "'HTTP_X_PROTO,https'", "X PROTO,https"),
        ("SESSION_ABSOLUTE_TIMEOUT", "1.5", "1.5"),
        ("SESSION_ABSOLUTE_TIMEOUT", "-1", "12h"),
        ("SESSION_CACHE_STALENESS", "0.09", "0.01"),
        ("SESSION_CACHE_STALENESS", "-1", "nan"),
        ("SESSION_CACHE_STALENESS", "3601", "1s"),
        ("SESSION_IDLE_TIMEOUT", "0", "0"),
        ("SESSION_IDLE_TIMEOUT", "'600'", "31536000000"),
        ("SESSION_TOUCH_THRESHOLD", "1", "1.0"),
        ("SESSION_TOUCH_THRESHOLD", "-0.1", "10%"),
        ("SESSION_TOUCH_THRESHOLD", "nan", "NaN"),
        ("SESSION_TOUCH_THRESHOLD", "'0.1'", "inf"),
        ("SESSION_TOUCH_THRESHOLD", "true", ""),
        ("USE_X_FORWARDED_HOST", "'on'", "x"),
        ("USE_X_FORWARDED_PORT", "8000", "8000"),
    ] {
        let line = format!("{name} = {toml}");
        for complaint in [from_file(&line), from_environment(name, text)] {
            let complaint = complaint.map(drop).expect_err(&line);
            assert!(complaint.starts_with(&format!("{name}: found ")), "{complaint}");
            assert!(complaint.contains("; allowed: "), "{complaint}");
        }
    }
    let complaint = from_file("CSRF_FAILURE_VIEW = 'x.y'").unwrap_err();
    assert!(complaint.contains("`Site::on_csrf_failure`"), "the way out is named: {complaint}");
}

#[test]
fn what_is_set_in_code_is_looked_at_as_well() {
    let refused = |change: fn(&mut Settings)| {
        let mut settings = Settings::new("secret");
        assert!(settings.validate().is_ok());
        change(&mut settings);
        settings.validate().unwrap_err().to_string()
    };
    for (setting, change) in [
        ("CSRF_COOKIE_AGE", (|s| s.csrf.cookie_age = Some(0)) as fn(&mut Settings)),
        ("CSRF_HEADER_NAME", |s| s.csrf.header_name = "X-CSRF\r\n".into()),
        ("CSRF_SEARCH_MAX_SIZE", |s| s.csrf.search_max_size = 0),
        ("CSRF_TRUSTED_ORIGINS", |s| s.csrf.trusted_origins.push("https://*".into())),
        ("DATABASE_BATCHES", |s| s.database.batches = 101),
        ("DATABASE_QUEUE", |s| s.database.queue = 0),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE", |s| s.data_upload_max_memory_size = 0),
        ("FILE_UPLOAD_TEMP_DIR", |s| s.file_upload_temp_dir = Some("nowhere".into())),
        ("AUTH_PASSWORD_VALIDATORS", |s| {
            let user_attributes = Vec::new();
            let max_similarity = 0.0;
            s.passwords.validators.push(PasswordValidator::UserAttributeSimilarity {
                user_attributes,
                max_similarity,
            });
        }),
        ("PASSWORD_HASHERS", |s| s.passwords.hashers = Some(Vec::new())),
        ("PASSWORD_HASHING_LIMIT", |s| s.passwords.hashing_limit = 0),
        ("SECURE_PROXY_SSL_HEADER", |s| {
            s.secure_proxy_ssl_header = Some(("X-Proto".into(), String::new()));
        }),
        ("LOGIN_FAILURE_CACHE", |s| s.throttle.cache = Some("none".into())),
        ("LOGIN_FAILURE_LIMIT", |s| s.throttle.limit = u32::MAX),
        ("LOGIN_FAILURE_WINDOW", |s| s.throttle.window = Duration::ZERO),
        ("SESSION_ABSOLUTE_TIMEOUT", |s| s.session.absolute_timeout = Some(Duration::ZERO)),
        ("SESSION_CACHE_STALENESS", |s| s.session.cache_staleness = Duration::from_millis(99)),
        ("SESSION_IDLE_TIMEOUT", |s| s.session.idle_timeout = Some(Duration::from_millis(999))),
        ("SESSION_TOUCH_THRESHOLD", |s| s.session.touch_threshold = f64::NAN),
    ] {
        let complaint = refused(change);
        assert!(complaint.starts_with(&format!("{setting}: found ")), "{complaint}");
    }
}

#[test]
fn the_cache_of_the_failures_is_one_of_the_caches() {
    let settings = from_file("CACHE_URL = 'memory://'\nLOGIN_FAILURE_CACHE = 'default'").unwrap();
    assert_eq!(settings.throttle.cache.as_deref(), Some("default"));
}

#[test]
fn a_time_limit_can_be_taken_back() {
    let none =
        from_file("SESSION_IDLE_TIMEOUT = 'None'\nSESSION_ABSOLUTE_TIMEOUT = 'none'").unwrap();
    assert_eq!((none.session.idle_timeout, none.session.absolute_timeout), (None, None));
    let none = from_environment("SESSION_IDLE_TIMEOUT", "None").unwrap();
    assert_eq!(none.session.idle_timeout, None);
}

#[test]
fn one_name_does_not_serve_for_two_cookies() {
    let mut settings = Settings::new("secret");
    settings.csrf.cookie_name = "sessionid".to_owned();
    let complaint = settings.validate().unwrap_err().to_string();
    assert!(complaint.starts_with("CSRF_COOKIE_NAME: found \"sessionid\""), "{complaint}");
    assert!(complaint.contains("SESSION_COOKIE_NAME"), "{complaint}");
    settings.csrf.use_sessions = true;
    assert!(settings.validate().is_ok(), "with the secret in the session there is only one");
}

/// Django's defaults, but for `Secure`.
#[test]
fn the_defaults_are_djangos() {
    let (on, off) = (from_file("").unwrap(), from_file("DEBUG = true").unwrap());
    assert!(on.csrf.cookie_secure && !off.csrf.cookie_secure);
    let csrf = on.csrf;
    assert_eq!((csrf.mode, csrf.use_sessions), (CsrfMode::Token, false));
    assert_eq!((csrf.cookie_name.as_str(), csrf.cookie_age), ("csrftoken", Some(31_449_600)));
    assert_eq!((csrf.cookie_domain, csrf.cookie_path.as_str()), (None, "/"));
    assert_eq!((csrf.cookie_httponly, csrf.cookie_samesite), (false, SameSite::Lax));
    assert_eq!(on.data_upload_max_memory_size, 2_621_440);
    assert!(!on.use_x_forwarded_host && !on.use_x_forwarded_port);
    assert_eq!((on.num_proxies, on.throttle.limit, on.throttle.cache), (0, 10, None));
    assert_eq!((on.secure_proxy_ssl_header, on.file_upload_temp_dir), (None, None));
}

#[test]
fn hashers_have_work_factors_and_validators_options() {
    use PasswordHasher::{Argon2, Bcrypt, BcryptSha256, Pbkdf2Sha1, Pbkdf2Sha256, Scrypt};
    for (entry, hasher) in [
        ("NAME = 'pbkdf2_sha256', iterations = 1_200_000", Pbkdf2Sha256 { iterations: 1_200_000 }),
        ("NAME = 'PBKDF2SHA1PasswordHasher', iterations = 5", Pbkdf2Sha1 { iterations: 5 }),
        (
            "NAME = 'argon2', time_cost = 3, memory_cost = 65536, parallelism = 4",
            Argon2 { time_cost: 3, memory_cost: 65_536, parallelism: 4 },
        ),
        ("NAME = 'bcrypt_sha256', rounds = 13", BcryptSha256 { rounds: 13 }),
        ("NAME = 'BCryptPasswordHasher', rounds = 4", Bcrypt { rounds: 4 }),
        (
            "NAME = 'scrypt', work_factor = 131072, block_size = 9, parallelism = 1",
            Scrypt { work_factor: 1 << 17, block_size: 9, parallelism: 1 },
        ),
    ] {
        let settings = from_file(&format!("PASSWORD_HASHERS = [{{ {entry} }}]")).unwrap();
        assert_eq!(settings.passwords.hashers(), [hasher], "{entry}");
    }
    for entry in [
        "NAME = 'pbkdf2_sha256', iterations = 0",
        "NAME = 'pbkdf2_sha256', iterations = 10_000_001",
        "NAME = 'pbkdf2_sha256', iterations = '5'",
        "NAME = 'pbkdf2_sha256', rounds = 5",
        "NAME = 'argon2', memory_cost = 63",
        "NAME = 'argon2', memory_cost = 2097153",
        "NAME = 'argon2', memory_cost = 1048576, time_cost = 5",
        "NAME = 'argon2', time_cost = 0",
        "NAME = 'bcrypt', rounds = 3",
        "NAME = 'bcrypt_sha256', rounds = 17",
        "NAME = 'scrypt', work_factor = 16383",
        "NAME = 'scrypt', work_factor = 1",
        "NAME = 'scrypt', work_factor = 4194304",
        "iterations = 5",
    ] {
        let complaint = from_file(&format!("PASSWORD_HASHERS = [{{ {entry} }}]")).unwrap_err();
        assert!(complaint.starts_with("PASSWORD_HASHERS: found "), "{entry}: {complaint}");
    }
    let read = |entry: &str| {
        let settings = from_file(&format!("AUTH_PASSWORD_VALIDATORS = [{{ {entry} }}]"))?;
        Ok::<_, String>((settings.passwords.validators, settings.base_dir))
    };
    let (validators, _) =
        read("NAME = 'MinimumLengthValidator', OPTIONS = { min_length = 12 }").unwrap();
    assert_eq!(validators, [PasswordValidator::MinimumLength { min_length: 12 }]);
    let options = "user_attributes = ['nick'], max_similarity = 1";
    let (validators, _) =
        read(&format!("NAME = 'UserAttributeSimilarityValidator', OPTIONS = {{ {options} }}"))
            .unwrap();
    let (user_attributes, max_similarity) = (vec!["nick".to_owned()], 1.0);
    let expected = PasswordValidator::UserAttributeSimilarity { user_attributes, max_similarity };
    assert_eq!(validators, [expected]);
    let (validators, base_dir) =
        read("NAME = 'CommonPasswordValidator', OPTIONS = { password_list_path = 'a.txt' }")
            .unwrap();
    let password_list_path = Some(base_dir.join("a.txt"));
    assert_eq!(validators, [PasswordValidator::CommonPassword { password_list_path }]);
    for entry in [
        "NAME = 'MinimumLengthValidator', OPTIONS = { min_length = -1 }",
        "NAME = 'MinimumLengthValidator', OPTIONS = { max_length = 1 }",
        "NAME = 'MinimumLengthValidator', min_length = 1",
        "NAME = 'NumericPasswordValidator', OPTIONS = 5",
        "NAME = 'UserAttributeSimilarityValidator', OPTIONS = { max_similarity = 0.05 }",
    ] {
        let complaint = read(entry).unwrap_err();
        assert!(complaint.starts_with("AUTH_PASSWORD_VALIDATORS: found "), "{entry}: {complaint}");
    }
    let defaults = from_file("").unwrap().passwords;
    assert_eq!((defaults.hashers.as_ref(), defaults.validators.len()), (None, 4));
}
