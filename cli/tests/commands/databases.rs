//! Any database: by its settings, or by its URL alone.

use crate::Folder;

#[test]
fn a_database_is_looked_after_by_its_url_alone() {
    let folder = Folder::new();
    // Settings that happen to lie there are somebody else's.
    folder.write("settings.toml", "this is no setting");
    let url = ["--database-url", "sqlite://site.sqlite3"];
    let complaint = folder.fail("", &["clearsessions", url[0], url[1]]);
    assert!(complaint.contains("run `migrate` first"), "{complaint}");
    let said = folder.succeed("", &["migrate", url[0], url[1]]);
    assert!(said.contains("  Applying sessions.0001_initial... OK\n"), "{said}");
    let said = folder.succeed("", &["clearsessions", url[0], url[1]]);
    assert_eq!(said, "No expired sessions to remove.\n");
    assert!(folder.path("site.sqlite3").exists());
    assert!(!folder.path("secret_key.txt").exists(), "no key is left behind");
}

#[test]
fn a_relative_database_begins_where_the_person_is() {
    let folder = Folder::new();
    folder.write(
        "etc/settings.toml",
        "SECRET_KEY = 'hunter2'\nDATABASE_URL = 'sqlite://mine.sqlite3'\n",
    );
    folder.succeed("", &["migrate", "--settings", "etc/settings.toml"]);
    assert!(folder.path("etc/mine.sqlite3").exists(), "beside the settings");
    let arguments =
        ["migrate", "--settings", "etc/settings.toml", "--database-url", "sqlite://other.sqlite3"];
    folder.succeed("", &arguments);
    assert!(folder.path("other.sqlite3").exists(), "where the command was typed");
    let mut command = folder.command("");
    command.env("DATABASE_URL", "a wrong one, which the command line replaces");
    assert!(command.args(arguments).status().unwrap().success());
}

#[test]
fn the_environment_may_name_the_database() {
    let folder = Folder::new();
    let mut command = folder.command("");
    command.env("DATABASE_URL", "sqlite://site.sqlite3").arg("migrate");
    assert!(command.status().unwrap().success());
    assert!(folder.path("site.sqlite3").exists());
    let complaint = folder.fail("", &["clearsessions"]);
    assert!(complaint.contains("no settings.toml was found here"), "{complaint}");
    assert!(complaint.contains("a database with --database-url"), "the mend: {complaint}");
    // Settings may all be in the environment.
    let mut command = folder.command("");
    command
        .env("SECRET_KEY", "hunter2")
        .env("SESSION_ENGINE", "signed_cookies")
        .arg("clearsessions");
    let output = command.output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("go by themselves"));
}

#[test]
fn a_url_that_is_none_is_refused() {
    let folder = Folder::new();
    let complaint =
        folder.fail("", &["clearsessions", "--database-url", "mongo://user:hunter2@host/db"]);
    assert!(complaint.contains("DATABASE_URL") && complaint.contains("\"mongo\""), "{complaint}");
    assert!(!complaint.contains("hunter2"), "{complaint}");
}

#[test]
fn what_needs_a_project_says_so() {
    let folder = Folder::new();
    for command in ["runserver", "makemigrations"] {
        let complaint = folder.fail("", &[command]);
        assert!(
            complaint.contains(&format!("run `cargo run -- {command}` in the project's folder")),
            "{complaint}"
        );
    }
    let help = folder.succeed("", &["--help"]);
    for command in ["startproject", "startapp", "migrate", "clearsessions", "check"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in\n{help}");
    }
    assert!(!help.contains("runserver") && !help.contains("makemigrations"), "{help}");
}
