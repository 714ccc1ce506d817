//! What is asked before anything is deleted, and where nobody can be asked.

use super::{Place, hours};

#[test]
fn a_person_is_asked_first() {
    let place = Place::sqlite();
    place.user("ada", "x");
    let key = place.plant(r#"{"_auth_user_id":"1"}"#, hours(1));
    let seen = place.project.at_a_terminal("sessions delete --user ada", &["n"]);
    assert!(seen.success(), "{seen:?}");
    let question = "Delete 1 session of user \"ada\" (id 1)? [y/N]: ";
    assert!(seen.text.contains(question), "{seen:?}");
    assert!(seen.text.contains("Nothing was deleted.") && place.is_live(&key), "{seen:?}");
    let seen = place.project.at_a_terminal("sessions delete --user ada", &[""]);
    assert!(seen.text.contains("Nothing was deleted.") && place.is_live(&key), "{seen:?}");

    let arguments = format!("sessions delete {}", &key.expose()[..9]);
    let seen = place.project.at_a_terminal(&arguments, &["y"]);
    assert!(seen.success() && seen.text.contains("Delete 1 session? [y/N]: "), "{seen:?}");
    assert!(seen.text.contains("Deleted 1 session.") && !place.is_live(&key), "{seen:?}");
    let seen = place.project.at_a_terminal("sessions delete --all", &[]);
    assert!(seen.success() && seen.text.contains("No sessions to delete."), "{seen:?}");
}

#[test]
fn what_is_meant_must_be_said() {
    let project = &Place::sqlite().project;
    let output = project.run(&["sessions", "delete", "--yes"]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("error: which sessions?"), "{complaint}");
    for arguments in [
        &["abcdefgh", "--all"][..],
        &["abcdefgh", "--expired"],
        &["--all", "--user", "ada"],
        &["--expired", "--active"],
        &["--older-than", "5"],
        &["--expires-before", "soon"],
    ] {
        let output = project.run(&[&["sessions", "delete", "--yes"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

/// A database that is not there is not made, and the one that was meant is named.
#[test]
fn a_database_that_is_not_there_stays_so() {
    let place = Place::sqlite();
    let url = format!("sqlite://{}", place.project.path("typo.sqlite3").display());
    for command in [&["sessions", "list"][..], &["sessions", "stats"], &["clearsessions"]] {
        let complaint = place.project.fail(&[command, &["--database-url", &url]].concat());
        assert!(complaint.contains("typo.sqlite3"), "{complaint}");
        assert!(complaint.contains("run `migrate` first, or name another"), "{complaint}");
    }
    assert!(!place.project.path("typo.sqlite3").exists());
}
