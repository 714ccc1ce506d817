//! Wrong settings stop the start, and say what is wrong; the environment goes over the file.

use std::fs;
use std::path::Path;

use crate::common::{Demo, Project};

const KEY: &str = "SECRET_KEY = \"hunter2-hunter2-hunter2\"\n";

/// Runs `check` with this line in the settings, and gives the complaint.
fn complaint(line: &str) -> String {
    let project = Project::new();
    project.set(&format!("{KEY}{line}\n"));
    let complaint = project.fail(&["check"]);
    assert!(!complaint.contains("hunter2"), "a secret shows: {complaint}");
    complaint
}

#[test]
fn each_wrong_value_is_named_with_what_was_found_and_what_is_allowed() {
    let cases = [
        ("SESSION_ENGINE = \"databse\"", "SESSION_ENGINE: found \"databse\" in settings.toml"),
        ("SESSION_CACHE_ALIAS = 1", "SESSION_CACHE_ALIAS: found 1 in settings.toml"),
        ("SESSION_COOKIE_NAME = \"a b\"", "SESSION_COOKIE_NAME: found \"a b\""),
        ("SESSION_COOKIE_AGE = \"a week\"", "SESSION_COOKIE_AGE: found \"a week\""),
        ("SESSION_COOKIE_AGE = 0", "SESSION_COOKIE_AGE: found 0"),
        ("SESSION_COOKIE_DOMAIN = \"a;b\"", "SESSION_COOKIE_DOMAIN: found \"a;b\""),
        ("SESSION_COOKIE_PATH = \"app\"", "SESSION_COOKIE_PATH: found \"app\""),
        ("SESSION_COOKIE_SECURE = \"yes\"", "SESSION_COOKIE_SECURE: found \"yes\""),
        ("SESSION_COOKIE_HTTPONLY = 1", "SESSION_COOKIE_HTTPONLY: found 1"),
        ("SESSION_COOKIE_SAMESITE = \"Lux\"", "SESSION_COOKIE_SAMESITE: found \"Lux\""),
        ("SESSION_COOKIE_SAMESITE = true", "SESSION_COOKIE_SAMESITE: found true"),
        ("SESSION_SAVE_EVERY_REQUEST = []", "SESSION_SAVE_EVERY_REQUEST: found []"),
        ("SESSION_TOUCH_THRESHOLD = 1", "SESSION_TOUCH_THRESHOLD: found 1"),
        ("SESSION_EXPIRE_AT_BROWSER_CLOSE = 2.5", "SESSION_EXPIRE_AT_BROWSER_CLOSE: found 2.5"),
        ("SESSION_FILE_PATH = 5", "SESSION_FILE_PATH: found 5"),
        ("SESSION_SERIALIZER = \"pickle\"", "SESSION_SERIALIZER: found \"pickle\""),
        ("SESSION_CLEANUP_INTERVAL = -1", "SESSION_CLEANUP_INTERVAL: found -1"),
        ("SESSION_IDLE_TIMEOUT = 0", "SESSION_IDLE_TIMEOUT: found 0"),
        ("SESSION_ABSOLUTE_TIMEOUT = -5", "SESSION_ABSOLUTE_TIMEOUT: found -5"),
        ("SECRET_KEY_FALLBACKS = \"hunter2\"", "SECRET_KEY_FALLBACKS: found something else"),
        ("DATABASE_URL = \"oracle://u:hunter2@h/d\"", "DATABASE_URL: found a URL with the scheme"),
        ("APPEND_SLASH = 1", "APPEND_SLASH: found 1"),
        ("DEBUG = \"on\"", "DEBUG: found \"on\""),
        ("ALLOWED_HOSTS = \"a, b\"", "ALLOWED_HOSTS: found \"a, b\""),
        ("ALLOWED_HOSTS = [\"https://a\"]", "ALLOWED_HOSTS: found \"https://a\""),
        ("CSRF_COOKIE_AGE = \"a year\"", "CSRF_COOKIE_AGE: found \"a year\" in settings.toml"),
        ("CSRF_COOKIE_NAME = \"sessionid\"", "CSRF_COOKIE_NAME: found \"sessionid\""),
        ("CSRF_FAILURE_VIEW = \"views.no\"", "CSRF_FAILURE_VIEW: found \"views.no\""),
        ("CSRF_HEADER_NAME = \"X CSRF\"", "CSRF_HEADER_NAME: found \"X CSRF\""),
        ("CSRF_MODE = \"off\"", "CSRF_MODE: found \"off\""),
        ("CSRF_TRUSTED_ORIGINS = [\"a.example\"]", "CSRF_TRUSTED_ORIGINS: found \"a.example\""),
        ("FILE_UPLOAD_TEMP_DIR = \"nowhere\"", "FILE_UPLOAD_TEMP_DIR: found "),
        (
            "SECURE_PROXY_SSL_HEADER = [\"HTTP_X_FORWARDED_PROTO\"]",
            "SECURE_PROXY_SSL_HEADER: found [\"HTTP_X_FORWARDED_PROTO\"]",
        ),
        ("USE_X_FORWARDED_HOST = 1", "USE_X_FORWARDED_HOST: found 1"),
        ("CSRF_TRUSTED_ORIGIN = []", "did you mean CSRF_TRUSTED_ORIGINS?"),
        ("SESSION_COKIE_AGE = 5", "did you mean SESSION_COOKIE_AGE?"),
        ("session_cookie_age = 5", "did you mean SESSION_COOKIE_AGE?"),
        (
            "SESSION_COOKIE_NAME = \"__Host-id\"\nSESSION_COOKIE_SECURE = false",
            "SESSION_COOKIE_SECURE: found false",
        ),
    ];
    for (line, expected) in cases {
        let complaint = complaint(line);
        assert!(complaint.contains(expected), "{line}: {complaint}");
        assert!(
            complaint.contains("allowed: ") || complaint.contains("did you mean"),
            "{complaint}"
        );
    }
}

