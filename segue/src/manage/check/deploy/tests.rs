//! Each finding where it belongs, and none elsewhere.

use super::*;
use crate::SecretKey;
use crate::manage::check::finding::Level;
use crate::settings::{
    CacheSettings, CacheUrl, CsrfMode, DatabaseUrl, PasswordHasher, SameSite, SessionEngine,
};

/// A site that nothing can be said against.
fn safe() -> Settings {
    let mut settings = Settings::new("Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1");
    settings.allowed_hosts.push("www.example.com".to_owned());
    // Whatever lies in the folder in which the tests run.
    settings.database_url = DatabaseUrl::Sqlite("not/there.sqlite3".into());
    settings
}

/// The numbers of what is found in a safe site with this change.
fn ids(change: impl FnOnce(&mut Settings)) -> Vec<&'static str> {
    found(change).iter().map(|finding| finding.id).collect()
}

fn found(change: impl FnOnce(&mut Settings)) -> Vec<Finding> {
    let mut settings = safe();
    change(&mut settings);
    let findings = findings(&settings, None);
    for finding in &findings {
        let Finding { id, setting, message, risk, mend, level } = finding;
        assert_eq!(*level, Level::Warning);
        assert!(message.ends_with('.') && message.len() >= 12, "{id}: {message}");
        let is_part = |text: &str| text.len() > 10 && !text.ends_with('.');
        assert!(is_part(risk) && is_part(mend), "{id}: {risk} / {mend}");
        let is_setting =
            |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "_[]".contains(c);
        assert!(!setting.is_empty() && setting.chars().all(is_setting), "{id}: {setting}");
    }
    findings
}

fn cache(url: &str) -> CacheSettings {
    CacheSettings::new(CacheUrl::parse(url, Path::new("")).unwrap())
}

#[test]
fn a_safe_site_has_none() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn an_unsafe_one_has_django_s() {
    let ids = ids(|settings| {
        settings.secret_keys.current = SecretKey::new("short");
        settings.secret_keys.fallbacks.push(SecretKey::new("django-insecure-old"));
        settings.debug = true;
        settings.session.engine = SessionEngine::Memory;
        settings.session.cookie_secure = false;
        settings.session.cookie_httponly = false;
        settings.csrf.cookie_secure = false;
        settings.throttle.limit = 0;
        settings.allowed_hosts.clear();
    });
    let expected = [
        "security.W009",
        "security.W025",
        "security.W018",
        "security.W012",
        "security.W015",
        "security.W016",
        "security.W020",
        "segue.W002",
        "segue.W009",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn no_key_shows_and_each_says_why_it_is_weak() {
    let weak = |key: &str| {
        let findings = found(|settings| settings.secret_keys.current = SecretKey::new(key));
        assert!(findings.iter().all(|finding| !format!("{finding:?}").contains(key)), "{key}");
        findings.first().map(|finding| finding.message.clone()).unwrap_or_default()
    };
    assert!(weak("sh0rt-key").contains("less than 50 characters"));
    assert!(weak(&"abab".repeat(20)).contains("less than 5 different characters"));
    let generated = format!("django-insecure-{}", "Zk3v9Qw7Lp2Xy8Rt5Nb1".repeat(3));
    assert!(weak(&generated).contains("made for development"));
    let example = "fifty random characters, from a safe place, not from here";
    assert!(weak(example).contains("the example of the documents"));
    assert_eq!(weak(&"Zk3v9Qw7Lp2Xy8Rt5Nb1".repeat(3)), "");
}

#[test]
fn a_key_that_is_used_twice_is_one() {
    let same = |settings: &mut Settings| {
        settings.secret_keys.fallbacks = vec![settings.secret_keys.current.clone()];
    };
    assert_eq!(ids(same), ["segue.W018"]);
    let key = "Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1";
    for url in [
        format!("postgres://site:{key}@localhost/site"),
        format!("postgres://site@localhost/site?password={key}"),
    ] {
        let in_database = |settings: &mut Settings| {
            settings.database_url = DatabaseUrl::parse(&url, Path::new("")).unwrap();
        };
        assert_eq!(ids(in_database), ["segue.W018"]);
    }
    let in_cache = |settings: &mut Settings| {
        let url = format!("redis://:{key}@localhost");
        settings.caches.insert("default".to_owned(), cache(&url));
    };
    assert_eq!(ids(in_cache), ["segue.W018"]);
}

#[test]
fn engines_in_memory_and_in_cookies_are_said() {
    assert_eq!(ids(|s| s.session.engine = SessionEngine::Memory), ["segue.W002"]);
    let in_cache = |url: &'static str| {
        ids(move |settings: &mut Settings| {
            settings.session.engine = SessionEngine::Cache;
            settings.caches.insert("default".to_owned(), cache(url));
        })
    };
    assert_eq!(in_cache("memory://"), ["segue.W002"]);
    assert!(in_cache("redis://:hunter2@h").is_empty());
    for engine in [SessionEngine::SignedCookies, SessionEngine::EncryptedCookies] {
        let findings = found(|settings| settings.session.engine = engine);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].id, "segue.W003");
        let readable = findings[0].risk.contains("can read");
        assert_eq!(readable, engine == SessionEngine::SignedCookies);
    }
}

