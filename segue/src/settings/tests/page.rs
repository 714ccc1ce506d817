//! `docs/settings.md`: its tables are written from the code, and so say what it does.
//!
//! What a setting is stands in the doc comment of its field; what it takes is what the reader answers to
//! a value that no setting takes; its default is what a file gives that does not name it. What Django's
//! default is stands here, and `tests/django/settings.rs` asks Django.

use std::fmt::Write as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::from_file;
use crate::settings::names::{ELSEWHERE, NAMES};
use crate::settings::{DatabaseUrl, PasswordValidator, Settings};

/// Writes the tables anew in the place of comparing them.
const BLESS: &str = "SEGUE_BLESS";

/// A setting, its default, and what Django's is.
struct Row(&'static str, Default, &'static str);

/// What a setting is where nobody sets it.
enum Default {
    /// This, as one would write it into the file.
    Value(fn(&Settings) -> String),
    /// Nothing.
    Nothing(fn(&Settings) -> bool),
    /// What the comment says in words; whether it is so.
    Words(fn(&Settings) -> bool),
}

use Default::{Nothing, Value, Words};

const SAME: &str = "the same";
const OURS: &str = "ours";

/// The tables, by the names that their places in the page have.
const TABLES: &[(&str, &[Row])] = &[
    (
        "site",
        &[
            Row("DEBUG", Value(|s| toml(s.debug)), SAME),
            Row("SECRET_KEY", Words(|_| Settings::from_env("").is_err()), "`\"\"`, which stops it"),
            Row(
                "SECRET_KEY_FALLBACKS",
                Value(|s| toml(texts(s.secret_keys.fallbacks.len()))),
                SAME,
            ),
            Row("ALLOWED_HOSTS", Value(|s| toml(&s.allowed_hosts)), SAME),
            Row("SILENCED_SYSTEM_CHECKS", Value(|s| toml(&s.silenced_system_checks)), SAME),
            Row("APPEND_SLASH", Value(|s| toml(s.append_slash)), SAME),
            Row("DATABASE_URL", Value(database_url), OURS),
            Row("DATABASE_SYNCHRONOUS", Value(|s| toml(s.database.synchronous.name())), OURS),
            Row("DATABASE_BATCHES", Value(|s| toml(s.database.batches)), OURS),
            Row("DATABASE_QUEUE", Value(|s| toml(s.database.queue)), OURS),
            Row("CACHES", Nothing(|s| s.caches.is_empty()), "one in the memory of each process"),
            Row("CACHE_URL", Nothing(|s| s.caches.is_empty()), OURS),
        ],
    ),
    (
        "sessions",
        &[
            Row("SESSION_ENGINE", Value(engine), SAME),
            Row("SESSION_CACHE_ALIAS", Value(|s| toml(&s.session.cache_alias)), SAME),
            Row(
                "SESSION_CACHE_STALENESS",
                Value(|s| toml(s.session.cache_staleness.as_secs_f64())),
                OURS,
            ),
            Row("SESSION_FILE_PATH", Nothing(|s| s.session.file_path.is_none()), SAME),
            Row("SESSION_SERIALIZER", Words(|_| has_one_value("SESSION_SERIALIZER")), SAME),
            Row("SESSION_COOKIE_AGE", Value(|s| toml(s.session.cookie_age)), SAME),
            Row("SESSION_SAVE_EVERY_REQUEST", Value(|s| toml(s.session.save_every_request)), SAME),
            Row("SESSION_TOUCH_THRESHOLD", Value(|s| toml(s.session.touch_threshold)), OURS),
            Row(
                "SESSION_EXPIRE_AT_BROWSER_CLOSE",
                Value(|s| toml(s.session.expire_at_browser_close)),
                SAME,
            ),
            Row("SESSION_IDLE_TIMEOUT", Nothing(|s| s.session.idle_timeout.is_none()), OURS),
            Row(
                "SESSION_ABSOLUTE_TIMEOUT",
                Nothing(|s| s.session.absolute_timeout.is_none()),
                OURS,
            ),
            Row(
                "SESSION_CLEANUP_INTERVAL",
                Nothing(|s| s.session.cleanup_interval.is_none()),
                OURS,
            ),
        ],
    ),
    (
        "session cookie",
        &[
            Row("SESSION_COOKIE_NAME", Value(|s| toml(&s.session.cookie_name)), SAME),
            Row("SESSION_COOKIE_DOMAIN", Nothing(|s| s.session.cookie_domain.is_none()), SAME),
            Row("SESSION_COOKIE_PATH", Value(|s| toml(&s.session.cookie_path)), SAME),
            Row("SESSION_COOKIE_SECURE", Value(|s| toml(s.session.cookie_secure)), "`false`"),
            Row("SESSION_COOKIE_HTTPONLY", Value(|s| toml(s.session.cookie_httponly)), SAME),
            Row(
                "SESSION_COOKIE_SAMESITE",
                Value(|s| toml(format!("{:?}", s.session.cookie_samesite))),
                SAME,
            ),
        ],
    ),
    (
        "csrf",
        &[
            Row("CSRF_MODE", Value(|s| toml(format!("{:?}", s.csrf.mode).to_lowercase())), OURS),
            Row("CSRF_TRUSTED_ORIGINS", Value(|s| toml(&s.csrf.trusted_origins)), SAME),
            Row("CSRF_USE_SESSIONS", Value(|s| toml(s.csrf.use_sessions)), SAME),
            Row("CSRF_HEADER_NAME", Value(|s| toml(&s.csrf.header_name)), SAME),
            Row("CSRF_FAILURE_VIEW", Words(|_| has_one_value("CSRF_FAILURE_VIEW")), SAME),
            Row("CSRF_COOKIE_NAME", Value(|s| toml(&s.csrf.cookie_name)), SAME),
            Row("CSRF_COOKIE_AGE", Value(|s| toml(s.csrf.cookie_age)), SAME),
            Row("CSRF_COOKIE_DOMAIN", Nothing(|s| s.csrf.cookie_domain.is_none()), SAME),
            Row("CSRF_COOKIE_PATH", Value(|s| toml(&s.csrf.cookie_path)), SAME),
            Row("CSRF_COOKIE_SECURE", Value(|s| toml(s.csrf.cookie_secure)), "`false`"),
            Row("CSRF_COOKIE_HTTPONLY", Value(|s| toml(s.csrf.cookie_httponly)), SAME),
            Row(
                "CSRF_COOKIE_SAMESITE",
                Value(|s| toml(format!("{:?}", s.csrf.cookie_samesite))),
                SAME,
            ),
        ],
    ),
    (
        "uploads",
        &[
            Row(
                "DATA_UPLOAD_MAX_MEMORY_SIZE",
                Value(|s| toml(s.data_upload_max_memory_size)),
                SAME,
            ),
            Row("CSRF_SEARCH_MAX_SIZE", Value(|s| toml(s.csrf.search_max_size)), OURS),
            Row("FILE_UPLOAD_TEMP_DIR", Nothing(|s| s.file_upload_temp_dir.is_none()), SAME),
        ],
    ),
    (
        "login",
        &[
            Row("AUTHENTICATION_BACKENDS", Value(|s| toml(&s.auth.backends)), SAME),
            Row("AUTH_USER_MODEL", Words(|_| has_one_value("AUTH_USER_MODEL")), SAME),
            Row("LOGIN_URL", Value(|s| toml(&s.auth.login_url)), SAME),
            Row("LOGIN_REDIRECT_URL", Value(|s| toml(&s.auth.login_redirect_url)), SAME),
            Row("LOGOUT_REDIRECT_URL", Nothing(|s| s.auth.logout_redirect_url.is_none()), SAME),
            Row("LOGIN_FAILURE_LIMIT", Value(|s| toml(s.throttle.limit)), OURS),
            Row("LOGIN_FAILURE_WINDOW", Value(|s| toml(s.throttle.window.as_secs())), OURS),
            Row("LOGIN_FAILURE_CACHE", Nothing(|s| s.throttle.cache.is_none()), OURS),
        ],
    ),
    (
        "passwords",
        &[
            Row("PASSWORD_HASHERS", Nothing(|s| s.passwords.hashers.is_none()), "those five"),
            Row(
                "AUTH_PASSWORD_VALIDATORS",
                Words(|s| s.passwords.validators == PasswordValidator::defaults()),
                "`[]`; all four in a new project",
            ),
            Row(
                "PASSWORD_HASHING_LIMIT",
                Words(|s| s.passwords.hashing_limit == processors()),
                OURS,
            ),
            Row(
                "PASSWORD_RESET_TIMEOUT",
                Value(|s| toml(s.auth.password_reset_timeout.as_secs())),
                SAME,
            ),
        ],
    ),
    (
        "proxies",
        &[
            Row("SECURE_PROXY_SSL_HEADER", Nothing(|s| s.secure_proxy_ssl_header.is_none()), SAME),
            Row("USE_X_FORWARDED_HOST", Value(|s| toml(s.use_x_forwarded_host)), SAME),
            Row("USE_X_FORWARDED_PORT", Value(|s| toml(s.use_x_forwarded_port)), SAME),
            Row("NUM_PROXIES", Value(|s| toml(s.num_proxies)), "ours, as in Django REST framework"),
        ],
    ),
];

