//! Every engine that Django has, with Django's own backends on the same servers, both ways.

use axum::Router;
use segue::{Sessions, Settings, Site};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::place::{SECRET, open, start};
use crate::side::Django;
use crate::values::{object, short_values, values, with};

/// An engine as both sides are told of it.
struct Engine {
    name: &'static str,
    /// Our settings, besides the secret key.
    settings: String,
    /// Django's `DATABASES`, as a URL or a path.
    database: String,
    /// Django's other settings.
    django: Value,
    /// A cookie does not hold everything.
    is_cookie: bool,
    _folder: TempDir,
}

/// Both sides of an engine.
struct Both {
    engine: Engine,
    site: Site,
    django: Django,
}

const BACKENDS: &str = "django.contrib.sessions.backends";

fn engine(
    name: &'static str,
    session_engine: &str,
    database: Option<String>,
    cache: Option<Cache>,
) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3").display().to_string();
    let url = database.clone().unwrap_or_else(|| format!("sqlite://{path}"));
    let files = folder.path().display();
    let mut settings = format!(
        "SESSION_ENGINE = \"{BACKENDS}.{session_engine}\"\nDATABASE_URL = \"{url}\"\n\
         SESSION_FILE_PATH = \"{files}\"\n"
    );
    let mut django = json!({
        "SESSION_ENGINE": format!("{BACKENDS}.{session_engine}"),
        "SESSION_FILE_PATH": files.to_string(),
    });
    if let Some(cache) = cache {
        settings += &format!(
            "[CACHES.default]\nBACKEND = \"{}\"\nLOCATION = {}\nKEY_PREFIX = \"site\"\n\
             VERSION = 7\n",
            cache.backend, cache.location
        );
        django["CACHES"] = json!({"default": {
            "BACKEND": cache.backend,
            "LOCATION": cache.location,
            "KEY_PREFIX": "site",
            "VERSION": 7,
        }});
    }
    let is_cookie = session_engine == "signed_cookies";
    Engine {
        name,
        settings,
        database: database.unwrap_or(path),
        django,
        is_cookie,
        _folder: folder,
    }
}

/// A cache in Django's own words, which are ours too.
struct Cache {
    backend: &'static str,
    location: Value,
}

fn redis() -> Option<Cache> {
    let backend = "django.core.cache.backends.redis.RedisCache";
    Some(Cache { backend, location: json!(servers::shared::redis()) })
}

/// As many servers as that.
fn memcached(count: usize) -> Option<Cache> {
    let backend = "django.core.cache.backends.memcached.PyMemcacheCache";
    let all = servers::shared::memcached();
    Some(Cache { backend, location: json!(all[..count]) })
}

fn postgres() -> Option<String> {
    Some(servers::fresh_database(servers::shared::postgres()).unwrap())
}

fn mariadb() -> Option<String> {
    Some(servers::fresh_database(servers::shared::mariadb()).unwrap())
}

fn engines() -> Vec<Engine> {
    vec![
        engine("db on PostgreSQL", "db", postgres(), None),
        engine("db on MariaDB", "db", mariadb(), None),
        engine("file", "file", None, None),
        engine("signed_cookies", "signed_cookies", None, None),
        engine("cache on Redis", "cache", None, redis()),
        engine("cache on memcached", "cache", None, memcached(1)),
        engine("cache on two memcached", "cache", None, memcached(2)),
        engine("cached_db on SQLite and Redis", "cached_db", None, redis()),
        engine("cached_db on PostgreSQL and Redis", "cached_db", postgres(), redis()),
        engine("cached_db on MariaDB and memcached", "cached_db", mariadb(), memcached(2)),
    ]
}

impl Engine {
    async fn open(self) -> Both {
        let file = self._folder.path().join("settings.toml");
        let text = format!("SECRET_KEY = \"{SECRET}\"\nALLOWED_HOSTS = [\"*\"]\n{}", self.settings);
        std::fs::write(&file, text).unwrap();
        let site = Site::new(Settings::from_file(&file).unwrap(), Router::new()).await.unwrap();
        if let Some(database) = site.database() {
            database.migrate().await.unwrap();
        }
        let django = Django::configured(json!({
            "database": self.database,
            "secret_key": SECRET,
            "extra": self.django,
        }));
        Both { engine: self, site, django }
    }
}

impl Both {
    fn sessions(&self) -> &Sessions {
        self.site.sessions()
    }

