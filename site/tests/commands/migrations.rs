//! The commands for the migrations of a project's own apps, on the program `school`.

mod make;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::common::{Program, copy_folder};

/// A copy of the project `school`, with its sources.
pub struct School {
    folder: TempDir,
}

impl School {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("school"), folder.path());
        Self { folder }
    }

    /// On another database than a file beside the settings.
    pub fn on(database_url: &str) -> Self {
        let school = Self::new();
        let settings = format!("DEBUG = true\nDATABASE_URL = \"{database_url}\"\n");
        fs::write(school.path("settings.toml"), settings).unwrap();
        school
    }

    pub fn path(&self, name: &str) -> PathBuf {
        // As the current folder is called there.
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_school"));
        command
            .env_clear()
            .env("RUST_LOG", "error")
            .env("SCHOOL_BASE_DIR", self.path(""))
            .current_dir(self.path(""))
            .args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    /// What a command that must succeed printed; it complained of nothing.
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert!(said.succeeded && said.complaint.is_empty(), "{arguments:?}: {said:?}");
        said.text
    }

    /// What a command that must fail complained of.
    pub fn fail(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert!(
            !said.succeeded && said.complaint.starts_with("error: "),
            "{arguments:?}: {said:?}"
        );
        said.complaint
    }
}

