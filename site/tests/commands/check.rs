//! `check`: what it finds, how it tells it, and when it fails.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::common::Project;

const KEY: &str = "SECRET_KEY = \"Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1\"\n\
                   ALLOWED_HOSTS = [\"www.example.com\"]\n";

/// A site that nothing can be said against, with these lines more.
fn project(lines: &str) -> Project {
    let project = Project::new();
    project.set(&format!("{KEY}{lines}\n"));
    project.succeed(&["migrate"]);
    fs::set_permissions(project.path(""), fs::Permissions::from_mode(0o700)).unwrap();
    project
}

#[test]
fn each_finding_has_its_setting_its_risk_and_its_mend() {
    let project = project("SESSION_COOKIE_SAMESITE = \"None\"\nLOGIN_FAILURE_LIMIT = 0");
    let text = project.succeed(&["check", "--deploy"]);
    let expected = "warning: SESSION_COOKIE_SAMESITE is \"None\". (segue.W016)\n  risk: browsers send \
                    the cookie with requests that pages of other sites make; the CSRF token alone \
                    stands between those and the visitor's session\n  mend: \
                    SESSION_COOKIE_SAMESITE = \"Lax\", unless other sites show this one in a frame\n";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("warning: LOGIN_FAILURE_LIMIT is 0. (segue.W009)\n  risk: "), "{text}");
    assert!(text.ends_with("2 issues found.\n"), "{text}");
    let text = project.succeed(&["check"]);
    assert!(text.ends_with("No issues found.\n"), "only for production: {text}");
}

#[test]
fn it_fails_where_it_is_told_to() {
    let safe = project("");
    for level in ["ERROR", "WARNING", "warning"] {
        safe.succeed(&["check", "--deploy", "--fail-level", level]);
    }
    let unsafe_one = project("LOGIN_FAILURE_LIMIT = 0");
    unsafe_one.succeed(&["check", "--deploy"]);
    unsafe_one.succeed(&["check", "--deploy", "--fail-level", "ERROR"]);
    unsafe_one.succeed(&["check", "--fail-level", "WARNING"]);
    let output = unsafe_one.run(&["check", "--deploy", "--fail-level", "WARNING"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("segue.W009") && said.ends_with("1 issue found.\n"), "{said}");
    let complaint = String::from_utf8(output.stderr).unwrap();
    let reason = "error: check found an issue that --fail-level does not let pass\n";
    assert_eq!(complaint, reason);
    // As Django's: what is not migrated is no failure by itself.
    fs::remove_file(unsafe_one.path("db.sqlite3")).unwrap();
    assert!(unsafe_one.succeed(&["check"]).contains("segue.W001"));
    assert_eq!(unsafe_one.run(&["check", "--fail-level", "WARNING"]).status.code(), Some(1));
}

#[test]
fn what_is_silenced_is_counted_and_not_told() {
    let project = project(
        "LOGIN_FAILURE_LIMIT = 0\nSESSION_COOKIE_SAMESITE = \"None\"\n\
         SILENCED_SYSTEM_CHECKS = [\"segue.W009\", \"security.W004\"]",
    );
    let text = project.succeed(&["check", "--deploy"]);
    assert!(!text.contains("segue.W009") && text.contains("segue.W016"), "{text}");
    assert!(text.ends_with("1 issue found. (1 silenced)\n"), "{text}");
    let mut command = project.command();
    command.env("SILENCED_SYSTEM_CHECKS", "segue.W009,segue.W016");
    let output = command.args(["check", "--deploy", "--fail-level", "WARNING"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("No issues found. (2 silenced)\n"), "{text}");
}

#[test]
fn a_program_gets_the_same_as_json() {
    let project =
        project("LOGIN_FAILURE_LIMIT = 0\nCACHE_URL = \"redis://127.0.0.1:1?timeout=0.5\"");
    let text = project.succeed(&["check", "--deploy", "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["sessions"], "stored in the database");
    assert_eq!(report["silenced"], 0);
    let answers: Vec<bool> = report["stores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|store| store["answers"].as_bool().unwrap())
        .collect();
    assert_eq!(answers, [true, false]);
    let findings = report["findings"].as_array().unwrap();
    let ids: Vec<&Value> = findings.iter().map(|finding| &finding["id"]).collect();
    assert_eq!(ids, [&json!("segue.W009"), &json!("segue.W005")]);
    for finding in findings {
        let mut names: Vec<&String> = finding.as_object().unwrap().keys().collect();
        names.sort_unstable();
        assert_eq!(names, ["id", "level", "mend", "message", "risk", "setting"]);
        assert_eq!(finding["level"], "warning");
    }
    assert_eq!(findings[0]["setting"], "LOGIN_FAILURE_LIMIT");
}

/// What another user of the machine can read, as the files lie there.
#[test]
fn files_that_are_open_to_others_are_found() {
    let project = project("");
    let deploy = || project.succeed(&["check", "--deploy"]);
    assert!(deploy().ends_with("No issues found.\n"), "nobody gets into the folder: {}", deploy());
    let mode = |name: &str, mode| {
        fs::set_permissions(project.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    mode("settings.toml", 0o644);
    mode("db.sqlite3", 0o644);
    let text = deploy();
    assert!(text.contains("settings.toml, which holds SECRET_KEY. (segue.W019)"), "{text}");
    assert!(text.contains("db.sqlite3. (segue.W020)"), "{text}");
    assert!(!text.contains("Zk3v9"), "{text}");
    mode("settings.toml", 0o600);
    mode("db.sqlite3", 0o600);
    assert!(deploy().ends_with("No issues found.\n"), "{}", deploy());
}

/// A developer's key that went into production with the folder.
#[test]
fn the_key_made_for_debug_is_found_in_production() {
    let project = Project::new();
    project.set("DEBUG = true\nALLOWED_HOSTS = [\"www.example.com\"]\n");
    project.succeed(&["migrate"]);
    let key = fs::read_to_string(project.path("secret_key.txt")).unwrap();
    let mut command = project.command();
    command.env("DEBUG", "false").env("SECRET_KEY", key.trim());
    let output = command.args(["check", "--deploy"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("(segue.W021)") && !text.contains(key.trim()), "{text}");
    let text = project.succeed(&["check", "--deploy"]);
    assert!(!text.contains("segue.W021") && text.contains("security.W018"), "{text}");
}