/// A value as it stands in a settings file; texts, numbers and lists look there as they do in JSON.
fn toml(value: impl Serialize) -> String {
    serde_json::to_string(&value).unwrap()
}

/// Keys do not show; that there are none does.
fn texts(count: usize) -> Vec<&'static str> {
    vec!["(not shown)"; count]
}

fn database_url(settings: &Settings) -> String {
    let DatabaseUrl::Sqlite(path) = &settings.database_url else { panic!("it is a file") };
    toml(format!("sqlite://{}", path.strip_prefix(&settings.base_dir).unwrap().display()))
}

fn engine(settings: &Settings) -> String {
    let names =
        ["db", "cached_db", "cache", "file", "signed_cookies", "encrypted_cookies", "memory"];
    let read =
        |name: &str| from_file(&format!("CACHE_URL = 'memory://'\nSESSION_ENGINE = '{name}'"));
    let found =
        names.iter().find(|name| read(name).unwrap().session.engine == settings.session.engine);
    toml(found.unwrap())
}

fn processors() -> usize {
    (std::thread::available_parallelism().map_or(1, NonZero::get) - 1).max(1)
}

/// Of a setting that has one value: whether it is the one that the words of a refusal begin with.
fn has_one_value(name: &str) -> bool {
    let allowed = takes(name).replace('\\', "");
    let value = allowed.strip_prefix('"').and_then(|rest| rest.split('"').next());
    Comment::of(name).default == "what it takes"
        && from_file(&format!("{name} = {:?}", value.unwrap())).is_ok()
}

