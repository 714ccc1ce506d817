//! Sessions that a visitor, or whoever can write into the store, has filled with what should hurt.

use std::process::Command;

use segue::SessionKey;
use serde_json::Value;

use super::{Place, SECRET, hours, whole_keys, with_input};

/// Orders for a terminal, within JSON and without: titles, colours, a cleared screen, another direction.
const ORDERS: &str = r#"{"\u001b]0;evil\u0007":"\u001b[2J\u001b[31mred\u009b2J\u202egnp.exe","_auth_user_id":"7\r\u001b[2K\u009b1mroot\u202e\ttab\n8","deep":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}"#;

fn python(script: &str, place: &Place) {
    let mut python = Command::new("python3");
    assert!(python.args(["-c", script]).arg(place.database()).status().unwrap().success());
}

/// No order but the colours that the program itself gives.
#[track_caller]
fn assert_harmless(text: &str, what: &str) {
    for letter in text.chars() {
        let is_plain = letter == '\n' || !letter.is_control();
        let changes_direction = ('\u{202a}'..='\u{202e}').contains(&letter);
        assert!(is_plain && !changes_direction, "{what}: {letter:?} in {text:?}");
    }
}

fn hostile() -> (Place, SessionKey) {
    let place = Place::sqlite();
    let orders = place.plant(ORDERS, hours(1));
    place.plant(&format!(r#"{{"text":"{}"}}"#, "x".repeat(20 << 20)), hours(1));
    // Five megabytes that no compression makes small, and rows that nobody of us wrote.
    python(
        "import sqlite3, sys, os, base64; c = sqlite3.connect(sys.argv[1]); date = '2030-01-01 00:00:00'; \
         large = base64.urlsafe_b64encode(os.urandom(5 << 20)).decode(); \
         c.executemany('INSERT INTO django_session VALUES (?, ?, ?)', [ \
         ('a' * 32, large, date), ('b' * 32, large + ':1r31eq:AJu16St', date), \
         ('c' * 32, '', date), ('d' * 32, 'gAJ9cQEu', date), ('e' * 32, b'\\x00\\xff\\x1b[2J', date), \
         ('f' * 32, 'x', '\\x1b[2Jsoon'), ('\\x1b[2J\\x1b[31mred', 'x', date), \
         ('\\u202egnp' + 'g' * 30, 'x', date), ('UPPER' * 6, 'x', date)]); c.commit()",
        &place,
    );
    (place, orders)
}

#[test]
fn nothing_reaches_the_terminal_and_nothing_breaks_the_list() {
    let (place, orders) = hostile();
    let key = orders.expose();
    for arguments in [
        "sessions list",
        "sessions list --full",
        "sessions list --json",
        "sessions list --json --full",
        "sessions stats",
        "sessions stats --json",
        &format!("sessions show {key}"),
        &format!("sessions show {key} --full"),
        &format!("sessions show {key} --json"),
    ] {
        let output = place.project.run(&arguments.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "{arguments}: {output:?}");
        assert_harmless(&String::from_utf8(output.stdout).unwrap(), arguments);
        assert_harmless(&String::from_utf8(output.stderr).unwrap(), arguments);
        let seen = place.project.at_a_terminal(arguments, &[]);
        assert!(seen.success(), "{arguments}: {}", seen.text);
        // A terminal's own ends of lines.
        assert_harmless(&seen.text.replace("\r\n", "\n"), arguments);
    }
    let lines = place.listed(&[]);
    assert_eq!(lines.len(), 11, "{lines:?}");
    let text = place.project.succeed(&["sessions", "list"]);
    assert_eq!(text.lines().count(), 12, "a line for each, whatever is in it: {text}");
    assert!(text.contains("(none)") && text.contains("unreadable"), "{text}");
    let user = lines.iter().find_map(|line| line["user"].as_str()).unwrap();
    assert_eq!(user, "7\r\u{1b}[2K\u{9b}1mroot\u{202e}\ttab\n8", "in JSON it is what it is");

    let shown = place.project.succeed(&["sessions", "show", key]);
    assert!(shown.contains(r#""\u001b]0;evil\u0007": "\u001b[2J"#), "{shown}");
    assert!(shown.contains("User:    7\\u{d}\\u{1b}[2K\\u{9b}1mroot\\u{202e} tab\\n8"), "{shown}");
}

#[test]
fn a_large_session_is_read_and_a_broken_one_says_why() {
    let (place, _) = hostile();
    let large = place.listed(&["--full", "--min-size", "20000", "--max-size", "1000000"]);
    let key = large[0]["key"].as_str().unwrap();
    assert_eq!(large[0]["readable"], Value::Bool(true), "{large:?}");
    let shown = place.project.succeed(&["sessions", "show", key]);
    assert!(shown.len() > 20 << 20, "all of it is shown");
    for letter in ["a", "b", "c", "d", "e"] {
        let shown = place.project.succeed(&["sessions", "show", &letter.repeat(32)]);
        assert!(shown.contains("Data: cannot be read: "), "{letter}");
    }
    let shown = place.project.succeed(&["sessions", "show", &"f".repeat(32)]);
    assert!(shown.contains("Expires: unreadable"), "{shown}");
    // A key of other letters, which Django would take.
    let text = place.project.succeed(&["sessions", "delete", &"UPPER".repeat(6), "--yes"]);
    assert_eq!(text, "Deleted 1 session.\n");
    let output = place.project.run(&["sessions", "delete", "--all", "--yes"]);
    assert_eq!(output.stdout, b"Deleted 8 sessions.\n");
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(talk.contains("2 sessions stayed, whose session_key no cookie can hold"), "{talk}");
}

/// A file that is nobody's session is passed by. One that cannot be read stops nothing, and nobody takes
/// what was found for all there is.
#[test]
fn strange_files_are_passed_by() {
    let place = Place::new("SESSION_ENGINE = \"file\"\nSESSION_FILE_PATH = \".\"");
    place.plant(r#"{"a":1}"#, hours(1));
    let path = |id: &str| place.project.path(&format!("sessionid{}", id.repeat(32)));
    std::os::unix::fs::symlink("/etc/passwd", path("a")).unwrap();
    std::fs::create_dir(path("b")).unwrap();
    std::fs::write(path("c"), b"\x1b[2J\xff").unwrap();
    std::fs::write(path("d"), b"").unwrap();
    std::fs::write(place.project.path("sessionid\u{1b}[2J"), b"").unwrap();
    assert!(Command::new("mkfifo").arg(path("e")).status().unwrap().success());
    // A sparse file is larger than any session, and takes no room.
    std::fs::File::create(path("f")).unwrap().set_len(1 << 30).unwrap();
    let output = place.project.run(&["sessions", "list", "--json", "--full"]);
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && talk.contains("1 session file cannot be read"), "{talk}");
    assert!(talk.contains("over 64 MiB"), "{talk}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let readable = |id: &str| {
        let line = lines.iter().find(|line| line["key"] == id.repeat(32)).unwrap();
        line["readable"].as_bool().unwrap()
    };
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(!readable("c") && readable("d"), "an empty file is an empty session: {lines:?}");
    let seen = place.project.at_a_terminal("sessions delete --all", &["n"]);
    assert!(seen.text.contains("1 session file cannot be read"), "{seen:?}");
    assert!(seen.text.contains("Delete at least 3 sessions? [y/N]: "), "{seen:?}");
    for arguments in [
        &["sessions", "stats"][..],
        &["sessions", "delete", "--all", "--dry-run"],
        &["clearsessions", "--dry-run"],
        &["sessions", "delete", "--all", "--yes"],
        &["sessions", "delete", "--all", "--yes"],
    ] {
        let output = place.project.run(arguments);
        let (text, talk) = (output.stdout, String::from_utf8(output.stderr).unwrap());
        assert!(!output.status.success(), "{arguments:?}: {talk}");
        assert!(talk.contains("1 session file cannot be read"), "{arguments:?}: {talk}");
        assert!(!String::from_utf8(text).unwrap().contains("No "), "{arguments:?}");
    }
    assert!(path("f").exists() && !path("d").exists(), "what can be read is deleted");
}

/// The rest of a list that is cut off would stay logged in.
#[test]
fn more_keys_than_are_read_are_refused() {
    let place = Place::sqlite();
    let key = place.plant(r#"{"a":1}"#, hours(1));
    let keys = format!("{}\n", key.expose()).repeat((16 << 20) / 33 + 1);
    let mut command = place.project.command();
    let (success, text) = with_input(command.args(["sessions", "delete", "--yes", "-"]), &keys);
    assert!(!success && text.contains("more than 16 MiB"), "{text}");
    assert_eq!(place.listed(&[]).len(), 1);
}

/// Who sees it gives the visitor another password.
#[test]
fn no_token_for_another_password_is_shown_by_accident() {
    let place = Place::sqlite();
    let key = place.plant(r#"{"_password_reset_token":"d1-5ecre7"}"#, hours(1));
    let text = place.project.succeed(&["sessions", "show", key.expose()]);
    assert!(text.contains("_password_reset_token") && !text.contains("5ecre7"), "{text}");
    let text = place.project.succeed(&["sessions", "show", key.expose(), "--full"]);
    assert!(text.contains("5ecre7"), "{text}");
}

/// A key is the visitor's password, for as long as the session lives.
#[test]
fn no_key_is_shown_whole_by_accident() {
    let (place, orders) = hostile();
    let key = orders.expose();
    let user = place.plant(r#"{"_auth_user_id":"7"}"#, hours(1));
    for arguments in [
        &["sessions", "list"][..],
        &["sessions", "list", "--json", "--limit", "3"],
        &["sessions", "show", key],
        &["sessions", "show", &key[..31]],
        &["sessions", "show", &format!("{key}x")],
        &["sessions", "show", &key.to_uppercase()],
        &["sessions", "stats"],
        &["sessions", "delete", key, "--dry-run"],
        &["sessions", "delete", key],
        &["sessions", "delete", key, "--yes"],
        &["sessions", "delete", key, "--yes"],
        &["sessions", "delete", "--user", "id:7", "--yes"],
        &["clearsessions"],
    ] {
        let mut command = place.project.command();
        let output = command.env("RUST_LOG", "trace").args(arguments).output().unwrap();
        for bytes in [output.stdout, output.stderr] {
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            assert!(!text.contains(&key[..20]), "{arguments:?}: {text}");
            assert!(!text.contains(user.expose()), "{arguments:?}: {text}");
            assert_eq!(whole_keys(&text), Vec::<&str>::new(), "{arguments:?}");
            assert!(!text.contains(SECRET), "{arguments:?}");
        }
    }
}
