//! A Django on the database of a project with migrations of its own: it is not confused by them, nor
//! they by it.

use segue::database::{Database, History, Migrator, Target};
use segue::{App, SqlMigration};

use crate::place::Place;
use crate::schema::{APPS, django};

const MIGRATIONS: &[SqlMigration] = &[
    SqlMigration::new(
        "0001_marks",
        "-- migrate:up\nCREATE TABLE student_mark (student_id integer REFERENCES auth_user (id));\n\
         -- migrate:down\nDROP TABLE student_mark;\n",
    ),
    SqlMigration::new("0002_nothing", "-- migrate:up\n-- migrate:down\n"),
];

const INSTALLED_APPS: &[App] = &[App::new("student", MIGRATIONS)];

async fn bring(database: &Database, target: Target<'_>) -> Vec<String> {
    let migrator = Migrator::new(INSTALLED_APPS).unwrap();
    let done = migrator.migrate(database, target, &|_| ()).await.unwrap();
    done.iter().map(|(step, _)| step.to_string()).collect()
}

async fn unapplied(database: &Database) -> usize {
    let history = History::read(database).await.unwrap();
    let migrator = Migrator::new(INSTALLED_APPS).unwrap();
    assert_eq!(history.unknown(&migrator), [""; 0]);
    migrator.unapplied(&history).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_is_confused_by_the_other() {
    let file = Place::empty().await;
    let mut places = vec![(file.path().to_str().unwrap().to_owned(), file.database.clone())];
    for base in [servers::shared::postgres(), servers::shared::mariadb()] {
        let url = servers::fresh_database(base).unwrap();
        places.push((url.clone(), Database::from_url(&url).await.unwrap()));
    }
    for (name, database) in places {
        // With its admin, which records migrations that we do not know.
        let apps = [&APPS[..], &["admin", "messages"]].concat();
        let mut django = django(&name, &apps);
        let ours = ["Applying student.0001_marks", "Applying student.0002_nothing"];
        assert_eq!(bring(&database, Target::All).await[15..], ours, "{name}");

        let done = django.manage(&["migrate"]);
        assert!(
            done.contains("Apply all migrations: admin, auth, contenttypes, sessions\n"),
            "{done}"
        );
        assert!(done.contains("Applying admin.0001_initial... OK"), "{done}");
        assert!(!done.contains("student"), "{done}");
        // These end with an error when something is left to do.
        django.manage(&["migrate", "--check"]);
        django.manage(&["makemigrations", "--check", "--dry-run"]);
        let shown = django.manage(&["showmigrations"]);
        assert!(!shown.contains("[ ]") && !shown.contains("student"), "{shown}");
        assert_eq!(unapplied(&database).await, 0, "{name}");
        assert_eq!(bring(&database, Target::All).await, [""; 0], "{name}");

        // Back and forth on either side.
        django.manage(&["migrate", "sessions", "zero"]);
        assert_eq!(unapplied(&database).await, 1, "{name}");
        let undone = bring(&database, Target::new(Some("student"), Some("0001"))).await;
        assert_eq!(undone, ["Unapplying student.0002_nothing"], "{name}");
        let done = bring(&database, Target::All).await;
        assert_eq!(done, ["Applying sessions.0001_initial", "Applying student.0002_nothing"]);
        let done = django.manage(&["migrate"]);
        assert!(done.contains("No migrations to apply."), "{done}");
        let undone = bring(&database, Target::Zero("student")).await;
        assert_eq!(undone, ["Unapplying student.0002_nothing", "Unapplying student.0001_marks"]);
        django.manage(&["migrate", "--check"]);
    }
}
