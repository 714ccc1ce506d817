//! `migrate` makes Django's tables exactly, and neither side has anything left to do after the other.

use std::path::Path;

use segue::database::Database;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::place::{Place, SECRET};
use crate::side::Django;

/// The apps whose tables Segue makes, in the order of a new project's `INSTALLED_APPS`.
pub const APPS: [&str; 3] = ["auth", "contenttypes", "sessions"];

/// A Django with these apps on this database, which is a file or a URL.
pub fn django(database: &str, apps: &[&str]) -> Django {
    Django::configured(json!({"database": database, "secret_key": SECRET, "apps": apps}))
}

/// Everything that SQLite knows of: type, name, table, SQL.
pub async fn schema(database: &Path) -> Vec<[String; 4]> {
    rows(
        database,
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY name",
    )
    .await
}

/// The rows that Django keeps of its migrations: id, app, name, and the shape of the date.
pub async fn records(database: &Path) -> Vec<[String; 4]> {
    let mut rows = rows(
        database,
        "SELECT CAST(id AS TEXT), app, name, CAST(applied AS TEXT) FROM django_migrations",
    )
    .await;
    for [.., applied] in &mut rows {
        *applied = applied.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    }
    rows
}

/// The rows that Django makes for each model, and how far each counter has come.
pub async fn models(database: &Path) -> Vec<[String; 4]> {
    rows(
        database,
        "SELECT 'model', CAST(id AS TEXT), app_label, model FROM django_content_type UNION ALL \
         SELECT CAST(id AS TEXT), name, CAST(content_type_id AS TEXT), codename \
         FROM auth_permission UNION ALL \
         SELECT 'counter', name, CAST(seq AS TEXT), '' FROM sqlite_sequence WHERE seq > 0",
    )
    .await
}

async fn rows(database: &Path, query: &'static str) -> Vec<[String; 4]> {
    let mut connection = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
    let rows = sqlx::query(query).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows.iter().map(|row| [0, 1, 2, 3].map(|column| row.get(column))).collect()
}