#[test]
fn csrf_protection_that_is_weaker_than_it_could_be() {
    assert_eq!(ids(|s| s.csrf.cookie_secure = false), ["security.W016"]);
    assert!(ids(|s| s.csrf.mode = CsrfMode::Both).is_empty());
    assert_eq!(ids(|s| s.csrf.mode = CsrfMode::FetchMetadata), ["segue.W006"]);
    let in_session = |s: &mut Settings| {
        s.csrf.cookie_secure = false;
        s.csrf.use_sessions = true;
    };
    assert!(ids(in_session).is_empty(), "there is no such cookie");
    let trusting = |s: &mut Settings| {
        let origins = ["https://a.example", "http://b.example", "http://*.c.example"];
        s.csrf.trusted_origins = origins.map(str::to_owned).to_vec();
    };
    assert_eq!(ids(trusting), ["segue.W007", "segue.W007"]);
}

#[test]
fn a_time_limit_that_is_never_reached() {
    for (limit, expected) in [(599, &[][..]), (600, &["segue.W008"])] {
        let ids = ids(|settings| {
            settings.session.cookie_age = 600;
            settings.session.idle_timeout = Some(std::time::Duration::from_secs(limit));
        });
        assert_eq!(ids, expected, "{limit}");
    }
}

#[test]
fn hosts_and_cookies_that_reach_too_far() {
    assert_eq!(ids(|s| s.allowed_hosts = vec!["*".to_owned()]), ["segue.W012"]);
    assert_eq!(ids(|s| s.session.cookie_samesite = SameSite::None), ["segue.W016"]);
    assert_eq!(ids(|s| s.session.cookie_samesite = SameSite::Omitted), ["segue.W016"]);
    assert!(ids(|s| s.session.cookie_samesite = SameSite::Strict).is_empty());
    for (domain, hosts, is_found) in [
        ("example.com", &["www.example.com"][..], true),
        (".Example.COM", &["example.com"], true),
        ("www.example.com", &["www.example.com"], true),
        ("example.com", &["www.example.com", "shop.example.com"], false),
        ("example.com", &[".example.com"], false),
        ("shop.example.com", &[".example.com"], false),
        ("example.com", &[".shop.example.com"], false),
        ("other.example", &["www.example.com"], true),
        ("ample.com", &["example.com"], true),
        ("example.com", &["*"], false),
        ("com", &["example.com"], true),
    ] {
        let with = |set: fn(&mut Settings, String)| {
            ids(|settings| {
                settings.allowed_hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
                set(settings, domain.to_owned());
            })
        };
        for set in [
            (|s, domain| s.session.cookie_domain = Some(domain)) as fn(&mut Settings, String),
            |s, domain| s.csrf.cookie_domain = Some(domain),
        ] {
            let found = with(set).contains(&"segue.W015");
            assert_eq!(found, is_found, "{domain} for {hosts:?}");
        }
    }
}

#[test]
fn proxies_that_are_believed_and_not_counted_or_counted_and_not_believed() {
    let header = || Some(("HTTP_X_FORWARDED_PROTO".to_owned(), "https".to_owned()));
    assert_eq!(ids(|s| s.secure_proxy_ssl_header = header()), ["segue.W013"]);
    assert_eq!(ids(|s| s.use_x_forwarded_host = true), ["segue.W013"]);
    let both = found(|s| {
        s.use_x_forwarded_host = true;
        s.use_x_forwarded_port = true;
    });
    let message = "USE_X_FORWARDED_HOST and USE_X_FORWARDED_PORT are set, and NUM_PROXIES is 0.";
    assert_eq!(both[0].message, message);
    let counted = |change: fn(&mut Settings)| {
        ids(|settings| {
            settings.num_proxies = 1;
            change(settings);
        })
    };
    assert_eq!(counted(|_| {}), ["segue.W014"]);
    let set = |s: &mut Settings| {
        s.secure_proxy_ssl_header = Some(("X-Forwarded-Proto".to_owned(), "https".to_owned()));
    };
    assert!(counted(set).is_empty());
    let trusting =
        |s: &mut Settings| s.csrf.trusted_origins = vec!["https://www.example.com".to_owned()];
    assert!(counted(trusting).is_empty());
}

