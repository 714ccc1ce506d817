//! `CACHES` and `CACHE_URL`: Django's spellings are understood, and what is wrong stops the start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::time::Duration;

use segue::Settings;
use segue::settings::{CacheFormat, CacheSettings, SessionEngine};

const KEY: &str = "SECRET_KEY = 'hunter2-hunter2'\n";

fn read(lines: &str) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, format!("{KEY}{lines}\n")).unwrap();
    let read = Settings::from_file(&file);
    if let Ok(settings) = &read {
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter2"), "a secret shows: {shown}");
    }
    read.map_err(|error| error.to_string())
}

fn cache(lines: &str) -> CacheSettings {
    read(lines).unwrap().caches.remove("default").unwrap()
}

fn location(lines: &str) -> String {
    format!("{:?}", cache(lines).location)
}

#[test]
fn an_alias_is_a_table_or_a_url() {
    let full = cache(
        "[CACHES.default]\nLOCATION = 'redis://:hunter2@h:1/2'\nKEY_PREFIX = 'site1'\n\
         VERSION = 3\nTIMEOUT = 60\nFORMAT = 'json'",
    );
    assert_eq!(format!("{:?}", full.location), "redis://h:1");
    assert_eq!(full.options.make_key("k"), "site1:3:k");
    assert_eq!(full.options.format, CacheFormat::Json);
    assert_eq!(full.timeout, Some(Duration::from_secs(60)));

    let short = cache("CACHES = { default = 'memcached://a,b' }");
    assert_eq!(format!("{:?}", short.location), "memcached://a:11211,b:11211");
    assert_eq!(short.options.make_key("k"), ":1:k");
    assert_eq!(short.options.format, CacheFormat::Pickle);
    assert_eq!(short.timeout, Some(Duration::from_secs(300)), "Django's default");
    let never = cache("[CACHES.default]\nLOCATION = 'memory://'\nTIMEOUT = 'None'");
    assert_eq!(never.timeout, None);
    assert_eq!(read("").unwrap().caches.len(), 0);
}

/// No Django reads the memory of this process, so nothing has to be written as it does.
#[test]
fn memory_holds_json_unless_told_otherwise() {
    let format = |text: &str| cache(text).options.format;
    for (keys, expected) in [
        ("LOCATION = 'memory://'", CacheFormat::Json),
        ("LOCATION = 'memory://'\nFORMAT = 'pickle'", CacheFormat::Pickle),
        ("BACKEND = 'django.core.cache.backends.locmem.LocMemCache'", CacheFormat::Json),
        ("LOCATION = 'redis://h'", CacheFormat::Pickle),
        ("LOCATION = 'redis://h'\nFORMAT = 'json'", CacheFormat::Json),
        ("LOCATION = 'memcached://h'", CacheFormat::Pickle),
    ] {
        assert_eq!(format(&format!("[CACHES.default]\n{keys}")), expected, "{keys}");
    }
    assert_eq!(format("CACHE_URL = 'memory://'"), CacheFormat::Json);
    assert_eq!(format("CACHE_URL = 'redis://h'"), CacheFormat::Pickle);
}