#[test]
fn names_of_ones_own_are_welcome() {
    let project = Project::new();
    project.set(&format!("{KEY}PAGE_SIZE = 20\nSECURE_HSTS_SECONDS = 60\n"));
    project.succeed(&["check"]);
}

#[test]
fn what_the_page_on_settings_shows_is_what_is_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/settings.md")).unwrap();
    let shown = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let mistakes = ["SESSION_COOKIE_AGE = \"a week\"", "SESSION_COOKIE_MAX_AGE = 86400"];
    assert_eq!(mistakes.map(complaint).concat(), shown);
}

/// Whoever comes from Django would believe that it works.
#[test]
fn a_setting_that_django_alone_has_is_warned_of() {
    let project = Project::new();
    project.set(&format!("{KEY}PAGE_SIZE = 20\nSECURE_HSTS_SECONDS = 60\n"));
    let output = project.command().arg("check").env("RUST_LOG", "warn").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let warning = "SECURE_HSTS_SECONDS in settings.toml does nothing, Segue has no such setting: let \
                   the proxy send the header `Strict-Transport-Security`";
    assert!(said.contains(warning), "{said}");
    assert!(!said.contains("PAGE_SIZE"), "{said}");

    // A site on another database than the one that was meant would look well at first.
    let complaint = complaint("[DATABASES.default]\nNAME = \"shop\"");
    assert!(
        complaint
            .contains("DATABASES in settings.toml is not a setting; did you mean DATABASE_URL?")
    );
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named() {
    let project = Project::new();
    project.set("SECRET_KEY = \"hunter2\nDEBUG = true\n");
    let complaint = project.fail(&["check"]);
    assert!(complaint.contains("line 1"), "{complaint}");
    assert!(!complaint.contains("hunter2"), "a slip does not show the secret: {complaint}");
    project.set("SESSION_COOKIE_AGE 600");
    let complaint = project.fail(&["check"]);
    assert!(complaint.contains("settings.toml") && complaint.contains("line 1"), "{complaint}");
    fs::remove_file(project.path("settings.toml")).unwrap();
    assert!(project.fail(&["check"]).contains("No such file"));
}

#[test]
fn without_a_secret_key_it_starts_for_development_only() {
    let project = Project::new();
    project.set("DEBUG = false\n");
    let complaint = project.fail(&["check"]);
    assert!(complaint.contains("SECRET_KEY is not set"), "{complaint}");
    assert!(!project.path("secret_key.txt").exists());

    project.set("SECRET_KEY = \"\"\n");
    assert!(project.fail(&["check"]).contains("SECRET_KEY: found something else"));

    project.set("DEBUG = true\n");
    let mut command = project.command();
    let output = command.env("RUST_LOG", "warn").arg("check").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("made one for DEBUG") && log.contains("secret_key.txt"), "{log}");
    let key = fs::read_to_string(project.path("secret_key.txt")).unwrap();
    assert!(!log.contains(key.trim()));
    project.succeed(&["check"]);
    assert_eq!(fs::read_to_string(project.path("secret_key.txt")).unwrap(), key, "it is kept");
}

#[test]
fn the_environment_goes_over_the_file() {
    let project = Project::new();
    project.set(&format!("{KEY}SESSION_COOKIE_NAME = \"fromfile\"\nSESSION_COOKIE_AGE = 100\n"));
    project.succeed(&["migrate"]);
    let mut command = project.command();
    command
        .env("SESSION_COOKIE_AGE", "600")
        .env("SESSION_COOKIE_SECURE", "Yes")
        .env("SESSION_COOKIE_HTTPONLY", "off")
        .env("SESSION_COOKIE_SAMESITE", "false")
        .env("SESSION_COOKIE_PATH", "")
        .env("APPEND_SLASH", "no")
        .env("ALLOWED_HOSTS", "a.example, 127.0.0.1")
        .env("SECRET_KEY_FALLBACKS", "[\"one, with a comma\", \"two\"]");
    let demo = Demo::start(command.args(["runserver", "127.0.0.1:0"]));
    let answer = demo.get("/set/", None);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("fromfile="), "{cookie}");
    assert!(cookie.ends_with("; Max-Age=600; Path=/; Secure"), "{cookie}");
    assert!(!cookie.contains("HttpOnly"), "{cookie}");
    assert_eq!(demo.get("/set", None).status, 404, "without APPEND_SLASH");

    for setting in ["SESSION_COOKIE_AGE", "CSRF_MODE", "USE_X_FORWARDED_HOST"] {
        let output = project.command().env(setting, "soon").arg("check").output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        let expected = format!("{setting}: found \"soon\" in the environment");
        assert!(complaint.contains(&expected), "{complaint}");
    }
}

/// Secure unless it is a developer's machine.
#[test]
fn the_cookie_is_secure_in_production() {
    for (debug, secure) in [(false, true), (true, false)] {
        let project = Project::new();
        project.set(&format!("{KEY}ALLOWED_HOSTS = [\"127.0.0.1\"]\nDEBUG = {debug}\n"));
        let answer = project.serve().get("/set/", None);
        let cookie = answer.header("set-cookie").unwrap();
        assert_eq!(cookie.ends_with("; Secure"), secure, "{cookie}");
    }
}
