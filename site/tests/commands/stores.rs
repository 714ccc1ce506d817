//! Another store by changing one setting, and what the program says of stores.

use servers::Redis;

use crate::common::{Demo, Project};

const KEY: &str = "SECRET_KEY = \"hunter2-hunter2-hunter2\"\nDEBUG = true\n";

/// The name that the session holds is shown, in a session that outlives the server.
fn works(name: &str, project: &Project) {
    let demo = project.serve();
    let answer = demo.set_name("manish", None);
    assert_eq!(answer.status, 200, "{name}");
    let cookie = answer.cookie();
    assert!(demo.get("/get/", Some(&cookie)).body.contains("manish"), "{name}");
    drop(demo);
    let demo = project.serve();
    assert!(demo.get("/get/", Some(&cookie)).body.contains("manish"), "{name}: after a restart");
}

#[test]
fn one_setting_changes_the_store() {
    let postgres = servers::fresh_database(servers::shared::postgres()).unwrap();
    let mariadb = servers::fresh_database(servers::shared::mariadb()).unwrap();
    let redis = servers::shared::redis();
    let memcached = format!("memcached://{}", servers::shared::memcached().join(","));
    for (name, settings) in [
        ("PostgreSQL", format!("DATABASE_URL = \"{postgres}\"")),
        ("MariaDB", format!("DATABASE_URL = \"{mariadb}\"")),
        ("files", "SESSION_ENGINE = \"file\"\nSESSION_FILE_PATH = \".\"".to_owned()),
        ("signed cookies", "SESSION_ENGINE = \"signed_cookies\"".to_owned()),
        ("encrypted cookies", "SESSION_ENGINE = \"encrypted_cookies\"".to_owned()),
        ("Redis", format!("SESSION_ENGINE = \"cache\"\nCACHE_URL = \"{redis}\"")),
        ("memcached", format!("SESSION_ENGINE = \"cache\"\nCACHE_URL = \"{memcached}\"")),
        ("cached_db", format!("SESSION_ENGINE = \"cached_db\"\nCACHE_URL = \"{redis}\"")),
    ] {
        let project = Project::new();
        project.set(&format!("{KEY}{settings}\n"));
        project.succeed(&["migrate"]);
        works(name, &project);
        let text = project.succeed(&["check"]);
        assert!(text.ends_with("No issues found.\n"), "{name}: {text}");
        project.succeed(&["clearsessions"]);
    }
}

#[test]
fn check_asks_every_store() {
    let project = Project::new();
    let redis = servers::shared::redis();
    let postgres = servers::fresh_database(servers::shared::postgres()).unwrap();
    project.set(&format!(
        "{KEY}SESSION_ENGINE = \"cached_db\"\nDATABASE_URL = \"{postgres}\"\n\
         SESSION_CACHE_ALIAS = \"sessions\"\n\
         [CACHES]\nsessions = \"{redis}\"\npages = \"memory://\"\n\
         away = \"redis://:a-secret@127.0.0.1:1?timeout=0.5\"\n"
    ));
    let text = project.succeed(&["check"]);
    assert!(text.contains("The database postgres://127.0.0.1:"), "{text}");
    let unapplied = "15 migration(s) not applied for app(s): auth, contenttypes, sessions;";
    assert!(text.contains(unapplied), "{text}");
    assert!(text.contains("The cache \"pages\" (memory://?max_entries=10000) answers."), "{text}");
    assert!(text.contains("The cache \"sessions\" (redis://127.0.0.1:"), "{text}");
    assert!(text.contains("The cache \"away\" (redis://127.0.0.1:1"), "{text}");
    assert!(text.contains("FAILS."), "{text}");
    assert!(text.contains("segue.W005"), "{text}");
    let place = "Sessions are stored in the database, with the cache \"sessions\" in front of it.";
    assert!(text.contains(place), "{text}");
    let password = postgres.split_once("://").unwrap().1.split([':', '@']).nth(1).unwrap();
    assert!(!text.contains("a-secret") && !text.contains(password), "{text}");
}

#[test]
fn a_cache_that_sessions_need_must_answer() {
    let project = Project::new();
    let away = "CACHE_URL = \"redis://:a-secret@127.0.0.1:1?timeout=0.5\"";
    project.set(&format!("{KEY}SESSION_ENGINE = \"cache\"\n{away}\n"));
    for command in ["check", "runserver", "clearsessions"] {
        let complaint = project.fail(&[command]);
        assert!(complaint.contains("CACHES"), "{command}: {complaint}");
        assert!(!complaint.contains("a-secret"), "{command}: {complaint}");
    }
    // In front of a database it is only missed.
    project.set(&format!("{KEY}SESSION_ENGINE = \"cached_db\"\n{away}\n"));
    project.succeed(&["migrate"]);
    assert!(project.succeed(&["check"]).contains("segue.W005"));
    works("cached_db without its cache", &project);
}

/// Django's fault: with Redis down it answers with an empty session, and takes the cookie away.
#[test]
fn redis_down_is_a_503_and_the_cookie_stays() {
    let server = Redis::options().durable().start().unwrap();
    let project = Project::new();
    let url = format!("{}?timeout=0.5", server.url());
    project.set(&format!("{KEY}SESSION_ENGINE = \"cache\"\nCACHE_URL = \"{url}\"\n"));
    let demo: Demo = project.serve();
    let cookie = demo.set_name("manish", None).cookie();
    server.kill().unwrap();
    for path in ["/get/", "/set/", "/del/"] {
        let answer = demo.get(path, Some(&cookie));
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(
            answer.header("set-cookie"),
            None,
            "{path}: the cookie is neither set nor removed"
        );
    }
    server.restart().unwrap();
    // Who has just been refused does not knock again at once.
    let mut answer = demo.get("/get/", Some(&cookie));
    for _ in 0..50 {
        if answer.status == 200 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        answer = demo.get("/get/", Some(&cookie));
    }
    assert!(answer.body.contains("manish"), "as if nothing had been: {answer:?}");
}