/// As a shell, systemd and TOML read them.
#[test]
fn no_key_of_the_documents_is_for_a_site() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut keys = 0;
    for page in std::fs::read_dir(docs).unwrap() {
        let text = std::fs::read_to_string(page.unwrap().path()).unwrap();
        for line in text.lines() {
            let line = line.trim_start().trim_start_matches("Environment=");
            let Some((name, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            let is_key = !value.starts_with("os.environ") && !value.starts_with("...");
            if name.trim_end() == "SECRET_KEY" && is_key {
                let ids = ids(|settings| settings.secret_keys.current = SecretKey::new(value));
                assert_eq!(ids, ["security.W009"], "{line}");
                keys += 1;
            }
        }
    }
    assert!(keys >= 10, "{keys}");
}

#[test]
fn weak_passwords() {
    assert_eq!(ids(|s| s.throttle.limit = 0), ["segue.W009"]);
    assert_eq!(ids(|s| s.passwords.validators.clear()), ["segue.W011"]);
    assert_eq!(ids(|s| s.auth.login_url = "http://login.example/".to_owned()), ["segue.W024"]);
    let hashed_by = |hasher: PasswordHasher| ids(|s| s.passwords.hashers = Some(vec![hasher]));
    assert_eq!(hashed_by(PasswordHasher::Md5), ["segue.W010"]);
    for default in PasswordHasher::DEFAULTS {
        assert!(hashed_by(*default).is_empty(), "Django's own are enough: {default:?}");
    }
    for weak in [
        PasswordHasher::Pbkdf2Sha256 { iterations: 599_999 },
        PasswordHasher::Pbkdf2Sha1 { iterations: 1 },
        PasswordHasher::Argon2 { time_cost: 1, memory_cost: 19_456, parallelism: 1 },
        PasswordHasher::BcryptSha256 { rounds: 9 },
        PasswordHasher::Bcrypt { rounds: 4 },
        PasswordHasher::Scrypt { work_factor: 1 << 13, block_size: 8, parallelism: 5 },
    ] {
        assert_eq!(hashed_by(weak), ["segue.W017"], "{weak:?}");
    }
    let old_ones = |s: &mut Settings| {
        let weak = PasswordHasher::Pbkdf2Sha256 { iterations: 1 };
        s.passwords.hashers = Some(vec![PasswordHasher::BcryptSha256 { rounds: 12 }, weak]);
    };
    assert!(ids(old_ones).is_empty(), "new hashes are the first one's");
}

#[test]
fn stores_that_a_network_can_reach() {
    let cached = |url: &'static str, engine| {
        ids(move |settings: &mut Settings| {
            settings.session.engine = engine;
            settings.caches.insert("default".to_owned(), cache(url));
        })
    };
    let open = [
        "redis://redis.example.com",
        "rediss://10.0.0.5",
        "memcached://10.0.0.5:11211",
        "redis+sentinel://a.example,b.example/mymaster",
    ];
    for url in open {
        for engine in [SessionEngine::Cache, SessionEngine::CachedDatabase] {
            assert_eq!(cached(url, engine), ["segue.W022"], "{url}");
        }
        assert!(cached(url, SessionEngine::Database).is_empty(), "nobody uses it: {url}");
    }
    let closed = [
        "redis://:secret@redis.example.com",
        "redis://127.0.0.1",
        "redis://[::1]",
        "redis://redis",
        "memcached://localhost",
        "memcached:///run/memcached.sock",
    ];
    for url in closed {
        assert!(cached(url, SessionEngine::Cache).is_empty(), "{url}");
    }
    let counting = |settings: &mut Settings| {
        settings.caches.insert("logins".to_owned(), cache("redis://redis.example.com"));
        settings.throttle.cache = Some("logins".to_owned());
    };
    assert_eq!(ids(counting), ["segue.W022"]);

    let database = |url: &'static str| {
        ids(move |s| s.database_url = DatabaseUrl::parse(url, Path::new("")).unwrap())
    };
    for url in [
        "postgres://u:p@db.example.com/site",
        "postgres://u:p@db.example.com/site?sslmode=require",
        "mysql://u:p@10.0.0.5/site",
        "postgres://u@/site?host=db.example.com",
    ] {
        assert_eq!(database(url), ["segue.W023"], "{url}");
    }
    for url in [
        "postgres://u:p@db.example.com/site?sslmode=verify-full",
        "mysql://u:p@db.example.com/site?ssl-mode=VERIFY_IDENTITY",
        "postgres://u:p@localhost/site",
        "postgres://u:p@db/site",
        "postgres://u@/site?host=/run/postgresql",
        "mysql://u:p@db.example.com/site?socket=/run/mysqld/mysqld.sock",
    ] {
        assert!(database(url).is_empty(), "{url}");
    }
}