#[test]
fn django_spells_them_so() {
    let django = |backend: &str, location: &str| {
        let backend = format!("BACKEND = 'django.core.cache.backends.{backend}'");
        location_or_error(&format!("[CACHES.default]\n{backend}\n{location}"))
    };
    let cases = [
        ("redis.RedisCache", "LOCATION = 'redis://u:hunter2@h'", "redis://h:6379"),
        ("redis.RedisCache", "LOCATION = ['redis://h']", "redis://h:6379"),
        ("memcached.PyMemcacheCache", "LOCATION = 'h'", "memcached://h:11211"),
        ("memcached.PyMemcacheCache", "LOCATION = '1.2.3.4:5'", "memcached://1.2.3.4:5"),
        ("memcached.PyMemcacheCache", "LOCATION = 'a:1;b:2'", "memcached://a:1,b:2"),
        ("memcached.PyMemcacheCache", "LOCATION = ['a:1', 'b']", "memcached://a:1,b:11211"),
        ("memcached.PyMemcacheCache", "LOCATION = 'unix:/run/m'", "memcached:///run/m"),
        ("memcached.PyMemcacheCache", "LOCATION = 'memcached://a'", "memcached://a:11211"),
        ("memcached.PyLibMCCache", "LOCATION = '/run/m'", "memcached:///run/m"),
        ("locmem.LocMemCache", "", "memory://?max_entries=10000"),
        ("locmem.LocMemCache", "LOCATION = 'snowflake'", "memory://?max_entries=10000"),
        ("locmem.LocMemCache", "LOCATION = 'memory://?max_entries=7'", "memory://?max_entries=7"),
    ];
    for (backend, line, expected) in cases {
        assert_eq!(django(backend, line), expected, "{backend} {line}");
    }
    let wrong = [
        ("redis.RedisCache", "LOCATION = ['redis://h', 'redis://:hunter2@i']", "several LOCATIONs"),
        ("redis.RedisCache", "LOCATION = 'memcached://h'", "with a BACKEND for something else"),
        ("redis.RedisCache", "LOCATION = 'h:6379'", "a text without a scheme"),
        ("redis.RedisCache", "", "no LOCATION"),
        ("memcached.PyMemcacheCache", "LOCATION = 'redis://h'", "with a BACKEND for something"),
        ("memcached.PyMemcacheCache", "LOCATION = ['a', '[::1]:5']", "an IPv6 address"),
        ("memcached.PyLibMCCache", "LOCATION = ['a', 'b']", "PyLibMCCache with several"),
        ("locmem.LocMemCache", "LOCATION = 'redis://h'", "with a BACKEND for something"),
        ("db.DatabaseCache", "LOCATION = 't'", "the BACKEND \"django.core"),
        ("filebased.FileBasedCache", "LOCATION = '/t'", "the BACKEND \"django.core"),
    ];
    for (backend, line, expected) in wrong {
        let error = django(backend, line);
        assert!(error.starts_with("CACHES: found ") && error.contains(expected), "{error}");
        assert!(error.contains("in the cache \"default\" in settings.toml; allowed: "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

fn location_or_error(lines: &str) -> String {
    match read(lines) {
        Ok(mut settings) => format!("{:?}", settings.caches.remove("default").unwrap().location),
        Err(error) => error,
    }
}

#[test]
fn what_is_wrong_is_named_without_its_secrets() {
    let table = |line: &str| format!("[CACHES.default]\nLOCATION = 'redis://:hunter2@h'\n{line}");
    let cases = [
        ("CACHES = 5".to_owned(), "CACHES: found something else"),
        ("CACHES = ['redis://:hunter2@h']".to_owned(), "CACHES: found something else"),
        ("CACHES = { default = 5 }".to_owned(), "CACHES: found something else"),
        ("CACHES = { default = 'redis://:hunter2@h:p' }".to_owned(), "an address that is none"),
        ("CACHE_URL = 5".to_owned(), "CACHE_URL: found something else"),
        ("CACHE_URL = 'hunter2'".to_owned(), "CACHE_URL: found a text without a scheme"),
        (table("TIMEOUT = -1"), "another TIMEOUT (not shown)"),
        (table("TIMEOUT = 'soon'"), "another TIMEOUT (not shown)"),
        (table("VERSION = 'x'"), "another VERSION"),
        (table("FORMAT = 'yaml'"), "another FORMAT"),
        (table("KEY_PREFIX = 5"), "another KEY_PREFIX"),
        (table("KEY_PREFIX = 'a b'"), "as the KEY_PREFIX of default"),
        (table(&format!("KEY_PREFIX = '{}'", "x".repeat(151))), "as the KEY_PREFIX of default"),
        (table("OPTIONS = {}"), "found OPTIONS"),
        (table("KEY_FUNCTION = 'a.b'"), "found KEY_FUNCTION"),
        (table("LOCTION = 'x'"), "CACHES.default.LOCTION in settings.toml"),
        (table("key_prefix = 'x'"), "did you mean KEY_PREFIX?"),
        ("CACHE_URI = 'redis://h'".to_owned(), "did you mean CACHE_URL?"),
        ("CACHE = {}".to_owned(), "did you mean CACHES?"),
    ];
    for (lines, expected) in cases {
        let error = read(&lines).unwrap_err();
        assert!(error.contains(expected), "{lines}: {error}");
        assert!(error.contains("allowed: ") || error.contains("did you mean"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_url_alone_is_the_default_and_goes_over_its_location() {
    assert_eq!(location("CACHE_URL = 'redis://h'"), "redis://h:6379");
    let both = cache("CACHE_URL = 'redis://url'\n[CACHES.default]\nKEY_PREFIX = 'p'");
    assert_eq!(format!("{:?}", both.location), "redis://url:6379");
    assert_eq!(both.options.key_prefix, "p");
    let over = "CACHE_URL = 'redis://url'\n[CACHES.default]\nLOCATION = 'memcached://h'";
    assert_eq!(location(over), "redis://url:6379");
}

#[test]
fn the_alias_of_the_sessions_must_be_there() {
    let engine = "SESSION_ENGINE = 'django.contrib.sessions.backends.cache'\n";
    let error = read(engine).unwrap_err();
    assert!(error.starts_with("CACHES is not set: "), "{error}");
    assert!(error.contains("CACHE_URL = \"redis://") && error.contains("memory://"), "{error}");
    let caches = "CACHES = { default = 'redis://h', other = 'memory://' }\n";
    let settings = read(&format!("{engine}{caches}SESSION_CACHE_ALIAS = 'other'")).unwrap();
    assert_eq!(settings.session.engine, SessionEngine::Cache);
    let found = format!("{:?}", settings.session_cache().unwrap().location);
    assert_eq!(found, "memory://?max_entries=10000");
    let error = read(&format!("{engine}{caches}SESSION_CACHE_ALIAS = 'sesions'")).unwrap_err();
    assert!(error.starts_with("SESSION_CACHE_ALIAS: found \"sesions\""), "{error}");
    assert!(error.contains("\"default\", \"other\""), "{error}");
    // Others may have wrong aliases: nobody uses them.
    assert!(read("SESSION_CACHE_ALIAS = 'nobody'").is_ok());
}

#[cfg(all(feature = "axum", feature = "memory-cache", feature = "redis"))]
mod site {
    use segue::engines::DatabaseStore;
    use segue::settings::CacheUrl;
    use segue::{
        Clock, ConfigError, SessionKey, SessionStore as _, Sessions, Site, StoreErrorKind, describe,
    };

    use super::common::databases;
    use super::*;

    fn settings(url: &str) -> Settings {
        let mut settings = Settings::new("a key of fifty characters and more from a safe place");
        settings.allowed_hosts.push("example.com".to_owned());
        settings.session.engine = SessionEngine::Cache;
        let url = CacheUrl::parse(url, std::path::Path::new("")).unwrap();
        settings.caches.insert("default".to_owned(), CacheSettings::new(url));
        settings
    }

    #[tokio::test]
    async fn it_opens_the_cache_that_is_named() {
        let site = Site::new(settings("memory://"), axum::Router::new()).await.unwrap();
        let shown = format!("{:?}", site.sessions().store());
        assert!(shown.contains("MemoryCache") && shown.contains("Pickle"), "{shown}");
    }

    #[tokio::test]
    async fn it_does_not_start_without_it() {
        let url = "redis://:hunter2@127.0.0.1:1";
        let error = Site::new(settings(url), axum::Router::new()).await.unwrap_err();
        let text = describe(&error);
        assert!(text.contains("CACHES") && text.contains("Redis at 127.0.0.1:1"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        let ConfigError::Store { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.kind(), StoreErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn what_was_not_validated_is_before_it_starts() {
        let mut settings = settings("memory://");
        settings.caches.clear();
        let error = Site::new(settings, axum::Router::new()).await.unwrap_err();
        assert!(error.to_string().starts_with("CACHES is not set"), "{error}");
    }
    /// `cached_db` with these lines, and a session that it remembers and whose row is gone in a way that nobody
    /// could notice.
    async fn remembered(lines: &str) -> (Site, Sessions, SessionKey) {
        let lines = format!("SESSION_ENGINE = 'cached_db'\nALLOWED_HOSTS = ['*']\n{lines}");
        let site = Site::new(read(&lines).unwrap(), axum::Router::new()).await.unwrap();
        let database = site.database().unwrap();
        database.migrate().await.unwrap();
        let sessions = site.sessions().clone();
        let session = sessions.open(None).load().await.unwrap();
        session.insert("name", "manish").unwrap();
        session.save().await.unwrap();
        let key = session.key().unwrap();
        assert!(sessions.exists(&key).await.unwrap());
        let behind = DatabaseStore::new(database.clone(), Clock::system());
        behind.delete(&key).await.unwrap();
        (site, sessions, key)
    }

    /// MariaDB tells nobody of changes: what was read is believed for as long as the setting allows, and by
    /// default not at all.
    #[tokio::test]
    async fn its_staleness_is_that_of_the_settings() {
        for (line, is_believed) in [("", false), ("SESSION_CACHE_STALENESS = 600", true)] {
            let url = databases::mariadb().url;
            let lines = format!("CACHE_URL = 'memory://'\nDATABASE_URL = '{url}'\n{line}");
            let (site, sessions, key) = remembered(&lines).await;
            assert_eq!(sessions.exists(&key).await.unwrap(), is_believed, "{line}");
            site.close().await;
        }
    }

    /// And on SQLite, which can always be asked, for as long as the cache keeps anything.
    #[tokio::test]
    async fn its_timeout_is_that_of_the_cache() {
        for (timeout, is_kept) in [("1", false), ("'None'", true)] {
            let place = databases::sqlite();
            let url = format!("DATABASE_URL = '{}'", place.url);
            let cache = format!("[CACHES.default]\nLOCATION = 'memory://'\nTIMEOUT = {timeout}");
            let (site, sessions, key) = remembered(&format!("{url}\n{cache}")).await;
            tokio::time::sleep(Duration::from_millis(1500)).await;
            assert_eq!(sessions.exists(&key).await.unwrap(), is_kept, "{timeout}");
            site.close().await;
        }
    }
}