    fn values(&self) -> Vec<(String, String)> {
        if self.engine.is_cookie { short_values() } else { values() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_goes_from_rust_to_django_and_back() {
    for engine in engines() {
        let mut both = engine.open().await;
        let (name, values) = (both.engine.name, both.values());
        let session = start(both.sessions()).await;
        for (key, value) in &values {
            session.insert_raw(key, value).unwrap();
        }
        session.save().await.unwrap();
        let key = session.key().unwrap();
        assert_eq!(both.django.read(&key), object(&values), "{name}");

        let key = both.django.change(&key, r#"{"touched":"by Django"}"#);
        let again = open(both.sessions(), &key).await;
        assert_eq!(again.items()[..values.len()], values, "{name}");
        assert_eq!(again.get_raw("touched").unwrap(), "\"by Django\"", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_goes_from_django_to_rust_and_back() {
    for engine in engines() {
        let mut both = engine.open().await;
        let (name, values) = (both.engine.name, both.values());
        let text = with(&object(&values), r#""\ud800":"a lone surrogate as key""#);
        let key = both.django.create(&text);
        let session = open(both.sessions(), &key).await;
        for (name_of_value, value) in &values {
            assert_eq!(session.get_raw(name_of_value).as_ref(), Some(value), "{name}");
        }
        session.insert("touched", "by Rust").unwrap();
        session.save().await.unwrap();
        let text = with(&text, r#""touched":"by Rust""#);
        assert_eq!(both.django.read(&session.key().unwrap()), text, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_changes_in_turn_leave_both_sides_equal() {
    for engine in engines() {
        let mut both = engine.open().await;
        let (name, values) = (both.engine.name, both.values());
        // Room for twenty more in a cookie.
        let first = if both.engine.is_cookie { &values[..6] } else { &values[..] };
        let mut key = both.django.create(&object(first));
        for turn in 0..10 {
            let session = open(both.sessions(), &key).await;
            session.update("turns", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
            session.insert_raw(&format!("rust {turn}"), &values[turn].1).unwrap();
            session.save().await.unwrap();
            key = session.key().unwrap();
            let value = &values[turn + 1].1;
            key = both
                .django
                .change(&key, &format!(r#"{{"django {turn}":{value},"rust {turn}":{turn}}}"#));
        }
        let session = open(both.sessions(), &key).await;
        assert_eq!(session.get("turns").unwrap(), Some(10), "{name}");
        assert_eq!(object(&session.items()), both.django.read(&key), "{name}");
        for turn in 0..10 {
            assert_eq!(session.get(&format!("rust {turn}")).unwrap(), Some(turn), "{name}");
            let value = session.get_raw(&format!("django {turn}")).unwrap();
            assert_eq!(value, values[turn + 1].1, "{name}");
        }
        assert_eq!(session.items()[..first.len()], *first, "{name}: what nobody touched");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_on_one_side_has_ended_on_the_other() {
    for engine in engines().into_iter().filter(|engine| !engine.is_cookie) {
        let mut both = engine.open().await;
        let name = both.engine.name;
        let key = both.django.create(r#"{"a":1}"#);
        let session = open(both.sessions(), &key).await;
        session.flush();
        session.save().await.unwrap();
        assert_eq!(both.django.read(&key), "{}", "{name}");

        let session = start(both.sessions()).await;
        session.insert("a", 1).unwrap();
        session.save().await.unwrap();
        let key = session.key().unwrap();
        assert_eq!(both.django.read(&key), r#"{"a":1}"#, "{name}");
        both.django.flush(&key);
        session.insert("a", 2).unwrap();
        let error = session.save().await.unwrap_err();
        assert_eq!(error.kind(), segue::SessionErrorKind::Interrupted, "{name}");
        assert!(open(both.sessions(), &key).await.is_empty(), "{name}");
        assert_eq!(both.django.read(&key), "{}", "{name}");
    }
}

/// What Django says of the age of a session is what we say, on whichever side it was made.
#[tokio::test(flavor = "multi_thread")]
async fn both_sides_agree_when_a_session_ends() {
    for engine in engines() {
        let mut both = engine.open().await;
        let name = both.engine.name;
        for (seconds, live) in [(3600, true), (-5, false)] {
            let session = start(both.sessions()).await;
            session.insert("a", 1).unwrap();
            session.set_expiry(segue::Timestamp::now() + segue::SignedDuration::from_secs(seconds));
            session.save().await.unwrap();
            let key = session.key().unwrap();
            let ours = !open(both.sessions(), &key).await.is_empty();
            assert_eq!(ours, live, "{name} {seconds}");
            assert_eq!(both.django.read(&key) != "{}", live, "{name} {seconds}");
        }
    }
}

/// Pickles hold more than JSON: what can be shown is written back as it was, the rest is refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_python_can_say_is_never_overwritten() {
    for engine in [
        engine("cache on Redis", "cache", None, redis()),
        engine("cache on two memcached", "cache", None, memcached(2)),
    ] {
        let mut both = engine.open().await;
        let name = both.engine.name;
        let key = both.django.create(r#"{"a":1}"#);
        let values = "session['t'] = (1, ('x', None)); session['i'] = {1: {2.5: []}, None: 3}";
        both.django.change_python(&key, values);
        let session = open(both.sessions(), &key).await;
        assert_eq!(session.get("t").unwrap(), Some((1, ("x".to_owned(), None::<u8>))), "{name}");
        assert_eq!(session.get_raw("i").unwrap(), r#"{"1":{"2.5":[]},"null":3}"#, "{name}");
        session.insert("b", 2).unwrap();
        session.save().await.unwrap();
        let all = both.django.evaluate(&key, "dict(session.items())");
        let expected = "{'a': 1, 't': (1, ('x', None)), 'i': {1: {2.5: []}, None: 3}, 'b': 2}";
        assert_eq!(all, expected, "{name}");

        let date = "import datetime; session['last_seen'] = datetime.datetime(2026, 1, 2)";
        both.django.change_python(&key, date);
        let error = both.sessions().open(Some(key.clone())).load().await.unwrap_err();
        assert_eq!(error.kind(), segue::SessionErrorKind::Unreadable, "{name}");
        let text = segue::describe(&error);
        assert!(text.contains("\"last_seen\"") && text.contains("datetime.datetime"), "{text}");
        // Whoever has loaded it before must not overwrite it either.
        session.insert("b", 3).unwrap();
        let error = session.save().await.unwrap_err();
        assert_eq!(error.kind(), segue::SessionErrorKind::Unreadable, "{name}");
        let all = both.django.evaluate(&key, "dict(session.items())");
        let tail = ", 'b': 2, 'last_seen': datetime.datetime(2026, 1, 2, 0, 0)}";
        assert!(all.ends_with(tail), "{name}: {all}");
    }
}
