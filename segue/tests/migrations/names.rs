//! Apps and migrations that are not as they must be are found before anything is done.

use segue::database::{MigrationErrorKind, Migrator, Step, Target};
use segue::settings::DatabaseUrl;

use crate::apps::{app, migrator};

const EMPTY: &str = "-- migrate:up\n";

fn refusal(apps: &[segue::App]) -> String {
    let error = Migrator::new(apps).unwrap_err();
    assert_eq!(error.kind(), MigrationErrorKind::Invalid, "{error}");
    error.to_string()
}

#[test]
fn an_app_needs_a_name_of_its_own() {
    for name in ["auth", "contenttypes", "sessions", "", "a-b", "1a", "é"] {
        let said = refusal(&[app(name, &[])]);
        assert!(said.starts_with(&format!("an app cannot be called {name:?}: ")), "{said}");
    }
    assert_eq!(
        refusal(&[app("student", &[]), app("library", &[]), app("student", &[])]),
        "two apps are called student: give one another name"
    );
}

#[test]
fn migrations_have_numbers_of_their_own_and_stand_in_their_order() {
    for name in ["initial", "1_initial", "0001", "0001-initial", "0001_", "../0001_a"] {
        let said = refusal(&[app("student", &[(name, EMPTY)])]);
        let start = format!("a migration of student cannot be called {name:?}: ");
        assert!(said.starts_with(&start), "{said}");
    }
    assert_eq!(
        refusal(&[app("student", &[("0001_a", EMPTY), ("0002_a", EMPTY), ("00002_b", EMPTY)])]),
        "student has two migrations with the number 0002, 0002_a and 00002_b: give the file of one of \
         them, which is not applied anywhere yet, another number"
    );
    let said = refusal(&[app("student", &[("0002_a", EMPTY), ("0001_b", EMPTY)])]);
    assert!(said.contains("0001_b stands too late"), "{said}");
    // By their numbers, not by the alphabet.
    migrator(&[app("student", &[("9999_a", EMPTY), ("10000_b", EMPTY)])]);
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_line() {
    let said =
        refusal(&[app("student", &[("0001_a", EMPTY), ("0002_b", "-- migrate:up sqlit\n")])]);
    assert!(said.starts_with("student/migrations/0002_b.sql, line 1: \"sqlit\" in "), "{said}");
}

/// Nobody connects to these servers, which are not there.
#[test]
fn the_statements_can_be_read() {
    let text = "-- Marks.\n-- migrate:up\n-- The table.\nCREATE TABLE marks (id integer) -- for all\n\n\
                -- migrate:up mysql\nCREATE TABLE marks (id int);\n\
                -- migrate:down transaction:false\nDROP TABLE marks;\n";
    let migrator = migrator(&[app("student", &[("0001_marks", text), ("0002_empty", EMPTY)])]);
    let plan = migrator.plan(&segue::database::History::default(), Target::App("student")).unwrap();
    let (marks, empty) = (plan[plan.len() - 2], plan[plan.len() - 1]);
    let mut undone = marks;
    undone.backwards = true;
    let sql = |scheme: &str, step: Step| {
        let url = DatabaseUrl::parse(&format!("{scheme}://u:p@nowhere.invalid/d"), "".as_ref());
        let url = url.unwrap_or_else(|_| DatabaseUrl::default_in("/nowhere".as_ref()));
        migrator.sql(&url, step).map(|sql| sql.to_string()).map_err(|error| error.kind())
    };
    let one = "BEGIN;\n-- The table.\nCREATE TABLE marks (id integer) -- for all\n;\nCOMMIT;\n";
    assert_eq!(sql("sqlite", marks).unwrap(), one);
    assert_eq!(sql("postgres", marks).unwrap(), one);
    assert_eq!(sql("mysql", marks).unwrap(), "CREATE TABLE marks (id int);\n");
    assert_eq!(sql("postgres", undone).unwrap(), "DROP TABLE marks;\n", "without a transaction");
    assert_eq!(sql("sqlite", empty).unwrap(), "");
    undone.migration = empty.migration;
    assert_eq!(sql("sqlite", undone), Err(MigrationErrorKind::Irreversible));
    let mut djangos = plan[0];
    assert!(
        sql("postgres", djangos)
            .unwrap()
            .starts_with("BEGIN;\nCREATE TABLE \"django_content_type\"")
    );
    assert!(!sql("mysql", djangos).unwrap().contains("BEGIN"));
    djangos.backwards = true;
    assert_eq!(sql("postgres", djangos), Err(MigrationErrorKind::Refused));
}
