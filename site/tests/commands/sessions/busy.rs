//! While others are at work: a list that is whole, and users who stay logged out.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use segue::{SessionStore as _, Timestamp};

use super::{Place, hours};
use crate::common::{Demo, request};

/// Stops those who are at work, also after a failed assertion.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What was there all the time is listed once, in every list.
fn a_list_is_whole_while_others_write(place: &Place) {
    // More than a page of the list.
    let staying: HashSet<String> = place.with_store(async |store| {
        let (mut staying, end) = (HashSet::new(), Timestamp::now() + hours(1));
        for _ in 0..1100 {
            let key = store.create(b"staying", end).await.unwrap();
            staying.insert(key.expose()[..8].to_owned());
        }
        staying
    });
    let is_over = AtomicBool::new(false);
    let writes = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let _stop = Stop(&is_over);
        scope.spawn(|| {
            place.with_store(async |store| {
                let end = Timestamp::now() + hours(1);
                while !is_over.load(Ordering::SeqCst) {
                    let key = store.create(b"one", end).await.unwrap();
                    let seen = store.load(&key).await.unwrap().unwrap();
                    let _ = store.replace(&key, &seen, b"two", end).await.unwrap();
                    store.delete(&key).await.unwrap();
                    writes.fetch_add(1, Ordering::SeqCst);
                }
            });
        });
        for _ in 0..8 {
            let lines = place.listed(&[]);
            let keys: Vec<&str> = lines.iter().map(|line| line["key"].as_str().unwrap()).collect();
            let mut times: HashMap<&str, u32> = HashMap::new();
            for key in keys {
                *times.entry(key).or_default() += 1;
            }
            for key in &staying {
                assert_eq!(times.get(key.as_str()), Some(&1), "{key}");
            }
        }
    });
    assert!(writes.into_inner() > 10, "somebody did write");
}

#[test]
fn a_list_is_whole_on_sqlite_and_in_files() {
    a_list_is_whole_while_others_write(&Place::sqlite());
    let files = Place::new("SESSION_ENGINE = \"file\"\nSESSION_FILE_PATH = \".\"");
    a_list_is_whole_while_others_write(&files);
}

#[test]
fn a_list_is_whole_on_the_servers() {
    let postgres = servers::fresh_database(servers::shared::postgres()).unwrap();
    let mariadb = servers::fresh_database(servers::shared::mariadb()).unwrap();
    for url in [postgres, mariadb] {
        a_list_is_whole_while_others_write(&Place::new(&format!("DATABASE_URL = \"{url}\"")));
    }
}

/// Logs in, and gives the session's cookie.
fn log_in(demo: &Demo) -> String {
    let form = "username=ada&password=long+and+secret";
    let answer = request(&demo.address, "POST", "/accounts/login/", None, form).unwrap();
    let cookie = answer.set_cookies().find(|cookie| cookie.starts_with("sessionid=")).unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Each device of a user changes its session all the time, and none of them is back afterwards.
fn a_user_stays_logged_out(place: &Place) {
    const DEVICES: usize = 4;
    place.user("ada", "long and secret");
    let demo = Demo::start(place.project.command().args(["runserver", "127.0.0.1:0"]));
    let bystander = demo.set_name("bystander", None).cookie();
    let cookies: Vec<String> = (0..DEVICES).map(|_| log_in(&demo)).collect();
    assert_eq!(demo.get("/members/", Some(&cookies[0])).status, 200);
    assert_eq!(place.listed(&["--user", "ada"]).len(), DEVICES);
    let is_over = AtomicBool::new(false);
    let writes = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let (demo, is_over, writes) = (&demo, &is_over, &writes);
        let _stop = Stop(is_over);
        for cookie in &cookies {
            scope.spawn(move || {
                let mut n = 0;
                while !is_over.load(Ordering::SeqCst) {
                    n += 1;
                    let name = format!("name=n{n}");
                    let answer =
                        request(&demo.address, "POST", "/set/", Some(cookie), &name).unwrap();
                    // A change that comes too late is told so; afterwards the cookie is nobody's, and
                    // the answer has another one.
                    assert!([200, 400].contains(&answer.status), "{answer:?}");
                    let is_same = answer.set_cookies().any(|other| other.starts_with(cookie));
                    if answer.status == 200 && is_same {
                        writes.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        while writes.load(Ordering::SeqCst) < 20 {
            std::thread::yield_now();
        }
        let text = place.project.succeed(&["sessions", "delete", "--user", "ada", "--yes"]);
        assert_eq!(text, format!("Deleted {DEVICES} sessions.\n"));
        // A few more requests of every device.
        for cookie in &cookies {
            for _ in 0..3 {
                let answer = demo.get("/members/", Some(cookie));
                assert_eq!(answer.status, 401, "{answer:?}");
            }
        }
    });
    assert_eq!(place.listed(&["--user", "ada"]), Vec::<serde_json::Value>::new());
    for cookie in &cookies {
        assert_eq!(demo.get("/members/", Some(cookie)).status, 401);
    }
    let page = demo.get("/get/", Some(&bystander)).body;
    assert!(page.contains("bystander"), "nobody else was logged out: {page}");
}

/// Whoever logs in faster than the list can be gone through is said to do so.
#[test]
fn a_user_who_goes_on_logging_in_is_said_to_do_so() {
    let place = Place::sqlite();
    place.user("ada", "long and secret");
    super::many::fill(&place, &super::many::rows(60_000, "'x'"));
    let demo = Demo::start(place.project.command().args(["runserver", "127.0.0.1:0"]));
    let is_over = AtomicBool::new(false);
    let logins = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let _stop = Stop(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                log_in(&demo);
                logins.fetch_add(1, Ordering::SeqCst);
            }
        });
        while logins.load(Ordering::SeqCst) < 3 {
            std::thread::yield_now();
        }
        let complaint = place.project.fail(&["sessions", "delete", "--user", "ada", "--yes"]);
        let words = "the user goes on making sessions: first take the account out of use";
        assert!(complaint.contains(words), "{complaint}");
    });
    place.project.succeed(&["sessions", "delete", "--user", "ada", "--yes"]);
    assert!(place.listed(&["--user", "ada"]).is_empty());
}

#[test]
fn a_user_stays_logged_out_on_sqlite() {
    a_user_stays_logged_out(&Place::sqlite());
}

#[test]
fn a_user_stays_logged_out_in_files() {
    a_user_stays_logged_out(&Place::new("SESSION_ENGINE = \"file\"\nSESSION_FILE_PATH = \".\""));
}

#[test]
fn a_user_stays_logged_out_on_the_servers() {
    let postgres = servers::fresh_database(servers::shared::postgres()).unwrap();
    let redis = servers::shared::redis();
    for settings in [
        format!("DATABASE_URL = \"{postgres}\""),
        format!("SESSION_ENGINE = \"cached_db\"\nCACHE_URL = \"{redis}\""),
    ] {
        a_user_stays_logged_out(&Place::new(&settings));
    }
}
