//! What the commands print is what a real Django's print, to the letter.

use serde_json::json;

use crate::common::Project;
use crate::side::Django;

/// Without the comments that Django puts before each operation.
fn statements(sql: &str) -> String {
    sql.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn they_are_djangos() {
    let folder = tempfile::tempdir().unwrap();
    let start = |name: &str| {
        Django::configured(json!({
            "database": folder.path().join(name),
            "secret_key": "the secret key of a Django",
            "apps": ["auth", "contenttypes", "sessions"],
        }))
    };
    for commands in [
        &["migrate", "migrate", "showmigrations", "migrate auth 0012", "migrate --plan"][..],
        &[
            "makemigrations",
            "makemigrations sessions",
            "makemigrations --check --dry-run",
            "showmigrations",
            "showmigrations --plan",
            "showmigrations sessions auth",
            "showmigrations -p sessions",
            "migrate sessions",
            "showmigrations",
            "migrate auth",
            "migrate --fake contenttypes",
        ],
        &["migrate auth 0012", "migrate --fake sessions", "showmigrations", "migrate --check"],
    ] {
        let (project, mut django) = (Project::new(), start(&format!("{}.sqlite3", commands.len())));
        for command in commands {
            let arguments: Vec<&str> = command.split(' ').collect();
            assert_eq!(project.succeed(&arguments), django.manage(&arguments), "{command}");
        }
    }
    // What it says is said; `site` makes the tables of `contenttypes` and `auth` in one step.
    let arguments = ["sqlmigrate", "sessions", "0001"];
    let theirs = start("sql.sqlite3").manage(&arguments);
    assert!(theirs.contains("CREATE TABLE \"django_session\""), "{theirs}");
    assert_eq!(Project::new().succeed(&arguments), statements(&theirs));
}