#[derive(Debug)]
pub struct Said {
    pub succeeded: bool,
    pub text: String,
    pub complaint: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            succeeded: output.status.success(),
            text: String::from_utf8(output.stdout).unwrap(),
            complaint: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

const OF_STUDENT: &str = "  Applying student.0001_marks... OK\n  Applying student.0002_first_marks... OK\n  \
                          Applying student.0003_index... OK\n";

#[test]
fn migrate_applies_them_after_djangos() {
    let postgres = servers::fresh_database(servers::shared::postgres()).unwrap();
    let mariadb = servers::fresh_database(servers::shared::mariadb()).unwrap();
    for school in [School::new(), School::on(&postgres), School::on(&mariadb)] {
        let text = school.succeed(&["migrate"]);
        let start = "Operations to perform:\n  Apply all migrations: auth, contenttypes, sessions, \
                     student\nRunning migrations:\n  Applying contenttypes.0001_initial... OK\n";
        assert!(text.starts_with(start), "{text}");
        let end = format!("  Applying sessions.0001_initial... OK\n{OF_STUDENT}");
        assert!(text.ends_with(&end), "{text}");
        let text = school.succeed(&["migrate"]);
        assert!(text.ends_with("Running migrations:\n  No migrations to apply.\n"), "{text}");
        school.succeed(&["migrate", "--check"]);

        let complaint = school.fail(&["migrate", "student", "zero"]);
        let irreversible = "student.0003_index cannot be undone: student/migrations/0003_index.sql has no \
                            part `-- migrate:down` for ";
        assert!(complaint.contains(irreversible), "{complaint}");
        assert_eq!(
            school.succeed(&["migrate", "--fake", "student", "0002"]),
            "Operations to perform:\n  Target specific migration: 0002_first_marks, from student\n\
             Running migrations:\n  Unapplying student.0003_index... FAKED\n"
        );
        assert_eq!(
            school.succeed(&["migrate", "student", "zero"]),
            "Operations to perform:\n  Unapply all migrations: student\nRunning migrations:\n  \
             Unapplying student.0002_first_marks... OK\n  Unapplying student.0001_marks... OK\n"
        );
        let text = school.succeed(&["migrate", "student"]);
        let start =
            "Operations to perform:\n  Apply all migrations: student\nRunning migrations:\n";
        assert_eq!(text, format!("{start}{OF_STUDENT}"));
    }
}

#[test]
fn an_app_without_migrations_has_nothing_to_do() {
    let school = School::new();
    school.succeed(&["migrate"]);
    assert_eq!(
        school.succeed(&["migrate", "library"]),
        "Operations to perform:\n  Apply all migrations: (none)\nRunning migrations:\n  No migrations \
         to apply.\n"
    );
}

#[test]
fn a_plan_changes_nothing() {
    let school = School::new();
    let complaint = school.fail(&["migrate", "--check"]);
    assert_eq!(complaint, "error: 18 migration(s) to apply or undo; nothing was done\n");
    let text = school.succeed(&["migrate", "--plan"]);
    assert!(text.starts_with("Planned operations:\ncontenttypes.0001_initial\ncontenttypes.0002"));
    let end = "sessions.0001_initial\n\
               student.0001_marks\n    Raw SQL operation -> CREATE TABLE student_mark (    id i…\n\
               student.0002_first_marks\n    Raw SQL operation -> INSERT INTO student_mark (student_i…\n\
               student.0003_index\n    Raw SQL operation -> CREATE INDEX student_mark_subject O…\n";
    assert!(text.ends_with(end), "{text}");
    let said = school.run(&["migrate", "--plan", "--check"]);
    assert!(!said.succeeded && said.text == text, "{said:?}");
    assert!(!school.path("db.sqlite3").exists(), "to look makes nothing");

    school.succeed(&["migrate"]);
    assert_eq!(school.succeed(&["migrate", "--check"]), "");
    let text = school.succeed(&["migrate", "--plan"]);
    assert_eq!(text, "Planned operations:\n  No planned migration operations.\n");
    let text = school.succeed(&["migrate", "--plan", "student", "zero"]);
    assert_eq!(
        text,
        "Planned operations:\nstudent.0003_index\n    Raw SQL operation -> IRREVERSIBLE\n\
         student.0002_first_marks\nstudent.0001_marks\n    \
         Raw SQL operation -> DROP TABLE student_mark;\n"
    );
    assert!(school.succeed(&["migrate"]).contains("No migrations to apply."));
}

#[test]
fn what_is_not_there_is_said_in_djangos_words() {
    let school = School::new();
    for (arguments, complaint) in [
        (&["migrate", "teacher"][..], "No installed app with label 'teacher'."),
        (&["migrate", "teacher", "zero"], "No installed app with label 'teacher'."),
        (&["showmigrations", "student", "teacher"], "No installed app with label 'teacher'."),
        (&["sqlmigrate", "teacher", "0001"], "No installed app with label 'teacher'."),
        (
            &["migrate", "student", "0009"],
            "Cannot find a migration matching '0009' from app 'student'.",
        ),
        (
            &["sqlmigrate", "student", "000"],
            "More than one migration matches '000' in app 'student'. Please be more specific.",
        ),
    ] {
        assert_eq!(school.fail(arguments), format!("error: {complaint}\n"), "{arguments:?}");
    }
    let complaint = school.fail(&["migrate", "auth", "zero"]);
    assert!(complaint.contains("`python manage.py migrate auth zero`"), "{complaint}");
}

/// The line that was begun is ended before the error.
#[test]
fn a_migration_that_fails_is_reported() {
    let school = School::new();
    school.succeed(&["migrate", "student", "0002"]);
    school.succeed(&["migrate", "--fake", "student", "zero"]);
    let said = school.run(&["migrate"]);
    assert!(!said.succeeded, "{said:?}");
    assert!(
        said.text.ends_with("Running migrations:\n  Applying student.0001_marks...\n"),
        "{said:?}"
    );
    let start = "error: student.0001_marks was not applied: statement 1 of the part `up` in \
                 student/migrations/0001_marks.sql failed, and the database is as it was before: ";
    assert!(said.complaint.starts_with(start), "{said:?}");
    assert!(said.complaint.contains("already exists"), "{said:?}");
}

#[test]
fn showmigrations_shows_what_is_applied() {
    let school = School::new();
    assert_eq!(
        school.succeed(&["showmigrations", "student", "library", "sessions"]),
        "student\n [ ] 0001_marks\n [ ] 0002_first_marks\n [ ] 0003_index\nlibrary\n (no migrations)\n\
         sessions\n [ ] 0001_initial\n"
    );
    assert!(!school.path("db.sqlite3").exists(), "to look makes nothing");
    school.succeed(&["migrate", "student", "0002"]);
    let text = school.succeed(&["showmigrations", "--list"]);
    assert!(text.starts_with("auth\n [X] 0001_initial\n [X] 0002_alter_"), "{text}");
    let end = "library\n (no migrations)\nsessions\n [X] 0001_initial\nstudent\n [X] 0001_marks\n \
               [X] 0002_first_marks\n [ ] 0003_index\n";
    assert!(text.ends_with(end), "{text}");
    assert_eq!(
        school.succeed(&["showmigrations", "-p", "student", "sessions"]),
        "[X]  sessions.0001_initial\n[X]  student.0001_marks\n[X]  student.0002_first_marks\n\
         [ ]  student.0003_index\n"
    );
    assert_eq!(school.succeed(&["showmigrations", "--plan", "library"]), "(no migrations)\n");
}

#[test]
fn sqlmigrate_shows_what_is_run_and_connects_to_nothing() {
    let school = School::on("postgres://nobody:nothing@nowhere.invalid/school");
    assert_eq!(
        school.succeed(&["sqlmigrate", "student", "0003"]),
        "DROP INDEX CONCURRENTLY IF EXISTS student_mark_subject;\n\
         CREATE INDEX CONCURRENTLY student_mark_subject ON student_mark (subject);\n"
    );
    let text = school.succeed(&["sqlmigrate", "student", "0001"]);
    assert!(text.starts_with("BEGIN;\nCREATE TABLE student_mark (\n"), "{text}");
    assert!(text.contains("AS IDENTITY") && text.ends_with(");\nCOMMIT;\n"), "{text}");
    let text = school.succeed(&["sqlmigrate", "student", "0001", "--backwards"]);
    assert_eq!(text, "BEGIN;\nDROP TABLE student_mark;\nCOMMIT;\n");
    let said = school.run(&["sqlmigrate", "student", "0002", "--backwards"]);
    assert_eq!((said.text.as_str(), said.complaint.as_str()), ("", "No operations found.\n"));
    assert!(said.succeeded);
    let complaint = school.fail(&["sqlmigrate", "student", "0003", "--backwards"]);
    assert!(complaint.contains("student.0003_index cannot be undone"), "{complaint}");

    let mysql = School::on("mysql://nobody:nothing@nowhere.invalid/school");
    let text = mysql.succeed(&["sqlmigrate", "student", "0001"]);
    assert!(text.starts_with("CREATE TABLE") && text.contains("AUTO_INCREMENT"), "{text}");
}

/// A program from before, or one that was not built again.
#[test]
fn what_the_program_does_not_have_is_warned_of() {
    let school = School::new();
    school.succeed(&["migrate"]);
    let old = |arguments: &[&str]| {
        let mut command = school.command(arguments);
        Said::of(command.env("SCHOOL_IS_OLD", "1").output().unwrap())
    };
    for command in ["migrate", "showmigrations"] {
        let said = old(&[command]);
        assert!(said.succeeded, "{said:?}");
        for name in ["student.0002_first_marks", "student.0003_index"] {
            let warning =
                format!("warning: {name} is applied and not in this program: a newer release");
            assert!(said.complaint.contains(&warning), "{command}: {said:?}");
        }
    }
    let said = old(&["migrate"]);
    assert!(said.text.ends_with("  No migrations to apply.\n"), "{said:?}");
    let file = Path::new("src/student/migrations/0002_first_marks.sql");
    let warning = format!(
        "warning: {} is not in this program: run `makemigrations`, and build it again.\n",
        file.display()
    );
    assert!(said.complaint.starts_with(&warning), "{said:?}");
    // Nothing of all that was changed.
    assert!(school.succeed(&["showmigrations", "student"]).contains("[X] 0003_index"));

    // On a server there are no sources.
    fs::remove_dir_all(school.path("src")).unwrap();
    let said = old(&["migrate"]);
    assert!(!said.complaint.contains("build it again"), "{said:?}");
    school.succeed(&["migrate"]);
}

/// A number too many, which only shows where the sources are.
#[test]
fn files_that_are_not_as_they_must_be_are_warned_of() {
    let school = School::new();
    fs::write(school.path("src/student/migrations/0003_other.sql"), "-- migrate:up\n").unwrap();
    let said = school.run(&["migrate"]);
    assert!(said.succeeded, "{said:?}");
    let warning =
        "warning: student has two migrations with the number 0003, 0003_index and 0003_other: ";
    assert!(said.complaint.starts_with(warning), "{said:?}");
}

#[test]
fn runserver_and_check_count_them() {
    let school = School::new();
    school.succeed(&["migrate", "student", "0001"]);
    let text = school.succeed(&["check"]);
    let warning = "2 migration(s) not applied for app(s): student; run `migrate` (segue.W001)\n";
    assert!(text.contains(warning), "{text}");
    let mut command = school.command(&["runserver", "127.0.0.1:0"]);
    let complaints = fs::File::create(school.path("complaints")).unwrap();
    let mut program = Program::start(command.stderr(Stdio::from(complaints))).unwrap();
    program.wait_for("Serving on");
    let complaint = fs::read_to_string(school.path("complaints")).unwrap();
    let warning = "You have 2 unapplied migration(s) for app(s): student. The site may not work";
    assert!(complaint.starts_with(warning), "{complaint}");
    drop(program);
    school.succeed(&["migrate"]);
    assert!(school.succeed(&["check"]).ends_with("No issues found.\n"));
}