/// What the doc comment of a setting says.
#[derive(Debug)]
struct Comment {
    /// Whether only Segue has it.
    is_ours: bool,
    text: String,
    default: String,
}

const SOURCES: &[&str] = &[
    include_str!("../../settings.rs"),
    include_str!("../auth.rs"),
    include_str!("../csrf.rs"),
    include_str!("../database.rs"),
    include_str!("../passwords.rs"),
    include_str!("../session.rs"),
    include_str!("../throttle.rs"),
];

impl Comment {
    fn of(name: &str) -> Self {
        let opening = format!("`{name}`");
        let mut found = SOURCES.iter().flat_map(|source| paragraphs(source)).filter_map(|text| {
            let text = text.strip_prefix(&opening)?;
            let (text, default) = text.split_once(" Default: ")?;
            let is_ours = text.starts_with(" (ours): ") || text.starts_with(" (as in ");
            let (_, text) = text.split_once(": ")?;
            let text = text.trim_end_matches('.').to_owned();
            let default = default.trim_end_matches('.').replace("[`", "`").replace("`]", "`");
            Some(Self { is_ours, text, default })
        });
        let comment = found.next().unwrap_or_else(|| {
            panic!("no field has the comment \"`{name}`: what it is. Default: `its default`.\"")
        });
        assert!(found.next().is_none(), "{name} has two comments");
        comment
    }
}

/// The paragraphs of the doc comments in a source, each in one line.
fn paragraphs(source: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in source.lines() {
        match line.trim_start().strip_prefix("/// ") {
            Some(text) => {
                let paragraph = paragraphs.last_mut().unwrap();
                *paragraph = format!("{paragraph} {text}").trim_start().to_owned();
            }
            None => paragraphs.push(String::new()),
        }
    }
    paragraphs
}

