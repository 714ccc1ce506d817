//! The migrations of a project's own apps: in their order, forwards and backwards, each recorded.

use segue::database::{
    Applied, Database, History, MigrationError, MigrationErrorKind, Migrator, Progress, Target,
};
use segue::{App, SqlMigration};

use crate::common::databases::{self, Place};
use crate::{MIGRATIONS, count, recorded, tables};

/// An app with these migrations: names, and what stands in their files.
pub fn app(name: &str, migrations: &[(&str, &str)]) -> App {
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let migrations =
        migrations.iter().map(|(name, text)| SqlMigration::new(leak(name), leak(text)));
    App::new(leak(name), Box::leak(migrations.collect::<Box<[_]>>()))
}

/// What these apps, and Django's, bring to a database.
pub fn migrator(apps: &[App]) -> Migrator {
    Migrator::new(apps).unwrap()
}

/// Brings a database to a target; each step in words, without those of Django's apps.
pub async fn bring(
    place: &Place,
    migrator: &Migrator,
    target: Target<'_>,
) -> Result<Vec<String>, MigrationError> {
    let database = Database::from_url(&place.url).await.unwrap();
    let done = migrator.migrate(&database, target, &|_| ()).await;
    database.close().await;
    let is_ours = |name: &String| !MIGRATIONS.iter().any(|djangos| name.ends_with(djangos));
    Ok(done?.iter().map(|(step, _)| step.to_string()).filter(is_ours).collect())
}

/// What `django_migrations` holds of the project's apps.
pub async fn ours(place: &Place) -> Vec<String> {
    let rows = recorded(place).await;
    rows.into_iter().filter(|row| !MIGRATIONS.contains(&row.as_str())).collect()
}

async fn has_table(place: &Place, name: &str) -> bool {
    tables(place).await.iter().any(|table| table == name)
}

const MARKS: &str = "-- migrate:up\nCREATE TABLE marks (student integer NOT NULL, mark integer);\n\
                     -- migrate:down\nDROP TABLE marks;\n";
const FIRST: &str = "-- migrate:up\nINSERT INTO marks VALUES (1, 5);\nINSERT INTO marks VALUES (2, 4)\n\
                     -- migrate:down\nDELETE FROM marks WHERE student < 3;\n";
const BOOKS: &str = "-- migrate:up\nCREATE TABLE books (lender integer REFERENCES auth_user (id));\n\
                     -- migrate:down\nDROP TABLE books;\n";