/// The tables and indices in the vectors, which real Django made as well.
fn statements_in_the_vectors() -> Vec<String> {
    let vectors: Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let statements = vectors["schema_sqlite"]["sqlite"].as_array().unwrap();
    let statements = statements.iter().map(|sql| sql.as_str().unwrap().to_owned());
    let mut statements: Vec<String> = statements.filter(|sql| !sql.contains("my_cache")).collect();
    statements.sort();
    statements
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_those_that_django_makes() {
    let (ours, theirs) = (Place::new().await, tempfile::tempdir().unwrap());
    let theirs = theirs.path().join("db.sqlite3");
    django(theirs.to_str().unwrap(), &APPS).manage(&["migrate"]);
    let made = schema(&ours.path()).await;
    assert_eq!(made, schema(&theirs).await);
    assert_eq!(records(&ours.path()).await, records(&theirs).await);
    let rows = models(&ours.path()).await;
    assert_eq!(rows, models(&theirs).await);
    assert_eq!(rows.len(), 5 + 20 + 3, "models, permissions, counters");

    let mut statements: Vec<String> = made
        .into_iter()
        .map(|[.., sql]| sql)
        .filter(|sql| !sql.is_empty() && !sql.contains("sqlite_sequence"))
        .collect();
    statements.sort();
    assert_eq!(statements, statements_in_the_vectors());
    assert_eq!(statements.len(), 9 + 13, "tables, indices");
}

#[tokio::test(flavor = "multi_thread")]
async fn django_finds_nothing_to_do_after_us() {
    let place = Place::new().await;
    let before = (schema(&place.path()).await, records(&place.path()).await);
    let rows = models(&place.path()).await;
    let last = ["15", "sessions", "0001_initial", "0000-00-00 00:00:00.000000"];
    assert_eq!(before.1.last().unwrap(), &last);
    // A project may have sessions alone.
    for apps in [&APPS[..], &["sessions"]] {
        let mut django = django(place.path().to_str().unwrap(), apps);
        let plan = django.manage(&["migrate", "--plan"]);
        assert!(plan.contains("No planned migration operations."), "{plan}");
        let shown = django.manage(&["showmigrations"]);
        assert!(shown.contains("sessions\n [X] 0001_initial"), "{shown}");
        assert!(!shown.contains("[ ]"), "{shown}");
        // These end with an error when something is left to do.
        django.manage(&["migrate", "--check"]);
        django.manage(&["makemigrations", "--check", "--dry-run"]);
        let done = django.manage(&["migrate"]);
        assert!(done.contains("No migrations to apply."), "{done}");
        assert_eq!((schema(&place.path()).await, records(&place.path()).await), before);
        assert_eq!(models(&place.path()).await, rows);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn we_find_nothing_to_do_after_django() {
    // With its admin, Django applies them in another order.
    for apps in [&APPS[..], &["admin", "auth", "contenttypes", "sessions", "messages"]] {
        let place = Place::empty().await;
        assert_eq!(place.database.unapplied().await.unwrap().len(), 15, "something to look at");
        let mut django = django(place.path().to_str().unwrap(), apps);
        django.manage(&["migrate"]);
        let before = (schema(&place.path()).await, records(&place.path()).await);
        let rows = models(&place.path()).await;
        assert!(place.database.unapplied().await.unwrap().is_empty());
        assert!(place.database.migrate().await.unwrap().is_empty());
        assert_eq!((schema(&place.path()).await, records(&place.path()).await), before);
        assert_eq!(models(&place.path()).await, rows);

        // And each reads the other's sessions in it.
        let key = django.create(r#"{"name":"manish"}"#);
        let session = crate::place::open(&place.sessions(), &key).await;
        assert_eq!(session.get("name").unwrap(), Some("manish".to_owned()));
    }
}

/// Tables, constraints, counters and rows of a database on a server, as its own program tells them;
/// without the dates in `django_migrations`.
pub fn dump(url: &str) -> String {
    let (program, arguments) = if url.starts_with("postgres") {
        let dump = [
            "--no-owner",
            "--restrict-key=segue",
            "--exclude-table-data=django_migrations",
            "--exclude-table-data=django_session",
            url,
        ];
        ("pg_dump", dump.map(str::to_owned).to_vec())
    } else {
        let (user, rest) = url.strip_prefix("mysql://").unwrap().split_once(':').unwrap();
        let (password, rest) = rest.split_once('@').unwrap();
        let (address, database) = rest.split_once('/').unwrap();
        let (host, port) = address.split_once(':').unwrap();
        let dump = [
            "--compact".to_owned(),
            "--skip-extended-insert".to_owned(),
            format!("--ignore-table-data={database}.django_migrations"),
            format!("--user={user}"),
            format!("--password={password}"),
            format!("--host={host}"),
            format!("--port={port}"),
            database.to_owned(),
        ];
        ("mariadb-dump", dump.to_vec())
    };
    let mut output = std::process::Command::new(program).args(&arguments).output().unwrap();
    if !output.status.success() {
        // Older releases have no such key, and write none.
        let arguments = arguments.iter().filter(|argument| !argument.contains("restrict"));
        output = std::process::Command::new(program).args(arguments).output().unwrap();
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_servers_the_tables_are_those_that_django_makes_too() {
    for base in [servers::shared::postgres(), servers::shared::mariadb()] {
        let ours = servers::fresh_database(base).unwrap();
        let database = Database::from_url(&ours).await.unwrap();
        assert_eq!(database.migrate().await.unwrap().len(), 15);
        let theirs = servers::fresh_database(base).unwrap();
        django(&theirs, &APPS).manage(&["migrate"]);
        let made = dump(&ours);
        for part in [
            "django_session_expire_date_a5c62663",
            "auth_permission_content_type_id_codename_01ab375a_uniq",
            "auth_user_user_permi_permission_id_1fbb5f2c_fk_auth_perm",
            "Can view session",
        ] {
            assert!(made.contains(part), "{part} {made}");
        }
        assert_eq!(made, dump(&theirs));

        // And neither finds anything left to do after the other.
        let other = Database::from_url(&theirs).await.unwrap();
        assert!(other.unapplied().await.unwrap().is_empty());
        assert!(other.migrate().await.unwrap().is_empty());
        assert_eq!(dump(&theirs), made);
        let mut django = django(&ours, &APPS);
        let plan = django.manage(&["migrate", "--plan"]);
        assert!(plan.contains("No planned migration operations."), "{plan}");
        let done = django.manage(&["migrate"]);
        assert!(done.contains("No migrations to apply."), "{done}");
        assert_eq!(dump(&ours), made);
    }
}