#[cfg(unix)]
mod files {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_session_folder_that_others_can_list() {
        let folder = tempfile::tempdir().unwrap();
        for (bits, expected) in [(0o755, &["segue.W004"][..]), (0o750, &[]), (0o700, &[])] {
            mode(folder.path(), bits);
            let ids = ids(|settings| {
                settings.session.engine = SessionEngine::File;
                settings.session.file_path = Some(folder.path().to_owned());
            });
            assert_eq!(ids, expected, "{bits:o}");
        }
        let within = folder.path().join("sessions");
        fs::create_dir(&within).unwrap();
        mode(&within, 0o755);
        let ids = ids(|settings| {
            settings.session.engine = SessionEngine::File;
            settings.session.file_path = Some(within);
        });
        assert_eq!(ids, Vec::<&str>::new(), "nobody gets there");
    }

    /// Below `/tmp`, through which everybody may pass.
    #[test]
    fn a_file_that_others_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let (file, database) =
            (folder.path().join("settings.toml"), folder.path().join("db.sqlite3"));
        fs::write(&database, "").unwrap();
        let found = |text: &str, bits: [u32; 3]| {
            fs::write(&file, text).unwrap();
            for (path, bits) in [folder.path(), &file, &database].into_iter().zip(bits) {
                mode(path, bits);
            }
            let mut settings = safe();
            settings.database_url = DatabaseUrl::Sqlite(database.clone());
            let findings = findings(&settings, Some(&file));
            findings.iter().map(|finding| finding.id).collect::<Vec<_>>()
        };
        let key = "SECRET_KEY = \"hunter2\"";
        assert_eq!(found(key, [0o755, 0o644, 0o644]), ["segue.W019", "segue.W020"]);
        assert_eq!(found(key, [0o755, 0o640, 0o644]), ["segue.W020"]);
        assert_eq!(found(key, [0o755, 0o600, 0o660]), Vec::<&str>::new());
        assert_eq!(found(key, [0o750, 0o644, 0o644]), Vec::<&str>::new(), "nobody gets there");
        assert_eq!(found("DEBUG = false", [0o755, 0o644, 0o600]), Vec::<&str>::new());
        for secret in [
            "SECRET_KEY_FALLBACKS = [\"old\"]",
            "DATABASE_URL = \"postgres://u:hunter2@h/d\"",
            "DATABASE_URL = \"postgres://u@h/d?application_name=a&password=hunter2\"",
            "[CACHES.default]\nLOCATION = [\"redis://:hunter2@h\"]",
        ] {
            assert_eq!(found(secret, [0o755, 0o644, 0o600]), ["segue.W019"], "{secret}");
        }
        assert!(found("DATABASE_URL = \"postgres://u@h/d\"", [0o755, 0o644, 0o600]).is_empty());
    }

    #[test]
    fn the_key_that_was_made_for_debug() {
        let folder = tempfile::tempdir().unwrap();
        mode(folder.path(), 0o700);
        let key = "Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1";
        fs::write(folder.path().join("secret_key.txt"), format!("{key}\n")).unwrap();
        let with = |key: &str| {
            ids(|settings| {
                settings.secret_keys.current = SecretKey::new(key);
                settings.database_url = DatabaseUrl::Sqlite(folder.path().join("db.sqlite3"));
            })
        };
        assert_eq!(with(key), ["segue.W021"]);
        assert!(with(&"Zk3v9Qw7Lp2Xy8Rt5Nb2".repeat(3)).is_empty());
    }
}
