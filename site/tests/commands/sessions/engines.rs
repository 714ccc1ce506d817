//! The same answers from every engine that can list its sessions, and a reason from the others.

use segue::{SessionKey, SignedDuration};
use serde_json::{Value, json};

use super::{Place, SECRET, hours, uses_database, whole_keys, with_input};

/// What the sessions of the scene hold; the numbers are no number of Rust's and no float of JSON's.
const CART: &str = r#"{"_auth_user_id":"1","_auth_user_hash":"5ecre7hash","cart":{"price":1.0,"sum":123456789012345678901234567890},"_csrftoken":"5ecre7token"}"#;

struct Scene {
    place: Place,
    cart: SessionKey,
    other_device: SessionKey,
    stranger: SessionKey,
    expired: SessionKey,
    foreign: SessionKey,
}

impl Scene {
    fn set(place: Place) -> Self {
        place.user("ada", "long and secret");
        let cart = place.plant(CART, hours(2));
        let other_device = place.plant(r#"{"_auth_user_id":"1"}"#, hours(48));
        let big = format!(r#"{{"text":"{}"}}"#, noise(2000));
        let stranger = place.plant(&big, hours(72));
        let expired = place.plant(r#"{"_auth_user_id":"2"}"#, hours(-3));
        let foreign = place.plant_signed(r#"{"_auth_user_id":"1"}"#, hours(5), "another key");
        Self { place, cart, other_device, stranger, expired, foreign }
    }

    /// The sessions that are listed with these arguments, by their keys.
    fn keys(&self, arguments: &[&str]) -> Vec<String> {
        let lines = self.place.listed(&[&["--full"], arguments].concat());
        let mut keys: Vec<String> =
            lines.iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect();
        keys.sort_unstable();
        keys
    }

    #[track_caller]
    fn assert_listed(&self, arguments: &[&str], expected: &[&SessionKey]) {
        let mut expected: Vec<String> =
            expected.iter().map(|key| key.expose().to_owned()).collect();
        expected.sort_unstable();
        assert_eq!(self.keys(arguments), expected, "{arguments:?}");
    }

    fn run(&self) {
        self.lists();
        self.filters();
        self.shows();
        self.counts();
        self.clears();
        self.deletes();
    }

    fn lists(&self) {
        let project = &self.place.project;
        let text = project.succeed(&["sessions", "list"]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6, "{text}");
        assert!(lines[0].starts_with("KEY        EXPIRES (UTC)"), "{text}");
        assert_eq!(whole_keys(&text), Vec::<&str>::new(), "keys show their beginning only");
        let line = |key: &SessionKey| {
            let beginning = format!("{}…  ", &key.expose()[..8]);
            *lines.iter().find(|line| line.starts_with(&beginning)).unwrap()
        };
        assert!(line(&self.cart).ends_with("  readable    1"), "{text}");
        assert!(line(&self.cart).contains("in 119 minutes"), "{text}");
        assert!(line(&self.stranger).ends_with("  readable    -"), "{text}");
        assert!(line(&self.expired).contains("3 hours ago"), "{text}");
        assert!(line(&self.foreign).ends_with("  unreadable  -"), "{text}");
        let columns = |text: &str| text[..text.rfind("  ").unwrap()].chars().count();
        assert!(!text.contains('\t') && columns(lines[0]) == columns(lines[1]), "{text}");
        assert_eq!(whole_keys(&project.succeed(&["sessions", "list", "--full"])).len(), 5);

        let lines = self.place.listed(&[]);
        let names =
            ["expired", "expires", "key", "last_saved", "problem", "readable", "size", "user"];
        for line in &lines {
            let mut found: Vec<&String> = line.as_object().unwrap().keys().collect();
            found.sort_unstable();
            assert_eq!(found, names);
            assert_eq!(line["key"].as_str().unwrap().len(), 8);
        }
        let of = |key: &SessionKey| {
            lines
                .iter()
                .find(|line| key.expose().starts_with(line["key"].as_str().unwrap()))
                .unwrap()
        };
        let cart = of(&self.cart);
        assert_eq!((&cart["user"], &cart["readable"]), (&json!("1"), &json!(true)));
        assert_eq!((&cart["expired"], &cart["problem"]), (&json!(false), &Value::Null));
        let expires = cart["expires"].as_str().unwrap().parse::<segue::Timestamp>().unwrap();
        let saved = cart["last_saved"].as_str().unwrap().parse::<segue::Timestamp>().unwrap();
        assert_eq!(expires.duration_since(saved), SignedDuration::from_hours(14 * 24));
        assert_eq!(of(&self.expired)["expired"], json!(true));
        let foreign = of(&self.foreign);
        assert_eq!((&foreign["readable"], &foreign["user"]), (&json!(false), &Value::Null));
        let problem = "no key in SECRET_KEY or SECRET_KEY_FALLBACKS signed it";
        assert_eq!(foreign["problem"], json!(problem));
    }

    fn filters(&self) {
        let of_ada = [&self.cart, &self.other_device];
        for user in ["ada", "1", "id:1", "name:ada"] {
            self.assert_listed(&["--user", user], &of_ada);
        }
        self.assert_listed(&["--user", "2"], &[&self.expired]);
        self.assert_listed(&["--expired"], &[&self.expired]);
        let live = [&self.cart, &self.other_device, &self.stranger, &self.foreign];
        self.assert_listed(&["--active"], &live);
        let time = |ahead| (segue::Timestamp::now() + hours(ahead)).to_string();
        self.assert_listed(&["--expires-after", &time(24)], &[&self.other_device, &self.stranger]);
        let args = ["--expires-after", &time(0), "--expires-before", &time(24)];
        self.assert_listed(&args, &[&self.cart, &self.foreign]);
        self.assert_listed(&["--min-size", "1500"], &[&self.stranger]);
        let small = [&self.cart, &self.other_device, &self.expired, &self.foreign];
        self.assert_listed(&["--max-size", "1499"], &small);
        // Each lives for two weeks after it is saved, which the end tells.
        let saved_lately = [&self.other_device, &self.stranger];
        self.assert_listed(&["--newer-than", "13d"], &saved_lately);
        self.assert_listed(&["--older-than", "313h"], &[&self.cart, &self.expired]);
        self.assert_listed(&["--older-than", "14d", "--user", "ada"], &[]);
        assert_eq!(self.place.listed(&["--limit", "2"]).len(), 2);
        assert_eq!(self.place.listed(&["--limit", "0"]).len(), 0);
        let project = &self.place.project;
        let complaint = project.fail(&["sessions", "list", "--user", "bob"]);
        assert!(complaint.contains("there is no user \"bob\"; for an id write"), "{complaint}");
    }

    fn shows(&self) {
        let project = &self.place.project;
        let key = self.cart.expose();
        for given in [key, &key[..8], &key[..20]] {
            let text = project.succeed(&["sessions", "show", given]);
            assert!(text.starts_with(&format!("Key:     {}…\nExpires: ", &key[..8])), "{text}");
            assert!(text.contains("UTC (in 119 minutes)\nUser:    1 (ada)\nSize:    "), "{text}");
            assert!(text.contains("\n    \"price\": 1.0,\n"), "{text}");
            assert!(text.contains("\n    \"sum\": 123456789012345678901234567890\n"), "{text}");
            assert!(text.contains("\"_auth_user_hash\": \"(hidden; --full shows it)\""), "{text}");
            assert!(!text.contains("5ecre7") && whole_keys(&text).is_empty(), "{text}");
        }
        let text = project.succeed(&["sessions", "show", key, "--full"]);
        assert!(text.contains("\"5ecre7hash\"") && text.contains("\"5ecre7token\""), "{text}");
        assert_eq!(whole_keys(&text), [key]);
        let mut command = project.command();
        let (success, text) = with_input(command.args(["sessions", "show", "-"]), key);
        assert!(success && text.contains("\"price\": 1.0"), "{text}");

        let text = project.succeed(&["sessions", "show", key, "--json"]);
        assert!(text.contains("\"price\":1.0,\"sum\":123456789012345678901234567890"), "{text}");
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&document["key"], &document["user"]), (&json!(&key[..8]), &json!("1")));
        assert_eq!(document["readable"], json!(true));

        let text = project.succeed(&["sessions", "show", self.foreign.expose()]);
        assert!(text.contains("Data: cannot be read: no key in SECRET_KEY"), "{text}");
        let text = project.succeed(&["sessions", "show", self.expired.expose()]);
        assert!(text.contains("UTC (3 hours ago)"), "what has expired is shown as well: {text}");
        let complaint = project.fail(&["sessions", "show", "zzzzzzzzzz"]);
        assert!(complaint.contains("there is no session zzzzz…"), "{complaint}");
        let complaint = project.fail(&["sessions", "show", &key[..7]]);
        assert!(complaint.contains("its first 8 characters and more"), "{complaint}");
        assert!(!complaint.contains(&key[..7]), "{complaint}");
    }

    fn counts(&self) {
        let project = &self.place.project;
        let text = project.succeed(&["sessions", "stats", "--json"]);
        let stats: Value = serde_json::from_str(&text).unwrap();
        let number = |name: &str| stats[name].as_u64().unwrap();
        assert_eq!((number("sessions"), number("active"), number("expired")), (5, 4, 1));
        assert_eq!((number("with_user"), number("users"), number("unreadable")), (3, 2, 1));
        let lines = self.place.listed(&[]);
        let mut sizes: Vec<u64> = lines.iter().map(|line| line["size"].as_u64().unwrap()).collect();
        sizes.sort_unstable();
        let expected = json!({
            "min": sizes[0], "median": sizes[2], "p95": sizes[4], "max": sizes[4],
            "total": sizes.iter().sum::<u64>(),
        });
        assert_eq!(stats["size"], expected);
        let next =
            lines.iter().find(|line| self.cart.expose().starts_with(line["key"].as_str().unwrap()));
        assert_eq!(stats["next_expiry"], next.unwrap()["expires"]);
        let text = project.succeed(&["sessions", "stats"]);
        assert!(text.contains("\n  active                 4\n"), "{text}");
    }

    fn clears(&self) {
        let project = &self.place.project;
        let text = project.succeed(&["clearsessions", "--dry-run"]);
        assert_eq!(text, "Would remove 1 expired session.\n");
        assert_eq!(self.keys(&[]).len(), 5, "to count removes nothing");
        assert_eq!(project.succeed(&["clearsessions"]), "Removed 1 expired session.\n");
        assert_eq!(self.keys(&[]).len(), 4);
    }

    fn deletes(&self) {
        let project = &self.place.project;
        // What a cache in front of the database has, must go as well.
        assert!(self.place.is_live(&self.cart) && self.place.is_live(&self.other_device));
        let by_user = ["sessions", "delete", "--user", "ada"];
        let complaint = project.fail(&by_user);
        assert!(complaint.contains("run `sessions delete --yes` in scripts"), "{complaint}");
        let text = project.succeed(&[&by_user[..], &["--dry-run"]].concat());
        assert_eq!(text, "Would delete 2 sessions.\n");
        assert!(self.place.is_live(&self.cart));
        let text = project.succeed(&[&by_user[..], &["--yes"]].concat());
        assert_eq!(text, "Deleted 2 sessions.\n");
        assert!(!self.place.is_live(&self.cart) && !self.place.is_live(&self.other_device));
        self.assert_listed(&[], &[&self.stranger, &self.foreign]);
        let text = project.succeed(&[&by_user[..], &["--no-input"]].concat());
        assert_eq!(text, "No sessions to delete.\n");

        // All are looked for before one is deleted.
        let stranger = &self.stranger.expose()[..8];
        let ambiguous = project.run(&["sessions", "delete", stranger, "short", "--yes"]);
        assert!(!ambiguous.status.success() && self.place.is_live(&self.stranger));
        let mut command = project.command();
        let input = format!("{stranger}\nzzzzzzzzzz\n{stranger}\n");
        let (success, text) =
            with_input(command.args(["sessions", "delete", "-", "--yes"]), &input);
        assert!(success && text.contains("Deleted 1 session."), "{text}");
        assert!(text.contains("there is no session zzzzz…"), "{text}");
        let complaint = project.fail(&["sessions", "delete", stranger, "--yes"]);
        assert!(complaint.contains("nothing was deleted"), "{complaint}");
        let text = project.succeed(&["sessions", "delete", "--all", "--yes"]);
        assert_eq!(text, "Deleted 1 session.\n");
        self.assert_listed(&[], &[]);
        assert_eq!(project.succeed(&["sessions", "list"]), "");
    }
}

/// Letters that do not compress well.
fn noise(length: usize) -> String {
    let mut state = 1_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from(state >> 24).unwrap() % 26)
    };
    (0..length).map(letter).collect()
}

