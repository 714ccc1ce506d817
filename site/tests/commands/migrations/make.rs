//! `makemigrations`, among the sources of a project.

use std::fs;
use std::process::Command;

use super::School;

/// What stands in a file of the project.
fn read(school: &School, name: &str) -> String {
    fs::read_to_string(school.path(name)).unwrap()
}

/// The names in the list of an app, which is as rustfmt leaves it.
fn listed(school: &School, app: &str) -> Vec<String> {
    let list = format!("src/{app}/migrations.rs");
    let mut command = Command::new("rustfmt");
    let format = command.args(["--check", "--edition", "2024"]).arg(school.path(&list));
    let output = format.output().expect("rustfmt comes with cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text = read(school, &list);
    let (start, names) = text.split_once("pub const MIGRATIONS: segue::Migrations = ").unwrap();
    assert_eq!(
        start,
        "//! The migrations of this app, in their order: `makemigrations` keeps this list.\n\n\
         /// What `migrate` applies after Django's own.\n"
    );
    names.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

const NAMES: [&str; 3] = ["0001_marks", "0002_first_marks", "0003_index"];

#[test]
fn without_models_nothing_changes() {
    let school = School::new();
    // It needs no settings, so it does not mind what they are.
    fs::write(school.path("settings.toml"), "DEBUG = 'perhaps'\n").unwrap();
    for (arguments, text) in [
        (&["makemigrations"][..], "No changes detected\n"),
        (&["makemigrations", "student"], "No changes detected in app 'student'\n"),
        (&["makemigrations", "auth", "student"], "No changes detected in apps 'auth', 'student'\n"),
        (&["makemigrations", "--check"], "No changes detected\n"),
        (&["makemigrations", "--dry-run", "library"], "No changes detected in app 'library'\n"),
    ] {
        assert_eq!(school.succeed(arguments), text);
    }
    assert_eq!(listed(&school, "student"), NAMES);
    assert!(!school.path("db.sqlite3").exists());
    assert!(school.fail(&["migrate"]).contains("DEBUG"), "others need settings");
}

#[test]
fn a_new_migration_is_begun() {
    let school = School::new();
    let text = school.succeed(&["makemigrations", "student", "--empty", "--name", "add_teachers"]);
    let file = "src/student/migrations/0004_add_teachers.sql";
    assert_eq!(text, format!("Migrations for 'student':\n  {file}\n"));
    let text = read(&school, file);
    assert!(text.contains("\n-- migrate:up\n") && !text.contains("\n-- migrate:down"), "{text}");
    assert_eq!(listed(&school, "student")[2..], ["0003_index", "0004_add_teachers"]);

    // The first of an app, where there was no folder; and without a name.
    let text = school.succeed(&["makemigrations", "library", "student", "--empty"]);
    let (library, student) = text.split_once("Migrations for 'student':\n").unwrap();
    assert_eq!(library, "Migrations for 'library':\n  src/library/migrations/0001_initial.sql\n");
    let name = student.trim().strip_prefix("src/student/migrations/").unwrap();
    let time = name.strip_prefix("0005_auto_").unwrap().strip_suffix(".sql").unwrap();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "00000000_0000");
    assert_eq!(listed(&school, "library"), ["0001_initial"]);
    assert_eq!(listed(&school, "student").len(), 5);
    assert_eq!(
        school.succeed(&["makemigrations"]),
        "No changes detected\n",
        "all of them are listed"
    );
}

/// Compiled is the list, so what is not in it would be forgotten.
#[test]
fn files_that_were_written_by_hand_are_listed() {
    let school = School::new();
    let file = "src/student/migrations/0010_by_hand.sql";
    fs::write(school.path(file), "-- migrate:up\nSELECT 1;\n").unwrap();
    for name in [".0011_swap.sql", "README.md", "0012_x.sql.orig"] {
        fs::write(school.path("src/student/migrations").join(name), "nothing\n").unwrap();
    }
    let text = format!("Migrations for 'student':\n  {file}\n");
    assert_eq!(school.succeed(&["makemigrations", "--dry-run"]), text);
    let said = school.run(&["makemigrations", "--check"]);
    assert!(!said.succeeded && said.text == text, "{said:?}");
    assert_eq!(
        said.complaint,
        "error: src/student/migrations.rs: not the list of what is there; run `makemigrations`\n"
    );
    assert_eq!(listed(&school, "student"), NAMES, "nothing was written");
    assert_eq!(
        school.succeed(&["makemigrations", "library"]),
        "No changes detected in app 'library'\n"
    );
    assert_eq!(school.succeed(&["makemigrations"]), text);
    assert_eq!(listed(&school, "student")[3..], ["0010_by_hand"]);
    school.succeed(&["makemigrations", "--check"]);

    fs::remove_file(school.path(file)).unwrap();
    let text = school.succeed(&["makemigrations"]);
    assert_eq!(text, format!("Migrations for 'student':\n  {file} is not there any more\n"));
    assert_eq!(listed(&school, "student"), NAMES);
}

/// As with Django's, of which `--check` is only to look.
#[test]
fn what_would_be_begun_is_shown() {
    let school = School::new();
    let text = "Migrations for 'student':\n  src/student/migrations/0004_more.sql\n";
    for option in ["--dry-run", "--check"] {
        let arguments = ["makemigrations", "student", "--empty", "-n", "more", option];
        assert_eq!(school.succeed(&arguments), text);
    }
    assert!(!school.path("src/student/migrations/0004_more.sql").exists());
    assert_eq!(listed(&school, "student"), NAMES);
}

#[test]
fn mistakes_are_found_before_anything_is_written() {
    let school = School::new();
    for (arguments, complaint) in [
        (&["--empty"][..], "You must supply at least one app label when using --empty."),
        (&["teacher"], "No installed app with label 'teacher'."),
        (&["--empty", "auth"], "auth is an app of Django's: so are its migrations"),
        (
            &["student", "--empty", "--name", "add-marks"],
            "a migration cannot be called \"add-marks\": ASCII letters, digits and underscores, and no \
             digit at the beginning; its number is given to it",
        ),
    ] {
        let arguments = [&["makemigrations"], arguments].concat();
        assert_eq!(school.fail(&arguments), format!("error: {complaint}\n"), "{arguments:?}");
    }
    for (name, text, complaint) in [
        (
            "0004_a",
            "-- migrate:up sqlit\n",
            "src/student/migrations/0004_a.sql, line 1: \"sqlit\" in",
        ),
        ("0004_a", "SELECT 1;\n", "src/student/migrations/0004_a.sql, line 1: a statement before"),
        (
            "0003_b",
            "-- migrate:up\n",
            "student has two migrations with the number 0003, 0003_b and",
        ),
        ("marks", "-- migrate:up\n", "src/student/migrations/marks.sql: a migration is named by a"),
    ] {
        let file = school.path(&format!("src/student/migrations/{name}.sql"));
        fs::write(&file, text).unwrap();
        for arguments in [&["makemigrations"][..], &["makemigrations", "student", "--empty"]] {
            let said = school.fail(arguments);
            assert!(said.starts_with(&format!("error: {complaint}")), "{name}: {said}");
        }
        fs::remove_file(file).unwrap();
    }
    assert_eq!(listed(&school, "student"), NAMES);
    assert_eq!(fs::read_dir(school.path("src/student/migrations")).unwrap().count(), 3);
}

#[test]
fn nothing_is_written_over() {
    let school = School::new();
    let list = school.path("src/student/migrations.rs");
    let own = "pub fn of_my_own() {}\n";
    fs::write(&list, own).unwrap();
    let complaint = school.fail(&["makemigrations"]);
    let start = "error: src/student/migrations.rs holds no list `segue::migrations![]`";
    assert!(complaint.starts_with(start), "{complaint}");
    assert_eq!(fs::read_to_string(&list).unwrap(), own);

    // A list that was never there is made, and it is said what it needs.
    fs::remove_file(&list).unwrap();
    let said = school.run(&["makemigrations"]);
    assert!(said.succeeded, "{said:?}");
    assert_eq!(
        said.complaint,
        "src/student/migrations.rs is new: src/student.rs needs `pub mod migrations;`, and the app its \
         list, `App::new(\"student\", migrations::MIGRATIONS)`.\n"
    );
    assert_eq!(listed(&school, "student"), NAMES);
}

/// What is compiled in was compiled where the sources are.
#[test]
fn without_sources_it_says_where_they_are() {
    let school = School::new();
    fs::rename(school.path("src/library.rs"), school.path("library.rs")).unwrap();
    fs::remove_dir_all(school.path("src/library")).unwrap();
    let complaint = school.fail(&["makemigrations", "library"]);
    assert!(complaint.contains("there is no app library in "), "{complaint}");
    fs::remove_dir_all(school.path("src")).unwrap();
    let complaint = school.fail(&["makemigrations"]);
    let start = format!("error: there are no sources in {}: ", school.path("").display());
    assert!(complaint.starts_with(start.trim_end_matches("/: ")), "{complaint}");
    assert!(complaint.contains("written where the project is developed"), "{complaint}");
}