/// What a setting takes, in the words in which a wrong value is refused.
fn takes(name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    let key = if name == "SECRET_KEY" { "" } else { "SECRET_KEY = 'secret'\n" };
    std::fs::write(&file, format!("{key}{name} = -0.5\n")).unwrap();
    let complaint = Settings::from_file(&file).unwrap_err().to_string();
    assert!(complaint.starts_with(&format!("{name}: found ")), "{complaint}");
    let (_, allowed) = complaint.split_once("; allowed: ").unwrap();
    let is_code = |place: usize| allowed.matches('`').count() % 2 == 0 && place % 2 == 1;
    let parts = allowed.split('`').enumerate().map(|(place, part)| match is_code(place) {
        true => part.to_owned(),
        false => part.replace('*', "\\*").replace('_', "\\_"),
    });
    let parts: Vec<String> = parts.collect();
    let tick = if allowed.matches('`').count() % 2 == 0 { "`" } else { "\\`" };
    parts.join(tick)
}

fn table(rows: &[Row]) -> String {
    let mut text = "| setting | what it is | what it takes | default | Django's default |\n\
                    |---|---|---|---|---|\n"
        .to_owned();
    for Row(name, _, django) in rows {
        let Comment { text: is, default, .. } = Comment::of(name);
        let cells = [format!("`{name}`"), is, takes(name), default, (*django).to_owned()];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(text, "| {} |", cells.join(" | ")).unwrap();
    }
    text
}

fn table_of_elsewhere() -> String {
    let mut text = "| setting of Django's | instead |\n|---|---|\n".to_owned();
    for (names, instead) in ELSEWHERE {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        writeln!(text, "| {} | {instead} |", names.join(", ")).unwrap();
    }
    text
}

/// Puts a table into its place in the page.
fn with_table(page: &str, place: &str, table: &str) -> String {
    let mark = format!("<!-- settings: {place} -->\n");
    let (before, after) = page.split_once(&mark).unwrap_or_else(|| panic!("no {mark}"));
    let is_table = |line: &&str| line.is_empty() || line.starts_with('|');
    let rest: Vec<&str> = after.lines().skip_while(is_table).collect();
    format!("{before}{mark}\n{table}\n{}\n", rest.join("\n"))
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md")
}

#[test]
fn the_page_has_what_the_code_has() {
    let page = std::fs::read_to_string(path()).unwrap();
    let mut expected = page.clone();
    for (place, rows) in TABLES {
        expected = with_table(&expected, place, &table(rows));
    }
    expected = with_table(&expected, "elsewhere", &table_of_elsewhere());
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(path(), &expected).unwrap();
        return;
    }
    let differs = page.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(
        page == expected,
        "docs/settings.md is not what the code gives; {BLESS}=1 writes it anew. It has, and should \
         have: {differs:#?}"
    );
}

#[test]
fn each_setting_is_in_one_table() {
    let mut shown: Vec<&str> =
        TABLES.iter().flat_map(|(_, rows)| rows.iter().map(|row| row.0)).collect();
    shown.sort_unstable();
    let mut names = NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(shown, names);
}

/// What the comments say of defaults, and so the page and the documentation of the crate.
#[test]
fn the_defaults_are_those_of_a_file_that_names_nothing() {
    let (empty, debug) = (from_file("").unwrap(), from_file("DEBUG = true").unwrap());
    for Row(name, default, django) in TABLES.iter().flat_map(|(_, rows)| *rows) {
        let Comment { is_ours, default: said, .. } = Comment::of(name);
        match default {
            Value(value) => {
                let (plain, with_debug) = (value(&empty), value(&debug));
                assert!(said.starts_with(&format!("`{plain}`")), "{name}: {said}, it is {plain}");
                let of_debug = format!("`{with_debug}` with `DEBUG`");
                let same = plain == with_debug || *name == "DEBUG";
                assert!(same || said.contains(&of_debug), "{name}: {said}, no {of_debug}");
                // It can be written as it is shown, and means the same.
                let written = from_file(&format!("{name} = {plain}"));
                assert_eq!(value(&written.unwrap()), plain, "{name}");
            }
            Nothing(is_nothing) => {
                assert!(said.starts_with("none"), "{name}: {said}");
                assert!(is_nothing(&empty) && is_nothing(&debug), "{name}");
            }
            Words(holds) => assert!(holds(&empty), "{name}: {said}"),
        }
        assert_eq!(is_ours, django.starts_with(OURS), "{name}: what is ours is marked");
    }
}