#[test]
fn on_sqlite() {
    Scene::set(Place::sqlite()).run();
}

#[test]
fn in_files() {
    Scene::set(Place::new("SESSION_ENGINE = \"file\"\nSESSION_FILE_PATH = \".\"")).run();
}

#[test]
fn on_the_servers() {
    let postgres = servers::fresh_database(servers::shared::postgres()).unwrap();
    let mariadb = servers::fresh_database(servers::shared::mariadb()).unwrap();
    let redis = servers::shared::redis();
    for settings in [
        format!("DATABASE_URL = \"{postgres}\""),
        format!("DATABASE_URL = \"{mariadb}\""),
        format!("SESSION_ENGINE = \"cached_db\"\nCACHE_URL = \"{redis}\""),
    ] {
        Scene::set(Place::new(&settings)).run();
    }
}

/// Another `SECRET_KEY`, or none: what needs no key is told all the same.
#[test]
fn without_the_secret_key_the_data_stay_closed() {
    let scene = Scene::set(Place::sqlite());
    assert!(uses_database(&scene.place.settings()));
    let url = format!("sqlite://{}", scene.place.database().display());
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_site"));
        command.env_clear().envs(variables.iter().copied()).current_dir("/");
        let output = command.args(arguments).args(["--database-url", &url]).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    let (success, text, talk) = run(&["sessions", "list"], &[]);
    assert!(success && text.lines().count() == 6, "{text}{talk}");
    assert!(text.lines().skip(1).all(|line| line.ends_with("  -           -")), "{text}");
    assert!(talk.contains("cannot be read without the site's SECRET_KEY"), "{talk}");
    let (success, _, talk) = run(&["sessions", "list", "--user", "ada"], &[]);
    assert!(!success && talk.contains("give it in the environment"), "{talk}");
    let (success, text, _) = run(&["sessions", "show", scene.cart.expose()], &[]);
    assert!(success && text.contains("User:    not known\n"), "{text}");
    assert!(text.contains("Data: not shown: "), "{text}");
    let (success, text, _) = run(&["sessions", "stats", "--json"], &[]);
    let stats: Value = serde_json::from_str(&text).unwrap();
    assert!(success && stats["users"].is_null() && stats["sessions"] == 5, "{stats}");
    let arguments = ["sessions", "delete", "--expired", "--yes"];
    let (success, text, talk) = run(&arguments, &[]);
    assert!(success && text == "Deleted 1 session.\n", "{text}{talk}");

    let (success, text, talk) =
        run(&["sessions", "list", "--user", "ada"], &[("SECRET_KEY", SECRET)]);
    assert!(success && text.lines().count() == 3, "{text}{talk}");
    let (success, text, talk) = run(&["sessions", "list"], &[("SECRET_KEY", "wrong")]);
    assert!(success && talk.contains("the data of 4 sessions cannot be read"), "{text}{talk}");
}