fn school() -> [App; 2] {
    [
        app("student", &[("0001_marks", MARKS), ("0002_first", FIRST)]),
        app("library", &[("0001_books", BOOKS)]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn they_follow_djangos_in_the_order_of_the_apps() {
    for place in databases::all() {
        let migrator = migrator(&school());
        let database = Database::from_url(&place.url).await.unwrap();
        let done = migrator.migrate(&database, Target::All, &|_| ()).await.unwrap();
        assert!(done.iter().all(|(step, how)| !step.backwards && *how == Applied::Made));
        let all: Vec<String> = MIGRATIONS
            .iter()
            .copied()
            .chain(["student.0001_marks", "student.0002_first", "library.0001_books"])
            .map(str::to_owned)
            .collect();
        let names: Vec<String> = done.iter().map(|(step, _)| step.migration.to_string()).collect();
        assert_eq!(names, all, "{place:?}");
        let known: Vec<String> = migrator.migrations().map(|of| of.to_string()).collect();
        assert_eq!(known, all);
        assert_eq!(recorded(&place).await, all, "{place:?}");
        assert_eq!(count(&place, "marks").await, 2, "{place:?}");
        assert!(has_table(&place, "books").await, "{place:?}");
        assert!(migrator.migrate(&database, Target::All, &|_| ()).await.unwrap().is_empty());
        let history = History::read(&database).await.unwrap();
        assert!(migrator.unapplied(&history).is_empty(), "{place:?}");
        assert_eq!(history.unknown(&migrator), [""; 0], "{place:?}");
    }
}

/// A table of the project's may refer to Django's.
#[tokio::test(flavor = "multi_thread")]
async fn one_app_brings_djangos_and_no_other() {
    for place in databases::all() {
        let migrator = migrator(&school());
        let done = bring(&place, &migrator, Target::App("library")).await.unwrap();
        assert_eq!(done, ["Applying library.0001_books"], "{place:?}");
        assert_eq!(recorded(&place).await.len(), MIGRATIONS.len() + 1, "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_undone_from_the_last() {
    for place in databases::all() {
        let migrator = migrator(&school());
        bring(&place, &migrator, Target::All).await.unwrap();
        let first = Target::new(Some("student"), Some("0001"));
        let done = bring(&place, &migrator, first).await.unwrap();
        assert_eq!(done, ["Unapplying student.0002_first"], "{place:?}");
        assert_eq!(count(&place, "marks").await, 0, "{place:?}");
        assert_eq!(ours(&place).await, ["student.0001_marks", "library.0001_books"]);
        assert_eq!(bring(&place, &migrator, first).await.unwrap(), [""; 0], "it is there");

        let second = Target::new(Some("student"), Some("0002_first"));
        let done = bring(&place, &migrator, second).await.unwrap();
        assert_eq!(done, ["Applying student.0002_first"], "{place:?}");
        assert_eq!(count(&place, "marks").await, 2, "{place:?}");

        let done = bring(&place, &migrator, Target::Zero("student")).await.unwrap();
        assert_eq!(done, ["Unapplying student.0002_first", "Unapplying student.0001_marks"]);
        assert!(!has_table(&place, "marks").await, "{place:?}");
        assert_eq!(ours(&place).await, ["library.0001_books"], "{place:?}");
        assert_eq!(recorded(&place).await.len(), MIGRATIONS.len() + 1, "Django's are as they were");
        assert_eq!(bring(&place, &migrator, Target::Zero("student")).await.unwrap(), [""; 0]);
    }
}

/// To undo in a database that has nothing makes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_undone_where_nothing_is() {
    for place in databases::all() {
        let migrator = migrator(&school());
        assert_eq!(bring(&place, &migrator, Target::Zero("student")).await.unwrap(), [""; 0]);
        assert_eq!(tables(&place).await, [""; 0], "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_database_runs_its_own_part() {
    let text = "-- migrate:up\nCREATE TABLE which (name varchar(9)); INSERT INTO which VALUES ('all');\n\
                -- migrate:up postgres\nCREATE TABLE which (name text); INSERT INTO which VALUES ('p');\n\
                -- migrate:up mysql\nCREATE TABLE which (name text); INSERT INTO which VALUES ('m');\n\
                -- migrate:down sqlite mysql\nDROP TABLE which;\n\
                -- migrate:down postgres\n-- It stays.\n";
    for (place, name) in
        [(databases::sqlite(), "all"), (databases::postgres(), "p"), (databases::mariadb(), "m")]
    {
        let migrator = migrator(&[app("student", &[("0001_which", text)])]);
        bring(&place, &migrator, Target::All).await.unwrap();
        assert_eq!(place.rows("SELECT name FROM which").await, [[name]], "{place:?}");
        let done = bring(&place, &migrator, Target::Zero("student")).await.unwrap();
        assert_eq!(done, ["Unapplying student.0001_which"], "{place:?}");
        assert_eq!(has_table(&place, "which").await, name == "p", "an empty part undoes nothing");
        assert_eq!(ours(&place).await, [""; 0], "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said_before_anything_is() {
    let other = |place: &Place| if place.url.starts_with("sqlite") { "postgres" } else { "sqlite" };
    for place in databases::all() {
        let text = format!("-- migrate:up {}\nCREATE TABLE a (id integer);\n", other(&place));
        let good =
            app("good", &[("0001_good", "-- migrate:up\nCREATE TABLE good (id integer);\n")]);
        let broken = migrator(&[good, app("student", &[("0001_a", text.as_str())])]);
        let error = bring(&place, &broken, Target::All).await.unwrap_err();
        assert_eq!(error.kind(), MigrationErrorKind::Refused);
        let scheme = place.url.split(':').next().unwrap();
        let said = format!(
            "student.0001_a says nothing for {scheme}: add a part `-- migrate:up {scheme}` to \
             student/migrations/0001_a.sql, or one for all databases, `-- migrate:up`"
        );
        assert_eq!(error.to_string(), said);
        assert_eq!(tables(&place).await, [""; 0], "{place:?}");

        // The second can be undone and the first cannot.
        let up = "-- migrate:up\nCREATE TABLE b (id integer);\n";
        let down = format!("{up}-- migrate:down {}\nDROP TABLE b;\n", other(&place));
        let both = "-- migrate:up\n-- migrate:down\nCREATE TABLE undone (id integer);\n";
        let migrator = migrator(&[app("student", &[("0001_b", down.as_str()), ("0002_c", both)])]);
        bring(&place, &migrator, Target::All).await.unwrap();
        let error = bring(&place, &migrator, Target::Zero("student")).await.unwrap_err();
        assert_eq!(error.kind(), MigrationErrorKind::Irreversible, "{error}");
        let said = "student.0001_b cannot be undone: student/migrations/0001_b.sql has no part";
        assert!(error.to_string().starts_with(said), "{error}");
        assert_eq!(ours(&place).await, ["student.0001_b", "student.0002_c"], "{place:?}");
        assert!(!has_table(&place, "undone").await, "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_may_be_cut_short_as_long_as_they_are_one() {
    let place = databases::sqlite();
    let empty = "-- migrate:up\n-- migrate:down\n";
    let app = app("student", &[("0001_a", empty), ("0010_b", empty), ("0011_c", empty)]);
    let migrator = migrator(&[app]);
    let find = |app, name| {
        let found = migrator.find(app, name).map(|migration| migration.to_string());
        found.map_err(|error| {
            assert_eq!(error.kind(), MigrationErrorKind::Unknown);
            error.to_string()
        })
    };
    assert_eq!(find("student", "0010").unwrap(), "student.0010_b");
    assert_eq!(find("student", "0011_c").unwrap(), "student.0011_c");
    assert_eq!(find("auth", "0005").unwrap(), "auth.0005_alter_user_last_login_null");
    let several =
        "More than one migration matches '001' in app 'student'. Please be more specific.";
    assert_eq!(find("student", "001").unwrap_err(), several);
    assert!(find("student", "").is_err(), "no name is every name");
    let none = "Cannot find a migration matching '0002' from app 'student'.";
    assert_eq!(find("student", "0002").unwrap_err(), none);
    assert_eq!(find("teacher", "0001").unwrap_err(), "No installed app with label 'teacher'.");

    for (target, kind) in [
        (Target::App("teacher"), MigrationErrorKind::Unknown),
        (Target::Zero("teacher"), MigrationErrorKind::Unknown),
        (Target::new(Some("student"), Some("00")), MigrationErrorKind::Unknown),
        (Target::new(Some("student"), Some("0002")), MigrationErrorKind::Unknown),
    ] {
        let error = bring(&place, &migrator, target).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{target:?}: {error}");
    }
    assert_eq!(tables(&place).await, [""; 0], "nothing was made");
    let done = bring(&place, &migrator, Target::new(Some("student"), Some("0010"))).await.unwrap();
    assert_eq!(done, ["Applying student.0001_a", "Applying student.0010_b"]);
}

/// Their tables are made in one step, and nobody loses them by a slip of the pen.
#[tokio::test(flavor = "multi_thread")]
async fn djangos_apps_are_not_taken_back() {
    for place in databases::all() {
        let migrator = migrator(&[]);
        let done = bring(&place, &migrator, Target::App("auth")).await.unwrap();
        assert_eq!(done, [""; 0]);
        let needed: Vec<&str> =
            MIGRATIONS.into_iter().filter(|name| !name.starts_with("sessions")).collect();
        assert_eq!(recorded(&place).await, needed, "auth refers to contenttypes: {place:?}");
        let last = Target::new(Some("auth"), Some("0012"));
        bring(&place, &migrator, last).await.unwrap();
        bring(&place, &migrator, Target::App("sessions")).await.unwrap();
        for (app, name) in [("sessions", "zero"), ("auth", "0005"), ("contenttypes", "0001")] {
            let target = Target::new(Some(app), Some(name));
            let error = bring(&place, &migrator, target).await.unwrap_err();
            assert_eq!(error.kind(), MigrationErrorKind::Refused, "{error}");
            let said = format!("`python manage.py migrate {app} {name}`");
            assert!(error.to_string().contains(&said), "{error}");
        }
        assert_eq!(recorded(&place).await, MIGRATIONS, "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_with_a_gap_is_refused() {
    for place in databases::all() {
        let migrator = migrator(&school());
        bring(&place, &migrator, Target::All).await.unwrap();
        place.run("DELETE FROM django_migrations WHERE name = '0001_marks'").await;
        for target in [Target::All, Target::App("library"), Target::Zero("student")] {
            let error = bring(&place, &migrator, target).await.unwrap_err();
            assert_eq!(error.kind(), MigrationErrorKind::Inconsistent, "{error}");
            let said = "student.0002_first is applied and student.0001_marks before it is not.";
            assert!(error.to_string().starts_with(said), "{error}");
        }
        // What the error says is what helps.
        let error = bring(&place, &migrator, Target::All).await.unwrap_err().to_string();
        let insert = error.split_once("INSERT INTO").map(|(_, rest)| format!("INSERT INTO{rest}"));
        place.run(&insert.unwrap()).await;
        assert_eq!(bring(&place, &migrator, Target::All).await.unwrap(), [""; 0], "{place:?}");
    }
}

/// A newer release was here, or a file was renamed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_and_unknown_is_left_alone() {
    for place in databases::all() {
        let newer = "-- migrate:up\nCREATE TABLE newer (id integer);\n";
        let [student, library] = school();
        let more = [("0001_marks", MARKS), ("0002_first", FIRST), ("0003_newer", newer)];
        let newer = migrator(&[app("student", &more), library]);
        bring(&place, &newer, Target::All).await.unwrap();
        let before = recorded(&place).await;
        let older = migrator(&[student]);
        assert_eq!(bring(&place, &older, Target::All).await.unwrap(), [""; 0], "{place:?}");
        assert_eq!(recorded(&place).await, before, "{place:?}");
        let database = Database::from_url(&place.url).await.unwrap();
        let history = History::read(&database).await.unwrap();
        assert_eq!(history.unknown(&older), ["student.0003_newer"], "and nothing of other apps");
        assert_eq!(history.unknown(&newer), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_by_hand_is_recorded() {
    for place in databases::all() {
        let migrator = migrator(&school());
        let database = Database::from_url(&place.url).await.unwrap();
        let first = Target::new(Some("student"), Some("0001"));
        bring(&place, &migrator, Target::App("sessions")).await.unwrap();
        let done = migrator.fake(&database, first, &|_| ()).await.unwrap();
        assert!(done.iter().all(|(_, how)| *how == Applied::Faked), "{done:?}");
        assert_eq!(ours(&place).await, ["student.0001_marks"], "{place:?}");
        assert!(!has_table(&place, "marks").await, "{place:?}");
        assert!(!has_table(&place, "auth_user").await, "Django's are recorded as well: {place:?}");
        assert_eq!(recorded(&place).await.len(), MIGRATIONS.len() + 1, "{place:?}");

        let zero = Target::Zero("student");
        let done = migrator.fake(&database, zero, &|_| ()).await.unwrap();
        assert_eq!(done.len(), 1);
        assert_eq!(ours(&place).await, [""; 0], "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_as_it_happens() {
    let place = databases::sqlite();
    let migrator = migrator(&school());
    bring(&place, &migrator, Target::App("sessions")).await.unwrap();
    bring(&place, &migrator, Target::App("auth")).await.unwrap();
    let told = std::sync::Mutex::new(Vec::new());
    let database = Database::from_url(&place.url).await.unwrap();
    let listen = |progress| told.lock().unwrap().push(progress);
    let done = migrator.migrate(&database, Target::All, &listen).await.unwrap();
    let expected: Vec<Progress> = done
        .iter()
        .flat_map(|(step, how)| [Progress::Started(*step), Progress::Done(*step, *how)])
        .collect();
    assert_eq!(*told.lock().unwrap(), expected);
    assert_eq!(done.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_what_is_done() {
    let place = databases::sqlite();
    let migrator = migrator(&school());
    let zero = migrator.plan(&History::default(), Target::Zero("student")).unwrap();
    assert!(zero.is_empty(), "nothing is applied to a database that is not there");
    let database = Database::from_url(&place.url).await.unwrap();
    for target in [
        Target::App("contenttypes"),
        Target::App("auth"),
        Target::App("library"),
        Target::All,
        Target::new(Some("student"), Some("0001")),
        Target::Zero("student"),
        Target::new(Some("student"), Some("0001")),
        Target::All,
        Target::All,
    ] {
        let plan = migrator.plan(&History::read(&database).await.unwrap(), target).unwrap();
        let done = migrator.migrate(&database, target, &|_| ()).await.unwrap();
        let done: Vec<_> = done.into_iter().map(|(step, _)| step).collect();
        assert_eq!(done, plan, "{target:?}");
    }
}
