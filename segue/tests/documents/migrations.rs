//! The migrations that are shown work.

use segue::database::{Database, Migrator, Target};
use segue::{App, SqlMigration};

use crate::blocks::{in_language, root};
use crate::common::databases;

/// What a file of migrations that is shown has in its first line.
pub const PLACE: &str = "-- src/student/migrations/";

/// Each is a whole file, and is applied and undone on every database.
#[tokio::test(flavor = "multi_thread")]
async fn each_is_applied_and_undone_on_every_database() {
    let mut files = Vec::new();
    for block in in_language("sql").into_iter().filter(|block| block.text.starts_with(PLACE)) {
        let text: &'static str = block.text.leak();
        let name = text.lines().next().unwrap().strip_prefix(PLACE).unwrap();
        files.push(SqlMigration::new(name.strip_suffix(".sql").unwrap(), text));
    }
    assert_eq!(files.len(), 4, "the blocks are found");
    let migrator = Migrator::new(&[App::new("student", files.leak())]).unwrap();
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        let done = migrator.migrate(&database, Target::All, &|_| ()).await.unwrap();
        assert_eq!(done[done.len() - 4].0.to_string(), "Applying student.0001_add_marks");
        let done = migrator.migrate(&database, Target::Zero("student"), &|_| ()).await.unwrap();
        assert_eq!(done.len(), 4, "{place:?}");
        migrator.migrate(&database, Target::App("student"), &|_| ()).await.unwrap();
    }
}

/// In docs/migrations.md: the list is that of the first file, and the app is one that is compiled.
#[test]
fn the_list_and_the_app_are_what_the_commands_write() {
    let [list, app] = &in_language("rs")[..] else { panic!("the blocks are found") };
    let list = &list.text;
    assert!(list.contains("segue::migrations! {\n    \"0001_add_marks\",\n};\n"), "{list}");
    let school = std::fs::read_to_string(root().join("site/school/src/student.rs")).unwrap();
    for text in [&app.text, &school] {
        assert!(text.contains("App::new(\"student\", migrations::MIGRATIONS);"), "{text}");
    }
}