/// A key that signed before counts like the one that signs now.
#[test]
fn what_a_fallback_signed_is_read() {
    let place = Place::new("SECRET_KEY_FALLBACKS = [\"an old one\"]");
    place.plant_signed(r#"{"_auth_user_id":"7"}"#, hours(1), "an old one");
    let lines = place.listed(&[]);
    assert_eq!((&lines[0]["readable"], &lines[0]["user"]), (&json!(true), &json!("7")));
}

#[test]
fn engines_that_cannot_list_say_why_and_what_to_do() {
    let refused = |place: &Place, arguments: &[&str], words: &[&str]| {
        let complaint = place.project.fail(arguments);
        for word in words {
            assert!(complaint.contains(word), "{arguments:?}: {complaint}");
        }
    };
    let cookies = Place::new("SESSION_ENGINE = \"signed_cookies\"");
    let words = ["in the visitors' cookies", "give SECRET_KEY another value", "another password"];
    refused(&cookies, &["sessions", "list"], &words);
    refused(&cookies, &["sessions", "stats"], &words);
    refused(&cookies, &["sessions", "delete", "--all", "--yes"], &words);
    refused(&cookies, &["sessions", "delete", "abcdefghijkl", "--yes"], &words);
    // The cookie is the session, so who has it can look into it.
    let sealed = cookies.plant(r#"{"a":1.50}"#, hours(1));
    let mut command = cookies.project.command();
    let (success, text) = with_input(command.args(["sessions", "show", "-"]), sealed.expose());
    assert!(success && text.contains("\"a\": 1.50"), "{text}");

    let memory = Place::new("SESSION_ENGINE = \"memory\"");
    refused(&memory, &["sessions", "list"], &["within the process that serves"]);
    let cache = Place::new("SESSION_ENGINE = \"cache\"\nCACHE_URL = \"memory://\"");
    let words = ["in the cache \"default\"", "take whole keys", "cached_db", "empty the cache"];
    refused(&cache, &["sessions", "list"], &words);
    refused(&cache, &["sessions", "delete", "--expired", "--yes"], &words);
    refused(&cache, &["sessions", "show", "abcdefgh"], &["is no whole key", "32 characters"]);
    let nobody = SessionKey::generate().unwrap();
    refused(&cache, &["sessions", "show", nobody.expose()], &["there is no session"]);
}

/// Of a cache that others share a whole key finds its session.
#[test]
fn a_whole_key_is_found_in_a_cache_on_the_servers() {
    let redis = servers::shared::redis();
    let place = Place::new(&format!("SESSION_ENGINE = \"cache\"\nCACHE_URL = \"{redis}\""));
    let key = place.plant(CART, hours(1));
    let text = place.project.succeed(&["sessions", "show", key.expose()]);
    assert!(text.contains("\"price\": 1.0") && !text.contains("5ecre7"), "{text}");
    let text = place.project.succeed(&["sessions", "delete", key.expose(), "--yes"]);
    assert_eq!(text, "Deleted 1 session.\n");
    assert!(!place.is_live(&key));
}

#[test]
fn two_keys_that_begin_alike_are_told_apart() {
    let place = Place::sqlite();
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
                  c.executemany('INSERT INTO django_session VALUES (?, ?, ?)', \
                  [('abcdefgh' + x * 24, '', '2030-01-01 00:00:00') for x in 'xyz']); c.commit()";
    let mut python = std::process::Command::new("python3");
    assert!(python.args(["-c", script]).arg(place.database()).status().unwrap().success());
    let complaint = place.project.fail(&["sessions", "delete", "abcdefgh", "--yes"]);
    assert!(complaint.contains("3 sessions begin with abcd…"), "{complaint}");
    assert_eq!(place.listed(&[]).len(), 3);
    place.project.succeed(&["sessions", "delete", "abcdefghx", "--yes"]);
    assert_eq!(place.listed(&[]).len(), 2);
}

/// A name of digits may be an id as well.
#[test]
fn a_user_called_by_a_number_is_not_mistaken() {
    let place = Place::sqlite();
    place.user("ada", "x");
    place.user("1", "x");
    place.plant(r#"{"_auth_user_id":"1"}"#, hours(1));
    place.plant(r#"{"_auth_user_id":"2","is":"1"}"#, hours(1));
    let complaint = place.project.fail(&["sessions", "delete", "--user", "1", "--yes"]);
    let words = "1 is the name of the user with the id 2, and may be the id of another";
    assert!(complaint.contains(words), "{complaint}");
    for (user, id) in [("id:1", "1"), ("name:1", "2"), ("ada", "1"), ("2", "2")] {
        let lines = place.listed(&["--user", user]);
        assert_eq!((lines.len(), &lines[0]["user"]), (1, &json!(id)), "{user}");
    }
}
